package bus_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

// TestSameWords gives wrong command lines to both programs: same exit status, same message.
func TestSameWords(t *testing.T) {
	need.Time(t)
	theirs := need.Program(t, "xdg-dbus-proxy")
	path := t.TempDir() + "/socket"
	base := "unix:path=/nowhere " + path
	for _, words := range []string{
		"--foo", "addr", "addr --filter", base + " --see", base + " --see=", base + " --see=:1.2", base + " --talk=foo", base + " --own=a..b",
		base + " --see=a.*", base + " --call=a.b", base + " --broadcast=a.b", base + " --bogus", base + " --filter=x", base + " --log=", base + " extra",
		"unix:path=/x /nowhere/socket", "--fd=x " + base, "--fd= " + base, "--fd=-1 " + base, "--fd " + base, "--args=77", "--args=", "--args", "--filter", base + " --fd=y",
		base + " --filter --see=a.b unix:path=/y",
	} {
		t.Run(words, func(t *testing.T) {
			var result [2]string
			for i, program := range []string{theirs, bed.Built(t, "snug-dbus-proxy")} {
				ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
				defer stop()
				out, err := exec.CommandContext(ctx, program, strings.Fields(words)...).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) {
					t.Fatalf("%s: want a failure, got %v\n%s", program, err, out)
				}
				result[i] = exit.String() + "\n" + string(out)
			}
			if result[0] != result[1] {
				t.Errorf("\nxdg-dbus-proxy: %s\nours:           %s", result[0], result[1])
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	need.Time(t)
	theirs := need.Program(t, "xdg-dbus-proxy")
	for _, words := range []string{"--help", "--version", ""} {
		var status [2]int
		for i, program := range []string{theirs, bed.Built(t, "snug-dbus-proxy")} {
			cmd := exec.Command(program, strings.Fields(words)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run()
			status[i] = cmd.ProcessState.ExitCode()
			if (stdout.Len() > 0) != (words != "") || (stderr.Len() > 0) != (words == "") {
				t.Errorf("%s %s: standard output %q, error %q", program, words, stdout.String(), stderr.String())
			}
			if words == "--version" && !strings.HasPrefix(stdout.String(), "xdg-dbus-proxy 0.1.") {
				t.Errorf("%s: %q", program, stdout.String())
			}
		}
		if status[0] != status[1] {
			t.Errorf("%q: exit status %d, ours %d", words, status[0], status[1])
		}
	}
}

// As Flatpak does it: arguments by a descriptor, a byte when all listen, the end by hanging up.
func TestLifetime(t *testing.T) {
	w := newWorld(t)
	for name, program := range map[string]string{"theirs": need.Program(t, "xdg-dbus-proxy"), "ours": bed.Built(t, "snug-dbus-proxy")} {
		t.Run(name, func(t *testing.T) {
			first, second := filepath.Join(w.Dir, name+"1"), filepath.Join(w.Dir, name+"2")
			bed.Write(t, first, "in the way")
			ready, theirEnd := pipe(t)
			list, writer := pipe(t)
			cmd := exec.Command(program, "--args=4", "unix:path="+w.bus, second, "--filter")
			cmd.ExtraFiles = []*os.File{theirEnd, list}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			theirEnd.Close()
			list.Close()
			writer.WriteString("--fd=3\x00unix:path=" + w.bus + "\x00" + first + "\x00--filter\x00--talk=com.example.Talk\x00")
			writer.Close()
			ready.SetReadDeadline(time.Now().Add(10 * time.Second))
			b := make([]byte, 10)
			if n, err := ready.Read(b); n != 1 || err != nil {
				t.Fatalf("want one byte, got %d, %v", n, err)
			}
			call := bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Talk"}
			if m := w.ask(w.Dial(first), call); m.Type != bus.Return {
				t.Errorf("%+v", m)
			}
			if m := w.ask(w.Dial(second), call); m.Type != bus.Error {
				t.Errorf("%+v", m)
			}
			ready.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("want exit status 0, got %v", err)
			}
			for _, path := range []string{first, second} {
				if bed.Exists(path) {
					t.Errorf("%s is still there", path)
				}
			}
		})
	}
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// Without --filter everything passes, descriptors too.
func TestPipe(t *testing.T) {
	w := newWorld(t)
	c := w.Dial(w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus))
	m := w.ask(c, bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Hidden", Count: 1, FDs: []int{2}})
	if m.Type != bus.Return || len(m.FDs) != 1 {
		t.Errorf("%+v", m)
	}
	for _, fd := range m.FDs {
		os.NewFile(uintptr(fd), "").Close()
	}
}

// The log names what to grant.
func TestLog(t *testing.T) {
	w := newWorld(t)
	path := w.Dir + "/logged"
	filter := w.serves(path, bed.Built(t, "snug-dbus-proxy"), "unix:path="+w.bus, path, "--filter", "--log")
	w.ask(w.Dial(path), bus.Message{Type: bus.Call, Path: "/x", Interface: "a.b", Member: "Do", Destination: "com.example.Hidden"})
	text := filter.Said()
	want := `"destination":"com.example.Hidden","path":"/x","interface":"a.b","member":"Do","what":"call a.b.Do to com.example.Hidden","decision":"refuse","allow":"call=com.example.Hidden=a.b.Do@/x","refused":true}`
	if !strings.Contains(text, want) {
		t.Errorf("want %s in\n%s", want, text)
	}
}
