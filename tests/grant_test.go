package tests

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/tests/bed"
)

// Files that are granted while an app runs: an app that works against it, and a snug that is killed.

// keptApp writes the manifest of an app with a kept home, which takes grants.
func (h *host) keptApp(t *testing.T, command string) (home string) {
	t.Helper()
	bed.Write(t, filepath.Join(h.Home, ".config/snug/apps/org.example.Live.toml"), "command = ["+command+"]\n[home]\nmode = \"private\"\n[files]\nlive = true\nread = [\""+filepath.Dir(h.program)+"\"]\n")
	return filepath.Join(h.Home, ".local/share/snug/home/org.example.Live")
}

// tree lists all names below a folder, with types and sizes.
func tree(dir string) string {
	var list []string
	filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if info, _ := os.Lstat(path); info != nil && path != dir {
			list = append(list, strings.TrimPrefix(path, dir)+" "+info.Mode().String()+" "+strconv.FormatInt(info.Size(), 10))
		}
		return nil
	})
	return strings.Join(list, "\n")
}

// mountsOf are the mounts of the host that have to do with a folder.
func mountsOf(t *testing.T, folder string) (list string) {
	for l := range strings.Lines(bed.Read(t, "/proc/self/mountinfo")) {
		if strings.Contains(l, folder) {
			list += l
		}
	}
	return list
}

// The app exchanges a folder on the way for a link to the host while it is granted and revoked: the
// host stays as it is, and the app sees nothing of who does it.
func TestGrantHostile(t *testing.T) {
	h := newHost(t)
	swap := filepath.Join(filepath.Dir(h.program), "swap")
	run(t, "..", "go", "build", "-o", swap, "./tests/swap")
	person, victim := h.Home, filepath.Join(h.Dir, "victim")
	if err := os.MkdirAll(victim+"/below", 0o700); err != nil {
		t.Fatal(err)
	}
	bed.Write(t, person+"/way/below/granted", "granted")
	bed.Write(t, person+"/way/file", "a file")
	kept := h.keptApp(t, `"`+swap+`", "`+person+`", "way", "`+victim+`"`)
	app := h.Command("snug", "run", "Live")
	stdin, _ := app.StdinPipe()
	var out bytes.Buffer
	app.Stdout, app.Stderr = &out, &out
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	bed.Poll(t, "the app exchanges", 5*time.Second, func() bool { return bed.Exists(kept + "/.link") })
	before, outside := tree(victim), tree(person+"/way")
	shown, refused := 0, 0
	for end := time.Now().Add(time.Minute); shown < 200 && time.Now().Before(end); {
		path := person + "/way/below"
		if shown%2 == 1 {
			path = person + "/way/file"
		}
		if h.Command("snug", "grant", "Live", path, "--write").Run() != nil {
			refused++
			continue
		}
		shown++
		if text, err := h.Command("snug", "revoke", "Live", path).CombinedOutput(); err != nil {
			t.Errorf("revoke: %v\n%s", err, text)
		}
	}
	if got := tree(victim); got != before {
		t.Errorf("the host was reached:\n%s\nwas\n%s", got, before)
	}
	if got := tree(person + "/way"); got != outside {
		t.Errorf("what was granted has become\n%s\nwas\n%s", got, outside)
	}
	if got := mountsOf(t, h.Dir); got != "" {
		t.Errorf("mounted on the host:\n%s", got)
	}
	if got := h.Must("snug", "grant", "Live", "--list"); got != "" {
		t.Errorf("still granted:\n%s", got)
	}
	io.WriteString(stdin, "")
	stdin.Close()
	app.Wait()
	t.Logf("shown %d times, refused %d times; the app: %s", shown, refused, out.String())
	if shown < 200 || refused == 0 || !strings.Contains(out.String(), "swaps ") {
		t.Errorf("control: shown %d times, refused %d times", shown, refused)
	}
	if strings.Contains(out.String(), "process") || strings.Contains(out.String(), "descriptors") {
		t.Errorf("the app has seen who grants:\n%s", out.String())
	}
}

// A snug grant that is killed at any moment leaves nothing that runs, nothing mounted outside, nothing
// that the next one does not find, and nothing in the kept home when the app has ended.
func TestGrantKilled(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	h := newHost(t)
	kept := h.keptApp(t, `"sleep", "1000"`)
	granted := filepath.Join(h.Home, "granted/deep")
	bed.Write(t, granted+"/file", "text")
	h.Must("snug", "run", "--detach", "Live")
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	random := rand.New(rand.NewPCG(3, 4))
	killed, done := 0, 0
	for range rounds {
		verb := []string{"grant", "revoke"}[random.IntN(2)]
		cmd := h.Command("snug", verb, "Live", granted)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(7000)) * time.Microsecond) // the moment is the point
		cmd.Process.Kill()
		if cmd.Wait(); cmd.ProcessState.Exited() {
			done++
		} else {
			killed++
		}
	}
	t.Logf("killed %d, done before %d", killed, done)
	if killed < rounds/10 || done < rounds/20 {
		t.Errorf("control: killed %d, done before %d", killed, done)
	}
	bed.Poll(t, "every child has ended with it", 5*time.Second, func() bool {
		return !slices.ContainsFunc(h.Processes(), func(pid int) bool {
			line := bed.CommandLine(pid)
			return strings.Contains(line, " grant ") || strings.Contains(line, " revoke ")
		})
	})
	if got := mountsOf(t, h.Dir); got != "" {
		t.Errorf("mounted on the host:\n%s", got)
	}
	h.Must("snug", "grant", "Live", granted, "--write")
	if got := h.Must("snug", "exec", "Live", "--", "cat", granted+"/file"); got != "text" {
		t.Errorf("granted at last: %q", got)
	}
	h.Must("snug", "revoke", "Live", granted)
	if got := h.Must("snug", "grant", "Live", "--list"); got != "" {
		t.Errorf("still granted:\n%s", got)
	}
	if out, err := h.Command("snug", "exec", "Live", "--", "cat", granted+"/file").CombinedOutput(); err == nil {
		t.Errorf("revoked, and still there: %s", out)
	}
	h.Must("snug", "stop", "Live")
	if got := tree(kept); got != "" {
		t.Errorf("left in the kept home:\n%s", got)
	}
	if list, _ := os.ReadDir(filepath.Join(h.Runtime, "snug")); len(list) > 0 {
		t.Errorf("left in XDG_RUNTIME_DIR: %v", list)
	}
}

// Many at once all succeed, and each is there once.
func TestGrantsAtOnce(t *testing.T) {
	const many = 20
	h := newHost(t)
	h.keptApp(t, `"sleep", "1000"`)
	dir := filepath.Join(h.Home, "docs")
	h.Must("snug", "run", "--detach", "Live")
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	for _, verb := range []string{"grant", "revoke"} {
		var wait sync.WaitGroup
		failures := make(chan string, 2*many)
		for i := range many {
			file := filepath.Join(dir, strconv.Itoa(i))
			bed.Write(t, file, strconv.Itoa(i))
			for range 2 - len(verb)/6 { // each is granted twice, and revoked once
				wait.Go(func() {
					if out, err := h.Command("snug", verb, "Live", file).CombinedOutput(); err != nil {
						failures <- string(out) + err.Error()
					}
				})
			}
		}
		wait.Wait()
		close(failures)
		for f := range failures {
			t.Errorf("%s: %s", verb, f)
		}
		want := many
		if verb == "revoke" {
			want = 0
		}
		if got := strings.Count(h.Must("snug", "grant", "Live", "--list"), "\n"); got != want {
			t.Errorf("after %s: %d are listed, want %d", verb, got, want)
		}
		if out, _ := h.Command("snug", "exec", "Live", "--", "sh", "-c", "cat "+dir+"/* 2>/dev/null | wc -c").Output(); strings.TrimSpace(string(out)) != strconv.Itoa(want*3/2) {
			t.Errorf("after %s the app reads %s bytes", verb, out)
		}
	}
}

// A grant while the app ends succeeds or says that it has ended, and leaves nothing either way.
func TestGrantRacesEnd(t *testing.T) {
	h := newHost(t)
	kept := h.keptApp(t, `"sleep", "1000"`)
	granted := filepath.Join(h.Home, "granted/deep")
	if err := os.MkdirAll(granted, 0o700); err != nil {
		t.Fatal(err)
	}
	statuses := map[int]int{}
	for i := range 30 {
		h.Must("snug", "run", "--detach", "Live")
		stop := h.Command("snug", "kill", "Live")
		if i%2 == 0 {
			record := bed.Read(t, filepath.Join(h.Runtime, "snug/Live"))
			_, rest, _ := strings.Cut(record, "supervisor \"")
			pid, _, _ := strings.Cut(rest, "\"")
			stop = h.Command("kill", "-KILL", pid)
		}
		grant := h.Command("snug", "grant", "Live", granted)
		var said bytes.Buffer
		grant.Stderr = &said
		if err := grant.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%10) * 500 * time.Microsecond)
		stop.Run()
		grant.Wait()
		status := grant.ProcessState.ExitCode()
		statuses[status]++
		if status != 0 && !strings.Contains(said.String(), "has ended") && !strings.Contains(said.String(), `no instance "Live"`) {
			t.Errorf("status %d: %s", status, said.String())
		}
		bed.Poll(t, "the instance is gone, and all that was made for it", 5*time.Second, func() bool {
			return h.Command("snug", "ps", "Live").Run() != nil && tree(kept) == ""
		})
	}
	t.Logf("statuses: %v", statuses)
	if len(statuses) < 2 {
		t.Errorf("control: want some that come in time and some that do not, got %v", statuses)
	}
}

// A display changes nothing about it.
func TestGrantX11(t *testing.T) {
	b := bed.New(t)
	b.Xvfb()
	doc := filepath.Join(b.Home, "doc")
	bed.Write(t, doc, "text")
	b.Must("snug", "run", "--files-live", "--x11", "raw", "--detach", "--name", "box", "--", "sleep", "1000")
	b.Must("snug", "grant", "box", doc)
	b.Must("snug", "exec", "box", "--", "sh", "-c", "cat "+doc+" && test -n \"$DISPLAY\"")
	b.Must("snug", "kill", "box")
}

// A snug outside that reads the account of another person's sandboxes finds nothing to grant to: a
// forged process is not one of ours (CVE-2022-31214).
func TestGrantForged(t *testing.T) {
	h := newHost(t)
	h.Must("snug", "run", "--files-live", "--detach", "--name", "box", "--", "sleep", "1000")
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	file := filepath.Join(h.Runtime, "snug", "box")
	record := bed.Read(t, file)
	doc := filepath.Join(h.Dir, "doc")
	bed.Write(t, doc, "text")
	stat := bed.Read(t, "/proc/"+h.args[0]+"/stat")
	started := strings.Fields(stat[strings.LastIndex(stat, ")"):])[20]
	var forged string
	for l := range strings.Lines(record) {
		if rest, ok := strings.CutPrefix(l, `process "`); ok {
			l = `process "` + h.args[0] + " " + started + " " + strings.Fields(rest)[2] + "\n"
		}
		forged += l
	}
	bed.Write(t, file, forged) // a process that lives, with the right time of its start, but no sandbox
	out, err := h.Command("snug", "grant", "box", doc).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "belongs to another user") {
		t.Errorf("granted to a process that is no sandbox: %v\n%s", err, out)
	}
	bed.Write(t, file, record)
	h.Must("snug", "grant", "box", doc)
	if got := h.Must("snug", "exec", "box", "--", "cat", doc); got != "text" {
		t.Errorf("control: the true record: %q", got)
	}
}
