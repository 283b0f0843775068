package bwrap

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// This file is what a program knows of itself and of the descriptors that it was given.

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

// What is read from a descriptor has to fit into memory, more than once.
const (
	maxWordsSize = 16 << 20
	maxData      = 256 << 20
)

// readWords reads a list of words or a filter, readAll the content of a file.
func readWords(fd int) ([]byte, error) { return readTo(fd, maxWordsSize) }
func readAll(fd int) ([]byte, error)   { return readTo(fd, maxData) }

// readTo reads a descriptor to its end, or fails behind a limit, and closes it.
func readTo(fd, limit int) ([]byte, error) {
	data := []byte(nil)
	var st unix.Stat_t
	if err := inherited(fd); err != nil {
		return nil, err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size < int64(limit) {
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
		case len(data)+n > limit:
			return nil, unix.EFBIG
		default:
			data = data[:len(data)+n]
		}
	}
}

// inherited fails for a descriptor that is not open, or this program's own: those are closed on exec,
// which one that was inherited cannot be.
func inherited(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC != 0 {
		err = unix.EBADF
	}
	return err
}

// borrow makes a file of a descriptor that the command does not get.
func borrow(fd int) (*os.File, error) {
	if err := inherited(fd); err != nil {
		return nil, err
	}
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
