package sandbox

import (
	"os"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// Program is a compiled Spec: every system call that the child will make.
type Program struct {
	prog   *program.Program
	flags  uint64 // of the clone
	host   *Host
	spec   *Spec
	files  []fileCell
	polls  []fileCell     // of which the child waits: cells with a struct pollfd
	above  int            // the highest number that the app's files have
	status program.Cell   // of the child's end of the status socket
	gaps   []program.Cell // pairs, see closeFiles
	// pairs, what is closed where the child keeps the caller's files
	withheld []program.Cell
	alone    []program.Cell // pairs, the same for the reaper
	unmap    []program.Cell // pairs of address and length of the caller's memory
	gate     program.Cell   // of the gate in a reaper that takes locks
	rest     []program.Cell // address and length of what a reaper does not need of the image
	maps     bool           // the parent writes the id maps
	asks     bool           // the child waits for answers of the parent
	grants   bool           // it changes a running sandbox and executes nothing
}

// fileCell says which cell takes the number of a descriptor when the program is loaded.
type fileCell struct {
	file *os.File
	cell program.Cell
}

// String prints the program for people, one op a line with the grant that asked for it.
func (p *Program) String() string { return p.prog.String() }

// compiler carries what the phases share. Phases and steps append ops; the first error wins.
type compiler struct {
	b    program.Builder
	spec *Spec
	host *Host
	src  Sources
	out  *Program
	err  error

	status  program.Cell // the socket to the parent
	root    program.Cell // the mount that will be the root
	scratch program.Cell // a file system in memory for things that are bound elsewhere
	dev     program.Cell // the file system of a Dev
	at      program.Cell // a destination
	tree    program.Cell // a detached mount
	from    program.Cell // a source, or a file-system context
	scraps  int          // how many files are in scratch
	pid     program.Cell // of the last child
	errno   program.Cell // why the command could not be executed
	byte    program.Cell // scrap
	zero    program.Cell // an int of 0
	one     program.Cell // a word of 1
	gate    program.Cell // an eventfd that is written when PID 1 is ready for the app
	said    map[message]program.Cell

	net, thread, life program.Cell // of the thread that makes the network namespace

	made    *node                  // what is known of the new root
	rooted  bool                   // root is attached
	early   map[*Bind]program.Cell // copies of the caller's root
	proc    program.Cell           // the caller's /proc
	entered []program.Cell         // which working directory could be
	parents uint32                 // mode of the parents that are made
	stacked int                    // how many mounts lie between root and the caller's root
}

// Compile turns a Spec into the system calls that make the sandbox. It is pure: the same input
// gives the same Program on every machine, so sandboxes can be compared as text, without
// privileges. Errors name the Origin of what cannot be done.
func Compile(s *Spec, h *Host, src Sources) (*Program, error) {
	c := &compiler{spec: s, host: h, src: src, parents: 0o755, out: &Program{host: h, spec: s}}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.b.Grow(190+8*len(s.Root), 2<<10+64*len(s.Root)+64*len(s.Process.Env))
	c.cells()
	for _, phase := range []func(*compiler){
		(*compiler).dropMemory,
		(*compiler).closeFiles, // nothing of the caller's but what is passed on
		(*compiler).dieWithParent,
		(*compiler).enterNamespaces, // and get the id maps
		(*compiler).describeSystem,  // host name, clocks, loopback
		(*compiler).buildRoot,       // every Step, then pivot_root
		(*compiler).takeNetwork,
		(*compiler).splitReaper, // PID 1 stays behind
		(*compiler).startSession,
		(*compiler).setProcess, // limits, umask, working directory
		(*compiler).dropPrivileges,
		(*compiler).confine, // Landlock, seccomp
		(*compiler).exec,
	} {
		if phase(c); c.err != nil {
			return nil, c.err
		}
	}
	c.out.prog, c.out.status = c.b.Program(), c.status
	return c.out, nil
}

// split reports whether the app is the child of a reaper: PID 1 of the sandbox, or who holds files
// for it, or who has opened the terminal for a process that enters one, see startSession.
func (s *Spec) split() bool {
	p := &s.Process
	if s.Enter != nil {
		return p.Terminal != nil && s.Enter.Namespaces&unix.CLONE_NEWPID != 0
	}
	return !p.Init && (s.PID.New() || p.Linger || len(p.Held)+len(p.Locks) > 0)
}

// owns reports whether the sandbox has a PID namespace of its own, with which everything in it ends.
func (s *Spec) owns() bool { return s.Enter == nil && s.PID.New() }

// changesIDs reports whether the child has to take the ids of the Spec, as another map than that
// of the caller's own ids to these is in force.
func (c *compiler) changesIDs() bool {
	u := &c.spec.Users
	if e := c.spec.Enter; e != nil {
		return e.Namespaces&unix.CLONE_NEWUSER != 0 || c.host.UID == 0
	}
	return u.Join != nil || u.Unmapped || len(u.UIDs) > 0 || u.Shared && c.host.UID == 0
}

func (c *compiler) cells() {
	c.status = c.b.NewCell("status")
	c.root = c.b.NewCell("root")
	c.scratch = c.b.NewCell("scratch")
	c.dev = c.b.NewCell("dev")
	c.at = c.b.NewCell("at")
	c.tree = c.b.NewCell("tree")
	c.from = c.b.NewCell("from")
	c.pid = c.b.NewCell("pid")
	c.errno = c.b.NewCell("errno")
	c.byte = c.b.NewCell("byte")
	c.zero = c.b.NewCell("zero")
	c.one, c.gate = c.b.NewCell("one"), c.b.NewCell("gate")
	c.b.Preset(c.one, 1)
}

// fail keeps the first error of a phase.
func (c *compiler) fail(what string, origin Origin, hint string) {
	if c.err == nil {
		c.err = &Error{What: what, Origin: origin, Hint: hint}
	}
}

// note says what the ops that follow are for.
func (c *compiler) note(verb, object string, origin Origin) {
	c.b.Note(program.Note{Verb: verb, Object: object, Origin: string(origin)})
}

// file gives the cell of a descriptor that the child inherits.
func (c *compiler) file(f *os.File, name string) program.Cell {
	for _, k := range c.out.files {
		if k.file == f {
			return k.cell
		}
	}
	cell := c.b.NewCell(name)
	c.out.files = append(c.out.files, fileCell{f, cell})
	return cell
}

// writeFile writes text to an existing file such as those in /proc, in one write.
func (c *compiler) writeFile(path, text string) {
	c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String(path), program.Num(unix.O_WRONLY|unix.O_CLOEXEC), program.Num(0)).To(c.from)
	c.b.Call(unix.SYS_WRITE, c.from.Value(), c.b.String(text), program.Num(len(text)))
	c.close(c.from)
}

func (c *compiler) close(fd program.Cell) { c.b.Call(unix.SYS_CLOSE, fd.Value()) }

// empty is the argument of calls that act on a descriptor itself.
func (c *compiler) empty() program.Arg { return c.b.String("") }
