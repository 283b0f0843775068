package homes

import (
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Import, in prose.
//
// Copies are made in .import/ID/copy, out of the app's reach, and moved into the home by one rename each
// when all are whole; if one cannot be, those before it leave the home again. Whoever interrupts it leaves a
// home without them; the next Sweep or Import throws away what is left. A name that the home has already stays
// the app's own. Then .import/ID/decided says that it was done; and so it does when the person wants no copies.
//
// Meanwhile both the home and the copy are locked (flock(2)): no Remove takes the one, no Sweep the other.
//
// No link is followed on the way to a source, in it, or in the home. Links are copied as what they are.

const (
	importing = ".import"
	copying   = "copy" // in the folder of an id there
)

// Item is a file or folder that a home gets a copy of.
type Item struct {
	Source string   // its path, without links
	Rel    string   // its place in the home
	Skip   []string // what lies below Source and is not copied
}

// Size is how many bytes there are to be copied.
func (i *Item) Size() (bytes int64, err error) {
	c := &copier{skip: i.Skip}
	add := func(e *entry) error {
		bytes += min(e.st.Size, e.st.Blocks*512)
		return nil
	}
	err = i.visit(func(_ *entry, fd int) error {
		return walk(fd, visitor{enter: c.isSkipped, file: add, unread: func(*entry, error) error { return nil }})
	}, add)
	return bytes, err
}

// visit opens what is to be copied, and tells whether it is a folder or a file.
func (i *Item) visit(folder func(e *entry, fd int) error, file func(*entry) error) error {
	slash := strings.LastIndexByte(i.Source, '/')
	dir, err := unix.Openat2(unix.AT_FDCWD, i.Source[:slash+1], &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return &os.PathError{Op: "open", Path: i.Source, Err: err}
	}
	defer unix.Close(dir)
	e := &entry{dir: dir, name: i.Source[slash+1:], path: i.Source}
	if err := unix.Fstatat(dir, e.name, &e.st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "stat", Path: i.Source, Err: err}
	}
	if e.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return file(e)
	}
	fd, err := openat(dir, e.name, unix.O_RDONLY|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return &os.PathError{Op: "open", Path: i.Source, Err: err}
	}
	defer unix.Close(fd)
	return folder(e, fd)
}

// Decided reports whether an app's home has got its copies, or the person wants none.
func (d *Dir) Decided(id string) bool {
	var st unix.Stat_t
	return d.fd >= 0 && unix.Fstatat(d.fd, importing+"/"+id+"/decided", &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// Decide notes that this is decided.
func (d *Dir) Decide(id string) error {
	dir, err := makePath(d.fd, importing+"/"+id)
	if err == nil {
		defer unix.Close(dir)
		var fd int
		if fd, err = openat2Create(dir, "decided", 0); err == nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return &os.PathError{Op: "note in", Path: d.Path(importing + "/" + id), Err: err}
	}
	return nil
}

// Holds reports whether the home of an app has something at a path below it, other than an empty folder.
func (d *Dir) Holds(id, rel string) bool {
	if d.fd < 0 {
		return false
	}
	fd, err := openat(d.fd, id+"/"+rel, unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return false // that of a link Import tells
	}
	defer unix.Close(fd)
	folder, err := openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return true
	}
	defer unix.Close(folder)
	buf := make([]byte, 4096)
	n, err := unix.Getdents(folder, buf)
	if err != nil {
		return true
	}
	_, _, names := unix.ParseDirent(buf[:n], 1, nil) // without . and ..
	return len(names) > 0
}

// Import copies items into the home of an app, which is there and in no use, and notes that. It returns
// those that the home has already, which are not touched; an empty folder counts as nothing. It tells how
// many bytes it has copied so far. After an error nothing of them is there.
func (d *Dir) Import(id string, items []Item, told func(bytes int64)) (left Left, existing []Item, err error) {
	home, err := d.open(id)
	if err != nil {
		return left, nil, err
	}
	defer unix.Close(home)
	if flock(home, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK {
		return left, nil, &os.PathError{Op: "copy into", Path: d.Path(id), Err: errUsed}
	}
	own, err := makePath(d.fd, importing+"/"+id)
	if err != nil {
		return left, nil, &os.PathError{Op: "make", Path: d.Path(importing + "/" + id), Err: err}
	}
	defer unix.Close(own)
	aside, err := d.aside(own)
	if err != nil {
		return left, nil, &os.PathError{Op: "make", Path: d.Path(importing + "/" + id + "/" + copying), Err: err}
	}
	defer unix.Close(aside)
	defer d.discard(own, copying)
	c := &copier{told: told}
	var copies []placed
	defer func() {
		for _, p := range copies {
			unix.Close(p.dir)
		}
	}()
	for i := range items {
		dir, err := d.place(home, id, items[i].Rel)
		if err == unix.EEXIST {
			existing = append(existing, items[i])
			continue
		}
		if err != nil {
			return c.left, nil, err
		}
		copies = append(copies, placed{&items[i], dir})
		if err := c.copy(&items[i], aside, strconv.Itoa(len(copies)-1)); err != nil {
			return c.left, nil, err
		}
	}
	late, err := moveIn(aside, copies)
	if err == nil {
		err = d.Decide(id)
	}
	if err != nil {
		moveOut(aside, copies)
	}
	return c.left, append(existing, late...), err
}

// placed is an item and the folder in the home where its copy belongs.
type placed struct {
	*Item
	dir int
}

// place opens the folder in a home where something gets a name. EEXIST says that the name is taken.
func (d *Dir) place(home int, id, rel string) (int, error) {
	dir, err := makePath(home, dirOf(rel))
	if err != nil {
		return -1, &os.PathError{Op: "make the folders of", Path: d.Path(id) + "/" + rel, Err: err}
	}
	unix.Unlinkat(dir, baseOf(rel), unix.AT_REMOVEDIR) // programs make empty folders at their first start
	var st unix.Stat_t
	if unix.Fstatat(dir, baseOf(rel), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		unix.Close(dir)
		return -1, unix.EEXIST
	}
	return dir, nil
}

// moveIn moves copies to their places, and returns those whose name has been taken meanwhile.
func moveIn(aside int, copies []placed) (existing []Item, err error) {
	for i, p := range copies {
		err := unix.Renameat2(aside, strconv.Itoa(i), p.dir, baseOf(p.Rel), unix.RENAME_NOREPLACE)
		if err == unix.EEXIST {
			existing = append(existing, *p.Item)
		} else if err != nil {
			return nil, &os.PathError{Op: "move into the home", Path: p.Rel, Err: err}
		}
	}
	return existing, nil
}

// moveOut takes back those that have been moved: the others have their names beside the home still.
func moveOut(aside int, copies []placed) {
	for i, p := range copies {
		var st unix.Stat_t
		if unix.Fstatat(aside, strconv.Itoa(i), &st, unix.AT_SYMLINK_NOFOLLOW) == unix.ENOENT {
			unix.Renameat(p.dir, baseOf(p.Rel), aside, strconv.Itoa(i))
		}
	}
}

func dirOf(rel string) string { return rel[:max(strings.LastIndexByte(rel, '/'), 0)] }

func baseOf(rel string) string { return rel[strings.LastIndexByte(rel, '/')+1:] }

// aside makes the empty folder where copies are made, and locks it.
func (d *Dir) aside(own int) (int, error) {
	for {
		fd, err := lockFolder(own, copying, unix.LOCK_EX)
		if err != nil {
			return -1, err
		}
		names, err := readNames(fd)
		if err == nil && len(names) == 0 {
			return fd, nil
		}
		if err == nil {
			err = d.discard(own, copying)
		}
		unix.Close(fd)
		if err != nil {
			return -1, err
		}
	}
}

// makePath opens a folder below another, and makes what is missing on the way.
func makePath(dir int, rel string) (int, error) {
	fd, err := openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY, alone)
	for name := range strings.SplitSeq(rel, "/") {
		if name == "" || err != nil {
			continue
		}
		if err = unix.Mkdirat(fd, name, 0o700); err == nil || err == unix.EEXIST {
			var next int
			if next, err = openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY, alone); err == nil {
				unix.Close(fd)
				fd = next
				continue
			}
		}
		unix.Close(fd)
	}
	return fd, err
}

// openat2Create opens a file for writing; with O_EXCL in flags, one that was not there.
func openat2Create(dir int, name string, flags int) (int, error) {
	return unix.Openat(dir, name, flags|unix.O_CREAT|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
}

// copier copies trees. What it writes to is out of the app's reach.
type copier struct {
	to    int           // the folder that is being filled
	modes []unix.Stat_t // of it and those around it: set when they are full
	skip  []string
	left  Left
	bytes int64
	told  func(bytes int64)
}

// copy copies one item to a name in a folder.
func (c *copier) copy(i *Item, aside int, name string) (err error) {
	c.skip = i.Skip
	if c.to, err = openat(aside, ".", unix.O_RDONLY|unix.O_DIRECTORY, alone); err != nil {
		return err
	}
	defer func() { unix.Close(c.to) }()
	return i.visit(func(e *entry, fd int) error {
		e.name, e.path = name, ""
		if err := c.enter(e); err != nil {
			return err
		}
		return walk(fd, visitor{enter: c.enter, file: c.file, leave: c.leave, unread: c.unread})
	}, func(e *entry) error { return c.regular(e, name) })
}

func (c *copier) isSkipped(e *entry) error {
	if e.path != "" && slices.Contains(c.skip, e.path) {
		return errSkip
	}
	return nil
}

func (c *copier) enter(e *entry) error {
	if err := c.isSkipped(e); err != nil {
		return err
	}
	if err := unix.Mkdirat(c.to, e.name, 0o700); err != nil {
		return &os.PathError{Op: "copy", Path: e.path, Err: err}
	}
	next, err := openat(c.to, e.name, unix.O_RDONLY|unix.O_DIRECTORY, alone)
	if err != nil {
		return &os.PathError{Op: "copy", Path: e.path, Err: err}
	}
	unix.Close(c.to)
	c.to = next
	c.modes = append(c.modes, e.st)
	return nil
}

func (c *copier) leave() error {
	st := &c.modes[len(c.modes)-1]
	c.modes = c.modes[:len(c.modes)-1]
	parent, err := unix.Openat(c.to, "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	finish(c.to, st)
	unix.Close(c.to)
	c.to = parent
	return nil
}

// finish gives a copy the rights and the time of its original. A set-user-ID bit does not belong in it.
func finish(fd int, st *unix.Stat_t) {
	unix.Fchmod(fd, st.Mode&0o777)
	unix.UtimesNanoAt(unix.AT_FDCWD, selfFD(fd), []unix.Timespec{st.Atim, st.Mtim}, 0)
}

// unread passes over mounts of other file systems. A folder that the person cannot read ends the copy.
func (c *copier) unread(e *entry, err error) error {
	if err == unix.EXDEV {
		c.left.Closed++
		return nil
	}
	return &os.PathError{Op: "open", Path: e.path, Err: err}
}

func (c *copier) file(e *entry) error {
	if slices.Contains(c.skip, e.path) {
		return nil
	}
	switch e.st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return c.regular(e, e.name)
	case unix.S_IFLNK:
		target, err := readlink(e)
		if err == nil {
			err = unix.Symlinkat(target, c.to, e.name)
		}
		if err != nil {
			return &os.PathError{Op: "copy", Path: e.path, Err: err}
		}
		return nil
	}
	c.left.Special++
	return nil
}

func (c *copier) regular(e *entry, name string) error {
	from, err := openFile(e, false)
	if err != nil {
		return err
	}
	defer from.Close()
	fd, err := openat2Create(c.to, name, unix.O_EXCL)
	if err != nil {
		return &os.PathError{Op: "copy", Path: e.path, Err: err}
	}
	to := os.NewFile(uintptr(fd), e.path)
	defer to.Close()
	whole := true
	for _, stored := range spans(from, &e.st) {
		n, err := c.span(to, from, stored)
		if err != nil {
			return err
		}
		whole = whole && n == stored.size
	}
	if whole {
		err = to.Truncate(e.st.Size) // it may end in a hole
	} else {
		c.left.Changed++
	}
	if err != nil {
		return err
	}
	finish(fd, &e.st)
	return nil
}

// span copies a part of a file to where it was: in smaller ones, so that the person sees it go on.
func (c *copier) span(to, from *os.File, s span) (n int64, err error) {
	if _, err := from.Seek(s.at, io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := to.Seek(s.at, io.SeekStart); err != nil {
		return 0, err
	}
	for n < s.size {
		part, err := io.CopyN(to, from, min(s.size-n, 16<<20))
		n += part
		if c.bytes += part; c.told != nil {
			c.told(c.bytes)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
