package brokers

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/portals"
)

// card is a folder by which xdg-desktop-portal finds the processes of an app: from 1.20 on it takes
// no caller for a sandboxed one without it (xdp-app-info-flatpak.c).
//
//	$XDG_RUNTIME_DIR/.flatpak/INSTANCE/bwrapinfo.json   the host's id of the first process
//	                                   info             as /.flatpak-info
//	                                   .ref             locked (F_SETLK) while the instance lives
//
// The lock is of this process (fcntl(2)), so no other descriptor of the file may be closed in it.
type card struct {
	path string
	ref  *os.File
}

const cardsFolder = ".flatpak"

// leaveCard makes the folder of an identity.
func leaveCard(runtime string, id *portals.Identity, pid int) (*card, error) {
	dir := filepath.Join(runtime, cardsFolder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	Sweep(runtime)
	c := &card{path: filepath.Join(dir, id.Instance)}
	if err := os.Mkdir(c.path, 0o700); err != nil {
		return nil, err
	}
	if err := c.fill(id, pid); err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

func (c *card) fill(id *portals.Identity, pid int) (err error) {
	c.ref, err = os.OpenFile(filepath.Join(c.path, ".ref"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A read lock, as flatpak's own: it asks whether it could have a write lock.
	if err = unix.FcntlFlock(c.ref.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err = os.WriteFile(filepath.Join(c.path, "snug"), nil, 0o600); err != nil { // so that Sweep knows it
		return err
	}
	if err = os.WriteFile(filepath.Join(c.path, "info"), id.Info(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.path, "bwrapinfo.json"), []byte(`{"child-pid": `+strconv.Itoa(pid)+"}\n"), 0o600)
}

func (c *card) remove() {
	removeCard(c.path)
	if c.ref != nil {
		c.ref.Close()
	}
}

// removeCard removes what leaveCard makes, and nothing else.
func removeCard(path string) {
	for _, name := range [...]string{"bwrapinfo.json", "info", "snug", ".ref"} {
		os.Remove(filepath.Join(path, name))
	}
	os.Remove(path)
}

// Sweep removes what brokers that were killed have left in XDG_RUNTIME_DIR.
func Sweep(runtime string) {
	dir := filepath.Join(runtime, cardsFolder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(path, "snug")); err == nil && isStale(path) {
			removeCard(path)
		}
	}
}

// isStale reports whether nobody holds the lock of a folder. One that is just being made has no file
// to lock yet, or is not locked yet: it is left alone for a while.
func isStale(path string) bool {
	f, err := os.OpenFile(filepath.Join(path, ".ref"), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	return unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock) == nil && lock.Type == unix.F_UNLCK
}

// SweepSockets removes the names of sockets in a Plan.Dir whose makers were killed before Started.
func SweepSockets(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, found := strings.CutPrefix(e.Name(), ".bus-")
		number, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(number); found && err == nil && unix.Kill(pid, 0) == unix.ESRCH {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
