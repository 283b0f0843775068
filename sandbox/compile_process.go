package sandbox

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file sets what execve keeps, and puts the last descriptors in order.

// setProcess sets what execve keeps and nobody has to be trusted for.
func (c *compiler) setProcess() {
	p := &c.spec.Process
	for _, l := range p.Rlimits {
		if l.Resource == unix.RLIMIT_NOFILE {
			// Later, when the descriptors have their numbers. Only root can raise it, and no later
			// than now.
			if !c.host.privileged(c.spec) {
				continue
			}
			l.Soft, l.Hard = max(l.Hard, 1024), max(l.Hard, 1024)
		}
		c.rlimit(l)
	}
	c.note("set the umask", "", p.Origin)
	c.b.Call(unix.SYS_UMASK, program.Num(p.Umask))
}

func (c *compiler) rlimit(l Rlimit) {
	c.note("set a resource limit", strconv.Itoa(l.Resource), c.spec.Process.Origin)
	c.b.Call(unix.SYS_PRLIMIT64, program.Num(0), program.Num(l.Resource), c.b.Words("rlimit", program.Num(l.Soft), program.Num(l.Hard)).Addr(), program.Num(0))
}

// confine enforces Landlock, then the filters: Landlock forbids mounts, and filters may forbid
// Landlock's calls. Before that the last descriptors are put in order.
func (c *compiler) confine() {
	s := c.spec
	if s.split() {
		c.note("wait for PID 1", "", "")
		c.b.Call(unix.SYS_READ, c.gate.Value(), c.pid.Addr(), program.Num(8)).On(unix.EINTR, program.Retry, 0)
		c.close(c.gate)
	}
	if s.Handover.Ready != nil {
		c.note("say that everything is ready", "", "")
		c.b.Call(unix.SYS_WRITE, c.file(s.Handover.Ready, "ready").Value(), c.b.String("\n"), program.Num(1)).On(0, program.Ignore, 0)
	}
	c.waitFor(s.Handover.Wait, "wait")
	c.passFiles()
	c.chdir()
	if l := s.Process.Landlock; l != nil {
		c.landlock(l)
	}
	for _, l := range s.Process.Rlimits {
		if l.Resource == unix.RLIMIT_NOFILE {
			c.rlimit(l)
		}
	}
	c.note("say that all is set up", "", "")
	c.say(msgReady)
	c.restoreSignals()
	for i := range s.Process.Filters {
		c.filter(&s.Process.Filters[i])
	}
}

// passFiles gives the files of the Spec their numbers, and closes all others but the two ways to
// the parent: what is a folder among them must not become the working directory. Start has made
// sure that no descriptor still needed has one of the numbers.
func (c *compiler) passFiles() {
	p := &c.spec.Process
	c.note("pass on files", "", p.Origin)
	for _, f := range p.Files {
		c.b.Call(unix.SYS_DUP3, c.file(f.Source, "file").Value(), program.Num(f.Number), program.Num(0))
	}
	for _, f := range c.out.files {
		if !p.AllFiles || slices.Contains(p.Held, f.file) {
			c.close(f.cell)
		}
	}
}

// chdir tries the working directories in turn. No descriptor of a folder outside is open any
// more, so a path through /proc/self/fd leads nowhere (CVE-2024-21626).
func (c *compiler) chdir() {
	dirs := c.spec.Process.dirs()
	var done []program.Label
	for i, dir := range dirs {
		c.note(verbDir, dir, c.spec.Process.Origin)
		op := c.b.Call(unix.SYS_CHDIR, c.b.String(dir))
		if i < len(dirs)-1 {
			entered := c.b.NewCell("entered") // 0 when it has been
			c.b.Preset(entered, 1)
			c.entered = append(c.entered, entered)
			op.To(entered).On(0, program.Skip, 1)
			done = append(done, c.b.Jump())
		}
	}
	for _, l := range done {
		c.b.Land(l)
	}
}
