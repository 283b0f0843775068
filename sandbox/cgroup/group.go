package cgroup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Group is a control group. It holds a descriptor of its folder; Close gives that back and leaves the
// group.
type Group struct {
	dir  *os.File
	path string
}

// Path is the folder.
func (g *Group) Path() string { return g.path }

// Dir is a descriptor of the folder, which stays the Group's.
func (g *Group) Dir() *os.File { return g.dir }

// mark is an extended attribute of groups that this program has made (xattr(7); of cgroups, Linux 5.7).
const mark = "user.snug"

// Mark notes of a group that it is one of this program's.
func (g *Group) Mark() error {
	if err := unix.Fsetxattr(int(g.dir.Fd()), mark, []byte{'1'}, 0); err != nil {
		return &fs.PathError{Op: "mark group", Path: g.path, Err: err}
	}
	return nil
}

// Marked reports whether somebody has called Mark.
func (g *Group) Marked() bool {
	n, err := unix.Fgetxattr(int(g.dir.Fd()), mark, make([]byte, 8))
	return err == nil && n == 1
}

// Close gives the descriptor back.
func (g *Group) Close() error { return g.dir.Close() }

// Add moves a process into the group.
func (g *Group) Add(pid int) error { return g.write("cgroup.procs", strconv.Itoa(pid)) }

// write writes a file of the group.
func (g *Group) write(name, value string) error {
	fd, err := unix.Openat(int(g.dir.Fd()), name, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: filepath.Join(g.path, name), Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return &fs.PathError{Op: "write " + strconv.Quote(value) + " to", Path: filepath.Join(g.path, name), Err: err}
	}
	return nil
}

// read reads a file of the group, at most a page.
func (g *Group) read(name string) (string, error) {
	fd, err := unix.Openat(int(g.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: filepath.Join(g.path, name), Err: err}
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: filepath.Join(g.path, name), Err: err}
	}
	return strings.TrimSpace(string(buf[:n])), nil
}

// Populated reports whether a process lives in the group or below it.
func (g *Group) Populated() (bool, error) {
	text, err := g.read("cgroup.events")
	return strings.Contains(text, "populated 1"), err
}

// Kill ends all that runs in the group and below it (cgroup.kill, Linux 5.14).
func (g *Group) Kill() error { return g.write("cgroup.kill", "1") }

// Remove ends what runs in the group, waits for that, and removes it with all groups below. Those that
// belong to other ids go only if the caller has the right to, as fake root of their user namespace has.
// It is no error if the group is gone.
func (g *Group) Remove(patience time.Duration) error {
	until := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := g.Kill()
		if gone(err) {
			return nil
		}
		if err == nil {
			if err = removeBelow(int(g.dir.Fd())); err == nil {
				err = unix.Rmdir(g.path)
			}
		}
		switch {
		case err == nil || gone(err):
			return nil
		case time.Now().After(until):
			return &fs.PathError{Op: "remove group", Path: g.path, Err: err}
		}
		time.Sleep(wait) // the killed are about to end, and hold their groups until then
	}
}

func gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) }

// removeBelow removes the groups in an open one, however deep they lie: it holds one descriptor, and goes
// up by "..", as no group can be moved.
func removeBelow(dir int) error {
	var names []string // from dir to where we are
	at, err := unix.Openat(dir, ".", folder, 0)
	for err == nil {
		var below string
		if below, err = firstSubgroup(at); err != nil {
			break
		}
		if below == "" && len(names) == 0 {
			break
		}
		way := below
		if below == "" {
			way = ".."
		} else {
			names = append(names, below)
		}
		var next int
		next, err = unix.Openat(at, way, folder, 0)
		unix.Close(at)
		if at = next; err == nil && below == "" {
			last := len(names) - 1
			err = unix.Unlinkat(at, names[last], unix.AT_REMOVEDIR)
			names = names[:last]
		}
	}
	if at >= 0 {
		unix.Close(at)
	}
	return err
}

const folder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// firstSubgroup gives the name of a folder in an open one, or "".
func firstSubgroup(dir int) (string, error) {
	fd, err := unix.Openat(dir, ".", folder, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), "cgroup")
	defer f.Close()
	for {
		entries, err := f.ReadDir(64)
		for _, e := range entries {
			if e.IsDir() {
				return e.Name(), nil
			}
		}
		if err == io.EOF {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
}
