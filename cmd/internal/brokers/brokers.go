package brokers

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/portals"
	"snug/sandbox"
)

// Endpoint is what the app reaches by the broker.
type Endpoint struct {
	Name     string
	Socket   string // of the host: a path without links, or an abstract name after '@'
	Protocol portals.Protocol
	Bind     *sandbox.Bind // a step of the app's Spec, whose Source Start sets
	Secret   []byte        // opens the host's socket; nil: nothing is needed
	First    int           // a connection to the host's socket that is there already, for the first one; 0: none
}

// Plan is what Start is to start.
type Plan struct {
	Endpoints []Endpoint
	Identity  *portals.Identity // who the app is to portals, or nil
	Log       *os.File          // takes what the broker decides, or nil; stays the caller's
	// Autostart, if it is not nil, is called on a goroutine of its own when the app asks to be started
	// at login, or no more. The request is the app's own and as hostile as that.
	Autostart func(portals.Autostart) error
	// Ask, if it is not nil, is called on a goroutine of its own for what the app may only if the person says so.
	// It returns when the person has answered, or ctx has ended.
	Ask func(ctx context.Context, q portals.Question) bool

	// Advise is the app in the words of a shell behind "snug grant", for the advice in Log; "" advises flags.
	Advise string
	// Launcher is where portals look for a launcher of the app's id, if it has none but by IsLauncher, or "".
	Launcher string

	Dir     string // a private folder, where sockets have names until Started
	Runtime string // XDG_RUNTIME_DIR
	Host    sandbox.Host
}

// Brokers are the running brokers of one instance.
type Brokers struct {
	plan   Plan
	dir    *os.File // Plan.Dir
	names  []string // of sockets in it
	listen []*os.File
	with   []*os.File // what the broker needs beside for each, or nil
	watch  *os.File   // takes those who want to hear what the broker decides

	autostart, questions *channel // or nil

	refused [2]*os.File // a pipe: ours, the broker's

	started chan struct{} // closed when in and err are known
	in      *sandbox.Instance
	err     error
	card    *card

	null    *os.File // the broker's standard input and output
	errors  *os.File // its standard error, of which said has the first kilobytes
	said    chan string
	closing chan struct{} // closed by Close
}

// Start makes the sockets of a plan and begins to start the broker; it returns when the broker's
// first process exists. It is called before anything that gives this process's memory away, such as
// sandbox.Supervise, and not at all if there is nothing to serve.
func Start(p Plan) (started *Brokers, err error) {
	b := &Brokers{plan: p, started: make(chan struct{}), closing: make(chan struct{})}
	defer func() {
		if err != nil {
			b.closeSockets()
			b.stopChannels()
			started = nil
		}
	}()
	sweepDir(p.Dir)
	if b.dir, err = os.Open(p.Dir); err != nil {
		return nil, err
	}
	for i := range p.Endpoints {
		if err := b.socket(&p.Endpoints[i]); err != nil {
			return nil, err
		}
	}
	if err := b.openWatch(); err != nil {
		return nil, err
	}
	program, err := Program(programName)
	if err != nil {
		return nil, err
	}
	if err := b.openChannels(); err != nil {
		return nil, err
	}
	if err := b.openStdio(); err != nil {
		return nil, err
	}
	if err := b.openRefused(); err != nil {
		return nil, err
	}
	cloned := make(chan struct{})
	spec := b.spec(program)
	spec.Handover.Placed = func(int) error { close(cloned); return nil }
	go func() {
		defer close(b.started)
		defer program.Close()
		b.in, b.err = sandbox.Run(spec)
	}()
	select {
	case <-cloned:
	case <-b.started:
		err = b.err
	}
	return b, err
}

// socket makes a listening socket in the folder, under a name that it has until the app runs.
func (b *Brokers) socket(e *Endpoint) error {
	name := socketPrefix + strconv.Itoa(os.Getpid()) + "-" + e.Name
	f, err := listen(b.dir, name, unix.SOCK_STREAM)
	if err != nil {
		return err
	}
	b.listen = append(b.listen, f)
	b.names = append(b.names, name)
	with, err := conceal(e.Secret)
	if err != nil {
		return err
	}
	if e.First > 0 {
		with = connected(e.First)
	}
	b.with = append(b.with, with)
	if e.Bind.Source, err = filepath.EvalSymlinks(b.plan.Dir); err != nil {
		return err
	}
	e.Bind.Source += "/" + name
	return nil
}

// conceal puts a secret into a file that has no name; nil stays nil.
func conceal(secret []byte) (*os.File, error) {
	if secret == nil {
		return nil, nil
	}
	fd, err := unix.MemfdCreate("secret", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "secret")
	if _, err = f.Write(secret); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// connected takes over a connection that this process was started with, or gives nil if it is none: a number
// that was true for a parent long ago may be that of anything.
func connected(fd int) *os.File {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return nil
	}
	if peer, err := unix.Getpeername(fd); err != nil {
		return nil
	} else if _, local := peer.(*unix.SockaddrUnix); !local {
		return nil
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
		return nil // one of our own
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "WAYLAND_SOCKET")
}

// watchName is the name in Plan.Dir of the socket for who wants to hear what the broker decides; starter is
// the process that has started it.
func watchName(starter int) string { return socketPrefix + strconv.Itoa(starter) + "-watch" }

// DialWatch connects to that, with packets. Who calls it closes the descriptor.
func DialWatch(dir string, starter int) (fd int, err error) {
	folder, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(folder)
	if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: in(folder, watchName(starter))}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// in is a path of a name in a folder that is open. It has no length that a socket's name could not
// have (unix(7)).
func in(folder int, name string) string { return "/proc/self/fd/" + strconv.Itoa(folder) + "/" + name }

// openWatch makes the socket that has that name.
func (b *Brokers) openWatch() (err error) {
	b.watch, err = listen(b.dir, watchName(os.Getpid()), unix.SOCK_SEQPACKET)
	return err
}

// listen makes a listening socket in a folder.
func listen(dir *os.File, name string, kind int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.Unlinkat(int(dir.Fd()), name, 0) // of a process that had the same id
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: in(int(dir.Fd()), name)}); err != nil {
		err = &os.PathError{Op: "bind", Path: filepath.Join(dir.Name(), name), Err: err}
	} else if err = os.NewSyscallError("listen", unix.Listen(fd, 4096)); err != nil {
		unix.Unlinkat(int(dir.Fd()), name, 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Placed is called while the app's sandbox is being made, before the app runs: pid is its first
// process. It leaves the app's identity for portals.
func (b *Brokers) Placed(pid int) (err error) {
	if b.plan.Identity != nil && b.plan.Runtime != "" {
		b.card, err = leaveCard(b.plan.Dir, b.plan.Runtime, b.plan.Identity, b.plan.Launcher, pid)
	}
	return err
}

// Started is called when the app has been started. Its error says that the broker could not be.
func (b *Brokers) Started() error {
	b.unlink()
	<-b.started
	b.closeListeners()
	return b.err
}

// Lost calls f if the broker ends by itself, with what it said. It returns at once.
func (b *Brokers) Lost(f func(said string)) {
	go func() {
		if <-b.started; b.err != nil {
			return
		}
		<-b.in.Done()
		select {
		case <-b.closing:
		default:
			f(<-b.said)
		}
	}()
}

// Close ends the broker, and removes what it had outside.
func (b *Brokers) Close() {
	close(b.closing)
	<-b.started
	if b.in != nil {
		b.in.Close()
	}
	b.closeSockets()
	b.stopChannels()
	if b.card != nil {
		b.card.remove()
	}
}

func (b *Brokers) unlink() {
	for _, name := range b.names {
		unix.Unlinkat(int(b.dir.Fd()), name, 0)
	}
	b.names = nil
}

func (b *Brokers) closeListeners() {
	for _, f := range b.listen {
		f.Close()
	}
	for _, f := range append(b.with, b.watch, b.autostart.given(), b.questions.given(), b.refused[1], b.null, b.errors) {
		if f != nil {
			f.Close()
		}
	}
	b.listen, b.with = nil, nil
}

func (b *Brokers) closeSockets() {
	b.unlink()
	b.closeListeners()
	if b.dir != nil {
		unix.Unlinkat(int(b.dir.Fd()), watchName(os.Getpid()), 0)
	}
	for _, f := range []*os.File{b.dir, b.refused[0]} {
		if f != nil {
			f.Close()
		}
	}
}

// openRefused makes the pipe for what the broker refuses; its own capacity bounds what it holds.
func (b *Brokers) openRefused() error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	for i, fd := range pipe {
		b.refused[i] = os.NewFile(uintptr(fd), "what the broker refuses")
	}
	return nil
}

// Refused tells, at the app's end, what the broker has refused it. It is called once, before Close.
func (b *Brokers) Refused() portals.Refusals {
	text := make([]byte, 64<<10)
	n, err := unix.Read(int(b.refused[0].Fd()), text)
	if err != nil {
		n = 0
	}
	return portals.ParseRefusals(text[:n])
}

// openStdio makes the broker's standard files. The person's own are none of its business: a terminal
// could be read by any of them.
func (b *Brokers) openStdio() (err error) {
	if b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return err
	}
	var read *os.File
	if read, b.errors, err = os.Pipe(); err != nil {
		return err
	}
	b.said = make(chan string, 1)
	go func() {
		defer read.Close()
		text, _ := io.ReadAll(io.LimitReader(read, 4<<10))
		b.said <- string(text)
		io.Copy(io.Discard, read)
	}()
	return nil
}

// programName is the broker's file; it lies beside snug.
const programName = "snug-broker"

var errForeign = errors.New("does not belong to who owns snug, or others may write it")

// Program opens one of snug's programs, which lies beside this one (O_PATH). Somebody else's there is
// not it: a link to snug in a folder of theirs would run it else (CVE-2021-44730).
func Program(name string) (*os.File, error) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(self), name)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	var ours, its unix.Stat_t
	if err = unix.Stat("/proc/self/exe", &ours); err == nil {
		err = unix.Fstat(fd, &its)
	}
	if err == nil && (its.Mode&unix.S_IFMT != unix.S_IFREG || its.Mode&0o002 != 0 || its.Uid != ours.Uid && its.Uid != 0) {
		err = errForeign
	}
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "use", Path: path, Err: err}
	}
	return f, nil
}

// abstract reports whether a socket has a name and no file.
func abstract(socket string) bool { return strings.HasPrefix(socket, "@") }
