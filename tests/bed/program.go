package bed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/tests/need"
)

// Command is a program of the session, found as the session finds it and not the tester; and, without
// a path, where portals lie. The test cannot do without it.
func (b *Bed) Command(words ...string) *exec.Cmd {
	b.Helper()
	path := words[0]
	if path == "snug" {
		path = Built(b, path)
	}
	for _, dir := range []string{"/usr/bin/", "/usr/libexec/"} {
		if !strings.Contains(path, "/") && Exists(dir+path) {
			path = dir + path
		}
	}
	cmd := exec.Command(need.Program(b, path), words[1:]...)
	cmd.Args[0], cmd.Env, cmd.Dir = words[0], slices.Clip(b.Env), b.Home
	return cmd
}

// Outside runs a program of the session, and gives all that is printed, and how it ended if not well.
func (b *Bed) Outside(words ...string) string {
	b.Helper()
	said, err := b.run(words)
	if err != nil {
		return fmt.Sprintf("%s(%v)", said, err)
	}
	return said
}

// Must is Outside for a program that has to end well.
func (b *Bed) Must(words ...string) string {
	b.Helper()
	said, err := b.run(words)
	if err != nil {
		b.Fatalf("%q: %v\n%s", words, err, said)
	}
	return said
}

func (b *Bed) run(words []string) (string, error) {
	b.Helper()
	var said bytes.Buffer
	cmd := b.Command(words...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer late.Stop()
	err := cmd.Wait()
	return said.String(), err
}

// Part is a program that runs until the end of the test at the latest.
type Part struct {
	*exec.Cmd
	t   testing.TB
	log string // the file
}

// Start starts a program of the session.
func (b *Bed) Start(words ...string) *Part {
	b.Helper()
	return b.Launch(b.Command(words...))
}

// Launch starts a command that was made ready. What it says goes to a log, which is shown if the test
// fails, unless the command has another place for it.
func (b *Bed) Launch(cmd *exec.Cmd) *Part {
	b.Helper()
	log, err := os.CreateTemp(b.Dir, filepath.Base(cmd.Path)+"-")
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &Part{cmd, b.TB, log.Name()}
	b.Cleanup(func() {
		p.Stop()
		if text := p.Said(); b.Failed() && text != "" {
			b.Logf("%q:\n%s", p.Args, text[max(0, len(text)-4000):])
		}
	})
	return p
}

// Said is what the program has said so far.
func (p *Part) Said() string { return Read(p.t, p.log) }

// Stop asks the program to end, and waits until it has.
func (p *Part) Stop() {
	p.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(5*time.Second, func() { p.Process.Kill() })
	p.Wait()
	late.Stop()
}
