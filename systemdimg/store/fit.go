package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// Flags of a mount in statfs(2), which golang.org/x/sys/unix does not have.
const (
	stReadOnly = 0x1
	stNoExec   = 0x8
)

const elsewhere = "choose a folder of a local disk: --storage DIR"

// remote names a file system whose server decides about owners, and so knows no subordinate ids; "" is none
// of these (statfs(2)).
func remote(kind int64) string {
	switch kind {
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "smb"
	case unix.CIFS_SUPER_MAGIC:
		return "cifs"
	case unix.AFS_SUPER_MAGIC:
		return "afs"
	case unix.CODA_SUPER_MAGIC:
		return "coda"
	case unix.V9FS_MAGIC:
		return "9p"
	}
	return ""
}

// fits reports whether the file system of a folder can hold layers.
func fits(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if err := judge(dir, int64(fs.Type), fs.Flags); err != nil {
		return err
	}
	probe, err := os.MkdirTemp(dir, ".probe-")
	if err != nil {
		return &Error{What: "write to " + quote(dir), Hint: elsewhere, Err: bare(err)}
	}
	defer os.Remove(probe)
	// What overlayfs marks with in a user namespace. Another overlayfs refuses just these (Linux before 6.7).
	if err := unix.Lsetxattr(probe, "user.overlay.snug", []byte("y"), 0); err != nil {
		return &Error{What: "the file system of " + quote(dir) + " takes no extended attributes of overlays", Hint: elsewhere, Err: err}
	}
	return nil
}

// judge is what the kind of a file system and the flags of its mount say. That it is mounted nosuid or nodev
// is no hindrance: an overlay has flags of its own, and devices never work in an image.
func judge(dir string, kind int64, flags int64) error {
	if name := remote(kind); name != "" {
		return &Error{What: quote(dir) + " lies on " + name + ", which cannot hold files of subordinate ids", Hint: elsewhere}
	}
	for _, f := range []struct {
		flag int64
		name string
	}{{stReadOnly, "read-only"}, {stNoExec, "noexec"}} {
		if flags&f.flag != 0 {
			return &Error{What: "the file system of " + quote(dir) + " is mounted " + f.name, Hint: elsewhere}
		}
	}
	return nil
}
