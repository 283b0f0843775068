// Package homes looks after the kept homes of apps: it lists, measures, exports and removes them.
//
// The one default call is [Open], then [Dir.Sweep] and [Dir.List], [Dir.Size], [Dir.Export], [Dir.Import] or
// [Dir.Remove].
//
//	$XDG_DATA_HOME/snug/home/ID        the home of an app
//	$XDG_DATA_HOME/snug/home/.trash    homes that are being removed
//	$XDG_DATA_HOME/snug/home/.import   what was decided about copies of the person's files, and copies in progress
//
// No id begins with a dot, so no app ever sees those folders.
//
// What is in a home was made by an app, which may want to lead its remover out of it. So nothing in
// one is named by a path: each file is named by the descriptor of its folder and one name, no link is
// followed, no mount is entered (openat2(2), RESOLVE_NO_XDEV), and what is nested however deep takes no
// more descriptors and no recursion. The package does not know which apps run: the caller does, and
// keeps them from starting. An app that runs all the same can keep files from being found, no more.
package homes

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the folder of kept homes.
type Dir struct {
	path string
	fd   int // -1: there is none yet
}

// Open opens the folder of homes below $XDG_DATA_HOME. That it is missing is no error: then there are
// no homes. The caller closes the Dir.
func Open(data string) (*Dir, error) {
	d := &Dir{path: data + "/snug/home", fd: -1}
	fd, err := unix.Open(data, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		d.fd, err = openat(fd, "snug/home", unix.O_RDONLY|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
		unix.Close(fd)
	}
	if err != nil && err != unix.ENOENT {
		return nil, &os.PathError{Op: "open", Path: d.path, Err: err}
	}
	return d, nil
}

// Close closes its descriptor.
func (d *Dir) Close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
		d.fd = -1
	}
}

// Path is where the home of an app is.
func (d *Dir) Path(id string) string { return d.path + "/" + id }

// Home is what stands under the name of an app.
type Home struct {
	ID     string
	Folder bool      // else something in the place of one, such as a link
	Used   time.Time // when it was last started with, as far as the app has left that alone
}

// List gives all homes by name.
func (d *Dir) List() (list []Home, err error) {
	if d.fd < 0 {
		return nil, nil
	}
	names, err := readNames(d.fd)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: d.path, Err: err}
	}
	slices.Sort(names)
	for _, name := range names {
		if h, err := d.Find(name); err == nil {
			list = append(list, *h)
		}
	}
	return list, nil
}

// Find looks at one. fs.ErrNotExist says that there is none.
func (d *Dir) Find(id string) (*Home, error) {
	if d.fd < 0 || id == "" || strings.HasPrefix(id, ".") || strings.Contains(id, "/") {
		return nil, os.ErrNotExist
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, id, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, &os.PathError{Op: "stat", Path: d.Path(id), Err: err}
	}
	return &Home{id, st.Mode&unix.S_IFMT == unix.S_IFDIR, time.Unix(st.Mtim.Unix())}, nil
}

// open opens the home of an app.
func (d *Dir) open(id string) (int, error) {
	if _, err := d.Find(id); err != nil {
		return -1, err
	}
	fd, err := openFolder(d.fd, id, true)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: d.Path(id), Err: err}
	}
	return fd, nil
}

// Use notes that a home is used now, and keeps Remove from it as long as this process lives: the account of
// instances is the session's, and another session has another. An app that has locked its home itself goes
// without.
func Use(path string) {
	unix.UtimesNanoAt(unix.AT_FDCWD, path, nil, unix.AT_SYMLINK_NOFOLLOW)
	if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err == nil {
		unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB)
	}
}

// Size is how many bytes the files of a home take on the disk. One with several names counts once.
func (d *Dir) Size(id string) (int64, error) {
	fd, err := d.open(id)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return size(fd)
}

func size(fd int) (bytes int64, err error) {
	seen := map[fileID]bool{}
	count := func(e *entry) error {
		if e.st.Nlink > 1 && e.st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if seen[e.id()] {
				return nil
			}
			seen[e.id()] = true
		}
		bytes += e.st.Blocks * 512
		return nil
	}
	err = walk(fd, visitor{enter: count, file: count, unread: func(*entry, error) error { return nil }})
	return bytes, err
}

// fileID tells a file from all others.
type fileID struct{ dev, ino uint64 }

func idOf(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), st.Ino} }

// openat opens a file below a folder; nothing on the way or at the end leads out of it.
func openat(dir int, name string, flags uint64, resolve uint64) (int, error) {
	for {
		fd, err := unix.Openat2(dir, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve | unix.RESOLVE_BENEATH})
		if err != unix.EINTR && err != unix.EAGAIN { // openat2(2): EAGAIN, a rename somewhere in the way
			return fd, err
		}
	}
}

const alone = unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV

// openFolder opens a folder by its name. With force it first gives its owner the right to, and to
// change it.
func openFolder(dir int, name string, force bool) (fd int, err error) {
	fd, err = openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, alone)
	if err == unix.EACCES && force && permit(dir, name, 0o700) == nil {
		fd, err = openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, alone)
	}
	var st unix.Stat_t
	if err == nil && force && unix.Fstat(fd, &st) == nil && st.Mode&0o700 != 0o700 {
		unix.Fchmod(fd, st.Mode&0o7777|0o700)
	}
	return fd, err
}

// permit gives the owner of a file or folder rights over it. What the mode is changed of is what was
// opened, and never what a link leads to.
func permit(dir int, name string, rights uint32) error {
	fd, err := openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW, alone)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		return unix.EACCES
	}
	return unix.Chmod(selfFD(fd), st.Mode&0o7777|rights)
}

// readNames reads the names in an open folder from its beginning.
func readNames(fd int) (names []string, err error) {
	again, err := openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, alone)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), "folder")
	defer f.Close()
	names, err = f.Readdirnames(-1)
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return names, err
}
