package sound_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Threats that are real on the server's own socket (the control), and not behind the broker.

// heardBy is what a recorder gets of a source while a tone is played to a device.
func (r *room) heardBy(where *room, source, device string) []float64 {
	r.Helper()
	file := r.tone(700, 0.5, 1)
	return where.listen(source, func() { r.must("paplay", "--device="+device, file) })
}

// What others play, by all the names of a monitor; and the microphone.
func TestListening(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		for _, tt := range []struct{ source, device string }{
			{"nsink.monitor", "nsink"}, {"@DEFAULT_MONITOR@", "nsink"}, {"vmic", "booth"}, {"@DEFAULT_SOURCE@", "booth"},
		} {
			if tt.source != "@DEFAULT_MONITOR@" || !r.pipes { // which does not know that name
				wantTone(t, r.heardBy(r.at(r.server), tt.source, tt.device), 700, 0.5)
			}
			wantSilence(t, r.heardBy(r.inside("--play=yes"), tt.source, tt.device), 700)
		}
		r.must("pactl", "set-default-source", "nsink.monitor")
		wantTone(t, r.heardBy(r.at(r.server), "@DEFAULT_SOURCE@", "nsink"), 700, 0.5)
		inside := r.inside("--play=yes", "--record=allow")
		wantSilence(t, r.heardBy(inside, "@DEFAULT_SOURCE@", "nsink"), 700)
		if !strings.Contains(inside.log(), "sound.system=true") {
			t.Errorf("log: %s", inside.log())
		}
	})
}

// The microphone, when it is granted, is that and nothing else.
func TestMicrophone(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		inside := r.inside("--play=yes", "--record=allow")
		wantTone(t, r.heardBy(inside, "vmic", "booth"), 700, 0.5)
		wantTone(t, r.heardBy(inside, "@DEFAULT_SOURCE@", "booth"), 700, 0.5)
		for _, source := range []string{"nsink.monitor", "booth.monitor", "@DEFAULT_MONITOR@"} {
			wantSilence(t, r.heardBy(inside, source, strings.TrimSuffix(strings.Replace(source, "@DEFAULT_MONITOR@", "nsink.monitor", 1), ".monitor")), 700)
		}
		if got := inside.Outside("pactl", "list", "short", "sources"); strings.Contains(got, "monitor") || !strings.Contains(got, "vmic") {
			t.Errorf("got %s", got)
		}
		system := r.inside("--system=yes")
		wantTone(t, r.heardBy(system, "nsink.monitor", "nsink"), 700, 0.5)
		wantSilence(t, r.heardBy(system, "vmic", "booth"), 700)
	})
}

// A recording of the microphone that is moved to a monitor ends.
func TestMoved(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		file := r.tone(900, 0.5, 2)
		move := func(where *room) []float64 {
			return where.listen("vmic", func() {
				var index string
				r.Poll("the recording is there", func() bool {
					for line := range strings.Lines(r.must("pactl", "list", "short", "source-outputs")) {
						index = strings.Fields(line)[0]
					}
					return index != ""
				})
				for line := range strings.Lines(r.must("pactl", "list", "source-outputs")) {
					if n, ok := strings.CutPrefix(line, "Source Output #"); ok {
						index = strings.TrimSpace(n)
					}
					if strings.Contains(line, `"parec"`) || strings.Contains(line, `"org.example.App"`) {
						break
					}
				}
				r.Poll("it is moved, or has ended", func() bool { // WirePlumber forgets a move of what it has not linked yet
					r.outside("pactl", "move-source-output", index, "nsink.monitor")
					source := r.sourceOf(index)
					return source == "" || source == r.numberOf("nsink.monitor")
				})
				r.must("paplay", "--device=nsink", file)
			})
		}
		wantTone(t, move(r.at(r.server)), 900, 0.5)
		inside := r.inside("--record=allow", "--name=org.example.App")
		wantSilence(t, move(inside), 900)
		if !strings.Contains(inside.log(), "record from where the stream was moved") {
			t.Errorf("log: %s", inside.log())
		}
	})
}

// sourceOf gives the number of the source that a recording is from, or "" if it is there no more.
func (r *room) sourceOf(output string) string {
	for line := range strings.Lines(r.must("pactl", "list", "short", "source-outputs")) {
		if words := strings.Fields(line); words[0] == output {
			return words[1]
		}
	}
	return ""
}

// numberOf gives the number of a source.
func (r *room) numberOf(source string) string {
	for line := range strings.Lines(r.must("pactl", "list", "short", "sources")) {
		if words := strings.Fields(line); words[1] == source {
			return words[0]
		}
	}
	return ""
}

// Modules run in the server, with all that the person has: files on the host, ports of the machine.
func TestModules(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		for name, where := range map[string]*room{"control": r.at(r.server), "inside": r.inside("--play=yes", "--record=allow", "--mixer=yes", "--system=yes")} {
			file := filepath.Join(r.Dir, name+".pipe")
			said := where.Outside("pactl", "load-module", "module-pipe-sink", "file="+file)
			time.Sleep(200 * time.Millisecond)
			_, err := os.Lstat(file)
			if made := err == nil; made != (name == "control") {
				t.Errorf("%s: a file was made: %v, %s", name, made, said)
			}
			if name == "inside" {
				if got := where.Outside("pactl", "unload-module", "module-null-sink"); !strings.Contains(got, "ailed") {
					t.Errorf("unload: %s", got)
				}
				if got := where.Outside("pactl", "list", "short", "modules"); got != "" {
					t.Errorf("modules: %s", got)
				}
			}
		}
	})
}

// Streams of others: not heard of, not muted, not moved, not killed; devices not changed, the server not ended.
func TestOthers(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		inside := r.inside("--play=yes", "--record=allow")
		r.at(r.server).Start("paplay", r.tone(500, 0.1, 60))
		index := ""
		r.Poll("another app plays", func() bool {
			fields := strings.Fields(r.must("pactl", "list", "short", "sink-inputs"))
			if len(fields) > 0 {
				index = fields[0]
			}
			return index != ""
		})
		for _, list := range []string{"sink-inputs", "source-outputs", "modules", "cards"} {
			if got := inside.Outside("pactl", "list", "short", list); got != "" {
				t.Errorf("%s: %s", list, got)
			}
		}
		if got := inside.Outside("pactl", "list", "clients"); strings.Contains(got, "paplay") || !strings.Contains(got, "sandboxed app") {
			t.Errorf("clients: %s", got)
		}
		for _, words := range []string{"set-sink-input-mute " + index + " 1", "set-sink-input-volume " + index + " 10%", "move-sink-input " + index + " booth",
			"set-sink-volume nsink 10%", "set-sink-mute nsink 1", "set-source-mute vmic 1", "set-default-sink booth", "suspend-sink nsink 1", "exit"} {
			if got := inside.Outside(append([]string{"pactl"}, strings.Fields(words)...)...); !strings.Contains(got, "exit status") {
				t.Errorf("%s: %s", words, got)
			}
		}
		heard := r.listen("nsink.monitor", func() { time.Sleep(500 * time.Millisecond) })
		wantTone(t, heard, 500, 0.1)
		if info := inside.Outside("pactl", "info"); !strings.Contains(info, "User Name: -") || !strings.Contains(info, "Host Name: -") {
			t.Errorf("info: %s", info)
		}
		r.must("pactl", "set-sink-input-mute", index, "1")
		heard = r.listen("nsink.monitor", func() { time.Sleep(500 * time.Millisecond) })
		if tone, _ := strength(heard[len(heard)/2:], 500); tone > 0.001 {
			t.Errorf("control: muted, and heard at %v", tone)
		}
		r.inside("--mixer=yes").Must("pactl", "set-sink-volume", "nsink", "50%")
		if got := r.must("pactl", "get-sink-volume", "nsink"); !strings.Contains(got, "50%") {
			t.Errorf("mixer: %s", got)
		}
		if got := r.outside("pactl", "exit"); strings.Contains(got, "exit status") {
			t.Logf("control: %s", got)
		}
	})
}
