package sandbox

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file holds the end: signals as the caller had them, and execve.

// restoreSignals gives the app the caller's signals. Handlers are gone before the mask is restored: one
// of the Go runtime's would run in a process without it. It comes before the filters, which need to
// let nothing through for us but execve, and a next filter.
func (c *compiler) restoreSignals() {
	p := &c.spec.Process
	c.note("restore signals", "", "")
	for sig := 1; sig <= 64; sig++ {
		switch {
		case sig == int(unix.SIGKILL) || sig == int(unix.SIGSTOP):
		case p.Signals.Ignored>>(sig-1)&1 != 0:
			c.sigaction(sig, 1)
		case !c.host.Clone3 || c.host.Ignored>>(sig-1)&1 != 0:
			c.sigaction(sig, 0)
		}
	}
	c.b.Call(unix.SYS_RT_SIGPROCMASK, program.Num(unix.SIG_SETMASK), c.b.Words("sigset", program.Num(p.Signals.Blocked)).Addr(), program.Num(0), program.Num(8))
}

// exec starts the program.
func (c *compiler) exec() {
	p := &c.spec.Process
	c.note(verbExec, p.Argv[0], p.Origin)
	argv := c.b.Strings("argv", p.Argv)
	if !p.PWD {
		c.execWith(argv, p.Env)
		return
	}
	dirs := p.dirs()
	var labels []program.Label
	for _, entered := range c.entered {
		labels = append(labels, c.b.TestEqual(entered.Value(), ^uint64(0), 0))
	}
	c.execWith(argv, withPWD(p.Env, dirs[len(dirs)-1]))
	for i, l := range labels {
		c.b.Land(l)
		c.execWith(argv, withPWD(p.Env, dirs[i]))
	}
}

// dirs are what Dirs stands for.
func (p *Process) dirs() []string {
	if len(p.Dirs) == 0 {
		return []string{"/"}
	}
	return p.Dirs
}

// withPWD gives a copy of an environment with another PWD.
func withPWD(env []string, dir string) []string {
	env = slices.Clone(env)
	for i, e := range env {
		if strings.HasPrefix(e, "PWD=") {
			env[i] = "PWD=" + dir
			return env
		}
	}
	return append(env, "PWD="+dir)
}

// execWith executes the program with an environment, or fails.
func (c *compiler) execWith(argv program.Cell, environ []string) {
	p := &c.spec.Process
	programs := p.Programs
	if len(programs) == 0 {
		programs = p.Argv[:1]
	}
	env := c.b.Strings("envp", environ)
	// As a shell does: go on when a candidate is missing; one that is there but may not be
	// executed wins over the missing ones when it comes to the reason.
	c.b.Preset(c.errno, uint64(unix.ENOENT))
	var scripts []program.Label
	for _, path := range programs {
		op := c.b.Call(unix.SYS_EXECVE, c.b.String(path), argv.Addr(), env.Addr()).To(c.errno)
		if !p.Scripts {
			op.On(unix.ENOENT, program.Ignore, 0).On(unix.ENOTDIR, program.Ignore, 0).On(unix.EACCES, program.Keep, 0)
			continue
		}
		op.On(unix.ENOENT, program.Skip, 3).On(unix.ENOTDIR, program.Skip, 3).On(program.Any, program.Keep, 0)
		scripts = append(scripts, c.b.TestEqual(c.errno.Value(), ^uint64(0), uint64(unix.ENOEXEC)))
		locked := c.b.TestEqual(c.errno.Value(), ^uint64(0), uint64(unix.EACCES))
		c.b.Call(program.Report, c.errno.Value())
		c.b.Land(locked)
	}
	c.b.Call(program.Report, c.errno.Value())
	for i, label := range scripts {
		c.b.Land(label)
		words := append([]string{"/bin/sh", programs[i]}, p.Argv[1:]...)
		c.b.Call(unix.SYS_EXECVE, c.b.String(words[0]), c.b.Strings("argv", words).Addr(), env.Addr())
	}
}

// sigaction sets a signal to be taken by default (0) or ignored (1).
func (c *compiler) sigaction(sig int, handler int) {
	name := "SIG_DFL"
	if handler == 1 {
		name = "SIG_IGN"
	}
	action := c.b.Words(name, program.Num(handler), program.Num(0), program.Num(0), program.Num(0))
	c.b.Call(unix.SYS_RT_SIGACTION, program.Num(sig), action.Addr(), program.Num(0), program.Num(8))
}
