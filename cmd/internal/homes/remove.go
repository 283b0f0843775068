package homes

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Removal, in prose.
//
// A home leaves its name at once, by one rename into .trash: an app that is started from then on has
// a new one. What is in the trash is taken apart there. A folder that is not empty is not entered with
// others open around it: its own folders are first moved beside it, so that however deep a tree is, one
// descriptor is open. Whoever interrupts it leaves the rest in .trash, and the next Remove goes on with
// that.
//
// All is done by unlinkat and renameat2 with single names, which follow no link. A folder is opened
// only by openat2 without links; if one was put in its place since it was looked at, opening fails,
// and the link is removed as what it is. So who exchanges names meanwhile can only decide in which
// order what is in the trash goes.

const trash = ".trash"

// Remove removes the home of an app, or what stands in its place. It calls moved when the name is free
// again, and tells how many files it has removed so far; both may be nil.
func (d *Dir) Remove(id string, moved func(), told func(files int)) error {
	if _, err := d.Find(id); err != nil {
		return err
	}
	if home, err := openat(d.fd, id, unix.O_RDONLY|unix.O_DIRECTORY, alone); err == nil {
		defer unix.Close(home)
		if unix.Flock(home, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK {
			return &os.PathError{Op: "remove", Path: d.Path(id), Err: errors.New("an app uses it, maybe in another session")}
		}
	}
	r, err := d.openTrash()
	if err != nil {
		return err
	}
	defer unix.Close(r.trash)
	r.told = told
	if err := r.move(d.fd, id); err != nil {
		return &os.PathError{Op: "move", Path: d.Path(id), Err: err}
	}
	if imports, err := openat(d.fd, importing, unix.O_RDONLY|unix.O_DIRECTORY, alone); err == nil {
		r.move(imports, id) // what was decided was about this home
		unix.Close(imports)
	}
	if moved != nil {
		moved()
	}
	if err := r.empty(); err != nil {
		return &os.PathError{Op: "remove", Path: d.Path(trash), Err: err}
	}
	unix.Unlinkat(d.fd, trash, unix.AT_REMOVEDIR)
	return nil
}

// discard removes a file in a folder of snug's own.
func (d *Dir) discard(dir int, name string) error {
	r, err := d.openTrash()
	if err != nil {
		return err
	}
	defer unix.Close(r.trash)
	if err := r.move(dir, name); err != nil {
		return err
	}
	return r.empty()
}

func (d *Dir) openTrash() (*remover, error) {
	if err := unix.Mkdirat(d.fd, trash, 0o700); err != nil && err != unix.EEXIST {
		return nil, &os.PathError{Op: "make", Path: d.Path(trash), Err: err}
	}
	fd, err := openFolder(d.fd, trash, true)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.Path(trash), Err: err}
	}
	return &remover{trash: fd}, nil
}

// remover empties the trash.
type remover struct {
	trash   int
	next    int
	removed int
	told    func(files int)
	failed  error // the first file that could not be removed
}

// move moves a file from a folder into the trash, under a name that none has there.
func (r *remover) move(dir int, name string) error {
	permitted := false
	for {
		r.next++
		to := strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(r.next)
		err := unix.Renameat2(dir, name, r.trash, to, unix.RENAME_NOREPLACE)
		switch {
		case err == unix.EEXIST || err == unix.EINTR:
		case err == unix.EACCES && !permitted && permit(dir, name, 0o700) == nil: // to a folder its own ".." belongs
			permitted = true
		default:
			return err
		}
	}
}

// empty removes all that is in the trash, until nothing more can be.
func (r *remover) empty() error {
	for {
		names, err := readNames(r.trash)
		if err != nil || len(names) == 0 {
			return err
		}
		before, moved := r.removed, r.next
		r.failed = nil
		for _, name := range names {
			if err := r.remove(name); err != nil && r.failed == nil {
				r.failed = err
			}
		}
		if r.failed != nil && before == r.removed && moved == r.next {
			return r.failed
		}
	}
}

// unlink removes a file or an empty folder. One may become the other in between.
func (r *remover) unlink(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	for tries := 0; tries < 1000 && (err == unix.EISDIR || err == unix.ENOTDIR); tries++ {
		flags := 0
		if err == unix.EISDIR {
			flags = unix.AT_REMOVEDIR
		}
		err = unix.Unlinkat(dir, name, flags)
	}
	switch err {
	case nil:
		if r.removed++; r.told != nil {
			r.told(r.removed)
		}
	case unix.ENOENT:
		err = nil
	}
	return err
}

// remove removes what has a name in the trash. The folders in a folder become names there.
func (r *remover) remove(name string) error {
	if err := r.unlink(r.trash, name); err != unix.ENOTEMPTY {
		return err
	}
	fd, err := openFolder(r.trash, name, true)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	names, err := readNames(fd)
	for _, inner := range names {
		err := r.unlink(fd, inner)
		if err == unix.ENOTEMPTY {
			err = r.move(fd, inner)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) && r.failed == nil {
			r.failed = err
		}
	}
	if err != nil {
		return err
	}
	return r.unlink(r.trash, name)
}
