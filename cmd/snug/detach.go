package main

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// early is how long a detached app is watched after its start: those that lack a display or a library
// end in that time, and what they print is lost (mousepad, xterm, foot without a display: 10 to 36 ms).
const early = 100 * time.Millisecond

// detach starts snug again as the supervisor, in a session of its own, with the same words but
// for --detach, and returns when that one says that the app runs, and has run for a moment. What it
// complains about before comes out here.
func (c *console) detach(args []string) (name string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	words := []string{c.verb.name, "--ready-fd=3"}
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
		return "", err
	}
	w.Close()
	interrupted := make(chan os.Signal, 2)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for range interrupted { // it is in a session of its own, and has heard nothing of it
			cmd.Process.Signal(syscall.SIGTERM)
		}
	}()
	defer func() {
		signal.Stop(interrupted)
		close(interrupted)
	}()
	text, _ := io.ReadAll(io.LimitReader(r, 4096))
	name = strings.TrimSpace(string(text))
	ended := make(chan int, 1)
	go func() { ended <- exitOf(cmd) }() // it ends with this snug, if not before
	if name == "" {
		status := <-ended
		if status == 0 { // it was asked to end before it was up
			status = 128 + int(syscall.SIGINT)
		}
		return "", &failure{status: status}
	}
	select {
	case status := <-ended:
		if status != 0 {
			what := quote(name) + " ended at once, with status " + strconv.Itoa(status)
			return "", &failure{status: status, err: &hinted{what, "without --detach you see what it prints"}}
		}
	case <-time.After(early):
	}
	c.print(name, "\n")
	return name, nil
}

// exitOf waits for a snug and gives its status, as a shell does.
func exitOf(cmd *exec.Cmd) int {
	err := cmd.Wait()
	if err == nil {
		return 0
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
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
