package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/instances"
	"snug/sandbox"
)

// What the verbs of running sandboxes do with a system that was booted: who enters it is its root, with
// what its init may at the most.

// machinePatience is how long a system may take to power off: systemd gives a service as much.
const machinePatience = 90 * time.Second

// enteringMachine is the job of running a process in a system.
func enteringMachine(r *instances.Record, p sandbox.Process) (j *job, done func(), err error) {
	p.Capabilities = r.State.Capabilities
	p.NewPrivileges = true
	if term := os.Getenv("TERM"); term != "" && !slices.ContainsFunc(p.Env, func(e string) bool { return strings.HasPrefix(e, "TERM=") }) {
		p.Env = append(p.Env, "TERM="+term)
	}
	if err := reachGroup(r.State.Pid); err != nil {
		return nil, nil, err
	}
	spec, done, err := boot.Enter(&r.State, p)
	if err != nil {
		return nil, nil, err
	}
	return &job{spec: spec}, done, nil
}

// logIn opens a session of a user: the system's own service manager makes it, by PAM and logind, as it
// makes that of a getty.
func logIn(r *instances.Record, user, command string) error {
	if r.Machine == nil {
		return &hinted{quote(r.Name) + " is an app, and has no users to log in", "snug shell " + shellWord(r.Name)}
	}
	if !boot.Notifies(r.State.Pid) {
		return &hinted{quote(r.Name) + " has another init than systemd, which makes no sessions", "as its root: snug shell " + shellWord(r.Name)}
	}
	if known, err := boot.Output(&r.State, []string{"getent", "passwd", user}, 5*time.Second); err == nil && known == "" {
		return &failure{status: exitSnug, err: &hinted{"system " + quote(r.Name) + " has no user " + quote(user), "snug exec " + shellWord(r.Name) + " -- useradd -m " + shellWord(user)}}
	}
	argv := []string{"systemd-run", "--quiet", "--wait", "--collect", "--service-type=exec", "--property=PAMName=login",
		"--property=WorkingDirectory=~", "--uid=" + user, "--setenv=XDG_SESSION_CLASS=user"}
	for _, name := range []string{"TERM", "COLORTERM", "LANG"} {
		if value := os.Getenv(name); value != "" {
			argv = append(argv, "--setenv="+name+"="+value)
		}
	}
	stdio := "--pipe"
	if isTerminal(os.Stdin) && isTerminal(os.Stdout) {
		stdio = "--pty"
	}
	shell := `exec "$(getent passwd "$(id -u)" | cut -d: -f7)" -l`
	if command != "" {
		shell += ` -c "$1"`
	}
	// Or it would make the shell words below the title of the terminal.
	title := []string{"SYSTEMD_ADJUST_TERMINAL_TITLE=0"}
	return enter(r, append(argv, "--description=snug shell --login "+user, stdio, "--", "/bin/sh", "-c", shell, "sh", command), title, "/")
}

// rebootAll has systems start anew, and waits until they are up.
func rebootAll(list []*instances.Record, patience time.Duration) error {
	for _, r := range list {
		if r.Machine == nil {
			return &hinted{quote(r.Name) + " is no booted system", "snug stop " + shellWord(r.Name) + ", and start it again"}
		}
	}
	for _, r := range list {
		fd, err := unix.PidfdOpen(r.Supervisor, 0)
		if err != nil {
			return os.NewSyscallError("pidfd_open", err)
		}
		err = unix.PidfdSendSignal(fd, rebootSignal, nil, 0)
		if err == nil {
			err = upAgain(r, fd, patience)
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// upAgain waits until a system has another first process, and is up with it.
func upAgain(r *instances.Record, supervisor int, patience time.Duration) error {
	dir, err := openInstances()
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if gone(supervisor, 50*time.Millisecond) {
			return &hinted{"system " + quote(r.Name) + " has ended, and has not started again", "snug logs " + shellWord(r.Name) + " says more, if what it changes is kept"}
		}
		now, err := dir.Find(r.Name)
		if err == nil && now.Supervisor == r.Supervisor && now.State.Pid != r.State.Pid && now.Machine != nil && now.Machine.Stage == instances.Up {
			return nil
		}
	}
	return &hinted{"system " + quote(r.Name) + " is not up again after " + patience.String(), "snug logs " + shellWord(r.Name) + "; to wait longer: --time SEC"}
}

// notThere says of a system that could not be entered since it has no first process just now that it may have one
// soon.
func notThere(r *instances.Record, err error) error {
	wait := time.Duration(0)
	switch {
	case r.Machine == nil:
		return err
	case errors.Is(err, unix.ESRCH), errors.Is(err, os.ErrProcessDone):
		wait = moment // until all of its processes have ended
	case !errors.Is(err, fs.ErrNotExist): // of a file in /proc; else of the command
		return err
	}
	if !hasGone(r, wait) {
		return err
	}
	now, e := findInstance(r.Name)
	switch {
	case e != nil || now.Machine == nil:
		return err
	case now.Machine.Stage == instances.Ends:
		return &hinted{"system " + quote(r.Name) + " has just ended", ""}
	}
	return &hinted{"system " + quote(r.Name) + " is rebooting", "try again in a moment; snug stop --reboot returns when it is up"}
}
