// Package bwrap_test compares snug-bwrap with the installed bubblewrap: the same words through both.
package bwrap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// limit is how long one command may take: with some words a program may wait for ever.
const (
	limit      = 20 * time.Second
	largeLimit = 2 * time.Minute
)

// programs gives ours and theirs.
func programs(t testing.TB) (ours, theirs string) {
	t.Helper()
	return bed.Built(t, "snug-bwrap"), need.Program(t, "bwrap")
}

// command is one command line with what comes with it.
type command struct {
	args  []string
	env   []string       // nil: a small one
	dir   string         // empty: /
	stdin string         // what standard input holds
	files map[int]string // what a descriptor holds, in a file
	wants []int          // descriptors whose content is a result: pipes
	large bool           // real programs are started, which takes long on a busy machine
}

// result is what can be seen of a command.
type result struct {
	status         int
	stdout, stderr string
	wrote          map[int]string
}

// do runs the command with a program.
func (c command) do(t testing.TB, program string) result {
	t.Helper()
	r, err := c.try(t, program)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// try is do for any goroutine.
func (c command) try(t testing.TB, program string) (result, error) {
	t.Helper()
	limit := limit
	if c.large {
		limit = largeLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, c.args...)
	cmd.Args[0] = "bwrap"
	if cmd.Env, cmd.Dir = c.env, c.dir; cmd.Env == nil {
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C"}
	}
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	r := result{wrote: map[int]string{}}
	done := make(chan func(), len(c.wants))
	for fd := 3; fd < 20; fd++ {
		cmd.ExtraFiles = append(cmd.ExtraFiles, c.file(t, fd, done, &r))
	}
	for len(cmd.ExtraFiles) > 0 && cmd.ExtraFiles[len(cmd.ExtraFiles)-1] == nil {
		cmd.ExtraFiles = cmd.ExtraFiles[:len(cmd.ExtraFiles)-1]
	}
	err := cmd.Run()
	for _, f := range cmd.ExtraFiles {
		if f != nil {
			f.Close()
		}
	}
	for range c.wants {
		(<-done)()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("%s: %w", program, err)
	}
	if ctx.Err() != nil {
		return r, fmt.Errorf("%s %q has not ended after %v\n%s", program, c.args, limit, stderr.String())
	}
	r.status, r.stdout, r.stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	return r, nil
}

// file makes what a descriptor is to be, or nil.
func (c command) file(t testing.TB, fd int, done chan func(), r *result) *os.File {
	if text, ok := c.files[fd]; ok {
		f, err := os.CreateTemp("", "bwrap-test-")
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(f.Name())
		f.WriteString(text)
		f.Seek(0, io.SeekStart)
		return f
	}
	for _, want := range c.wants {
		if want == fd {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				text, _ := io.ReadAll(out)
				out.Close()
				done <- func() { r.wrote[fd] = string(text) }
			}()
			return in
		}
	}
	return nil
}
