package bwrap_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// opened opens a file as it is to be passed on.
func opened(t *testing.T, name string, flags int) *os.File {
	t.Helper()
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	return f
}

// given runs a program with descriptors from 3 on and gives its output of both kinds.
func given(t *testing.T, program string, files []*os.File, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Args[0], cmd.ExtraFiles, cmd.Dir = "bwrap", files, "/"
	out, _ := combined(t, cmd)
	return out, cmd.ProcessState.ExitCode()
}

// combined runs a command to its end, which is not far.
func combined(t *testing.T, cmd *exec.Cmd) (string, error) {
	t.Helper()
	return combinedFor(limit, cmd)
}

func combinedFor(limit time.Duration, cmd *exec.Cmd) (string, error) {
	timer := time.AfterFunc(limit, func() {
		if p := cmd.Process; p != nil {
			p.Kill()
		}
	})
	defer timer.Stop()
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestBindDescriptor(t *testing.T) {
	ours, _ := programs(t)
	dir := folder(t, "d/f", "inside\n", "file", "file\n", "gone", "gone\n", "moved/f", "moved\n", "d2/f", "2\n")
	words := func(rest ...string) []string { return append(system[:len(system):len(system)], rest...) }
	for _, c := range []struct {
		name   string
		file   *os.File
		args   []string
		want   string
		status int
	}{
		{"a folder", opened(t, dir+"/d", unix.O_RDONLY), words("--bind-fd", "3", "/x", "/bin/sh", "-c", "cat /x/f; : >/x/new; ls /x; rm /x/new; ls /proc 2>&1 | wc -l"), "inside\nf\nnew\n1\n", 0},
		{"a folder read-only", opened(t, dir+"/d", unix.O_PATH), words("--ro-bind-fd", "3", "/x", "/bin/sh", "-c", "cat /x/f; : 2>/dev/null >/x/new || echo refused"), "inside\n", 2},
		{"a file", opened(t, dir+"/file", unix.O_RDONLY), words("--bind-fd", "3", "/x/y", "/bin/cat", "/x/y"), "file\n", 0},
		{"a file by O_PATH", opened(t, dir+"/file", unix.O_PATH), words("--ro-bind-fd", "3", "/x/y", "/bin/cat", "/x/y"), "file\n", 0},
		{"the same twice", opened(t, dir+"/file", unix.O_PATH), words("--ro-bind-fd", "3", "/x/y", "--ro-bind-fd", "3", "/x/z", "/bin/cat", "/x/y", "/x/z"), "file\nfile\n", 0},
		{"not passed on", opened(t, dir+"/file", unix.O_PATH), words("--proc", "/proc", "--ro-bind-fd", "3", "/x/y", "/usr/bin/readlink", "/proc/self/fd/3"), "", 1},
	} {
		got, status := given(t, ours, []*os.File{c.file}, c.args...)
		if c.name == "a folder read-only" {
			got, _, _ = strings.Cut(got, "/bin/sh")
		}
		if got != c.want || status != c.status {
			t.Errorf("%s: got %q and %d, want %q and %d", c.name, got, status, c.want, c.status)
		}
	}

	gone, moved, other := opened(t, dir+"/gone", unix.O_PATH), opened(t, dir+"/moved", unix.O_PATH), opened(t, dir+"/d2", unix.O_PATH)
	os.Remove(dir + "/gone")
	os.Rename(dir+"/moved", dir+"/moved to")
	os.Rename(dir+"/d2", dir+"/d3")
	os.Symlink("d", dir+"/d2") // another folder under its old name is no matter: the kernel knows the new one
	if got, status := given(t, ours, []*os.File{gone}, words("--bind-fd", "3", "/x", "true")...); status != 1 || !strings.HasPrefix(got, "bwrap: Can't find source path") {
		t.Errorf("deleted: got %q and %d", got, status)
	}
	for want, f := range map[string]*os.File{"moved\n": moved, "2\n": other} {
		if got, status := given(t, ours, []*os.File{f}, words("--bind-fd", "3", "/x", "/bin/cat", "/x/f")...); got != want || status != 0 {
			t.Errorf("renamed: got %q and %d, want %q", got, status, want)
		}
	}
	if got, status := given(t, ours, nil, words("--ro-bind-fd", "77", "/x", "true")...); status != 1 || !strings.Contains(got, "Can't find source path") {
		t.Errorf("not open: got %q and %d", got, status)
	}
}

// TestInherited passes on what the caller has open, and keeps nothing of it: who waits for the end of
// a pipe gets it when the command closes its end, not when bwrap ends.
func TestInherited(t *testing.T) {
	ours, theirs := programs(t)
	dir := folder(t, "file", "")
	var many []*os.File
	for range 200 {
		many = append(many, opened(t, dir+"/file", unix.O_RDONLY))
	}
	for _, pid := range []string{"--unshare-ipc", "--unshare-pid"} {
		args := append(system[:len(system):len(system)], "--proc", "/proc", "--dev", "/dev", pid, "/bin/ls", "/proc/self/fd")
		want, status := given(t, theirs, many, args...)
		if got, s := given(t, ours, many, args...); got != want || s != status || !strings.Contains(want, "\n202\n") {
			t.Errorf("200 descriptors with %s: got %d, want %d; too many %q, too few %q", pid, s, status,
				lacking(got, want), lacking(want, got))
		}
		for _, program := range []string{ours, theirs} {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, append(system[:len(system):len(system)], pid, "/bin/sh", "-c", "exec 3>&-; exec sleep 100")...)
			cmd.ExtraFiles = []*os.File{w}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			r.SetReadDeadline(time.Now().Add(limit))
			// Without a PID namespace bubblewrap itself is the only other holder and lets go as well.
			if _, err := r.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%s %s: the pipe does not end: %v", filepath.Base(program), pid, err)
			}
			r.Close()
			end(t, cmd)
		}
	}
}

// end kills a program that the test started, and what runs in its sandbox.
func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	for _, pid := range descendants(cmd.Process.Pid) {
		unix.Kill(pid, unix.SIGKILL)
	}
	cmd.Process.Kill()
	cmd.Wait()
}

// descendants are the processes below one, deepest first.
func descendants(pid int) (list []int) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children") // each thread has its own
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, word := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(word)
			list = append(list, descendants(child)...)
			list = append(list, child)
		}
	}
	return list
}

// TestClosed starts without standard files: nothing of the set-up may take their numbers. The command
// gets /dev/null in their place, where bubblewrap's has none, or sometimes a file of bubblewrap's.
func TestClosed(t *testing.T) {
	ours, _ := programs(t)
	for _, closed := range []string{"<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"} {
		for _, words := range []string{"", "--unshare-pid", "--unshare-pid --die-with-parent --new-session"} {
			out := filepath.Join(folder(t), "out")
			script := "--bind / / --dev /dev --proc /proc " + words + ` /bin/bash -c 'exec 9>` + out + `; for f in 0 1 2; do readlink /proc/$$/fd/$f >&9; done; exit 5'`
			cmd := exec.Command("/bin/bash", "-c", ours+" "+script+" "+closed)
			combined(t, cmd)
			text, _ := os.ReadFile(out)
			if n := strings.Count(string(text), "/dev/null\n"); cmd.ProcessState.ExitCode() != 5 || n < strings.Count(closed, "-") || strings.Count(string(text), "\n") != 3 {
				t.Errorf("%s %s: got %q and %d", closed, words, text, cmd.ProcessState.ExitCode())
			}
		}
	}
}
