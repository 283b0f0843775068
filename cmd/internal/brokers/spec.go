package brokers

import (
	"os"
	"strconv"
	"strings"

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
	config := portals.Config{Log: -1, Refused: -1, Background: -1, App: b.plan.Advise}
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
	for fd, f := range [...]*os.File{b.null, b.null, b.errors} {
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: fd, Source: f})
	}
	for i, bus := range b.plan.Buses {
		fd := len(s.Process.Files)
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: fd, Source: b.listen[i]})
		address := "unix:path=/run/" + bus.Name
		if abstract(bus.Socket) {
			address = "unix:abstract=" + escape(bus.Socket[1:])
			s.Net.Shared = true // abstract names belong to it; the filter makes no other sockets than unix ones
		} else {
			s.Root = append(s.Root, &sandbox.Bind{Source: bus.Socket, Dest: "/run/" + bus.Name, NoSymlinks: true, Origin: origin})
		}
		config.Buses = append(config.Buses, portals.Bus{Name: bus.Name, Listen: fd, Address: address, Policy: bus.Policy})
	}
	if b.plan.Log != nil {
		config.Log = len(s.Process.Files)
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: config.Log, Source: b.plan.Log})
	}
	if b.refused[1] != nil {
		config.Refused = len(s.Process.Files)
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: config.Refused, Source: b.refused[1]})
	}
	if b.asks[1] != nil {
		config.Background = len(s.Process.Files)
		s.Process.Files = append(s.Process.Files, sandbox.File{Number: config.Background, Source: b.asks[1]})
	}
	s.Root = append(s.Root, &sandbox.ReadOnly{Dest: "/"})
	p := &s.Process
	p.Argv = append([]string{programName}, config.Args()...)
	p.Programs = []string{programPath}
	p.Env = []string{"GOMAXPROCS=1"} // one loop serves all; more would only be threads
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

// escape spells an abstract name in a bus's address (D-Bus specification, "Server Addresses").
func escape(name string) string {
	var s strings.Builder
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_/.*", c) >= 0 {
			s.WriteByte(c)
			continue
		}
		s.WriteString("%" + strconv.FormatUint(uint64(c)|0x100, 16)[1:])
	}
	return s.String()
}
