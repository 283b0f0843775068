package main

import (
	"cmp"
	"errors"
	"io"
	"os"

	"snug/cmd/internal/brokers"
	"snug/sandbox"
)

// openLog opens what --log names, or gives nil. done closes it, when all of it has been written.
func openLog(name string) (f *os.File, done func(), err error) {
	switch name {
	case "":
		return nil, func() {}, nil
	case "-":
		return copyToStderr()
	}
	f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, &hinted{"--log " + quote(name) + ": " + cause(err), "a file that you may write, or -"}
	}
	return f, func() { f.Close() }, nil
}

// copyToStderr gives a file that ends up on standard error. That itself is not for the broker: a terminal
// could be read by it.
func copyToStderr() (f *os.File, done func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		io.Copy(os.Stderr, r)
		r.Close()
	}()
	return w, func() { w.Close(); <-copied }, nil
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
	for _, e := range p.sandbox.Endpoints {
		b.Endpoints = append(b.Endpoints, brokers.Endpoint(e))
	}
	if p.sandbox.Identity != nil && p.sandbox.Identity.App == p.merged.ID.Value {
		launcher := p.world.Data + "/applications/" + p.sandbox.Identity.App + ".desktop"
		if _, err := p.search.Lookup(p.sandbox.Identity.App + ".desktop"); err != nil || brokers.IsLauncher(launcher) {
			b.Launcher = launcher
		}
	}
	if p.app.Known {
		b.Advise = shellWord(cmp.Or(p.app.File, p.app.ID))
	}
	if p.app.Known && p.sandbox.Background {
		b.Autostart = p.startAtLogin
	}
	return b
}

// connect tells the brokers that the app runs, and the person if they end before it.
func (j *job) connect(b *brokers.Brokers, in *sandbox.Instance) error {
	if err := b.Started(); err != nil {
		return brokerFailure(err)
	}
	b.Lost(func(said string) {
		os.Stderr.WriteString("snug: snug-broker has ended, and with it what the app reached by it: buses, display, sound; stop and start it for a new one\n" + clean(said))
	})
	return nil
}

// brokerFailure says that the broker could not be started.
func brokerFailure(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &hinted{"the broker is missing: " + err.Error(), "snug-broker belongs into the folder of snug: make install puts it there"}
	}
	return &hinted{"the broker: " + err.Error(), ""}
}

// checkBackground refuses the portal Background to what has no manifest, as the session could not start
// it; and a start by the session to an app whose manifest does not allow it any more.
func (p *plan) checkBackground() error {
	switch {
	case p.own.login && !p.sandbox.Background:
		return &hinted{p.app.ID + " is not allowed to be started at login any more", "remove its launcher, or allow it: snug grant " + p.app.ID + " portals.allow=Background --keep"}
	case p.sandbox.Background && !p.app.Known:
		return &hinted{"portals.allow = \"Background\": only an app with a manifest can be started at login", "leave it out; nothing ends an app in the background"}
	}
	return nil
}
