package layer

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// attributes are what a file has besides its contents.
type attributes struct {
	uid, gid int
	mode     uint32 // with set-user-ID, set-group-ID and sticky
	mtime    unix.Timespec
	timed    bool // mtime is known
	xattrs   []xattr
}

// implied are those of a folder that the archive does not have itself.
func implied() *attributes { return &attributes{mode: 0o755} }

const noteXattrUnset = "%d extended attributes are more than the file system takes"

func (u *unpacker) attributes(h *tar.Header) attributes {
	a := attributes{uid: h.Uid, gid: h.Gid, mode: uint32(h.Mode) & 0o7777, timed: true,
		mtime: unix.Timespec{Sec: h.ModTime.Unix(), Nsec: int64(h.ModTime.Nanosecond())}}
	if len(h.PAXRecords) > 0 {
		a.xattrs = xattrs(h.PAXRecords, func(text string) { u.notes.add(text, h.Name) })
	}
	return a
}

// apply gives an open file or folder its attributes, with as few calls as that takes. The order matters:
// a change of the owner clears set-user-ID and capabilities (chown(2)), an access list changes the mode.
func (u *unpacker) apply(fd int, a *attributes, path string) error {
	var st unix.Stat_t
	if err := fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	changed := false
	if int(st.Uid) != a.uid || int(st.Gid) != a.gid {
		if err := fchown(fd, a.uid, a.gid); err != nil {
			return ownerFailure(a, err)
		}
		changed = a.mode&0o7000 != 0
	}
	for _, x := range a.xattrs {
		if err := fsetxattr(fd, x.name, []byte(x.value)); err != nil {
			if !refused(err) {
				return fmt.Errorf("set %s: %w", x.name, err)
			}
			u.notes.add(noteXattrUnset, path)
		}
		changed = changed || x.name == xattrAccess
	}
	if changed || st.Mode&0o7777 != a.mode {
		if err := fchmod(fd, a.mode); err != nil {
			return fmt.Errorf("set the mode: %w", err)
		}
	}
	if a.timed {
		if err := touch(fd, "", a.mtime); err != nil {
			return fmt.Errorf("set the time: %w", err)
		}
	}
	return nil
}

// refused reports whether an attribute is one that this file cannot have here, for what it is or for its
// size.
func refused(err error) bool {
	return errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.E2BIG) ||
		errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ERANGE) || errors.Is(err, unix.EINVAL)
}

// absent is the error of reading an attribute, unless it says that there is none.
func absent(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return err
}

// ownerFailure says what EINVAL means: the kernel knows no such id in this user namespace.
func ownerFailure(a *attributes, err error) error {
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("owner and group %d:%d are not both among the ids that are mapped here, see user_namespaces(7)", a.uid, a.gid)
	}
	return fmt.Errorf("set the owner: %w", err)
}
