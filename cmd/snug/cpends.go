package main

import (
	"errors"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/cmd/internal/brokers"
	"snug/sandbox"
)

// This file starts the two ends of a copy, and says what has become of it.

// copyFiles has one end send to the other.
func copyFiles(from, to *copyEnd, base string, attributes []string) error {
	program, err := brokers.Program("snug-copy")
	if err != nil {
		return missingCopy(err)
	}
	defer program.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		sent <- from.run(program.Name(), null, w, "send", from.path)
		w.Close()
	}()
	received := to.run(program.Name(), r, null, append([]string{"receive", to.path, base}, attributes...)...)
	r.Close()
	return copied(<-sent, received)
}

// alone runs an end whose other one is standard input or output.
func (e *copyEnd) alone(words ...string) error {
	program, err := brokers.Program("snug-copy")
	if err != nil {
		return missingCopy(err)
	}
	defer program.Close()
	return e.run(program.Name(), os.Stdin, os.Stdout, words...)
}

func missingCopy(err error) error {
	return &hinted{"snug-copy is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
}

// errEarly is the error of an end that has said nothing: the other one has gone, or it was killed.
var errEarly = errors.New("an end of the copy has ended early")

// copied chooses the error to tell. An end that has nobody to send to any more says nothing of that.
func copied(sent, received error) error {
	if sent == nil || sent == errEarly && received != nil {
		return received
	}
	return sent
}

// run runs one end until it is done.
func (e *copyEnd) run(program string, in, out *os.File, words ...string) error {
	said, complains, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	start := outside
	if e.in != nil {
		start = e.inside
	}
	wait, err := start(program, words, [3]*os.File{in, out, complains})
	complains.Close()
	if err != nil {
		return err
	}
	text, _ := io.ReadAll(io.LimitReader(said, 4096))
	switch ok := wait(); {
	case ok:
		return nil
	case len(text) == 0:
		return errEarly
	case e.in != nil:
		return &hinted{"in " + quote(e.in.Name) + ": " + string(text), ""}
	}
	return &hinted{string(text), ""}
}

// outside starts an end as the caller, below /. wait reports whether it has done its work.
func outside(program string, words []string, stdio [3]*os.File) (wait func() bool, err error) {
	root, err := os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	cmd := exec.Command(program, words...)
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio[0], stdio[1], stdio[2]
	cmd.ExtraFiles = []*os.File{root}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() bool { return cmd.Wait() == nil }, nil
}

// inside starts an end for an instance: in a sandbox of its own, with the same ids, and rights over the files of
// these alone.
func (e *copyEnd) inside(program string, words []string, stdio [3]*os.File) (wait func() bool, err error) {
	const origin = "snug cp"
	st := &e.in.State
	root, err := st.Root(origin)
	if err != nil {
		return nil, hasEnded(e.in, err)
	}
	defer root.Close()
	files := []sandbox.File{{Number: 3, Source: root}}
	for fd, f := range stdio {
		files = append(files, sandbox.File{Number: fd, Source: f})
	}
	rights := caps.DACOverride | caps.DACReadSearch | caps.Fowner | caps.Chown | caps.Fsetid
	in, err := sandbox.Run(&sandbox.Spec{
		Users: sandbox.Users{UID: st.UID, GID: st.GID, UIDs: st.UIDs, GIDs: st.GIDs, Origin: origin},
		Root:  []sandbox.Step{&sandbox.Bind{Source: program, Dest: "/snug-copy", Origin: origin}},
		Process: sandbox.Process{
			Argv: append([]string{"/snug-copy"}, words...), Files: files, Umask: 0o077,
			Capabilities: caps.Sets{Bounding: rights, Permitted: rights, Effective: rights, Inheritable: rights, Ambient: rights},
			Rlimits:      []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}},
			Origin:       origin,
		},
	})
	if err != nil {
		return nil, err
	}
	return func() bool {
		defer in.Close()
		ws := in.Wait()
		return ws.Exited() && ws.ExitStatus() == 0
	}, nil
}
