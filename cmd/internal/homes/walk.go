package homes

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// entry is a file that a walk has come to.
type entry struct {
	dir  int    // the folder that it is in
	name string // in that
	path string // below the folder where the walk began
	fd   int    // of a folder: itself
	st   unix.Stat_t
}

func (e *entry) id() fileID { return idOf(&e.st) }

// visitor is told of each file of a walk. What is nil is not told.
type visitor struct {
	force  bool // folders that are closed to their owner are opened, and closed again behind the walk
	enter  func(*entry) error
	file   func(*entry) error
	leave  func() error
	unread func(*entry, error) error // a folder that cannot be entered
}

// errSkip is what enter returns for a folder that is not to be entered.
var errSkip = errors.New("not this folder")

// level is a folder that the walk is in.
type level struct {
	id    fileID
	names []string // what is left to visit
	mode  uint32   // to be set when it is left, if the walk has changed it
	path  int      // how long its path is
}

// walker is a walk: one open folder, and the names that are left in those around it. It goes up again
// by "..", and looks whether that is where it came from: an app may have moved the folder meanwhile.
type walker struct {
	visitor
	fd     int
	levels []level
	path   []byte
}

// walk visits all that lies below an open folder, folders before what is in them. It enters no other
// file system's mount and follows no link.
func walk(top int, v visitor) error {
	fd, err := openat(top, ".", unix.O_RDONLY|unix.O_DIRECTORY, alone)
	if err != nil {
		return err
	}
	w := &walker{visitor: v, fd: fd}
	defer func() { unix.Close(w.fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := w.push(level{id: idOf(&st)}); err != nil {
		return err
	}
	for len(w.levels) > 0 {
		l := &w.levels[len(w.levels)-1]
		if len(l.names) == 0 {
			if err := w.up(); err != nil {
				return err
			}
			continue
		}
		name := l.names[len(l.names)-1]
		l.names = l.names[:len(l.names)-1]
		if err := w.visit(name); err != nil {
			return err
		}
	}
	return nil
}

// push reads the folder that w.fd is.
func (w *walker) push(l level) (err error) {
	l.path = len(w.path)
	l.names, err = readNames(w.fd)
	w.levels = append(w.levels, l)
	return err
}

// visit tells of one file, and goes down if it is a folder. What is gone by then is passed over.
func (w *walker) visit(name string) error {
	l := &w.levels[len(w.levels)-1]
	w.path = w.path[:l.path]
	if len(w.path) > 0 {
		w.path = append(w.path, '/')
	}
	w.path = append(w.path, name...)
	e := &entry{dir: w.fd, name: name, path: string(w.path), fd: -1}
	if err := unix.Fstatat(w.fd, name, &e.st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return w.passOver(e, err)
	}
	if e.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if w.file == nil {
			return nil
		}
		return w.file(e)
	}
	mode := e.st.Mode
	fd, err := openFolder(w.fd, name, w.force)
	if err != nil {
		return w.passOver(e, err)
	}
	e.fd = fd
	if err = unix.Fstat(fd, &e.st); err == nil && w.force {
		e.st.Mode = mode
	}
	if err == nil && w.enter != nil {
		err = w.enter(e)
	}
	if err != nil {
		if w.force && mode&0o700 != 0o700 {
			unix.Fchmod(fd, mode&0o7777)
		}
		unix.Close(fd)
		if err == errSkip {
			return nil
		}
		return err
	}
	unix.Close(w.fd)
	w.fd = fd
	next := level{id: e.id()}
	if w.force && mode&0o700 != 0o700 {
		next.mode = mode
	}
	return w.push(next)
}

func (w *walker) passOver(e *entry, err error) error {
	if err == unix.ENOENT || w.unread == nil {
		return nil
	}
	return w.unread(e, err)
}

// up leaves a folder.
func (w *walker) up() error {
	l := w.levels[len(w.levels)-1]
	w.levels = w.levels[:len(w.levels)-1]
	if w.leave != nil {
		if err := w.leave(); err != nil {
			return err
		}
	}
	if len(w.levels) == 0 {
		return nil
	}
	parent, err := unix.Openat(w.fd, "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if l.mode != 0 {
		unix.Fchmod(w.fd, l.mode&0o7777)
	}
	unix.Close(w.fd)
	w.fd = parent
	var st unix.Stat_t
	if err := unix.Fstat(parent, &st); err != nil {
		return err
	}
	if idOf(&st) != w.levels[len(w.levels)-1].id {
		return unix.ESTALE
	}
	return nil
}

// selfFD is a path that leads to what a descriptor is open for, whatever has its name.
func selfFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
