package brokers

import (
	"errors"
	"io"
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
//	                                   snug             that it is ours, and which launcher is
//
// Some of them also want a launcher of the app's id to be installed. Where there is none, one that no
// menu shows is there as long as an instance of the app that has noted it.
//
// The lock is of this process (fcntl(2)), so no other descriptor of the file may be closed in it.
type card struct {
	path string
	ref  *os.File
}

const cardsFolder = ".flatpak"

// What lies in Plan.Dir for a moment has the process id of its maker in its name.
const (
	socketPrefix = ".bus-"
	cardPrefix   = ".card-"
)

// leaveCard makes the folder of an identity: in own, a private folder, until it is whole.
func leaveCard(own, runtime string, id *portals.Identity, launcher string, pid int) (*card, error) {
	dir := filepath.Join(runtime, cardsFolder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	sweepCards(runtime)
	c := &card{path: filepath.Join(own, cardPrefix+strconv.Itoa(os.Getpid()))}
	removeCard(c.path, "") // of a process that had the same id
	if err := os.Mkdir(c.path, 0o700); err != nil {
		return nil, err
	}
	err := c.fill(id, launcher, pid)
	if path := filepath.Join(dir, id.Instance); err == nil {
		if err = os.Rename(c.path, path); err == nil {
			c.path = path
		}
	}
	if err == nil {
		err = makeLauncher(launcher, id.App)
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

func (c *card) fill(id *portals.Identity, launcher string, pid int) (err error) {
	c.ref, err = os.OpenFile(filepath.Join(c.path, ".ref"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A read lock, as flatpak's own: it asks whether it could have a write lock.
	if err = unix.FcntlFlock(c.ref.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err = os.WriteFile(filepath.Join(c.path, marker), []byte(launcher), 0o600); err != nil {
		return err
	}
	if err = os.WriteFile(filepath.Join(c.path, "info"), id.Info(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.path, "bwrapinfo.json"), []byte(`{"child-pid": `+strconv.Itoa(pid)+"}\n"), 0o600)
}

func (c *card) remove() {
	removeCard(c.path, filepath.Dir(c.path))
	if c.ref != nil {
		c.ref.Close()
	}
}

// removeCard removes what leaveCard makes, and nothing else; the launcher, if no other card beside it
// has noted that.
func removeCard(path, beside string) {
	launcher := notedLauncher(path)
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for _, name := range [...]string{"bwrapinfo.json", "info", marker, ".ref"} {
		unix.Unlinkat(dir, name, 0)
	}
	unix.Close(dir)
	os.Remove(path)
	if launcher == "" || beside == "" {
		return
	}
	others, _ := os.ReadDir(beside)
	for _, e := range others {
		if notedLauncher(filepath.Join(beside, e.Name())) == launcher {
			return
		}
	}
	if IsLauncher(launcher) || isEmpty(launcher) {
		os.Remove(launcher)
	}
}

// marker is the file that makes a card ours.
const marker = "snug"

func notedLauncher(card string) string {
	text, _ := readSmall(filepath.Join(card, marker))
	return text
}

// ownLauncher is the line that tells a launcher of ours from a person's.
const ownLauncher = "\nX-Snug-Identity=true\n"

// IsLauncher reports whether a launcher is one that is there for as long as an app runs.
func IsLauncher(path string) bool {
	text, err := readSmall(path)
	return err == nil && strings.HasPrefix(text, "[Desktop Entry]\n") && strings.HasSuffix(text, ownLauncher)
}

// isEmpty reports whether a launcher is one that makeLauncher was killed over: a card notes none that was
// there before it.
func isEmpty(path string) bool {
	stat, err := os.Lstat(path)
	return err == nil && stat.Mode().IsRegular() && stat.Size() == 0
}

// readSmall reads a file that may be anything.
func readSmall(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 8<<10))
	return string(text), err
}

// makeLauncher writes the launcher of an app that has none.
func makeLauncher(path, app string) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil // another instance's, or the app was installed just now
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("[Desktop Entry]\nType=Application\nName=" + app + "\nExec=snug run " + app +
		"\nNoDisplay=true\n# Portals want to find the app by its id. It goes when the app ends." + ownLauncher)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Sweep removes what was left when snug was killed: from a Plan.Dir, and from XDG_RUNTIME_DIR.
func Sweep(dir, runtime string) {
	sweepDir(dir)
	sweepCards(runtime)
}

func sweepCards(runtime string) {
	dir := filepath.Join(runtime, cardsFolder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(path, marker)); err == nil && e.IsDir() && isStale(path) {
			removeCard(path, dir)
		}
	}
}

// isStale reports whether nobody holds the lock of a folder.
func isStale(path string) bool {
	f, err := os.OpenFile(filepath.Join(path, ".ref"), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	return unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock) == nil && lock.Type == unix.F_UNLCK
}

// sweepDir removes from a Plan.Dir what those have left who were killed while they started brokers.
func sweepDir(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, socket := strings.CutPrefix(e.Name(), socketPrefix)
		if !socket {
			rest, _ = strings.CutPrefix(e.Name(), cardPrefix)
		}
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		switch path := filepath.Join(dir, e.Name()); {
		case rest == e.Name() || err != nil || unix.Kill(pid, 0) != unix.ESRCH:
		case socket:
			os.Remove(path)
		default:
			removeCard(path, "")
		}
	}
}
