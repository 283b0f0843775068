package brokers

import (
	"os"

	"golang.org/x/sys/unix"

	"snug/caps/landlock"
	"snug/caps/seccomp"
	"snug/portals"
	"snug/sandbox"
)

const (
	programPath = "/" + programName
	origin      = sandbox.Origin("snug-broker")
)

// spec is the broker's sandbox.
func (b *Brokers) spec(program *os.File) *sandbox.Spec {
	h := &b.plan.Host
	config := portals.NewConfig()
	config.App = b.plan.Advise
	s := &sandbox.Spec{
		Users:    sandbox.Users{UID: h.UID, GID: h.GID},
		Hostname: programName,
		Root:     []sandbox.Step{&sandbox.Tmpfs{Dest: "/", Size: 1 << 20, Origin: origin}},
	}
	var st unix.Stat_t
	unix.Fstat(int(program.Fd()), &st) // Program has looked at it already
	s.Root = append(s.Root, &sandbox.Bind{Source: program.Name(), Dest: programPath, Same: &sandbox.FileID{Dev: st.Dev, Ino: st.Ino}, Origin: origin})
	if b.plan.Identity != nil {
		s.Root = append(s.Root, &sandbox.Data{Dest: portals.InfoPath, Content: b.plan.Identity.Info(), Mode: 0o444, Origin: origin})
	}
	file := func(f *os.File) (fd int) {
		fd = len(s.Process.Files)
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: fd, Source: f})
		return fd
	}
	for _, f := range [...]*os.File{b.null, b.null, b.errors} {
		file(f)
	}
	for i, e := range b.plan.Endpoints {
		socket := e.Socket
		if abstract(socket) {
			s.Net.Shared = true // abstract names belong to it; the filter makes no other sockets than unix ones
		} else {
			socket = "/run/" + e.Name
			s.Root = append(s.Root, &sandbox.Bind{Source: e.Socket, Dest: socket, NoSymlinks: true, Origin: origin})
		}
		serve := portals.Endpoint{Name: e.Name, Listen: file(b.listen[i]), Socket: socket, Protocol: e.Protocol}
		if b.with[i] != nil {
			serve.With = file(b.with[i])
		}
		config.Endpoints = append(config.Endpoints, serve)
	}
	for _, d := range []struct {
		to   *int
		file *os.File
	}{{&config.Log, b.plan.Log}, {&config.Watch, b.watch}, {&config.Refused, b.refused[1]}, {&config.Ask, b.questions.given()}, {&config.Background, b.autostart.given()}} {
		if d.file != nil {
			*d.to = file(d.file)
		}
	}
	s.Root = append(s.Root, &sandbox.ReadOnly{Dest: "/"})
	p := &s.Process
	p.Argv = append([]string{programName}, config.Args()...)
	p.Programs = []string{programPath}
	p.Init = true
	p.Filters = []sandbox.Filter{{Name: "broker", Code: seccomp.Broker(), Origin: origin}}
	p.Landlock = ruleset(h.Landlock)
	p.Rlimits = []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}}
	if files := h.Caller.Files; h.Caller.Known {
		p.Rlimits = append(p.Rlimits, sandbox.Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: files.Hard, Hard: files.Hard})
	}
	return s
}

// ruleset lets the broker read and execute its own program, and touch no other file; nor signal
// anybody outside. A kernel without Landlock has the read-only root and the filter.
func ruleset(abi int) *sandbox.Landlock {
	const all = landlock.FileAccess | landlock.ReadDir | landlock.RemoveDir | landlock.RemoveFile | landlock.MakeChar | landlock.MakeDir |
		landlock.MakeReg | landlock.MakeSock | landlock.MakeFifo | landlock.MakeBlock | landlock.MakeSym | landlock.Refer
	own := landlock.PathRule{Path: programPath, Allowed: landlock.Execute | landlock.ReadFile}
	rules, _ := landlock.Downgrade(landlock.Ruleset{FS: all, Scoped: landlock.ScopeSignal, Paths: []landlock.PathRule{own}}, abi)
	if rules.Empty() {
		return nil
	}
	attr, err := rules.Attr(abi)
	if err != nil {
		return nil // impossible: Downgrade has fitted it
	}
	return &sandbox.Landlock{Attr: attr, Origin: origin, Rules: []sandbox.LandlockRule{
		{Type: landlock.RulePathBeneath, Attr: own.Bytes(), Path: programPath, FDAt: landlock.ParentFDOffset}}}
}
