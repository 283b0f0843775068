package wrap

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/manifests/desktop"
)

// Join adds changes to others. Of two of one file the later counts: both were planned over what is there now.
func Join(changes, more []Change) []Change {
	changes = slices.DeleteFunc(changes, func(c Change) bool {
		return slices.ContainsFunc(more, func(m Change) bool { return m.Path == c.Path })
	})
	return append(changes, more...)
}

// Change is one file that is about to be written, or taken away.
type Change struct {
	Path   string
	App    string // the app's id, of a file of ours that goes
	Old    string // the path of what counts before the change; empty: nothing does
	Before []byte // what that holds
	After  []byte // nil: ours goes, and what stood in its place comes back

	state state
	now   []byte // what is at Path
	mode  fs.FileMode
}

// fresh is the name under which a file is written before it takes its place. It is one for each folder,
// so that the next change finds what a killed one left.
const fresh = ".snug-wrap.new"

// Apply makes the changes, each whole or not at all, and stops at the first that cannot be made. A file
// that is not as it was when the change was planned is left alone. What a killed Apply left goes, in all
// folders.
func (f *Folders) Apply(changes []Change) error {
	f.taken = nil
	if len(changes) == 0 && !exists(f.Data[0]) {
		return nil
	}
	if err := os.MkdirAll(f.Data[0], 0o700); err != nil {
		return err
	}
	lock, err := lock(f.Data[0])
	if err != nil {
		return err
	}
	defer lock.Close()
	f.sweep()
	for _, c := range changes {
		if err := c.apply(); err != nil {
			return err
		}
	}
	return nil
}

// lock locks a folder until the file is closed. It does not wait for ever: whatever may read the folder, an app
// with that grant as well, can hold a lock of it.
func lock(dir string) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return file, nil
		case err == unix.EINTR || err == unix.EWOULDBLOCK && time.Now().Before(end):
			continue
		case err == unix.EWOULDBLOCK:
			file.Close()
			return nil, &Refusal{"another program keeps " + dir + " locked", "fuser -v names those that have it open; an app that may read it is enough"}
		default:
			file.Close()
			return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
		}
	}
}

const lockPatience = 5 * time.Second

// sweep removes what a killed Apply left: half a file of ours, and the second name of a person's file that still
// has its first. The caller holds the lock.
func (f *Folders) sweep() {
	launchers := filepath.Join(f.Data[0], "applications")
	var files []string
	for _, name := range desktop.Files(launchers) {
		files = append(files, filepath.Join(launchers, name))
	}
	for _, dir := range []string{filepath.Join(f.Data[0], "dbus-1/services"), filepath.Join(f.Config[0], "autostart"), f.Bin} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	for _, path := range files {
		place, kept := strings.CutSuffix(path, keptSuffix)
		if filepath.Base(path) == fresh || kept && sameEntry(place, path) {
			unix.Unlink(path) // and no folder
		}
	}
}

func (c *Change) apply() error {
	dir := filepath.Dir(c.Path)
	if err := c.unchanged(); err != nil {
		return err
	}
	if c.After == nil {
		return c.restore()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	aside := filepath.Join(dir, fresh)
	defer os.Remove(aside)
	if err := writeNew(aside, c.After, c.mode); err != nil {
		return err
	}
	switch c.state {
	case persons:
		if err := keep(c.Path); err != nil {
			return err
		}
	case empty:
		if c.now == nil {
			return renameNew(aside, c.Path)
		}
	}
	return os.Rename(aside, c.Path)
}

// unchanged reports as an error that a file is another than it was.
func (c *Change) unchanged() error {
	now, err := os.ReadFile(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.now == nil && (c.state == empty || c.After == nil):
		return nil
	case err != nil:
		return err
	case c.now == nil || !bytes.Equal(now, c.now):
		return &fs.PathError{Op: "change", Path: c.Path, Err: errors.New("somebody else has changed it meanwhile")}
	}
	return nil
}

// restore takes ours away. What was there before comes back by the same step.
func (c *Change) restore() error {
	err := os.Rename(c.Path+keptSuffix, c.Path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if c.now == nil {
		return nil
	}
	return os.Remove(c.Path)
}

// keep gives the person's own file a second name, so that it is never without one.
func keep(path string) error {
	kept := path + keptSuffix
	err := os.Link(path, kept) // link(2) does not follow symbolic links
	switch {
	case err == nil || sameEntry(path, kept): // the second: a run that was killed came so far
		return nil
	case errors.Is(err, fs.ErrExist):
		return &Refusal{path + " and " + kept + " are two files of yours", "snug would give the first the name of the second: remove one, or rename it"}
	}
	return os.Rename(path, kept) // a file system without hard links
}

func sameEntry(a, b string) bool {
	statA, errA := os.Lstat(a)
	statB, errB := os.Lstat(b)
	return errA == nil && errB == nil && os.SameFile(statA, statB)
}

func writeNew(path string, text []byte, mode fs.FileMode) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(mode)
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// renameNew is rename for a name that nobody has.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL && !exists(to) { // a file system that cannot
		return os.Rename(from, to)
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: to, Err: err}
	}
	return nil
}

// Tidy removes the folders that are empty after changes.
func Tidy(changes []Change) {
	for _, c := range changes {
		dir := filepath.Dir(c.Path)
		if cache := filepath.Join(dir, "mimeinfo.cache"); onlyHeader(cache) {
			os.Remove(cache)
		}
		if unix.Rmdir(dir) == nil && filepath.Base(dir) == "services" { // and no link to a folder
			unix.Rmdir(filepath.Dir(dir))
		}
	}
}

// onlyHeader reports whether a cache of file types lists none.
func onlyHeader(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && string(bytes.TrimSpace(text)) == "[MIME Cache]"
}
