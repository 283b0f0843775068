package bwrap_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/tests/need"
)

// held is a sandbox that runs until the test ends, and its first process.
type held struct {
	cmd *exec.Cmd
	pid int
}

// hold starts a sandbox with a program and waits until its command runs.
func hold(t *testing.T, program string, args ...string) *held {
	t.Helper()
	return holdScript(t, program, "echo up; exec sleep 100", args...)
}

// holdScript is hold with a script that says when it is up.
func holdScript(t *testing.T, program, script string, args ...string) *held {
	t.Helper()
	info, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer info.Close()
	cmd := started(t, program, []*os.File{w}, append([]string{"--info-fd", "3"}, append(args, "/bin/sh", "-c", script)...)...)
	w.Close()
	var told struct {
		PID int `json:"child-pid"`
	}
	if err := json.NewDecoder(info).Decode(&told); err != nil || told.PID == 0 {
		t.Fatalf("what --info-fd tells: %v %v", told, err)
	}
	return &held{cmd, told.PID}
}

// namespace opens a namespace of the sandbox's first process.
func (h *held) namespace(t *testing.T, kind string) *os.File {
	t.Helper()
	f, err := os.Open("/proc/" + strconv.Itoa(h.pid) + "/ns/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// id is what a process in a namespace reads of it.
func id(t *testing.T, f *os.File) string {
	t.Helper()
	text, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestJoin joins the users and the process ids of a sandbox that either program has made.
func TestJoin(t *testing.T) {
	ours, theirs := programs(t)
	full := []string{"--bind", "/", "/", "--proc", "/proc"}
	for _, maker := range []string{ours, theirs} {
		h := hold(t, maker, append(full, "--unshare-user", "--unshare-pid", "--uid", "0", "--gid", "5")...)
		users, pids := h.namespace(t, "user"), h.namespace(t, "pid")
		files := []*os.File{users, pids}
		const look = "readlink /proc/self/ns/user; id -u; id -g; grep CapEff /proc/self/status"
		for _, args := range [][]string{
			{"--userns", "3"}, {"--userns", "3", "--uid", "0"}, {"--userns", "3", "--uid", "5"}, {"--userns", "3", "--pidns", "4"},
			{"--userns", "3", "--unshare-pid"}, {"--userns", "3", "--pidns", "4", "--unshare-pid"}, {"--pidns", "4"}, {"--userns", "4"}, {"--userns", "3", "--assert-userns-disabled"},
		} {
			words := append(append(full[:len(full):len(full)], args...), "/bin/sh", "-c", look+"; readlink /proc/self/ns/pid; cat /proc/1/comm; grep NSpid /proc/self/status | wc -w")
			want, status := given(t, theirs, files, words...)
			got, s := given(t, ours, files, words...)
			if normal(t, got) != normal(t, want) && (s == 0 || status == 0) || s != status {
				t.Errorf("%q in what %s made: got %q and %d, want %q and %d", args, filepath.Base(maker), got, s, want, status)
			}
			if len(args) > 1 && args[0] == "--userns" && args[1] == "3" && s == 0 && !strings.HasPrefix(got, id(t, users)+"\n") {
				t.Errorf("%q: got %q, want to be in %s", args, got, id(t, users))
			}
		}
		// A new PID namespace in another: who is in that sees who is in the new one, but not the
		// other way round.
		out, status := given(t, ours, files, append(full[:len(full):len(full)], "--userns", "3", "--pidns", "4", "--unshare-pid", "/bin/sh", "-c", "echo $$; ls -d /proc/[0-9]* | head -n 1; grep NSpid /proc/self/status | wc -w; readlink /proc/self/ns/pid")...)
		if !strings.HasPrefix(out, "2\n/proc/1\n") || strings.HasSuffix(out, id(t, pids)+"\n") || status != 0 {
			t.Errorf("below: got %q and %d", out, status)
		}
		below := exec.Command(ours, append(full[:len(full):len(full)], "--userns", "3", "--pidns", "4", "--unshare-pid", "/bin/sh", "-c", "echo up; exec sleep 77777")...)
		below.ExtraFiles = files
		pipe, err := below.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := below.Start(); err != nil {
			t.Fatal(err)
		}
		bufio.NewReader(pipe).ReadString('\n')
		seen, _ := given(t, ours, files, append(full[:len(full):len(full)], "--userns", "3", "--pidns", "4", "/bin/sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")...)
		if !strings.Contains(seen, "sleep 77777") {
			t.Errorf("who is in the namespace above does not see what is below: %q", seen)
		}
		end(t, below)
	}
}

// TestSecondUsers joins a user namespace below the first when everything is set up.
func TestSecondUsers(t *testing.T) {
	ours, theirs := programs(t)
	for _, maker := range []string{ours, theirs} {
		h := holdScript(t, maker, "unshare -U sh -c 'echo up; exec sleep 100'; :", "--bind", "/", "/", "--unshare-user")
		upper := h.namespace(t, "user")
		lower := (&held{pid: descendants(h.pid)[0]}).namespace(t, "user")
		if id(t, upper) == id(t, lower) {
			t.Fatal("one namespace, want two")
		}
		words := []string{"--bind", "/", "/", "--userns", "3", "--userns2", "4", "/bin/sh", "-c", "readlink /proc/self/ns/user; id -u"}
		want, _ := given(t, theirs, []*os.File{upper, lower}, words...)
		got, status := given(t, ours, []*os.File{upper, lower}, words...)
		if got != want || !strings.HasPrefix(got, id(t, lower)+"\n") || status != 0 {
			t.Errorf("in what %s made: got %q and %d, want %q", filepath.Base(maker), got, status, want)
		}
	}
}

// TestOthersMapUsers lets the test write the id maps while bwrap waits.
func TestOthersMapUsers(t *testing.T) {
	ours, theirs := programs(t)
	for _, c := range []struct {
		name, want string
		write      func(t *testing.T, pid string)
	}{
		{"a single map", "0 0", func(t *testing.T, pid string) {
			for file, text := range map[string]string{"uid_map": "0 " + strconv.Itoa(os.Getuid()) + " 1", "setgroups": "deny"} {
				if err := os.WriteFile("/proc/"+pid+"/"+file, []byte(text), 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile("/proc/"+pid+"/gid_map", []byte("0 "+strconv.Itoa(os.Getgid())+" 1"), 0); err != nil {
				t.Fatal(err)
			}
		}},
		{"newuidmap", "0 0", func(t *testing.T, pid string) {
			for program, own := range map[string]int{"newuidmap": os.Getuid(), "newgidmap": os.Getgid()} {
				if out, err := exec.Command(need.Program(t, program), pid, "0", strconv.Itoa(own), "1", "1", subordinate(t), "1000").CombinedOutput(); err != nil {
					need.Missingf(t, "wanted %s to map subordinate ids, got %v: %s", program, err, out)
				}
			}
		}},
	} {
		for _, program := range []string{ours, theirs} {
			info, infoIn, _ := os.Pipe()
			block, blockIn, _ := os.Pipe()
			cmd := exec.Command(program, "--bind", "/", "/", "--unshare-user", "--unshare-pid", "--proc", "/proc", "--info-fd", "3", "--userns-block-fd", "4", "--uid", "0", "--gid", "0", "/bin/sh", "-c", "echo $(id -u) $(id -g); wc -l </proc/self/uid_map")
			cmd.ExtraFiles, cmd.Dir = []*os.File{infoIn, block}, "/"
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			infoIn.Close()
			block.Close()
			var told struct {
				PID int `json:"child-pid"`
			}
			info.SetReadDeadline(time.Now().Add(limit))
			text, err := io.ReadAll(info) // to its end, as callers do before they write the maps
			if err != nil {
				cmd.Process.Kill()
				t.Fatalf("%s, %s: what --info-fd says has no end: %v", c.name, filepath.Base(program), err)
			}
			if err := json.Unmarshal(text, &told); err != nil {
				t.Fatal(err)
			}
			if map_, _ := os.ReadFile("/proc/" + strconv.Itoa(told.PID) + "/uid_map"); len(map_) > 0 {
				t.Errorf("%s, %s: there is a map already: %s", c.name, filepath.Base(program), map_)
			}
			c.write(t, strconv.Itoa(told.PID))
			blockIn.Write([]byte("x"))
			blockIn.Close()
			info.Close()
			timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
			err = cmd.Wait()
			timer.Stop()
			if !strings.HasPrefix(out.String(), c.want+"\n") || err != nil {
				t.Errorf("%s, %s: got %q and %v, want %q", c.name, filepath.Base(program), out.String(), err, c.want)
			}
		}
	}
}

// subordinate is the first id that the user may map beside its own.
func subordinate(t *testing.T) string {
	t.Helper()
	text, _ := os.ReadFile("/etc/subuid")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(line, ":"); len(fields) == 3 && (fields[0] == os.Getenv("USER") || fields[0] == strconv.Itoa(os.Getuid())) {
			return fields[1]
		}
	}
	need.Missing(t, "wanted subordinate ids in /etc/subuid, got none for this user")
	return ""
}

// TestWaitsEndBySignal signals the group of a program that waits: nothing of it is left.
func TestWaitsEndBySignal(t *testing.T) {
	ours, theirs := programs(t)
	for _, words := range [][]string{
		{"--unshare-user", "--info-fd", "3", "--userns-block-fd", "4"},
		{"--unshare-pid", "--info-fd", "3", "--block-fd", "4"},
		{"--info-fd", "3", "--block-fd", "4"},
	} {
		for _, program := range []string{ours, theirs} {
			info, infoIn, _ := os.Pipe()
			block, blockIn, _ := os.Pipe()
			cmd := exec.Command(program, append(words, "--bind", "/", "/", "sleep", "100")...)
			cmd.ExtraFiles, cmd.SysProcAttr = []*os.File{infoIn, block}, &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			infoIn.Close()
			block.Close()
			info.SetReadDeadline(time.Now().Add(limit))
			io.ReadAll(info)
			time.Sleep(500 * time.Millisecond) // until it waits: nothing tells
			syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			cmd.Wait()
			gone := false
			for range 200 {
				if gone = syscall.Kill(-cmd.Process.Pid, 0) == syscall.ESRCH; gone {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if !gone { // bubblewrap's PID 1 waits itself, and the kernel keeps the signal from it
				syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				if program == ours || words[0] != "--unshare-pid" {
					t.Errorf("%s %q: something of it is left", filepath.Base(program), words)
				}
			}
			blockIn.Close()
			info.Close()
		}
	}
}
