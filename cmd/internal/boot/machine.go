package boot

import (
	"cmp"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
	"snug/sandbox/cgroup"
	"snug/systemdimg"
)

// Machine is a system that is to run until it is powered off.
type Machine struct {
	System systemdimg.System // but for what Run adds: Cgroup, Notify and BootID

	Name    string
	Parent  string // the folder in which its control group is made
	Limits  cgroup.Limits
	Socket  string     // the path of its notification socket
	Remove  []string   // folders that go when it has ended
	Changes *Changes   // what it changes, if that is kept
	Held    []*os.File // locks of its image and its changes, which the keeper has for as long as the system lives

	// Connect, if set, connects the network namespace of a process to the host's network, until the
	// function that it gives is called.
	Connect func(pid int) (stop func(), err error)
	// Started is called whenever it has begun to boot. An error ends it.
	Started func(*sandbox.Instance) error
	// Ended is called whenever it has ended, with whether it starts again.
	Ended func(again bool)
	// Said is called with what its init says.
	Said func(systemdimg.Notice)
	// Served is called when fuse-overlayfs is about to serve the root, with what the kernel has said to an overlay, and
	// whether there are access lists (acl(5)).
	Served func(refused error, lists bool)
	// Console is called with the system's end of the console, and carries it until the function
	// that it gives is called. The file does not block.
	Console func(*os.File) (drain func())
	// Requests are what is asked of it while it runs.
	Requests <-chan Request

	over    bool   // it was asked to end, and is not to start again
	killed  bool   // and at once
	noLists bool   // it must not have access lists
	server  string // the program that serves the root; empty: the kernel makes its overlay
}

// Request is what a system is asked to do.
type Request int

const (
	PowerOff Request = iota // in order
	Reboot                  // in order, too
	Kill                    // at once
)

// Run boots the system, and again when it reboots, and gives the wait status of its PID 1 at the end: for
// a system that was powered off, SIGINT (reboot(2), "Behavior inside PID namespaces"). When it returns,
// nothing of the system is left.
func (m *Machine) Run() (ws unix.WaitStatus, err error) {
	if m.Changes != nil {
		if err := m.Changes.settleNow(m.System.Users); err != nil {
			return 0, err
		}
	}
	group, err := m.group()
	if err != nil {
		return 0, err
	}
	defer group.Close()
	k, err := startKeeper(m.System.Users, group.Path(), m.leave(), m.Held)
	if err != nil {
		group.Remove(0)
		return 0, err
	}
	defer func() {
		if e := k.finish(); e != nil { // it was killed
			e = m.clean(group.Path(), m.leave())
			err = errors.Join(err, e)
		}
	}()
	if err := group.Limit(m.Limits); err != nil {
		return 0, err
	}
	group.Delegate()
	for n := 1; ; n++ { // each in a group of its own: what the one before has left may not be ours to remove
		own, err := cgroup.Make(group.Path(), "boot-"+strconv.Itoa(n))
		if err != nil {
			return 0, err
		}
		ws, err = m.boot(own)
		over := err != nil || !isReboot(ws) || m.over
		if m.Ended != nil {
			m.Ended(!over)
		}
		if !over && own.Remove(0) != nil { // a system that reboots without end would pile them up
			m.clean(own.Path(), nil)
		}
		own.Close()
		if over {
			return ws, err
		}
	}
}

// leave are the folders that a keeper sees to at the end.
func (m *Machine) leave() []string {
	if m.Changes == nil {
		return m.Remove
	}
	return append([]string{settleWord + m.Changes.path}, m.Remove...)
}

// group makes the control group. One of the name that is there, with a mark and without processes, was left by
// a system whose keeper was killed, too. Any other is somebody else's.
func (m *Machine) group() (*cgroup.Group, error) {
	path := filepath.Join(m.Parent, "snug-"+m.Name)
	group, err := cgroup.Make(m.Parent, filepath.Base(path))
	if errors.Is(err, fs.ErrExist) {
		if err := m.checkLeft(path); err != nil {
			return nil, err
		}
		if err := m.clean(path, nil); err != nil {
			return nil, err
		}
		group, err = cgroup.Make(m.Parent, filepath.Base(path))
	}
	if err == nil {
		err = group.Mark()
	}
	return group, err
}

// checkLeft refuses a group that may be in use.
func (m *Machine) checkLeft(path string) error {
	left, err := cgroup.Open(path)
	if err != nil {
		return err
	}
	defer left.Close()
	if populated, err := left.Populated(); err != nil || populated || !left.Marked() {
		return &fs.PathError{Op: "use group", Path: path, Err: errors.New("it is there already, and not left by a system that has ended; choose another name")}
	}
	return nil
}

// clean has a keeper do its work at once.
func (m *Machine) clean(group string, folders []string) error {
	k, err := startKeeper(m.System.Users, group, folders, nil)
	if err != nil {
		return err
	}
	return k.finish()
}

// isReboot reports whether a PID 1 has ended its system by reboot(2) for another start.
func isReboot(ws unix.WaitStatus) bool { return ws.Signaled() && ws.Signal() == unix.SIGHUP }

// boot runs the system once.
func (m *Machine) boot(group *cgroup.Group) (unix.WaitStatus, error) {
	system := m.System
	system.Cgroup, system.Notify, system.BootID = group.Dir(), m.Socket, NewID()
	system.Terminal = &sandbox.Terminal{Rows: 24, Cols: 80, Stdio: [3]bool{true, true, true}}
	listener, err := systemdimg.Listen(m.Socket)
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	b, err := m.start(system)
	var refused *sandbox.Error
	if errors.As(err, &refused) && refused.Overlay() && m.server == "" {
		if err = m.instead(refused); err == nil {
			b, err = m.start(system)
		}
	}
	if err != nil {
		return 0, err
	}
	defer b.end()
	if m.Started != nil {
		if err := m.Started(b.in); err != nil {
			return 0, err
		}
	}
	ws, err := m.serve(b.in, listener)
	if err == nil && b.orphaned() && !m.killed {
		err = b.server.failure()
	}
	return ws, err
}

// booted is a system that runs, with what does so for it.
type booted struct {
	in         *sandbox.Instance
	server     *server
	disconnect func()
}

// start starts the system.
func (m *Machine) start(system systemdimg.System) (*booted, error) {
	b := &booted{disconnect: func() {}}
	var overlay *sandbox.Overlay
	if m.server != "" {
		var at int
		overlay, at = m.overlay()
		system.Root = slices.Clone(system.Root)
		system.Root[at] = &sandbox.Fuse{Dest: overlay.Dest, Name: serverName, Setuid: overlay.Setuid, Origin: overlay.Origin}
	}
	spec, err := system.Spec()
	if err != nil {
		return nil, err
	}
	if m.Connect != nil {
		spec.Handover.Placed = func(pid int) (err error) {
			b.disconnect, err = m.Connect(pid)
			return err
		}
	}
	if overlay != nil {
		spec.Handover.Serve = func(device *os.File) (err error) {
			b.server, err = m.startServer(device, overlay)
			return err
		}
	}
	if b.in, err = sandbox.Run(spec); err != nil {
		b.end()
		if b.server != nil && errors.Is(err, unix.ENOTCONN) { // it has ended before, and said why
			err = b.server.failure()
		}
		return nil, err
	}
	if b.server != nil {
		go func() {
			<-b.server.in.Done()
			b.in.Kill() // nothing can be read or written any more
		}()
	}
	return b, nil
}

// orphaned reports whether a system that has ended was killed as nobody served its root. A server that the kernel
// has told of the system's end ends well.
func (b *booted) orphaned() bool {
	ws := b.in.Wait()
	return ws.Signaled() && ws.Signal() == unix.SIGKILL && b.server.hasEnded() && b.server.in.Wait() != 0
}

// end ends it, and gives all of it back.
func (b *booted) end() {
	if b.in != nil {
		b.in.Close()
	}
	b.disconnect()
	b.server.end()
}

// serve passes on what the system says and is asked, until it ends.
func (m *Machine) serve(in *sandbox.Instance, listener *systemdimg.Listener) (unix.WaitStatus, error) {
	held, err := holdConsole(in.Terminal())
	if err != nil {
		return 0, err
	}
	defer held.Close()
	drain := m.Console(in.Terminal())
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		m.listen(in.Pid(), listener)
	}()
	m.wait(in)
	ws := in.Wait()
	held.Close() // what was printed is read to its end, and no further
	drain()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		listener.Close()
		<-heard
	}()
	select {
	case <-closed:
	case <-time.After(lastNotice):
	}
	return ws, nil
}

// lastNotice is how long what a system has said is heard when it has ended. Before Linux 6.16 it could have sent
// sockets with it that take for ever to close.
const lastNotice = time.Second

// holdConsole opens the system's end of the console, too: while nobody has it open, as between a getty's
// end and the next one's start, reading the other end fails.
func holdConsole(master *os.File) (*os.File, error) {
	conn, err := master.SyscallConn() // master.Fd would make it block
	if err != nil {
		return nil, err
	}
	var fd uintptr
	var errno unix.Errno
	err = conn.Control(func(m uintptr) {
		fd, _, errno = unix.Syscall(unix.SYS_IOCTL, m, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	})
	if err != nil || errno != 0 {
		return nil, os.NewSyscallError("ioctl TIOCGPTPEER", cmp.Or(err, error(errno)))
	}
	return os.NewFile(fd, "console"), nil
}

func (m *Machine) listen(pid int, listener *systemdimg.Listener) {
	for {
		notice, err := listener.Next(pid, time.Time{})
		if err != nil {
			return
		}
		if m.Said != nil {
			m.Said(notice)
		}
	}
}

// wait passes on requests until the system ends, and again and again what has had no effect: an init that has
// just begun has no handler for it yet, and PID 1 does not even get a signal without one.
func (m *Machine) wait(in *sandbox.Instance) {
	const pause = 3 * time.Second
	last, again := PowerOff, time.NewTimer(pause)
	again.Stop()
	for {
		select {
		case last = <-m.Requests:
			m.over = m.over || last != Reboot
			m.ask(in, last)
			again.Reset(pause)
		case <-again.C:
			m.ask(in, last)
			again.Reset(pause)
		case <-in.Done():
			return
		}
	}
}

// ask passes on a request. A system that cannot do it goes on.
func (m *Machine) ask(in *sandbox.Instance, request Request) {
	if request == Kill {
		m.killed = true
		in.Kill()
		return
	}
	if sig := endSignal(initKind(in.Pid()), request == Reboot); sig != 0 {
		in.Signal(sig)
		return
	}
	if err := m.run(in, endCommand(request == Reboot)); err != nil {
		in.Kill() // there is no other way
	}
}

// run runs a command in the system, and does not wait for it.
func (m *Machine) run(in *sandbox.Instance, argv []string) error {
	st := in.State()
	spec, done, err := Enter(&st, sandbox.Process{Argv: argv, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}})
	if err != nil {
		return err
	}
	defer done()
	command, err := sandbox.Run(spec)
	if err != nil {
		return err
	}
	go func() { command.Wait(); command.Close() }()
	return nil
}

// Enter makes the Spec of a process that enters a system: in the group of its PID 1, as the groups around
// that are to hold none (cgroups(7), "no internal processes"). The caller calls done when it has started.
func Enter(st *sandbox.State, p sandbox.Process) (spec *sandbox.Spec, done func(), err error) {
	if spec, err = st.Enter(p); err != nil {
		return nil, nil, err
	}
	path, err := cgroup.Of(st.Pid)
	if err == nil {
		spec.CgroupDir, err = os.Open(path)
	}
	if err != nil {
		spec.Enter.Process.Close()
		return nil, nil, err
	}
	return spec, func() {
		spec.Enter.Process.Close()
		spec.CgroupDir.Close()
	}, nil
}

// NewID makes a random id of 32 hexadecimal digits, as of a machine or a boot (machine-id(5)).
func NewID() string {
	var b [16]byte
	unix.Getrandom(b[:], 0)                     // of so few bytes it gives all, from the first start of the kernel's generator on
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562, version 4
	return hex.EncodeToString(b[:])
}

// Discard is a console that nobody sits at: what is printed goes to w.
func Discard(w io.Writer) func(*os.File) func() {
	return func(master *os.File) func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.Copy(w, master)
		}()
		return func() {
			master.SetReadDeadline(time.Now().Add(time.Second))
			<-done
		}
	}
}

// SocketIn gives the path of the socket for a folder, short enough for sun_path (unix(7)).
func SocketIn(folder string) string { return filepath.Join(folder, "notify") }
