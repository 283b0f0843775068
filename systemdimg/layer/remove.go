package layer

import (
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes what has a name in an open folder, with all that is in it, whatever modes and depth it
// has. It follows no link and enters no other file system. That there is nothing is no error. The caller
// closes dir.
func Remove(dir *os.File, name string) error {
	p, err := parse(name, nil)
	if err != nil || name == "" || p.name != name {
		return failure("remove", name, unix.EINVAL)
	}
	if err := remove(int(dir.Fd()), name); err != nil {
		return failure("remove", name, err)
	}
	return nil
}

// remove is Remove of a name that is a single component.
func remove(dir int, name string) error {
	err := unlinkat(dir, name, 0)
	if err == unix.EISDIR {
		err = rmdir(dir, name)
	}
	switch err {
	case unix.ENOENT:
		return nil
	case unix.ENOTEMPTY, unix.EACCES:
	default:
		return err
	}
	fd, err := openToChange(dir, name)
	if err != nil {
		return err
	}
	w := &walk{open: openToChange, leave: rmdir, file: func(e *entry) error { return unlinkat(e.dir, e.name, 0) }}
	err = w.all(fd)
	unix.Close(fd)
	if err != nil {
		return err
	}
	return rmdir(dir, name)
}

func rmdir(dir int, name string) error { return unlinkat(dir, name, unix.AT_REMOVEDIR) }

// openToChange opens a folder whose owner may not have the right to. The fake root always may.
func openToChange(dir int, name string) (fd int, err error) {
	fd, err = openat(dir, name, folderFlags, 0)
	if err == unix.EACCES && chmodat(dir, name, 0o700) == nil {
		fd, err = openat(dir, name, folderFlags, 0)
	}
	var st unix.Stat_t
	if err == nil && fstat(fd, &st) == nil && st.Mode&0o700 != 0o700 {
		fchmod(fd, 0o700)
	}
	return fd, err
}
