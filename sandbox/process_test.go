package sandbox_test

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

func TestTerminal(t *testing.T) {
	for _, init := range []bool{false, true} {
		s := shell("tty; stty size; exec </dev/tty; test -w $(tty) && echo mine; cat /proc/self/stat | cut -d' ' -f6,7,8; ls -l /dev/console | cut -c1")
		s.Root[2] = &sandbox.Dev{Dest: "/dev", Console: true}
		s.Process.Init = init
		s.Process.Terminal = &sandbox.Terminal{Rows: 33, Cols: 99, Stdio: [3]bool{true, true, true}}
		in := start(t, s)
		if in.Terminal() == nil {
			t.Fatal("no terminal")
		}
		var out bytes.Buffer
		buf := make([]byte, 4096)
		in.Terminal().SetReadDeadline(time.Now().Add(limit))
		for {
			n, err := in.Terminal().Read(buf)
			out.Write(buf[:n])
			if err != nil {
				break
			}
		}
		wait(t, in)
		got := strings.ReplaceAll(out.String(), "\r", "")
		if want := "/dev/pts/0\n33 99\nmine\n"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "c\n") {
			t.Errorf("got %q, want it to begin with %q", got, want)
		}
	}
}

func TestEnterTerminal(t *testing.T) {
	in := start(t, shell("sleep 100"))
	joined, err := in.Exec(sandbox.Process{Argv: []string{"/bin/sh", "-c", "tty"}, Env: []string{"PATH=/usr/bin:/bin"}, Terminal: &sandbox.Terminal{Stdio: [3]bool{true, true, true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer joined.Close()
	buf := make([]byte, 100)
	n, _ := joined.Terminal().Read(buf)
	if got := strings.TrimSpace(string(buf[:n])); got != "/dev/pts/0" {
		t.Errorf("got %q", got)
	}
}

func TestProcess(t *testing.T) {
	score := 500
	for _, tt := range []struct {
		name, script string
		change       func(*sandbox.Spec)
		want         string
	}{
		{"umask", "umask", func(s *sandbox.Spec) { s.Process.Umask = 0o27 }, "0027\n"},
		{"OOM score", "cat /proc/self/oom_score_adj", func(s *sandbox.Spec) { s.Process.OOM = &score }, "500\n"},
		{"limits", "ulimit -n; ulimit -Hn; ulimit -c", func(s *sandbox.Spec) {
			s.Process.Rlimits = []sandbox.Rlimit{{Resource: unix.RLIMIT_NOFILE, Soft: 5, Hard: 7}, {Resource: unix.RLIMIT_CORE}}
		}, "5\n7\n0\n"},
		{"first working directory that exists", "pwd", func(s *sandbox.Spec) { s.Process.Dirs = []string{"/nowhere", "/usr", "/etc"} }, "/usr\n"},
		{"own session", "cut -d' ' -f1,6 /proc/$$/stat | tr ' ' =", nil, "2=2\n"},
		{"ignored and blocked signals", "", func(s *sandbox.Spec) {
			// Without a shell, which would unblock them.
			s.Process.Argv = []string{"/bin/grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}
			s.Process.Signals = sandbox.SignalMask{Ignored: 1<<0 | 1<<12, Blocked: 1 << 9}
		}, "SigBlk:\t0000000000000200\nSigIgn:\t0000000000001001\n"},
		{"environment", "env", nil, "PATH=/usr/bin:/bin\nLC_ALL=C\nPWD=/\n"},
		{"names", "uname -n; cat /proc/sys/kernel/domainname", func(s *sandbox.Spec) { s.Hostname, s.Domainname = "box", "example" }, "box\nexample\n"},
		{"clocks", "read up rest </proc/uptime; test ${up%.*} -gt 1000000000 && echo far", func(s *sandbox.Spec) {
			s.Time = sandbox.Clocks{Offset: true, Boottime: 1000000000}
		}, "far\n"},
		{"PID 1", "echo $$", func(s *sandbox.Spec) { s.Process.Init = true }, "1\n"},
		{"host's network", "readlink /proc/self/ns/net", func(s *sandbox.Spec) { s.Net.Shared = true }, link("net")},
		{"host's IPC, names, cgroups", "readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts; readlink /proc/self/ns/cgroup", func(s *sandbox.Spec) {
			s.IPC.Shared, s.UTS.Shared, s.Cgroup.Shared = true, true, true
		}, link("ipc") + link("uts") + link("cgroup")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shell(tt.script)
			if tt.change != nil {
				tt.change(s)
			}
			if got, code := output(t, s); got != tt.want || code != 0 {
				t.Errorf("status %d\n got %q\nwant %q", code, got, tt.want)
			}
		})
	}
}

func link(kind string) string {
	s, _ := os.Readlink("/proc/self/ns/" + kind)
	return s + "\n"
}

func TestSharedPID(t *testing.T) {
	s := shell("test -d /proc/" + strconv.Itoa(os.Getpid()) + " && echo seen")
	s.PID.Shared = true
	s.Root[1] = &sandbox.Bind{Source: "/proc", Dest: "/proc"}
	if got, _ := output(t, s); got != "seen\n" {
		t.Errorf("got %q", got)
	}
}

func TestFiles(t *testing.T) {
	for _, all := range []bool{false, true} {
		s := shell("cat <&7; cat <&9; ls /proc/self/fd | tr '\\n' ' '")
		s.Process.AllFiles = all
		seven, nine := temp(t, "seven "), temp(t, "nine ")
		s.Process.Files = []sandbox.File{{Number: 9, Source: nine}, {Number: 7, Source: seven}, {Number: 12, Source: seven}}
		got, _ := output(t, s)
		want := "seven nine 0 1 12 2 3 7 9 " // 3 is the folder that ls reads
		if !all && got != want || all && !strings.HasPrefix(got, "seven nine ") {
			t.Errorf("all %v: got %q, want %q", all, got, want)
		}
	}
}

func temp(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	f.WriteString(text)
	f.Seek(0, 0)
	return f
}

func TestFilesStayNonBlocking(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s := shell("true")
	s.Process.Files = []sandbox.File{{Number: 3, Source: r}}
	wait(t, start(t, s))
	r.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the deadline to work still", err)
	}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.WriteFile(dir+"/locked", []byte("#!/bin/sh\n"), 0o644)
	os.WriteFile(dir+"/script", []byte("exit $#\n"), 0o755)
	for _, tt := range []struct {
		name     string
		programs []string
		want     syscall.Errno
	}{
		{"no program", []string{"/nowhere/true", dir + "/script"}, syscall.ENOEXEC},
		{"found later", []string{"/nowhere/true", "/etc/passwd/true", "/bin/true"}, 0},
		{"missing", []string{"/nowhere/true", "/nowhere/else"}, syscall.ENOENT},
		{"not executable wins over missing", []string{dir + "/locked", "/nowhere/true"}, syscall.EACCES},
		{"not executable, found later", []string{dir + "/locked", "/bin/true"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := plain("true")
			s.Root[3] = &sandbox.Dir{Dest: "/tmp"}
			s.Process.Programs = tt.programs
			in, err := sandbox.Run(s)
			if tt.want == 0 {
				if err != nil {
					t.Fatal(err)
				}
				in.Close()
				return
			}
			var e *sandbox.Error
			if !errors.As(err, &e) || !e.Exec || !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v of the command", err, tt.want)
			}
		})
	}
}

// TestScripts runs what execvp(3) has a shell run.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.WriteFile(dir+"/script", []byte("exit 4$#\n"), 0o755)
	s := plain("script", "a", "b")
	s.Root[3] = &sandbox.Dir{Dest: "/tmp"}
	s.Process.Programs, s.Process.Scripts = []string{"/nowhere/script", dir + "/script"}, true
	if got := wait(t, start(t, s)); got.ExitStatus() != 42 {
		t.Errorf("got wait status %#x, want the exit status 42", got)
	}
}

func TestHandover(t *testing.T) {
	waitR, waitW, _ := os.Pipe()
	readyR, readyW, _ := os.Pipe()
	defer readyR.Close()
	s := shell("exit 4")
	s.Handover.Wait, s.Handover.Ready, s.Handover.WaitUsers = waitR, readyW, temp(t, "go")
	placed := 0
	s.Handover.Placed = func(pid int) error { placed = pid; return nil }
	done := make(chan *sandbox.Instance)
	go func() {
		in, err := sandbox.Run(s)
		if err != nil {
			t.Error(err)
		}
		done <- in
	}()
	readyR.SetReadDeadline(time.Now().Add(limit))
	if _, err := readyR.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
		t.Error("the app did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	waitW.Close()
	in := <-done
	if in == nil {
		return
	}
	defer in.Close()
	if ws := wait(t, in); ws.ExitStatus() != 4 || placed == 0 {
		t.Errorf("status %v, placed %d", ws, placed)
	}
}

func TestPlacedFails(t *testing.T) {
	s := shell("true")
	want := errors.New("no place")
	s.Handover.Placed = func(int) error { return want }
	if _, err := sandbox.Run(s); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestJoinByDescriptor(t *testing.T) {
	in := start(t, shell("sleep 100"))
	dir := "/proc/" + strconv.Itoa(in.Pid()) + "/ns/"
	var want string
	open := func(kind string) *os.File {
		f, err := os.Open(dir + kind)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := os.Readlink(dir + kind)
		want += name + "\n"
		return f
	}
	s := &sandbox.Spec{Users: sandbox.Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Nested: true}}
	s.Users.Join, s.IPC.Join, s.UTS.Join, s.Net.Join = open("user"), open("ipc"), open("uts"), open("net")
	s.Cgroup.Join, s.PID.Join, s.Mount.Join = open("cgroup"), open("pid"), open("mnt")
	s.Process = sandbox.Process{Argv: []string{"/bin/sh", "-c", "cd /proc/self/ns; for n in user ipc uts net cgroup pid mnt; do readlink $n; done"}, Env: []string{"PATH=/usr/bin:/bin"}}
	if got, code := output(t, s); got != want || code != 0 {
		t.Errorf("status %d\n got %q\nwant %q", code, got, want)
	}
}

func TestStops(t *testing.T) {
	for _, init := range []bool{false, true} {
		s := shell("echo; read x; exit 6")
		s.Process.Init = init
		var pipe [2]int // not os.Pipe, which is non-blocking
		unix.Pipe2(pipe[:], unix.O_CLOEXEC)
		r, w := os.NewFile(uintptr(pipe[0]), "r"), os.NewFile(uintptr(pipe[1]), "w")
		defer r.Close()
		s.Process.Files = []sandbox.File{{Number: 0, Source: r}}
		in := start(t, s)
		stopped := make(chan unix.WaitStatus, 1)
		in.Stops(func(ws unix.WaitStatus) { stopped <- ws })
		if err := in.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		select {
		case ws := <-stopped:
			if ws.StopSignal() != unix.SIGSTOP {
				t.Errorf("PID 1 %v: got %#x", init, ws)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("PID 1 %v: the stop was not reported", init)
		}
		in.Signal(unix.SIGCONT)
		w.Close()
		if ws := wait(t, in); ws.ExitStatus() != 6 {
			t.Errorf("got %#x", ws)
		}
	}
}

// TestEarlyStop: a stop before anybody asks is told when somebody does, unless it is over.
func TestEarlyStop(t *testing.T) {
	for _, init := range []bool{false, true} {
		for _, over := range []bool{false, true} {
			s := shell("sleep 100")
			s.Process.Init = init
			in := start(t, s)
			in.Signal(unix.SIGSTOP)
			time.Sleep(200 * time.Millisecond)
			if over {
				in.Signal(unix.SIGCONT)
				time.Sleep(50 * time.Millisecond)
			}
			told := false
			in.Stops(func(ws unix.WaitStatus) { told = ws.StopSignal() == unix.SIGSTOP })
			if told == over {
				t.Errorf("PID 1 %v, continued %v: told %v", init, over, told)
			}
		}
	}
}

func TestState(t *testing.T) {
	in := start(t, shell("sleep 100"))
	st := in.State()
	s, err := st.Enter(sandbox.Process{Argv: []string{"/bin/sh", "-c", "exit 9"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, code := output(t, s); code != 9 {
		t.Errorf("got status %d", code)
	}
	s.Enter.Process.Close()
	for name, forge := range map[string]func(*sandbox.State){
		"another start": func(st *sandbox.State) { st.Started++ },
		"no process":    func(st *sandbox.State) { st.Pid = 1 << 22 },
		"another user's": func(st *sandbox.State) {
			st.Pid = os.Getpid()
			text, _ := os.ReadFile("/proc/self/stat")
			st.Started, _ = strconv.ParseUint(strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))[19], 10, 64)
		},
	} {
		bad := in.State()
		forge(&bad)
		if name == "another user's" && os.Getuid() == 0 {
			continue // root owns the first user namespace
		}
		if _, err := bad.Enter(sandbox.Process{Argv: []string{"/bin/true"}}); err == nil {
			t.Errorf("%s: entered", name)
		}
	}
}
