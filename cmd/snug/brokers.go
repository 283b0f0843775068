package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
	"snug/sandbox"
)

// openLog opens what --log names, or gives nil.
func openLog(name string) (*os.File, error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
		return os.NewFile(uintptr(fd), "standard error"), nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, &hinted{"--log " + quote(name) + ": " + cause(err), "a file that you may write, or -"}
	}
	return f, nil
}

// cause is an error without the path that its message already names.
func cause(err error) string {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// findOpener gives the path of snug-open, or "" where it is not installed.
func findOpener() string {
	f, err := brokers.Program("snug-open")
	if err != nil {
		return ""
	}
	defer f.Close()
	return f.Name()
}

// brokers is what the brokers of a plan's sandbox are to serve.
func (p *plan) brokers(log *os.File) *brokers.Plan {
	b := &brokers.Plan{Identity: p.sandbox.Identity, Log: log, Runtime: p.world.RuntimeDir, Host: p.world.Host}
	for _, bus := range p.sandbox.Buses {
		b.Buses = append(b.Buses, brokers.Bus(bus))
	}
	if p.sandbox.Identity != nil {
		if _, err := p.search.Lookup(p.sandbox.Identity.App + ".desktop"); err != nil {
			b.Launcher = p.world.Data + "/applications/" + p.sandbox.Identity.App + ".desktop"
		}
	}
	if p.sandbox.Identity != nil && p.app.Known && p.sandbox.Background {
		if program, err := os.Executable(); err == nil {
			a := &autostart{dir: p.world.Config + "/autostart", id: p.app.ID, program: program, command: p.command}
			b.Autostart = a.set
		}
	}
	return b
}

// connect tells the brokers that the app runs, and the person if they end before it.
func (j *job) connect(b *brokers.Brokers, in *sandbox.Instance) error {
	if err := b.Started(); err != nil {
		return brokerFailure(err)
	}
	b.Lost(func(said string) {
		os.Stderr.WriteString("snug: snug-broker has ended, so the app has no message bus any more\n" + clean(said))
	})
	return nil
}

// brokerFailure says that the broker could not be started.
func brokerFailure(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &hinted{"the broker of the message buses is missing: " + err.Error(), "install snug-broker beside snug"}
	}
	return &hinted{"the broker of the message buses: " + err.Error(), ""}
}
