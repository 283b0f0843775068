package main

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
	"snug/cmd/internal/instances"
	"snug/cmd/internal/terminal"
	"snug/portals"
	"snug/sandbox"
)

// job is one sandbox to be started and waited for.
type job struct {
	spec    *sandbox.Spec
	record  instances.Record
	name    string // wanted for the instance
	exact   bool   // the person chose the name
	network bool   // a user-mode network is to be connected
	brokers *brokers.Plan
	started func(name string)
	ended   func(*instances.Record) // with what was added to the record meanwhile
	refused portals.Refusals        // of the brokers, at the end
}

// supervise starts a sandbox, passes signals, keys and sizes on, and waits for its end. Its error
// carries the exit status of the app; nil is 0.
func supervise(j *job) error {
	dir, err := openInstances()
	if err != nil {
		return err
	}
	claim, err := dir.Claim(j.name, j.exact)
	if errors.Is(err, instances.ErrTaken) {
		return &hinted{"an instance named " + quote(j.name) + " is running", "choose another --name, or end it: snug stop " + j.name}
	}
	if err != nil {
		return unaccounted(err)
	}
	defer claim.Release()
	defer j.end(claim)
	var placed []func(pid int) error
	if j.network {
		helper := &userNetwork{}
		defer helper.stop()
		placed = append(placed, helper.start)
	}
	connected := func(*sandbox.Instance) error { return nil }
	if j.brokers != nil {
		j.brokers.Dir = dir.Path()
		b, err := brokers.Start(*j.brokers)
		if err != nil {
			return brokerFailure(err)
		}
		defer func() {
			j.refused = b.Refused()
			b.Close()
		}()
		if j.brokers.Identity != nil {
			placed = append(placed, b.Placed)
		}
		connected = func(in *sandbox.Instance) error { return j.connect(b, in) }
	}
	if len(placed) > 0 { // it costs a round trip
		j.spec.Handover.Placed = func(pid int) error {
			for _, do := range placed {
				if err := do(pid); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return j.serve(func(in *sandbox.Instance) error {
		if err := connected(in); err != nil {
			return err
		}
		if err := j.register(claim, in); err != nil {
			return unaccounted(err)
		}
		if j.started != nil {
			j.started(claim.Name)
		}
		return nil
	})
}

// end hands on what was added to the record while the sandbox ran.
func (j *job) end(claim *instances.Claim) {
	if j.ended == nil {
		return
	}
	if r, err := claim.Read(); err == nil {
		j.ended(r)
	}
}

// serve starts the sandbox and connects it to what the person sits at until it ends.
func (j *job) serve(started func(*sandbox.Instance) error) error {
	if err := checkStdio(); err != nil {
		return err
	}
	tty := j.ownTerminal()
	jc := newJobControl(tty)
	h, err := sandbox.Probe()
	if err != nil {
		return err
	}
	prog, err := sandbox.Compile(j.spec, &h, sandbox.Look(j.spec))
	if err != nil {
		return err
	}
	drain := func() {}
	ws, err := sandbox.Supervise(prog, func(in *sandbox.Instance) error {
		jc.started()
		if err := started(in); err != nil {
			return err
		}
		if tty != nil && in.Terminal() != nil {
			drain = tty.Relay(in.Terminal(), func() { in.SignalGroup(unix.SIGWINCH) })
		}
		jc.attach(in)
		return nil
	})
	drain()
	if err != nil {
		return startFailure(err)
	}
	return exitStatus(ws, tty != nil && ws.Signaled() && tty.Pressed(ws.Signal()))
}

// startFailure gives the exit status that a shell would, if only the command could not be executed.
func startFailure(err error) error {
	var e *sandbox.Error
	if errors.As(err, &e) && e.Exec {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return &failure{status: exitNotFound, err: err}
		}
		return &failure{status: exitNoExec, err: err}
	}
	return err
}

// register records what runs, so that ps, exec and stop find it.
func (j *job) register(claim *instances.Claim, in *sandbox.Instance) error {
	r := &j.record
	r.Supervisor, r.Since, r.State = os.Getpid(), time.Now().Unix(), in.State()
	r.Command, r.Env, r.Dirs = j.spec.Process.Argv, j.spec.Process.Env, j.spec.Process.Dirs
	return claim.Write(r)
}

// ownTerminal asks for a terminal inside if the person sits at one, be it that only output goes there.
func (j *job) ownTerminal() *terminal.Terminal {
	p := &j.spec.Process
	if p.Session {
		return nil
	}
	t := terminal.Open()
	if t == nil {
		return nil
	}
	var given [3]bool
	rows, cols := t.Size()
	p.Terminal = &sandbox.Terminal{Rows: rows, Cols: cols, Settings: t.Settings()}
	for _, f := range p.Files {
		if f.Number < len(given) {
			given[f.Number] = true
		}
	}
	for fd := range p.Terminal.Stdio {
		p.Terminal.Stdio[fd] = terminal.Is(fd) && !given[fd]
	}
	if p.Terminal.Stdio == [3]bool{} {
		p.Terminal = nil
		return nil
	}
	return t
}

// checkStdio refuses a folder as a standard file: with it the app would have the host's whole tree
// by its "..", under the mounts of the host.
func checkStdio() error {
	for fd := range 3 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return &hinted{"descriptor " + strconv.Itoa(fd) + " is a folder, by which the app could leave the sandbox", "redirect it from or to a file, or /dev/null"}
		}
	}
	return nil
}

// exitStatus is the status of a program as a shell gives it. pressed says that the key of the signal
// that ended it went to the app alone.
func exitStatus(ws unix.WaitStatus, pressed bool) error {
	switch {
	case ws.Signaled():
		return &failure{status: 128 + int(ws.Signal()), killed: &killed{ws.Signal(), pressed}}
	case ws.ExitStatus() != 0:
		return &failure{status: ws.ExitStatus()}
	}
	return nil
}
