package boot

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
)

// What fuse-overlayfs leaves among changes to say that something below is gone differs from the kernel's marks:
// where it cannot make a device, the empty file .wh.NAME, and in a folder of which nothing below counts
// .wh..wh..opq, .wh..opq and an attribute of its own. All else that reads changes knows the kernel's alone. So when
// a system has ended whose root was served, its keeper makes these of those. The changes say with a file of their
// own that it is to be done; if the keeper was killed, too, the next boot does it.

// servedName is that file, beside the folders of the changes.
const servedName = "served"

// mark notes that the changes are about to be made by fuse-overlayfs.
func (c *Changes) mark() error {
	return os.WriteFile(filepath.Join(c.path, servedName), nil, 0o600)
}

// settle makes the marks of changes the kernel's, if they were made by fuse-overlayfs.
func settle(changes string) error {
	note := filepath.Join(changes, servedName)
	if _, err := os.Lstat(note); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	root, err := os.OpenRoot(filepath.Join(changes, "upper"))
	if err != nil {
		return err
	}
	defer root.Close()
	for left := []string{"."}; len(left) > 0; {
		name := left[len(left)-1]
		below, err := settleFolder(root, name)
		if err != nil {
			return err
		}
		left = append(left[:len(left)-1], below...)
	}
	return os.Remove(note)
}

const (
	servedOpaque = "user.fuseoverlayfs.opaque"
	kernelOpaque = "user.overlay.opaque"

	maxSettled = 4096 // bytes of a path: fuse-overlayfs reaches none that is longer, and so leaves no marks there
	batch      = 1024 // files that are looked at together, as a system may make any number
)

// settleFolder sees to what stands in a folder, and gives the folders in it. Nobody else changes it meanwhile.
func settleFolder(root *os.Root, name string) (below []string, err error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var value [1]byte
	if n, err := unix.Fgetxattr(int(dir.Fd()), servedOpaque, value[:]); err == nil && n == 1 && value[0] == 'y' {
		if err := opaque(dir); err != nil {
			return nil, err
		}
	}
	var marks []string // not changed while the folder is read: some would be missed
	for err == nil {
		var entries []fs.DirEntry
		entries, err = dir.ReadDir(batch)
		for _, e := range entries {
			path := filepath.Join(name, e.Name())
			switch {
			case e.IsDir() && len(path) < maxSettled:
				below = append(below, path)
			case !e.IsDir() && strings.HasPrefix(e.Name(), ".wh."):
				marks = append(marks, e.Name())
			}
		}
	}
	if err != io.EOF {
		return nil, err
	}
	for _, mark := range marks {
		if err := settleMark(dir, mark); err != nil {
			return nil, &fs.PathError{Op: "mark", Path: filepath.Join(name, mark), Err: err}
		}
	}
	return below, nil
}

func opaque(dir *os.File) error {
	return os.NewSyscallError("fsetxattr", unix.Fsetxattr(int(dir.Fd()), kernelOpaque, []byte("y"), 0))
}

// settleMark makes a mark of what a file .wh.NAME says, and removes it.
func settleMark(dir *os.File, name string) (err error) {
	gone := strings.TrimPrefix(name, ".wh.")
	switch gone {
	case ".wh..opq", ".opq":
		err = opaque(dir)
	case "", ".", "..":
	default:
		err = unix.Mknodat(int(dir.Fd()), gone, unix.S_IFCHR, 0)
		if err == unix.EEXIST { // it was made anew
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return unix.Unlinkat(int(dir.Fd()), name, 0)
}

// settleNow does it for changes that a keeper who was killed has left so.
func (c *Changes) settleNow(users sandbox.Users) error {
	if _, err := os.Lstat(filepath.Join(c.path, servedName)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	k, err := startKeeper(users, noGroup, []string{settleWord + c.path}, nil)
	if err != nil {
		return err
	}
	return k.finish()
}

// TryVerb is the first word by which a program of snug looks at what files can be in a folder, and calls Try.
const TryVerb = "__try"

// lacks are what changes need of their file system, in the order in which Try looks; last, it does for access lists.
func lacks() []string {
	return []string{"files of subordinate ids", "set-user-ID bits", "file capabilities", "marks for what is gone"}
}

// tryChanges tries whether a folder can hold what the kernel's overlay would keep. Access lists, which many file
// systems do not know, may lack.
func tryChanges(users sandbox.Users, folder string) (lists bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer null.Close()
	other := "0"
	if len(users.UIDs) > 0 {
		other = "1"
	}
	shared := sandbox.Namespace{Shared: true}
	rights := caps.DACOverride | caps.Chown | caps.Fowner | caps.Fsetid | caps.Setfcap
	in, err := sandbox.Run(&sandbox.Spec{
		Users: users, Mount: shared, PID: shared, IPC: shared, UTS: shared, Net: shared, Cgroup: shared,
		Process: sandbox.Process{
			Argv: []string{"snug", TryVerb, folder, other}, Programs: []string{self}, Env: []string{"GOMAXPROCS=1"},
			Files:        []sandbox.File{{Number: 0, Source: null}, {Number: 1, Source: null}, {Number: 2, Source: null}},
			Capabilities: caps.Sets{Bounding: rights, Permitted: rights, Effective: rights, Inheritable: rights, Ambient: rights},
			Rlimits:      []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}},
		},
	})
	if err != nil {
		return false, err
	}
	defer in.Close()
	what := "files"
	switch n := in.Wait().ExitStatus() - tryFirst; {
	case n == -tryFirst:
		return true, nil
	case n == len(lacks()):
		return false, nil
	case n >= 0 && n < len(lacks()):
		what = lacks()[n]
	}
	return false, &sandbox.Error{What: "the file system of " + strconv.Quote(folder) + " keeps no " + what + ", and the kernel makes no overlay there",
		Hint: "keep changes on ext4, xfs or btrfs: --storage DIR; or throw them away: --ephemeral"}
}

// tryFirst is the exit status of Try for the first of what may lack.
const tryFirst = 10

// Try is that program. It gives an exit status.
func Try(args []string) int {
	if len(args) != 2 {
		return 2
	}
	other, err := strconv.Atoi(args[1]) // an id that the system has
	if err != nil {
		return 2
	}
	dir, err := os.MkdirTemp(args[0], "try-")
	if err != nil {
		return 1
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "file")
	if os.WriteFile(file, nil, 0o600) != nil {
		return 1
	}
	var st unix.Stat_t
	netRaw := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 19: 0} // struct vfs_cap_data, version 2: CAP_NET_RAW
	for i, works := range []func() bool{
		func() bool {
			return unix.Lchown(file, other, other) == nil && unix.Lstat(file, &st) == nil && st.Uid == uint32(other) && st.Gid == uint32(other)
		},
		func() bool {
			return unix.Chmod(file, 0o6755) == nil && unix.Lstat(file, &st) == nil && st.Mode&0o7777 == 0o6755
		},
		func() bool { return unix.Lsetxattr(file, "security.capability", netRaw, 0) == nil },
		func() bool { return unix.Mknod(filepath.Join(dir, "gone"), unix.S_IFCHR, 0) == nil },
		func() bool {
			return unix.Lsetxattr(file, "system.posix_acl_access", list(other), 0) == nil && unix.Lstat(file, &st) == nil && st.Mode&0o777 == 0o640
		},
	} {
		if !works() {
			return tryFirst + i
		}
	}
	return 0
}

// list is an access list as the kernel takes it (struct posix_acl_xattr_header, version 2): u::rw-, u:ID:r--, g::---,
// m::r--, o::---. Of its mask the file's mode gets the bits of the group.
func list(id int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]int{{1, 6, -1}, {2, 4, id}, {4, 0, -1}, {0x10, 4, -1}, {0x20, 0, -1}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, uint32(e[2]))
	}
	return b
}
