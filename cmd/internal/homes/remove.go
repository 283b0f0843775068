package homes

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Removal, in prose.
//
// A home leaves its name at once, by one rename into .trash: an app that is started from then on has
// a new one. What is in the trash is taken apart there. A folder that is not empty is not entered with
// others open around it: its own folders are first moved beside it, so that however deep a tree is, one
// descriptor is open. Whoever interrupts it leaves the rest in .trash, and the next Remove or Sweep goes on
// with that.
//
// Who is at the trash shares its lock (flock(2)), and who can have it alone may remove the folder. A copy that
// is being made is locked by who makes it (see Import): one that nobody holds is waste.
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
			return &os.PathError{Op: "remove", Path: d.Path(id), Err: errUsed}
		}
	}
	r, err := d.openTrash()
	if err != nil {
		return err
	}
	defer d.closeTrash(r)
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
	return nil
}

var errUsed = errors.New("an app uses it, maybe in another session")

// Sweep removes what a Remove or an Import that was interrupted has left, and tells how many files it has
// removed so far; told may be nil. What another process is at is left to that.
func (d *Dir) Sweep(told func(files int)) {
	if d.fd < 0 {
		return
	}
	d.sweepCopies()
	fd, err := openFolder(d.fd, trash, true)
	if err != nil {
		return
	}
	if flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		unix.Close(fd)
		return
	}
	flock(fd, unix.LOCK_SH) // a Remove does not wait for the end of this
	r := &remover{trash: fd, told: told}
	r.empty() // what does not go the next Remove tells of
	d.closeTrash(r)
}

// sweepCopies moves what is left of copies into the trash.
func (d *Dir) sweepCopies() {
	imports, err := openat(d.fd, importing, unix.O_RDONLY|unix.O_DIRECTORY, alone)
	if err != nil {
		return
	}
	defer unix.Close(imports)
	ids, _ := readNames(imports)
	for _, id := range ids {
		if fd, err := openat(imports, id+"/"+copying, unix.O_RDONLY|unix.O_DIRECTORY, alone); err == nil {
			if flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil {
				d.throw(imports, id+"/"+copying)
			}
			unix.Close(fd)
		}
	}
}

// throw moves a file in a folder of snug's own into the trash.
func (d *Dir) throw(dir int, name string) error {
	r, err := d.openTrash()
	if err == nil {
		err = r.move(dir, name)
		d.closeTrash(r)
	}
	return err
}

// discard removes a file in a folder of snug's own.
func (d *Dir) discard(dir int, name string) error {
	r, err := d.openTrash()
	if err != nil {
		return err
	}
	defer d.closeTrash(r)
	if err := r.move(dir, name); err != nil {
		return err
	}
	return r.empty()
}

func (d *Dir) openTrash() (*remover, error) {
	fd, err := lockFolder(d.fd, trash, unix.LOCK_SH)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.Path(trash), Err: err}
	}
	return &remover{trash: fd}, nil
}

// closeTrash also removes the trash, if it is empty and nobody else is at it.
func (d *Dir) closeTrash(r *remover) {
	if flock(r.trash, unix.LOCK_EX|unix.LOCK_NB) == nil && hasName(r.trash, d.fd, trash) {
		unix.Unlinkat(d.fd, trash, unix.AT_REMOVEDIR)
	}
	unix.Close(r.trash)
}

// lockFolder makes a folder of snug's own if it is missing, and waits for its lock. Who moves or removes one
// holds that alone, so who has got it looks whether the folder has its name still.
func lockFolder(dir int, name string, how int) (int, error) {
	for {
		if err := unix.Mkdirat(dir, name, 0o700); err != nil && err != unix.EEXIST {
			return -1, err
		}
		fd, err := openFolder(dir, name, true)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return -1, err
		}
		if err := flock(fd, how); err != nil {
			unix.Close(fd)
			return -1, err
		}
		if hasName(fd, dir, name) {
			return fd, nil
		}
		unix.Close(fd)
	}
}

func flock(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
	}
}

// hasName reports whether a name in a folder is that of an open file.
func hasName(fd, dir int, name string) bool {
	var open, named unix.Stat_t
	return unix.Fstat(fd, &open) == nil && unix.Fstatat(dir, name, &named, unix.AT_SYMLINK_NOFOLLOW) == nil && idOf(&open) == idOf(&named)
}

// remover empties the trash.
type remover struct {
	trash   int
	moved   int
	removed int
	told    func(files int)
	failed  error // the first file that could not be removed
}

// move moves a file from a folder into the trash, under a name that none has there, or has had: another may
// look for that still.
func (r *remover) move(dir int, name string) error {
	permitted := false
	for {
		r.moved++
		to := strconv.FormatInt(time.Now().UnixNano(), 36)
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
		before, moved := r.removed, r.moved
		r.failed = nil
		for _, name := range names {
			if err := r.remove(name); err != nil && err != unix.ENOENT && r.failed == nil { // another may be at it
				r.failed = err
			}
		}
		if r.failed != nil && before == r.removed && moved == r.moved {
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
