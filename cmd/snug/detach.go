package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// detach starts snug again as the supervisor, in a session of its own, with the same words but
// for --detach, and returns when that one says that the app runs. What it complains about before
// comes out here.
func (c *console) detach(args []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	words := []string{"run", "--ready-fd=3"}
	for i, a := range args {
		if a == "--detach" {
			words = append(words, args[i+1:]...)
			break
		}
		words = append(words, a)
	}
	cmd := exec.Command("/proc/self/exe", words...)
	cmd.Args[0] = os.Args[0]
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.Close()
	name, _ := io.ReadAll(io.LimitReader(r, 4096))
	if len(name) == 0 {
		return &failure{status: exitOf(cmd.Wait(), cmd)}
	}
	c.print(strings.TrimSpace(string(name)), "\n")
	c.noteLostOutput()
	return nil
}

func exitOf(err error, cmd *exec.Cmd) int {
	if err == nil {
		return 0
	}
	if code := cmd.ProcessState.ExitCode(); code > 0 {
		return code
	}
	return exitSnug
}

// sayReady tells the snug that waits, and lets go of its standard error.
func sayReady(fd int, name string) {
	f := os.NewFile(uintptr(fd), "ready")
	io.WriteString(f, name+"\n")
	f.Close()
	if null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		unix.Dup3(null, 2, 0)
		unix.Close(null)
	}
}
