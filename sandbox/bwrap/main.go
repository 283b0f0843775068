package bwrap

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// failed is the exit status of every failure that is not the command's own.
const failed = 1

// Main does what a program with this command line does, and gives its exit status. argv[0] is how it
// was called.
func Main(argv []string, stdout, stderr io.Writer) int {
	name, words := "bwrap", []string(nil)
	if len(argv) > 0 {
		name, words = argv[0], argv[1:]
	}
	if unix.Getuid() != unix.Geteuid() || unix.Getgid() != unix.Getegid() {
		io.WriteString(stderr, "bwrap: setuid is not supported, and not needed: remove the set-user-ID bit of this program\n")
		return failed
	}
	if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err == nil && d != 1 && unix.Getuid() != 0 {
		io.WriteString(stderr, "bwrap: Unexpected capabilities but not setuid, old file caps config?\n")
		return failed
	}
	l, err := Parse(words, os.Environ(), readWords)
	if l != nil {
		for _, w := range l.Warnings {
			io.WriteString(stderr, l.lines(levelWarning, w, ""))
		}
	}
	switch {
	case err != nil:
	case l.Help:
		io.WriteString(stdout, usage(printable(name)))
		return 0
	case l.Version:
		io.WriteString(stdout, "bubblewrap "+dialect+"\n")
		return 0
	case len(l.args) == 0:
		err = errUsage
	default:
		var status int
		if status, err = l.run(); err == nil {
			return status
		}
	}
	if err == errUsage {
		io.WriteString(stderr, usage(printable(name)))
		return failed
	}
	text, hint := err.Error(), ""
	if e := (*Error)(nil); errors.As(err, &e) {
		hint = e.Hint
	}
	io.WriteString(stderr, l.lines(levelError, text, hint))
	return failed
}

// run makes the sandbox, waits for its command, and gives the status of that.
func (l *Line) run() (status int, err error) {
	h, err := sandbox.Probe()
	if err != nil {
		return 0, err
	}
	inheritSignals(h.Caller)
	c, err := caller()
	if err != nil {
		return 0, err
	}
	s, err := l.Spec(&h, c)
	if err != nil {
		return 0, err
	}
	if err := explainTo(l, s); err != nil {
		return 0, err
	}
	reports := l.reports(s)
	if l.dieWithParent {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return 0, dieWith("prctl", err)
		}
	}
	p, err := sandbox.Compile(s, &h, sandbox.Look(s))
	if err != nil {
		return 0, l.explain(err)
	}
	ws, err := sandbox.Supervise(p, func(*sandbox.Instance) error {
		closeInherited()
		return nil
	})
	if err != nil {
		return 0, l.explain(err)
	}
	status = ws.ExitStatus()
	if ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	reports.exit(status)
	return status, nil
}
