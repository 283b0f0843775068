package manifests

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
)

// ownDropIn is the drop-in that snug writes for a person: ID.d/50-local.toml.
const ownDropIn = "50-local"

// DropIn is where the person's own drop-in of an app is.
func (c *Catalogue) DropIn(id string) string { return c.User + "/" + id + ".d/" + ownDropIn + ".toml" }

// Keep makes changes in the person's own drop-in of an app, and reports whether any was necessary.
//
// It writes nothing unless the app, with all its layers, can still be merged, and check, if it is not
// nil, has nothing against the result: so a value that the schema refuses, or a danger that nobody
// accepted, gets the same sentence as in a file. The file is replaced at once; what is in it stays.
func (c *Catalogue) Keep(app App, facts Facts, changes []Change, check func(*Manifest) error) (did bool, err error) {
	path := c.DropIn(app.ID)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, Problem{What: words.Quote(dir) + " cannot be made: " + files.Reason(err)}
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return false, Problem{What: words.Quote(dir) + " cannot be locked: " + files.Reason(err)}
	}
	defer unlock()
	defer syscall.Rmdir(dir) // fails unless nothing came of it, and for a link to a folder
	text, err := files.Read(path, maxText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, Problem{What: words.Quote(path) + " cannot be read: " + files.Reason(err)}
	}
	if _, err := Parse(c.label(path), text); err != nil {
		return false, err
	}
	for _, change := range changes {
		if err := change.problem(); err != nil {
			return false, err
		}
		var now bool
		if text, now, err = edit(text, change); err != nil {
			return false, err
		}
		did = did || now
	}
	if !did {
		return false, nil
	}
	if err := c.wouldLoad(app, facts, path, text, check); err != nil {
		return false, err
	}
	return true, replaceFile(path, text)
}

// Replace puts a text that a person has edited in the place of the drop-in or the manifest at a path
// of an app. Like Keep, it writes nothing unless the app would be whole with it; nor if the file is not
// any more what the person began with, which is nil if there was none.
func (c *Catalogue) Replace(app App, path string, before, text []byte, facts Facts, check func(*Manifest) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Problem{What: words.Quote(dir) + " cannot be made: " + files.Reason(err)}
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return Problem{What: words.Quote(dir) + " cannot be locked: " + files.Reason(err)}
	}
	defer unlock()
	defer syscall.Rmdir(dir) // fails unless nothing came of it, and for a link to a folder
	now, err := files.Read(path, maxText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Problem{What: words.Quote(path) + " cannot be read: " + files.Reason(err)}
	}
	if !bytes.Equal(now, before) || (err == nil) != (before != nil) {
		return Problem{What: words.Quote(path) + " has changed meanwhile", Hint: "look at both, and try again"}
	}
	if _, err := Parse(c.label(path), text); err != nil {
		return err
	}
	if err := c.wouldLoad(app, facts, path, text, check); err != nil {
		return err
	}
	return replaceFile(path, text)
}

// wouldLoad looks whether an app is whole with another text at a path.
func (c *Catalogue) wouldLoad(app App, facts Facts, path string, text []byte, check func(*Manifest) error) error {
	with := *c
	with.pending = map[string][]byte{path: text}
	layers, err := with.Load(app, nil)
	if err != nil {
		return err
	}
	m, err := Merge(layers, nil, facts)
	if err != nil {
		return err
	}
	if err := m.NotYet().Err(); err != nil {
		return err
	}
	if check == nil {
		return nil
	}
	return check(m)
}

// lockFolder lets one at a time change what is in a folder.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if _, err := files.Retry(func() (int, error) { return 0, syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// replaceFile puts a new file in the place of one, of which a reader sees the old or the new. Where a
// link stands, as keepers of dot files make them, the file that it leads to is replaced. The file beside
// it has a name of its own that a later call takes over, should this one be killed.
func replaceFile(path string, text []byte) error {
	mode := fs.FileMode(0o644)
	if f, err := os.Open(path); err == nil {
		if info, err := f.Stat(); err == nil {
			mode = info.Mode().Perm()
		}
		if real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd()))); err == nil {
			path = real
		}
		f.Close()
	}
	fail := func(err error) error {
		return Problem{What: words.Quote(path) + " cannot be written: " + files.Reason(err)}
	}
	beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	os.Remove(beside)
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		os.Remove(beside)
		return fail(err)
	}
	return nil
}
