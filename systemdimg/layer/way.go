package layer

import (
	"strings"

	"golang.org/x/sys/unix"
)

// way is the folders from the root of a tree down to one of them, all reached by one name each from the
// one above. It can be longer than any path the kernel takes, and than a process may have descriptors: of
// a long way only the last are open. An upper one is opened again by ".." from the one below, which is
// looked at first: it must be the very folder that was there before.
//
//	root ─ a ─ b ─ … ─ y ─ z
//	open           └ open ┘
type way struct {
	levels []level
}

// level is a folder on the way.
type level struct {
	name   string
	id     fileID
	fd     int  // -1: not open now
	setgid bool // what is made in it gets its group
}

// openLevels is how many of the last folders stay open.
const openLevels = 64

// begin opens the way with its root. The caller keeps and closes dir itself; it may be O_PATH.
func (w *way) begin(dir int) error {
	fd, err := openat(dir, ".", folderFlags, 0)
	if err != nil {
		return err
	}
	_, err = w.push("", fd)
	return err
}

func (w *way) top() *level { return &w.levels[len(w.levels)-1] }

// depth is how many folders lie on the way below the root.
func (w *way) depth() int { return len(w.levels) - 1 }

// path is where the way leads to, for people.
func (w *way) path() string {
	if w.depth() == 0 {
		return "."
	}
	var names []string
	for _, l := range w.levels[1:] {
		names = append(names, l.name)
	}
	return strings.Join(names, "/")
}

// push goes down into a folder that is open. The way owns the descriptor from then on.
func (w *way) push(name string, fd int) (st unix.Stat_t, err error) {
	if err = fstat(fd, &st); err != nil {
		unix.Close(fd)
		return st, err
	}
	w.levels = append(w.levels, level{strings.Clone(name), idOf(&st), fd, st.Mode&unix.S_ISGID != 0})
	if old := len(w.levels) - 1 - openLevels; old > 0 {
		unix.Close(w.levels[old].fd)
		w.levels[old].fd = -1
	}
	return st, nil
}

// down goes into a folder of the last one.
func (w *way) down(name string) (st unix.Stat_t, err error) {
	fd, err := openat(w.top().fd, name, folderFlags, 0)
	if err != nil {
		return st, err
	}
	return w.push(name, fd)
}

// up leaves the last folder for the one that it is in.
func (w *way) up() error {
	last := w.top()
	above := &w.levels[len(w.levels)-2]
	if above.fd < 0 {
		fd, err := openParent(last.fd)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err = fstat(fd, &st); err == nil && idOf(&st) != above.id {
			err = unix.ESTALE // somebody has moved it
		}
		if err != nil {
			unix.Close(fd)
			return err
		}
		above.fd = fd
	}
	unix.Close(last.fd)
	w.levels = w.levels[:len(w.levels)-1]
	return nil
}

// close closes all that is open.
func (w *way) close() {
	for _, l := range w.levels {
		if l.fd >= 0 {
			unix.Close(l.fd)
		}
	}
	w.levels = nil
}
