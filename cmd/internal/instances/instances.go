// Package instances keeps the account of running sandboxes, one small file each.
//
// The one default call is [Open], then [Dir.Claim] by whoever starts a sandbox and [Dir.List] or
// [Dir.Find] by everybody else.
//
//	$XDG_RUNTIME_DIR/snug/NAME    locked (flock(2)) by its supervisor for as long as it lives
//
// The lock is the truth: the kernel drops it when the supervisor dies, whatever the cause, and a
// file without a lock is stale and removed by the next who sees it. A file appears under its name
// complete and locked (link(2)), so there is no moment at which a living instance looks stale.
//
// Behind the record the same file holds the ledger of what was granted while the instance ran (see
// Ledger), so that who removes a stale file knows what else to remove.
//
// The folder must be the user's own and closed to others; the package refuses to use one that is
// not. It does not trust what a file says about a process: [sandbox.State] compares start times.
package instances

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the folder of the account.
type Dir struct{ path string }

// Open finds the folder and makes it if it is missing. runtime is XDG_RUNTIME_DIR; where that is
// not set or not there, as on many clusters, a private folder in /tmp is used. A runtime folder that
// others own or may enter is an error: /tmp, say, where anybody could have made ours first.
func Open(runtime string, uid int) (*Dir, error) {
	var outer unix.Stat_t
	if err := unix.Stat(runtime, &outer); err != nil || outer.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fallback(uid)
	}
	if !private(&outer, uid) {
		return nil, &os.PathError{Op: "use", Path: runtime, Err: errShared}
	}
	return open(filepath.Join(runtime, "snug"), uid)
}

// fallback is the first of some names in /tmp that nobody else has taken: others can make any, and
// root in a user namespace makes that of root itself.
func fallback(uid int) (d *Dir, err error) {
	path := "/tmp/snug-" + strconv.Itoa(uid)
	for n := 2; ; n++ {
		d, err = open(path, uid)
		if n > 9 || !errors.Is(err, errShared) {
			return d, err
		}
		path = "/tmp/snug-" + strconv.Itoa(uid) + "-" + strconv.Itoa(n)
	}
}

// open makes a folder if it is missing, and looks whose it is.
func open(path string, uid int) (*Dir, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	if !private(&st, uid) {
		return nil, &os.PathError{Op: "use", Path: path, Err: errShared}
	}
	return &Dir{path}, nil
}

// Path is where the folder is.
func (d *Dir) Path() string { return d.path }

var errShared = errors.New("not a folder of yours with mode 0700")

// private reports whether a file is a folder of the user's that nobody else can enter.
func private(st *unix.Stat_t, uid int) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == uid && st.Mode&0o077 == 0
}

// Claim is the right to a name while a sandbox runs.
type Claim struct {
	Name string
	dir  *Dir
	file *os.File
}

// ErrTaken says that an exact name is in use.
var ErrTaken = errors.New("an instance of this name is running")

// Claim takes a name. With exact it is name or [ErrTaken]; else name, name-2, name-3 and so on.
func (d *Dir) Claim(name string, exact bool) (*Claim, error) {
	// A file without a name, so that nobody sees it before its lock is held (open(2), O_TMPFILE).
	fd, err := unix.Open(d.path, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "make a file in", Path: d.path, Err: err}
	}
	file := os.NewFile(uintptr(fd), "instance")
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try += "-" + strconv.Itoa(n)
		}
		err := d.link(fd, try)
		if err == unix.EEXIST && d.sweep(try) {
			err = d.link(fd, try)
		}
		switch {
		case err == nil:
			return &Claim{try, d, file}, nil
		case err != unix.EEXIST:
			file.Close()
			return nil, os.NewSyscallError("linkat", err)
		case exact:
			file.Close()
			return nil, ErrTaken
		}
	}
}

// link gives an open file a name in the folder.
func (d *Dir) link(fd int, name string) error {
	return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, filepath.Join(d.path, name), unix.AT_SYMLINK_FOLLOW)
}

// Folder makes a folder that belongs to the instance and goes with it.
func (c *Claim) Folder() (string, error) {
	path := c.dir.folder(c.Name)
	if err := os.RemoveAll(path); err != nil { // a name that is claimed has no other
		return "", err
	}
	return path, os.Mkdir(path, 0o700)
}

func (d *Dir) folder(name string) string { return filepath.Join(d.path, "."+name+".d") }

// Write records what runs under the name.
func (c *Claim) Write(r *Record) error {
	r.Name = c.Name
	err := c.file.Truncate(0)
	if err == nil {
		_, err = c.file.WriteAt(r.encode(), 0)
	}
	var cause *os.PathError // it calls the file by another name: it had none when it was opened
	if errors.As(err, &cause) {
		return &os.PathError{Op: cause.Op, Path: filepath.Join(c.dir.path, c.Name), Err: cause.Err}
	}
	return err
}

// Read gives what is recorded under the name, with what others have added to its ledger.
func (c *Claim) Read() (*Record, error) {
	text, err := io.ReadAll(io.NewSectionReader(c.file, 0, maxFile))
	if err != nil {
		return nil, err
	}
	return decode(string(text))
}

// Release gives the name back, and removes what was made outside for grants. The sandbox has ended.
func (c *Claim) Release() {
	path := filepath.Join(c.dir.path, c.Name)
	for end := time.Now().Add(time.Second); lockLedger(c.file, unix.F_OFD_SETLK) != nil && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond) // a grant notices in that time that the sandbox has ended
	}
	c.dir.clean(c.Name, path)
	os.Remove(path)
	c.file.Close()
}

// sweep removes the file of a name if nobody holds its lock, and reports whether it did. The
// lock is held while it is removed, and the file is compared with what has the name by then, so
// that two sweepers cannot remove a new file in place of a stale one.
func (d *Dir) sweep(name string) bool {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	var held, named unix.Stat_t
	if unix.Fstat(int(f.Fd()), &held) != nil || unix.Lstat(path, &named) != nil || held.Ino != named.Ino {
		return false
	}
	if lockLedger(f, unix.F_OFD_SETLK) != nil {
		return false // a grant is about to notice
	}
	d.clean(name, path)
	return os.Remove(path) == nil
}

// List gives all running instances by name, and removes what is stale.
func (d *Dir) List() ([]*Record, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		d.sweep(e.Name())
	}
	list, err := d.records("")
	slices.SortFunc(list, func(a, b *Record) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// records reads all records but that of one name.
func (d *Dir) records(except string) (list []*Record, err error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == except {
			continue
		}
		text, err := readRecord(filepath.Join(d.path, e.Name()))
		if err != nil {
			continue
		}
		if r, err := decode(string(text)); err == nil {
			r.Name = e.Name()
			list = append(list, r)
		}
	}
	return list, nil
}

// readRecord reads a file that may be anything: it waits for nobody and takes no more than maxFile.
func readRecord(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxFile {
		return nil, errDamaged
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// FindError says that a word names no instance, or several.
type FindError struct {
	Word  string
	Names []string // what runs, or what the word could be
	Many  bool
}

func (e *FindError) Error() string {
	if e.Many {
		return "several instances of " + strconv.Quote(e.Word) + " run"
	}
	return "no instance " + strconv.Quote(e.Word) + " runs"
}

// Find finds an instance by name, else by app id if only one runs, else by process id, else by its name
// or app id in any case or its program, as apps are found, if only one resembles.
func (d *Dir) Find(word string) (*Record, error) {
	list, err := d.List()
	if err != nil {
		return nil, err
	}
	var apps []*Record
	var all, several []string
	for _, r := range list {
		all = append(all, r.Name)
		switch {
		case r.Name == word:
			return r, nil
		case r.App == word && word != "": // a plain command has no app
			apps = append(apps, r)
			several = append(several, r.Name)
		}
	}
	if len(apps) == 1 {
		return apps[0], nil
	}
	if len(apps) > 1 {
		return nil, &FindError{word, several, true}
	}
	if pid, err := strconv.Atoi(word); err == nil {
		for _, r := range list {
			if r.State.Pid == pid || r.Supervisor == pid {
				return r, nil
			}
		}
	}
	return resembling(list, word, all)
}

// resembling finds the one instance whose name or app id is the word in another case, or whose program
// is called so.
func resembling(list []*Record, word string, all []string) (*Record, error) {
	var found []*Record
	var several []string
	for _, r := range list {
		program := len(r.Command) > 0 && filepath.Base(r.Command[0]) == word
		if strings.EqualFold(r.Name, word) || word != "" && (strings.EqualFold(r.App, word) || program) {
			found, several = append(found, r), append(several, r.Name)
		}
	}
	switch len(found) {
	case 0:
		return nil, &FindError{Word: word, Names: all}
	case 1:
		return found[0], nil
	}
	return nil, &FindError{word, several, true}
}

// Age is how long the instance has been running.
func (r *Record) Age() time.Duration { return time.Since(time.Unix(r.Since, 0)).Round(time.Second) }
