package bwrap_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
)

// started starts a program with words and what its command says first, "up".
func started(t *testing.T, program string, files []*os.File, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.ExtraFiles = "/", files
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("%s %q: got %q, %v", filepath.Base(program), args, line, err)
	}
	return cmd
}

// asleep reports whether each of some processes waits for something.
func asleep(pids []int) bool {
	return !slices.ContainsFunc(pids, func(pid int) bool {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return !strings.Contains(string(text), ") S ")
	})
}

// until waits up to five seconds for something to become true.
func until(is func() bool) bool {
	for range 500 {
		if is() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return is()
}

// TestDeath kills bwrap, or who called it. With --die-with-parent nothing goes on, without it all does.
func TestDeath(t *testing.T) {
	ours, theirs := programs(t)
	for _, c := range []struct {
		words  string
		parent bool // the caller is killed, and not bwrap itself
		lives  bool
	}{
		{"--die-with-parent", false, false}, {"--die-with-parent --unshare-pid", false, false}, {"--die-with-parent --unshare-pid --as-pid-1", false, false},
		{"--die-with-parent", true, false}, {"--die-with-parent --unshare-pid", true, false}, {"--die-with-parent --new-session --unshare-all", true, false},
		{"", false, true}, {"--unshare-pid", false, true}, {"--unshare-pid --as-pid-1", false, true}, {"", true, true}, {"--unshare-pid", true, true},
	} {
		t.Run(c.words+map[bool]string{true: " caller", false: " itself"}[c.parent], func(t *testing.T) {
			t.Parallel()
			for _, program := range []string{ours, theirs} {
				line := append([]string{"--bind", "/", "/", "--proc", "/proc"}, append(strings.Fields(c.words), "/bin/sh", "-c", "echo up; exec sleep 100")...)
				cmd := started(t, "/bin/sh", nil, append([]string{"-c", `"$@"; exit`, "sh", program}, line...)...)
				below := descendants(cmd.Process.Pid)
				app, first := below[0], below[len(below)-1]
				if program == theirs && !until(func() bool { return asleep(below) }) {
					t.Fatal("bubblewrap does not come to rest")
				} // its PID 1 asks for the signal beside the command that it has started; ours before
				victim := first
				if c.parent {
					victim = cmd.Process.Pid
				}
				unix.Kill(victim, unix.SIGKILL)
				if c.lives {
					time.Sleep(100 * time.Millisecond)
				}
				if got := !until(func() bool { return bed.Alive(app) == c.lives }); got {
					t.Errorf("%s: the command lives: %v, want %v", filepath.Base(program), !c.lives, c.lives)
				}
				for _, pid := range below {
					unix.Kill(pid, unix.SIGKILL)
				}
			}
		})
	}
}

// TestBackground leaves a process behind: bwrap ends with its command, and what is left goes on, or not.
func TestBackground(t *testing.T) {
	ours, theirs := programs(t)
	for words, goesOn := range map[string]bool{"": true, "--unshare-pid": true, "--unshare-pid --die-with-parent": false, "--unshare-pid --as-pid-1": false, "--unshare-all --new-session": true} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			for _, program := range []string{ours, theirs} {
				dir := folder(t)
				wait := "(while ! test -e " + dir + "/go; do sleep 0.05; done; : >" + dir + "/late) >/dev/null 2>&1 </dev/null & exit 3"
				cmd := exec.Command(program, append([]string{"--bind", "/", "/", "--dev", "/dev"}, append(strings.Fields(words), "/bin/sh", "-c", wait)...)...)
				// Without pipes: bubblewrap's PID 1 keeps standard output open, ours does not.
				timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
				cmd.Run()
				timer.Stop()
				if status := cmd.ProcessState.ExitCode(); status != 3 {
					t.Errorf("%s: %v, want exit status 3 before all has ended", filepath.Base(program), cmd.ProcessState)
				}
				os.WriteFile(dir+"/go", nil, 0o600)
				late := func() bool { return bed.Exists(dir + "/late") }
				if goesOn && !until(late) {
					t.Errorf("%s: what was left does not go on", filepath.Base(program))
				}
				if time.Sleep(200 * time.Millisecond); !goesOn && late() {
					t.Errorf("%s: what was left goes on", filepath.Base(program))
				}
			}
		})
	}
}

// TestSignalled sends bwrap itself a signal: it ends by it, and the command is not told.
func TestSignalled(t *testing.T) {
	ours, theirs := programs(t)
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
		for _, words := range []string{"", "--unshare-pid", "--die-with-parent"} {
			got := map[string]string{}
			for _, program := range []string{ours, theirs} {
				args := append([]string{"--bind", "/", "/"}, append(strings.Fields(words), "/bin/sh", "-c", "echo up; exec sleep 100")...)
				cmd := started(t, program, nil, args...)
				below := descendants(cmd.Process.Pid)
				cmd.Process.Signal(sig)
				timer := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
				cmd.Wait()
				timer.Stop()
				lives := words != "--die-with-parent"
				if !until(func() bool { return bed.Alive(below[0]) == lives }) {
					t.Errorf("%s %s %s: the command lives: %v", filepath.Base(program), sig, words, !lives)
				}
				for _, pid := range below {
					unix.Kill(pid, unix.SIGKILL)
				}
				got[program] = cmd.ProcessState.String()
			}
			if strings.TrimSuffix(got[ours], " (core dumped)") != strings.TrimSuffix(got[theirs], " (core dumped)") {
				t.Errorf("%s %s: got %s, want %s", sig, words, got[ours], got[theirs])
			}
		}
	}
}

// TestDispositions are the signals that the caller ignores and blocks: the command inherits both, but
// for SIGCHLD, which 0.11 sets back, and without which no shell works.
func TestDispositions(t *testing.T) {
	ours, theirs := programs(t)
	const look = "grep -E '^Sig(Ign|Blk)' /proc/self/status"
	for _, words := range [][]string{{"--ignore-signal=TERM"}, {"--ignore-signal=INT"}, {"--ignore-signal=PIPE"}, {"--ignore-signal=HUP,USR1,RTMIN+3"}, {"--block-signal=TERM,USR2"}, {"--block-signal=RTMIN", "--ignore-signal=QUIT"}} {
		for _, pid := range []string{"--unshare-ipc", "--unshare-pid"} {
			args := append(append([]string{}, words...), "PROGRAM", "--bind", "/", "/", "--proc", "/proc", pid, "/usr/bin/env", "grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")
			got := map[string]string{}
			for _, program := range []string{ours, theirs} {
				args[slices.Index(args, "PROGRAM")] = program
				got[program], _ = combined(t, exec.Command("/usr/bin/env", args...))
				args[slices.Index(args, program)] = "PROGRAM"
			}
			if got[ours] != got[theirs] || !strings.Contains(got[ours], "SigIgn") {
				t.Errorf("%q: got %q, want %q", words, got[ours], got[theirs])
			}
		}
	}
	child := exec.Command("/usr/bin/env", "--ignore-signal=CHLD", "--block-signal=CHLD", ours, "--bind", "/", "/", "--unshare-pid", "--proc", "/proc", "/bin/sh", "-c", look+"; exit 4")
	out, _ := combined(t, child)
	var blocked, ignored uint64 // the caller of the tests may have others
	fmt.Sscanf(out, "SigBlk:\t%x\nSigIgn:\t%x\n", &blocked, &ignored)
	if (blocked|ignored)>>(unix.SIGCHLD-1)&1 != 0 || !strings.HasPrefix(out, "SigBlk:") || child.ProcessState.ExitCode() != 4 {
		t.Errorf("SIGCHLD: got %q and %v", out, child.ProcessState)
	}
}

// TestBlock waits for a byte, or the end, before the command starts; with the sandbox made.
func TestBlock(t *testing.T) {
	ours, theirs := programs(t)
	for _, how := range []string{"a byte", "the end"} {
		for _, program := range []string{ours, theirs} {
			dir := folder(t)
			block, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			info, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, "--bind", "/", "/", "--unshare-pid", "--block-fd", "3", "--info-fd", "4", "/bin/sh", "-c", ": >"+dir+"/ran")
			cmd.ExtraFiles = []*os.File{block, w}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			block.Close()
			w.Close()
			info.Read(make([]byte, 1))
			time.Sleep(200 * time.Millisecond)
			if _, err := os.Stat(dir + "/ran"); err == nil {
				t.Errorf("%s: it has not waited", filepath.Base(program))
			}
			if how == "a byte" {
				in.Write([]byte("x"))
				defer in.Close()
			} else {
				in.Close()
			}
			timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s after %s: %v", filepath.Base(program), how, err)
			}
			timer.Stop()
			if _, err := os.Stat(dir + "/ran"); err != nil {
				t.Errorf("%s after %s: %v", filepath.Base(program), how, err)
			}
			info.Close()
		}
	}
}

// TestSync keeps a descriptor open until the sandbox ends, which may be after its command.
func TestSync(t *testing.T) {
	ours, theirs := programs(t)
	for _, words := range []string{"", "--unshare-pid"} {
		for _, program := range []string{ours, theirs} {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			dir := folder(t)
			args := append([]string{"--bind", "/", "/", "--dev", "/dev", "--sync-fd", "3"}, append(strings.Fields(words), "/bin/sh", "-c", "(while ! test -e "+dir+"/go; do sleep 0.05; done) </dev/null >/dev/null 2>&1 & :")...)
			if _, status := given(t, program, []*os.File{w}, args...); status != 0 {
				t.Fatalf("%s: exit status %d", filepath.Base(program), status)
			}
			w.Close()
			r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, err = r.Read(make([]byte, 1))
			if held := os.IsTimeout(err); held != (words != "") { // without a PID namespace the sandbox is its command
				t.Errorf("%s %s: held while something runs: %v, %v", filepath.Base(program), words, held, err)
			}
			os.WriteFile(dir+"/go", nil, 0o600)
			r.SetReadDeadline(time.Now().Add(limit))
			if _, err = r.Read(make([]byte, 1)); os.IsTimeout(err) {
				t.Errorf("%s %s: held when all has ended", filepath.Base(program), words)
			}
			r.Close()
		}
	}
}

// TestLock takes a read lock for as long as the sandbox lives, and refuses what cannot be locked.
func TestLock(t *testing.T) {
	ours, theirs := programs(t)
	for _, words := range []string{"--unshare-ipc", "--unshare-pid"} {
		for _, program := range []string{ours, theirs} {
			file := folder(t, "lock", "") + "/lock"
			free := func() bool {
				f := opened(t, file, unix.O_RDWR)
				defer f.Close()
				l := unix.Flock_t{Type: unix.F_WRLCK}
				return unix.FcntlFlock(f.Fd(), unix.F_GETLK, &l) == nil && l.Type == unix.F_UNLCK
			}
			if !free() {
				t.Fatal("it is locked to begin with")
			}
			cmd := started(t, program, nil, "--bind", "/", "/", words, "--lock-file", file, "/bin/sh", "-c", "echo up; exec sleep 100")
			if !until(func() bool { return !free() }) { // bubblewrap starts the command first
				t.Errorf("%s %s: not locked", filepath.Base(program), words)
			}
			for _, pid := range descendants(cmd.Process.Pid) {
				unix.Kill(pid, unix.SIGKILL)
			}
			cmd.Wait()
			if !until(free) {
				t.Errorf("%s %s: locked when all has ended", filepath.Base(program), words)
			}
		}
		file := folder(t, "lock", "") + "/lock"
		f := opened(t, file, unix.O_RDWR)
		if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
			t.Fatal(err)
		}
		fails(t, command{args: []string{"--bind", "/", "/", words, "--lock-file", file, "/bin/echo", "ran"}}, "bwrap: Unable to lock file "+file+": Resource temporarily unavailable")
		fails(t, command{args: []string{"--bind", "/", "/", words, "--lock-file", file + "/none", "/bin/echo", "ran"}}, "bwrap: Unable to open lock file "+file+"/none: Not a directory")
	}
}

// TestNoLeak leaves no process of ours behind when the set-up fails.
func TestNoLeak(t *testing.T) {
	ours, _ := programs(t)
	for _, words := range []string{"--lock-file /none", "--unshare-pid --lock-file /none", "--chmod 0700 /none", "--chdir /none", "--seccomp 0"} {
		group := exec.Command(ours, append([]string{"--ro-bind", "/", "/"}, append(strings.Fields(words), "/bin/sleep", "100")...)...)
		group.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, _ := combined(t, group)
		if group.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v %s", words, group.ProcessState, out)
		}
		if !until(func() bool { return unix.Kill(-group.Process.Pid, 0) == unix.ESRCH }) {
			t.Errorf("%s: a process is left", words)
			unix.Kill(-group.Process.Pid, unix.SIGKILL)
		}
	}
}

// TestFilters installs filters that refuse what only the set-up needs: as with bubblewrap they have to
// let execve through, and prctl(2) for the next filter.
func TestFilters(t *testing.T) {
	ours, theirs := programs(t)
	var code []byte
	insn := func(op uint16, jt, jf uint8, k uint32) {
		code = binary.NativeEndian.AppendUint16(code, op)
		code = binary.NativeEndian.AppendUint32(append(code, jt, jf), k)
	}
	insn(0x20, 0, 0, 0) // load the number
	for _, nr := range []uint32{unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_SECCOMP, unix.SYS_SENDMSG, unix.SYS_CAPSET, unix.SYS_CHDIR, unix.SYS_UNAME} {
		insn(0x15, 0, 1, nr)
		insn(0x06, 0, 0, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))
	}
	insn(0x06, 0, 0, unix.SECCOMP_RET_ALLOW)
	for _, words := range []string{"--add-seccomp-fd 3 --add-seccomp-fd 4", "--unshare-pid --add-seccomp-fd 3 --add-seccomp-fd 4", "--seccomp 3 --die-with-parent"} {
		c := command{files: map[int]string{3: string(code), 4: string(code)}, args: append(append([]string{"--ro-bind", "/", "/"}, strings.Fields(words)...), "/usr/bin/uname")}
		want, got := c.do(t, theirs), c.do(t, ours)
		if got.status != 1 || got.status != want.status || got.stderr != want.stderr || !strings.Contains(got.stderr, "/usr/bin/uname: cannot get system name") {
			t.Errorf("%s: got %d and %q, want %d and %q", words, got.status, got.stderr, want.status, want.stderr)
		}
	}
}
