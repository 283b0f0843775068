package layer

import (
	"slices"

	"golang.org/x/sys/unix"
)

// entry is a file or folder that a walk has come to.
type entry struct {
	dir  int    // the open folder that it is in
	name string // there
	fd   int    // of a folder: itself, open
	path string // from the root of the walk
	st   unix.Stat_t
}

// walk visits all that lies below a folder, sorted by name. It enters no other file system and follows
// no link. What is nil is not told.
type walk struct {
	way   way
	left  [][]string // of each folder on the way the names that are still to be visited, last first
	path  []byte     // of the folder that the way leads to, with a slash at its end
	buf   []byte
	open  func(dir int, name string) (fd int, err error) // opens a folder
	enter func(*entry) (bool, error)                     // reports whether to go into a folder
	leave func(dir int, name string) error               // is told of a folder when it is done with
	file  func(*entry) error
}

// all walks below an open folder.
func (w *walk) all(root int) error {
	w.buf = make([]byte, 32<<10)
	if err := w.way.begin(root); err != nil {
		return err
	}
	defer w.way.close()
	if err := w.list(); err != nil {
		return err
	}
	for {
		names := &w.left[len(w.left)-1]
		if len(*names) == 0 && w.way.depth() == 0 {
			return nil
		}
		if len(*names) == 0 {
			if err := w.up(); err != nil {
				return err
			}
			continue
		}
		name := (*names)[len(*names)-1]
		*names = (*names)[:len(*names)-1]
		if err := w.visit(name); err != nil {
			return err
		}
	}
}

// list reads the names in the folder that the way leads to.
func (w *walk) list() error {
	var names []string
	for {
		n, err := getdents(w.way.top().fd, w.buf)
		if err != nil {
			return failure("read", string(w.path), err)
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(w.buf[:n], -1, names)
	}
	slices.Sort(names)
	slices.Reverse(names)
	w.left = append(w.left, names)
	return nil
}

func (w *walk) visit(name string) error {
	dir := w.way.top().fd
	e := &entry{dir: dir, name: name, fd: -1, path: string(w.path) + name}
	switch err := lstatat(dir, name, &e.st); {
	case err == unix.ENOENT:
		return nil // overlayfs lists whiteouts in folders that only one layer has
	case err != nil:
		return failure("stat", e.path, err)
	}
	if e.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return w.file(e)
	}
	var err error
	if e.fd, err = w.open(dir, name); err != nil {
		return failure("open", e.path, err)
	}
	if w.enter != nil {
		if into, err := w.enter(e); !into || err != nil {
			unix.Close(e.fd)
			return err
		}
	}
	if _, err := w.way.push(name, e.fd); err != nil {
		return failure("open", e.path, err)
	}
	w.path = append(append(w.path, name...), '/')
	return w.list()
}

func (w *walk) up() error {
	name := w.way.top().name
	if err := w.way.up(); err != nil {
		return failure("leave", string(w.path), err)
	}
	w.left = w.left[:len(w.left)-1]
	w.path = w.path[:len(w.path)-len(name)-1]
	if w.leave == nil {
		return nil
	}
	return w.leave(w.way.top().fd, name)
}
