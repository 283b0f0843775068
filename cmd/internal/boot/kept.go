package boot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Kept is what is kept of a system's changes.
type Kept struct {
	Name, Path string
	Image      string    // or folder, that it has changed
	Used       time.Time // when it began to run last
	Running    bool
	Pending    *Pending // what was to be made an image, and was not
}

// List lists the systems whose changes are kept below a folder.
func List(base string) (list []Kept, err error) {
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if k, found := look(base, e.Name()); found && e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, k)
		}
	}
	return list, err
}

// look reads what is noted of a system.
func look(base, name string) (Kept, bool) {
	k := Kept{Name: name, Path: filepath.Join(base, name)}
	text, err := os.ReadFile(filepath.Join(k.Path, "machine"))
	stat, e := os.Stat(filepath.Join(k.Path, "work"))
	if err != nil || e != nil {
		return k, false
	}
	k.Used = stat.ModTime()
	for line := range strings.Lines(string(text)) {
		if image, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "image "); is {
			k.Image = image
		}
	}
	lock, err := os.Open(k.Path)
	if err != nil {
		return k, true
	}
	defer lock.Close()
	k.Running = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
	if !k.Running {
		k.Pending = ReadPending(k.Path)
	}
	return k, true
}

// Forget removes what is kept of a system, as root of its users' ids; ErrRunning says that it runs.
func Forget(users sandbox.Users, path string) error {
	lock, err := os.Open(path)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return ErrRunning
	}
	return forget(users, path)
}

// forget removes what is kept of a system that the caller has locked.
func forget(users sandbox.Users, path string) error {
	gone := filepath.Join(filepath.Dir(path), ".gone-"+filepath.Base(path))
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	// With it goes what others have left who were killed here.
	folders, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".gone-*"))
	if err != nil {
		return err
	}
	k, err := startKeeper(users, noGroup, folders, nil)
	if err != nil {
		return errors.Join(err, os.Rename(gone, path))
	}
	return k.finish()
}
