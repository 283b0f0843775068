package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Work is a running import. What it makes is its own until it is whole, and goes if it never is.
type Work struct {
	s      *Store
	dir    *os.File // its folder in tmp, locked
	remove Remover
	held   map[Digest]*os.File // locks of the layers that the image will name
	drafts int
	vain   bool // there will be no image, though all its layers are there
}

// Remover empties a folder whose files belong to subordinate ids: what the caller itself may not.
type Remover func(folder string) error

// Begin begins an import, and removes what others left that were killed. The store must have been made. The
// caller closes the Work.
func (s *Store) Begin(remove Remover) (*Work, error) {
	if err := s.sweep(remove); err != nil {
		return nil, err
	}
	for {
		path, err := os.MkdirTemp(s.path("tmp"), "work-")
		if err != nil {
			return nil, err
		}
		dir, err := lock(path, unix.LOCK_EX)
		if err == nil {
			return &Work{s: s, dir: dir, remove: remove, held: map[Digest]*os.File{}}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EWOULDBLOCK) { // else another has swept it just now
			return nil, err
		}
	}
}

// Dir is a folder for files of the import's own.
func (w *Work) Dir() string { return w.dir.Name() }

// Close ends the import and removes what did not become part of an image; and once more what others have left,
// as a worker of one that was killed just before Begin may have lived a moment longer.
func (w *Work) Close() error {
	for _, f := range w.held {
		f.Close()
	}
	if w.vain {
		for d := range w.held {
			w.s.removeLayer(d, w.remove, &Removed{}) // those of other images stay
		}
	}
	err := w.s.discard(w.dir.Name(), w.remove)
	w.dir.Close()
	return errors.Join(err, w.s.sweep(w.remove))
}

// Have reports whether a layer is there already; from then on it stays there.
func (w *Work) Have(d Digest) (bool, error) {
	if w.held[d] != nil {
		return true, nil
	}
	f, err := lock(w.s.layer(d), unix.LOCK_SH)
	switch {
	case err == nil:
		w.held[d] = f
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EWOULDBLOCK): // or is being removed
		return false, nil
	}
	return false, err
}

// Draft is a layer that is being unpacked.
type Draft struct {
	dir string
}

// Root is the path of the folder to unpack into.
func (d *Draft) Root() string { return d.dir + "/root" }

// Recipe is the path of the file for its recipe.
func (d *Draft) Recipe() string { return d.dir + "/recipe" }

// Draft makes the folder of a new layer.
func (w *Work) Draft() (*Draft, error) {
	w.drafts++
	d := &Draft{w.dir.Name() + "/" + strconv.Itoa(w.drafts)}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return nil, err
	}
	return d, os.Mkdir(d.Root(), 0o755)
}

// patience is how often what is in the way is looked at: each time a millisecond later, so for 5 seconds. Who
// removes something has it locked until it has read what else there is.
const patience = 100

// Add makes a draft the layer with a digest, and holds it. If another import was faster, its layer is taken. That
// its name lasts is for Commit to see to: nothing names it before.
func (w *Work) Add(d *Draft, digest Digest, info Info) error {
	text, err := json.Marshal(info)
	if err == nil {
		err = os.WriteFile(d.dir+"/info.json", text, 0o600)
	}
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return err
	}
	f, err := settle(d.dir, w.s.layer(digest))
	if err != nil {
		return &Error{What: "add layer " + string(digest), Err: err}
	}
	if w.held[digest] != nil {
		f.Close()
		return nil
	}
	w.held[digest] = f
	return nil
}

// settle gives a folder its place in the store, unless one is there, and shares the lock of the one that is
// there then. The lock is taken first and comes along: nobody finds the folder without it.
func settle(path, place string) (*os.File, error) {
	own, err := lock(path, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	for tries := range time.Duration(patience) {
		time.Sleep(tries * time.Millisecond)
		err = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, place, unix.RENAME_NOREPLACE)
		if err == nil {
			return own, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		var f *os.File
		if f, err = lock(place, unix.LOCK_SH); err == nil {
			own.Close()
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
	}
	own.Close()
	return nil, err
}

// flush waits until all is on the disk: a name must not be there before what it names (syncfs(2)).
func (w *Work) flush() error { return os.NewSyscallError("syncfs", unix.Syncfs(int(w.dir.Fd()))) }

// Commit makes an image of layers that this import holds. It gets the name, if that is not empty; another
// image loses it only with replace.
func (w *Work) Commit(raw []byte, r Record, name string, replace bool) (*Image, error) {
	c, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	for _, d := range c.RootFS.DiffIDs {
		if w.held[d] == nil {
			return nil, &Error{What: "layer " + string(d) + " of the image is missing"}
		}
		info, err := w.s.Info(d)
		if err != nil {
			return nil, err
		}
		r.Size += info.Size
	}
	id := DigestOf(raw)
	record, err := w.record(id, raw, &r)
	if err != nil {
		return nil, err
	}
	defer record.Close()
	if name != "" {
		if err := w.name(name, id, replace); err != nil {
			w.takeBack(id, record)
			return nil, err
		}
	}
	if err := w.flush(); err != nil { // what is reported as imported outlives a power cut
		return nil, err
	}
	names, err := w.s.names()
	if err != nil {
		return nil, err
	}
	return w.s.read(id, names)
}

// record writes what is known of an image, unless that is there, and locks it.
func (w *Work) record(id Digest, raw []byte, r *Record) (*os.File, error) {
	text, err := json.Marshal(r)
	dir := w.dir.Name() + "/image"
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(dir+"/config", raw, 0o600)
	}
	if err == nil {
		err = os.WriteFile(dir+"/record.json", text, 0o600)
	}
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return nil, err
	}
	f, err := settle(dir, w.s.image(id))
	if err != nil {
		return nil, &Error{What: "add image " + string(id), Err: err}
	}
	return f, nil
}

// takeBack removes the record of an image that got no name, if this import has made it and nobody else has found it.
func (w *Work) takeBack(id Digest, record *os.File) {
	place := w.s.image(id)
	if record.Name() == place || unix.Flock(int(record.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	names, err := w.s.names()
	if err != nil || slices.Contains(slices.Collect(maps.Values(names)), id) {
		return
	}
	w.vain = os.Rename(place, record.Name()) == nil
}

// name gives an image a name. The caller has a lock of the image.
func (w *Work) name(name string, id Digest, replace bool) error {
	for {
		flags := uint(unix.RENAME_NOREPLACE) // of two imports at once that want the name, the second is told
		if _, err := os.Lstat(w.s.path("names/" + fileOf(name))); err == nil {
			flags = 0
		}
		if err := w.s.Free(name, id, replace); err != nil {
			return err
		}
		if err := w.s.put("names/"+fileOf(name), []byte(id+"\n"), flags); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// Free reports whether an image may have a name: nobody else has, or it is to be replaced.
func (s *Store) Free(name string, id Digest, replace bool) error {
	if had, err := s.named(name); err == nil && had != id && !replace {
		if _, err := os.Stat(s.image(had)); err == nil {
			return &Error{What: "another image has the name " + quote(name) + " already: " + had.Hex()[:12],
				Hint: "choose another name, or take it away from that one: --replace"}
		}
	}
	return nil
}
