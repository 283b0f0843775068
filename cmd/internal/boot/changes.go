package boot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Changes is the folder in which is kept what a system has changed of its image, by the system's name. Who
// holds it runs the system.
type Changes struct {
	Image string // of which image or folder they are changes
	UUID  string // of the machine

	path  string
	lock  *os.File
	fresh bool // nothing was kept of the system before
}

// ErrRunning says that somebody else holds the folder.
var ErrRunning = errors.New("it is running")

// OtherImage says that a system of the name has changed another image.
type OtherImage struct{ Image string }

func (e *OtherImage) Error() string { return fmt.Sprintf("its changes are of %q", e.Image) }

// OpenChanges opens the folder of a system, below base, or makes it. The caller closes it.
func OpenChanges(base, name, image string) (*Changes, error) {
	c := &Changes{Image: image, UUID: NewID(), path: filepath.Join(base, name)}
	if err := os.MkdirAll(filepath.Dir(base), 0o700); err != nil {
		return nil, err
	}
	// Programs with set-user-ID in there are the person's own: nobody else may ever reach them.
	for _, dir := range []string{base, c.path} {
		if err := privateFolder(dir); err != nil {
			return nil, err
		}
	}
	lock, err := os.Open(c.path)
	if err != nil {
		return nil, err
	}
	c.lock = lock
	if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		c.Close()
		return nil, ErrRunning
	}
	if err == nil {
		err = c.furnish()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// furnish makes what belongs into the folder, or reads it. If it cannot be made, as on a full disk, there is none:
// one without its note would be nobody's.
func (c *Changes) furnish() (err error) {
	for _, dir := range []string{c.Upper(), c.Work()} {
		if e := os.Mkdir(dir, 0o755); err == nil && !errors.Is(e, fs.ErrExist) {
			err = e
		}
		if stat, e := os.Lstat(dir); err == nil && (e != nil || !stat.IsDir()) { // whoever has served them could have put a link there
			err = &fs.PathError{Op: "use", Path: dir, Err: cmp.Or(e, error(unix.ENOTDIR))}
		}
	}
	if err == nil {
		err = c.settle()
	}
	if _, e := os.Lstat(c.note()); err != nil && errors.Is(e, fs.ErrNotExist) {
		for _, path := range []string{c.note() + ".new", c.Upper(), c.Work(), c.path} {
			os.Remove(path) // which leaves a folder alone that something is in
		}
	}
	return err
}

// privateFolder makes a folder that only its owner can enter. One that others could enter is refused: they may
// have what is in it open.
func privateFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	stat, err := os.Lstat(path)
	if err == nil && (!stat.IsDir() || stat.Mode().Perm()&0o077 != 0) {
		err = &fs.PathError{Op: "use", Path: path, Err: errors.New("others can enter it; if that was never so while a system ran, chmod 700 it")}
	}
	return err
}

// settle reads what is noted of the system, or notes it.
func (c *Changes) settle() error {
	note := c.note()
	text, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		aside := note + ".new"
		if err := os.WriteFile(aside, []byte("image "+c.Image+"\nuuid "+c.UUID+"\n"), 0o600); err != nil {
			return err
		}
		c.fresh = true
		return os.Rename(aside, note)
	}
	if err != nil {
		return err
	}
	image := ""
	for line := range strings.Lines(string(text)) {
		switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); key {
		case "image":
			image = value
		case "uuid":
			c.UUID = value
		}
	}
	if image != c.Image {
		return &OtherImage{image}
	}
	return nil
}

// note is the file that says whose changes they are.
func (c *Changes) note() string { return filepath.Join(c.path, "machine") }

// Upper is the folder of what was changed, Work the kernel's beside it (overlayfs).
func (c *Changes) Upper() string { return filepath.Join(c.path, "upper") }

// Work is the kernel's folder beside Upper.
func (c *Changes) Work() string { return filepath.Join(c.path, "work") }

// Discard removes the folder of a system that has never been more than that: nothing was kept of it before, and it
// has logged nothing that would say why it did not come up. The caller closes it all the same.
func (c *Changes) Discard(users sandbox.Users) error {
	if _, err := FindJournal(c.Upper()); !c.fresh || err == nil {
		return nil
	}
	return forget(users, c.path)
}

// Lock is what keeps others from the folder: Close gives it up, if nobody else has it too. It stays the Changes'.
func (c *Changes) Lock() *os.File { return c.lock }

// Close lets the system be run by others.
func (c *Changes) Close() error { return c.lock.Close() }
