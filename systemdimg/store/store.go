package store

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/systemdimg/subid"
)

// Store is a folder of images. It holds no descriptors.
type Store struct {
	dir    string
	exists bool
	ids    subid.IDs // of the files in layers; empty if there is no store yet
}

// version is that of the layout of files.
const version = 1

// settings are what store.json holds.
type settings struct {
	Version int `json:"version"`
	subid.IDs
}

// Default is where the store is if nobody says otherwise: below $XDG_DATA_HOME.
func Default() (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home := os.Getenv("HOME")
		if !filepath.IsAbs(home) {
			return "", &Error{What: "neither XDG_DATA_HOME nor HOME is set", Hint: "say where images are kept: --storage DIR"}
		}
		data = home + "/.local/share"
	}
	return data + "/snug/images", nil
}

// Open opens the store in a folder; "" is the default one. That there is none yet is no error: then it is
// empty, and Make makes it.
func Open(dir string) (*Store, error) {
	if dir == "" {
		var err error
		if dir, err = Default(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		s.dir = real
	}
	text, err := readSmall(s.path("store.json"), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.trusted(); err != nil {
		return nil, err
	}
	var set settings
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, &Error{What: "read " + quote(s.path("store.json")), Err: err}
	}
	if set.Version != version {
		return nil, &Error{What: quote(s.dir) + " is a store of version " + strconv.Itoa(set.Version) + ", and this snug knows 1", Hint: "use the snug that made it, or another --storage"}
	}
	s.exists, s.ids = true, set.IDs
	return s, nil
}

// trusted reports whether nobody but the caller reaches the files of the store: some of them may be
// set-user-ID to the caller, and what they do is up to who made the image (CVE-2017-9780).
func (s *Store) trusted() error {
	var st unix.Stat_t
	if err := unix.Stat(s.dir, &st); err != nil {
		return &os.PathError{Op: "stat", Path: s.dir, Err: err}
	}
	if int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0 {
		return &Error{What: "others may reach " + quote(s.dir), Hint: "it must be yours alone: chmod 0700 " + s.dir}
	}
	return nil
}

// Make makes the store if there is none, for the caller's subordinate ids, and reports why it cannot be
// used: because of those, or of the file system.
func (s *Store) Make() error {
	ids, err := subid.Own()
	var few *subid.TooFew
	if errors.As(err, &few) {
		return &Error{What: err.Error(), Hint: few.Fix()}
	}
	if err != nil {
		return err
	}
	if s.exists && !s.ids.Equal(ids) {
		return &Error{What: "the images in " + quote(s.dir) + " were unpacked for other subordinate ids than you have now",
			Hint: "give back in /etc/subuid and /etc/subgid those of " + s.path("store.json") + ", or use another --storage"}
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return &Error{What: "make " + quote(s.dir), Hint: elsewhere, Err: bare(err)}
	}
	if real, err := filepath.EvalSymlinks(s.dir); err == nil {
		s.dir = real
	}
	if err := s.trusted(); err != nil {
		return err
	}
	if err := fits(s.dir); err != nil {
		return err
	}
	for _, d := range []string{"layers/sha256", "images/sha256", "names", "blobs", "tmp"} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return err
		}
	}
	if s.exists {
		return nil
	}
	text, err := json.Marshal(settings{version, ids})
	if err == nil {
		err = s.put("store.json", text, 0)
	}
	if err == nil {
		s.exists, s.ids = true, ids
	}
	return err
}

// Dir is the absolute path of the store.
func (s *Store) Dir() string { return s.dir }

// IDs are those of the files in layers.
func (s *Store) IDs() subid.IDs { return s.ids }

func (s *Store) path(rel string) string { return s.dir + "/" + rel }

func (s *Store) layer(d Digest) string { return s.path("layers/sha256/" + d.Hex()) }

func (s *Store) image(d Digest) string { return s.path("images/sha256/" + d.Hex()) }

// put writes a small file, all at once. With RENAME_NOREPLACE it must be a new one.
func (s *Store) put(rel string, text []byte, flags uint) error {
	f, err := os.CreateTemp(s.path("tmp"), "file-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, f.Name(), unix.AT_FDCWD, s.path(rel), flags)
	}
	return err
}

// readSmall reads a file that must not be longer than it may be.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = &Error{What: quote(path) + " is longer than it may be"}
	}
	return text, err
}

// bare is the cause of an error without the path, which the sentence around it has.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
