package program_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// start runs a program in a child with its failure record on a pipe.
func start(t *testing.T, p *program.Program, flags uint64, cells ...program.Value) (syscall.WaitStatus, *program.Failure) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	im, err := p.Load(append(cells, program.Value{Cell: program.ErrorFd, Word: uint64(w.Fd())}))
	if err != nil {
		t.Fatal(err)
	}
	pid, pidfd, err := im.Clone(flags, true, false)
	im.Close()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pidfd)
	var record [program.RecordLen]byte
	n, _ := r.Read(record[:])
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return ws, nil
	}
	return ws, p.Failure(record)
}

func TestExec(t *testing.T) {
	var b program.Builder
	argv := b.Strings("argv", []string{"sh", "-c", "exit 7"})
	env := b.Strings("envp", nil)
	b.Call(unix.SYS_EXECVE, b.String("/bin/sh"), argv.Addr(), env.Addr())
	ws, f := start(t, b.Program(), 0)
	if f != nil || ws.ExitStatus() != 7 {
		t.Fatalf("status %v, failure %v; want exit 7", ws, f)
	}
}

func TestFailure(t *testing.T) {
	var b program.Builder
	b.Note(program.Note{Verb: "open", Object: "/nowhere", Origin: "test, line 1"})
	b.Call(unix.SYS_OPENAT, program.AtCwd(), b.String("/nowhere"), program.Num(0), program.Num(0))
	ws, f := start(t, b.Program(), 0)
	if f == nil || f.Errno != syscall.ENOENT || f.Note.Origin != "test, line 1" {
		t.Fatalf("status %v, failure %+v", ws, f)
	}
	if got, want := f.Error(), `open "/nowhere": no such file or directory`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMainThread asks for a child of the main thread from another one, which must not make it.
func TestMainThread(t *testing.T) {
	var b program.Builder
	b.Call(unix.SYS_EXIT_GROUP, program.Num(0))
	im, err := b.Program().Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	on := make(chan error)
	hold := make(chan struct{})
	defer close(hold)
	for range 2 { // one of two threads at the least is not the main one
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == unix.Getpid() {
				on <- program.ErrThread
				<-hold
				return
			}
			_, _, err := im.Clone(0, true, true)
			on <- err
			<-hold
		}()
	}
	for range 2 {
		if err := <-on; err != program.ErrThread {
			t.Errorf("got %v, want %v", err, program.ErrThread)
		}
	}
}
