package bwrap

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// failed is the exit status of every failure that is not the command's own.
const failed = 1

// Main does what a program with this command line does, and gives its exit status. argv[0] is how it
// was called.
func Main(argv []string, stdout, stderr io.Writer) int {
	name, words := "bwrap", []string(nil)
	if len(argv) > 0 {
		name, words = argv[0], argv[1:]
	}
	if unix.Getuid() != unix.Geteuid() || unix.Getgid() != unix.Getegid() {
		io.WriteString(stderr, "bwrap: setuid is not supported, and not needed: remove the set-user-ID bit of this program\n")
		return failed
	}
	l, err := Parse(words, os.Environ(), readAll)
	if l != nil {
		for _, w := range l.Warnings {
			io.WriteString(stderr, l.lines(levelWarning, w, ""))
		}
	}
	switch {
	case err != nil:
	case l.Help:
		io.WriteString(stdout, usage(name))
		return 0
	case l.Version:
		io.WriteString(stdout, "bubblewrap "+dialect+"\n")
		return 0
	case len(l.args) == 0:
		err = errUsage
	default:
		var status int
		if status, err = l.run(); err == nil {
			return status
		}
	}
	if err == errUsage {
		io.WriteString(stderr, usage(name))
		return failed
	}
	text, hint := err.Error(), ""
	if e := (*Error)(nil); errors.As(err, &e) {
		hint = e.Hint
	}
	io.WriteString(stderr, l.lines(levelError, text, hint))
	return failed
}

// run makes the sandbox, waits for its command, and gives the status of that.
func (l *Line) run() (status int, err error) {
	h, err := sandbox.Probe()
	if err != nil {
		return 0, err
	}
	inheritSignals(h.Caller)
	c, err := caller()
	if err != nil {
		return 0, err
	}
	s, err := l.Spec(&h, c)
	if err != nil {
		return 0, err
	}
	if err := explainTo(l, s); err != nil {
		return 0, err
	}
	reports := l.reports(s)
	if l.dieWithParent {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return 0, dieWith("prctl", err)
		}
	}
	p, err := sandbox.Compile(s, &h, sandbox.Look(s))
	if err != nil {
		return 0, l.explain(err)
	}
	ws, err := sandbox.Supervise(p, func(*sandbox.Instance) error {
		closeInherited()
		return nil
	})
	if err != nil {
		return 0, l.explain(err)
	}
	status = ws.ExitStatus()
	if ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	reports.exit(status)
	return status, nil
}

// caller is this process.
func caller() (*Caller, error) {
	dir, err := os.Getwd() // $PWD, if that is it
	if err != nil {
		dir = "" // it is gone
	}
	umask := unix.Umask(0o077)
	unix.Umask(umask)
	return &Caller{
		Dir: dir, Umask: uint32(umask), Terminal: terminal, Caps: effective,
		NoUsers: noUsers, NoCgroups: func() bool { return unix.Access("/proc/self/ns/cgroup", unix.F_OK) != nil },
		Read: readAll, File: borrow, Identify: identify,
		Find: realPath,
	}, nil
}

// noUsers reports whether the kernel is told to make no user namespaces. As with bubblewrap, a
// limit that is not 0 counts as permission.
func noUsers() bool {
	if unix.Access("/proc/self/ns/user", unix.F_OK) != nil {
		return true
	}
	limit, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	return err == nil && string(limit) == "0\n"
}

// terminal is the path of the terminal on standard output, which the app can write to anyway.
func terminal() string {
	if _, err := unix.IoctlGetTermios(1, unix.TCGETS); err != nil {
		return ""
	}
	path, err := os.Readlink("/proc/self/fd/1")
	var here, there unix.Stat_t
	if err != nil || unix.Fstat(1, &there) != nil || unix.Stat(path, &here) != nil || here.Rdev != there.Rdev || here.Ino != there.Ino {
		return ""
	}
	return path
}

// maxData bounds what is read from a descriptor: it has to fit into memory.
const maxData = 1 << 30

// readAll reads a descriptor to its end and closes it.
func readAll(fd int) ([]byte, error) {
	data := []byte(nil)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size < maxData {
		data = make([]byte, 0, st.Size+1)
	}
	defer unix.Close(fd)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return data, nil
		case len(data)+n > maxData:
			return nil, unix.EFBIG
		default:
			data = data[:len(data)+n]
		}
	}
}

// borrow makes a file of a descriptor that the command does not get.
func borrow(fd int) (*os.File, error) {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "fd "+strconv.Itoa(fd)), nil
}

// identify gives the path and the identity of what a descriptor refers to. The path may have become
// another file's; then the engine finds that it is not the same.
func identify(fd int) (string, sandbox.FileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", sandbox.FileID{}, unix.ENOENT // as realpath(3) of /proc/self/fd would say
	}
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	}
	return path, sandbox.FileID{Dev: st.Dev, Ino: st.Ino}, err
}

// realPath is what Caller.Find does.
func realPath(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err == nil && !strings.HasPrefix(real, "/") {
		real = ""
	}
	return real, err
}

// closeInherited closes what the command has now: who waits for the other end of a pipe to be closed
// waits for the command alone. What is this program's own is closed on exec; the rest was inherited.
func closeInherited() {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, n := range names {
		fd, err := strconv.Atoi(n.Name())
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
}
