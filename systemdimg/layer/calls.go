package layer

import (
	"golang.org/x/sys/unix"
)

// The system calls, with EINTR looked after here and nowhere else: they return when they are done. Names
// are single components, except for openat.

// below is what a name may not do: leave the folder, pass a link, or enter another file system.
const below = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

const folderFlags = unix.O_RDONLY | unix.O_DIRECTORY

// again makes a call until no signal has kept it from its work.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func openat(dir int, name string, flags uint64, mode uint32) (fd int, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Mode: uint64(mode), Resolve: below}
	for {
		fd, err = unix.Openat2(dir, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN { // EAGAIN: a rename somewhere, openat2(2)
			return fd, err
		}
	}
}

// openParent opens the folder that an open one is in. It may be any by now: the caller looks which.
func openParent(dir int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(dir, "..", folderFlags|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

func fstat(fd int, st *unix.Stat_t) error {
	return again(func() error { return unix.Fstat(fd, st) })
}

func lstatat(dir int, name string, st *unix.Stat_t) error {
	return again(func() error { return unix.Fstatat(dir, name, st, unix.AT_SYMLINK_NOFOLLOW) })
}

func mkdirat(dir int, name string) error {
	return again(func() error { return unix.Mkdirat(dir, name, 0o700) })
}

func mknodat(dir int, name string, mode uint32) error {
	return again(func() error { return unix.Mknodat(dir, name, mode, 0) })
}

func symlinkat(target string, dir int, name string) error {
	return again(func() error { return unix.Symlinkat(target, dir, name) })
}

// linkat gives a file another name. Of a symbolic link it is that which gets one: flags are 0.
func linkat(from int, old string, to int, name string) error {
	return again(func() error { return unix.Linkat(from, old, to, name, 0) })
}

func unlinkat(dir int, name string, flags int) error {
	return again(func() error { return unix.Unlinkat(dir, name, flags) })
}

func readlinkat(dir int, name string) (target string, err error) {
	buf := make([]byte, unix.PathMax)
	var n int
	err = again(func() error {
		n, err = unix.Readlinkat(dir, name, buf)
		return err
	})
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// lchownat gives a link to its owner.
func lchownat(dir int, name string, uid, gid int) error {
	return again(func() error { return unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
}

func fchown(fd, uid, gid int) error {
	return again(func() error { return unix.Fchown(fd, uid, gid) })
}

func fchmod(fd int, mode uint32) error {
	return again(func() error { return unix.Fchmod(fd, mode) })
}

// chmodat changes the mode of what is no link. Before Linux 6.6 (fchmodat2) it cannot.
func chmodat(dir int, name string, mode uint32) error {
	return again(func() error { return unix.Fchmodat(dir, name, mode, unix.AT_SYMLINK_NOFOLLOW) })
}

// touch sets the time of the last change, and leaves that of the last access: of an open file, or with a
// name of the file or link in an open folder.
func touch(fd int, name string, mtime unix.Timespec) error {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}
	return again(func() error { return unix.UtimesNanoAt(fd, name, times, flags) })
}

// pwrite writes all of a part of a file.
func pwrite(fd int, p []byte, offset int64) error {
	for len(p) > 0 {
		n, err := unix.Pwrite(fd, p, offset)
		if err != nil && err != unix.EINTR {
			return err
		}
		p, offset = p[max(n, 0):], offset+int64(max(n, 0))
	}
	return nil
}

func read(fd int, p []byte) (n int, err error) {
	err = again(func() error {
		n, err = unix.Read(fd, p)
		return err
	})
	return n, err
}

func ftruncate(fd int, size int64) error {
	return again(func() error { return unix.Ftruncate(fd, size) })
}

func fsetxattr(fd int, name string, value []byte) error {
	return again(func() error { return unix.Fsetxattr(fd, name, value, 0) })
}

// fgetxattr reads an attribute. Linux has none beyond 64 KiB.
func fgetxattr(fd int, name string, buf []byte) (value []byte, err error) {
	var n int
	err = again(func() error {
		n, err = unix.Fgetxattr(fd, name, buf)
		return err
	})
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func flistxattr(fd int, buf []byte) (list []byte, err error) {
	var n int
	err = again(func() error {
		n, err = unix.Flistxattr(fd, buf)
		return err
	})
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func getdents(fd int, buf []byte) (n int, err error) {
	err = again(func() error {
		n, err = unix.Getdents(fd, buf)
		return err
	})
	return n, err
}

// fileID tells a file from all others.
type fileID struct{ dev, ino uint64 }

func idOf(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), st.Ino} }
