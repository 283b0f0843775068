package sandbox

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
	"snug/tests/need"
)

// These tests need to change programs, or to look at an Instance from within.

// holdAt is the environment variable that makes the test program start a sandbox whose set-up
// stops at an op, and wait.
const holdAt = "SNUG_TEST_HOLD_AT"

func TestMain(m *testing.M) {
	if at, err := strconv.Atoi(os.Getenv(holdAt)); err == nil {
		p := compiled("sleep 100")
		if at >= 0 {
			p.prog = p.prog.Replace(at, program.Op{Nr: unix.SYS_PPOLL}) // for ever
		}
		go func() { time.Sleep(20 * time.Second); os.Exit(1) }()
		if at < 0 {
			if _, err := Start(p); err != nil {
				os.Exit(1)
			}
			os.Stdout.WriteString("started\n")
			select {}
		}
		go Start(p)
		time.Sleep(15 * time.Millisecond)
		os.Stdout.WriteString("started\n")
		select {}
	}
	os.Exit(m.Run())
}

func spec(script string) *Spec {
	return &Spec{
		Users:   Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())},
		Root:    []Step{&Bind{Source: "/", Dest: "/"}, &Proc{Dest: "/proc"}, &Dev{Dest: "/dev"}, &Data{Dest: "/etc/hostname", Bound: true}},
		Process: Process{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}},
	}
}

func compiled(script string) *Program {
	h, err := Probe()
	if err != nil {
		panic(err)
	}
	s := spec(script)
	p, err := Compile(s, &h, Look(s))
	if err != nil {
		panic(err)
	}
	return p
}

// own is what a process holds that a sandbox might leave behind.
type own struct {
	files, goroutines int
	mounts            string
}

func holdings() own {
	var o own
	if r, w, err := os.Pipe(); err == nil { // the runtime opens its poller with the first one
		r.Close()
		w.Close()
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	text, _ := os.ReadFile("/proc/self/mountinfo")
	o = own{len(fds), runtime.NumGoroutine(), string(text)}
	return o
}

func (o own) check(t *testing.T, what string) {
	t.Helper()
	now := holdings()
	for range 1000 { // a goroutine that has done its work takes a moment to end
		if now.goroutines <= o.goroutines {
			break
		}
		time.Sleep(time.Millisecond)
		now = holdings()
	}
	if now.files > o.files || now.goroutines > o.goroutines || now.mounts != o.mounts {
		t.Errorf("%s left behind: descriptors %d → %d, goroutines %d → %d, mounts changed: %v",
			what, o.files, now.files, o.goroutines, now.goroutines, now.mounts != o.mounts)
	}
	var ws unix.WaitStatus
	if pid, err := unix.Wait4(-1, &ws, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("%s left a child: %d, %v", what, pid, err)
	}
}

// TestChildEndsAtEachOp lets the child, or the reaper, end without a word at each of its ops.
func TestChildEndsAtEachOp(t *testing.T) {
	p := compiled("exit 0")
	in, err := Start(p)
	if err != nil {
		need.Missingf(t, "wanted a plain sandbox, got: %v", err)
	}
	in.Close()
	before := holdings()
	for i := range p.prog.Len() {
		q := *p
		q.prog = p.prog.Replace(i, program.Op{Nr: program.Exit, Args: [6]uint64{9}})
		in, err := Start(&q)
		if err != nil {
			if got := err.Error(); got != "set up the sandbox: ended" && got != "set up the sandbox: killed by signal 9" && !strings.Contains(got, "broken pipe") {
				t.Errorf("op %d: got %q", i, got)
			}
			continue
		}
		in.Wait()
		in.Close()
	}
	before.check(t, "a child that ended")
}

// TestSupervisorEndsAtEachOp kills the program that makes a sandbox, while the child is held at
// one of its ops. As the reaper of orphans, this process sees whether anything lives on.
func TestSupervisorEndsAtEachOp(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		need.Missingf(t, "wanted to adopt orphans, got: %v", err)
	}
	p := compiled("true")
	for at := -1; at < p.prog.Len(); at += 9 {
		if early(p, at) {
			continue // it cannot be held so early in truth: nothing it does there waits
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), holdAt+"="+strconv.Itoa(at))
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 8)
		if _, err := out.Read(line); err != nil {
			t.Fatalf("op %d: %v", at, err)
		}
		cmd.Process.Kill()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			var ws unix.WaitStatus
			if _, err := unix.Wait4(-1, &ws, unix.WNOHANG|unix.WALL, nil); err == unix.ECHILD {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("op %d: something outlives its supervisor", at)
			}
		}
	}
}

// early reports whether an op comes before the check for the death of the parent is over.
func early(p *Program, at int) bool {
	found := false
	for line := range strings.Lines(p.String()) {
		n, err := strconv.Atoi(strings.TrimSpace(line[:min(4, len(line))]))
		found = found || strings.Contains(line, "umask(")
		if err == nil && n == at {
			return !found && !strings.Contains(line, "/proc/self/")
		}
	}
	return false
}

func TestReaperKilled(t *testing.T) {
	before := holdings()
	in, err := Start(compiled("sleep 100"))
	if err != nil {
		need.Missingf(t, "wanted a plain sandbox, got: %v", err)
	}
	in.Kill()
	if ws := in.Wait(); ws.Signal() != unix.SIGKILL {
		t.Errorf("got %#x", ws)
	}
	if err := in.Signal(0); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v, want that it has ended", err)
	}
	in.Close()
	before.check(t, "a reaper that was killed")
}

// TestParallel starts 200 sandboxes at once while 50 goroutines open and close files.
func TestParallel(t *testing.T) {
	p := compiled("exit 3")
	before := holdings()
	stop := make(chan struct{})
	var files, starts sync.WaitGroup
	for range 50 {
		files.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if f, err := os.Open("/etc/passwd"); err == nil {
						time.Sleep(time.Millisecond)
						f.Close()
					}
				}
			}
		})
	}
	for range 200 {
		starts.Go(func() {
			begin := time.Now()
			in, err := Start(p)
			if err != nil {
				t.Errorf("start: %v", err)
				return
			}
			defer in.Close()
			if ws := in.Wait(); ws.ExitStatus() != 3 || time.Since(begin) > 20*time.Second {
				t.Errorf("got %#x after %v", ws, time.Since(begin))
			}
		})
	}
	starts.Wait()
	close(stop)
	files.Wait()
	before.check(t, "200 sandboxes at once")
}

func TestLeaks(t *testing.T) {
	p, bad := compiled("exit 0"), compiled("exit 0")
	bad.prog = bad.prog.Replace(bad.prog.Len()-1, program.Op{Nr: program.Report, Args: [6]uint64{1}})
	before := holdings()
	for range 150 {
		if in, err := Start(p); err == nil {
			in.Wait()
			in.Close()
		}
		if in, err := Start(bad); err == nil {
			in.Close()
		}
	}
	before.check(t, "300 sandboxes")
}

// TestReaperMemory frees a large heap in the parent after the start: none of it may be left as
// the reaper's own. It is measured ten seconds after the start, unless the tests are short.
func TestReaperMemory(t *testing.T) {
	if keepMemory {
		need.Elsewhere(t, "wanted a build without cgo, got one with: the reaper keeps the parent's memory there")
	}
	heap := make([][]byte, 20)
	for i := range heap {
		heap[i] = bytes.Repeat([]byte{1}, 1<<20)
	}
	in, err := Start(compiled("sleep 100"))
	if err != nil {
		need.Missingf(t, "wanted a plain sandbox, got: %v", err)
	}
	defer in.Close()
	runtime.KeepAlive(heap)
	heap = nil
	runtime.GC()
	debug.FreeOSMemory()
	if !testing.Short() {
		time.Sleep(10 * time.Second)
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(in.Pid()) + "/smaps_rollup")
	if err != nil {
		need.Missingf(t, "wanted to read the memory of the reaper, got: %v", err)
	}
	private := 0
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); strings.HasPrefix(f[0], "Private_") {
			n, _ := strconv.Atoi(f[1])
			private += n
		}
	}
	if private > 200 || private == 0 {
		t.Errorf("got %d KiB of private memory, want at most 200", private)
	}
	t.Logf("%d KiB private", private)
}
