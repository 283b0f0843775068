package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotDelegated says that no group around the caller is its own to manage.
var ErrNotDelegated = errors.New("no control group of yours is there to make others in")

// ErrNoHierarchy says that the machine has no unified hierarchy that the caller sees.
var ErrNoHierarchy = errors.New("there is no unified control group hierarchy (cgroup v2)")

// Of gives the folder of a process's group.
func Of(pid int) (string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return "", err
	}
	path, ok := ownPath(string(text))
	if !ok {
		return "", ErrNoHierarchy
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for _, folder := range foldersOf(string(mounts), path) {
		var st unix.Statfs_t
		err := unix.Statfs(folder, &st)
		if err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			return folder, nil
		}
		if err == unix.ENAMETOOLONG { // as who is in it may have made it
			return "", &os.PathError{Op: "find the group of", Path: "/proc/" + strconv.Itoa(pid), Err: err}
		}
	}
	return "", ErrNoHierarchy
}

// ownPath finds the line of the unified hierarchy, which has the number 0 and no controllers.
func ownPath(text string) (path string, ok bool) {
	for line := range strings.Lines(text) {
		if path, ok = strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return path, true
		}
	}
	return "", false
}

// foldersOf finds where a group may be visible: in mounts whose roots are above it, the nearest first, and of
// those the latest, which may cover others (proc_pid_mountinfo(5)).
func foldersOf(mounts, group string) (folders []string) {
	var roots []string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 6 || dash+1 >= len(fields) || fields[dash+1] != "cgroup2" {
			continue
		}
		root, at := unescape(fields[3]), unescape(fields[4])
		if rest, inside := below(group, root); inside {
			i := slices.IndexFunc(roots, func(r string) bool { return len(r) <= len(root) })
			if i < 0 {
				i = len(roots)
			}
			roots = slices.Insert(roots, i, root)
			folders = slices.Insert(folders, i, filepath.Join(at, rest))
		}
	}
	return folders
}

// below gives the path of a group from the root of a mount. What begins with /.. lies outside of the
// caller's cgroup namespace, and no mount shows it.
func below(group, root string) (rest string, ok bool) {
	if root == "/" {
		return group, !strings.HasPrefix(group, "/..")
	}
	rest, ok = strings.CutPrefix(group+"/", root+"/")
	return strings.TrimSuffix(rest, "/"), ok
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// Delegated gives the topmost folder around the caller's group that the caller may manage: one that it
// may make folders in, and move processes out of and into (cgroups(7), "Cgroup delegation").
//
// It is found by who may write, and not by an attribute: a service manager marks what it delegates
// (user.delegate), an administrator who says chown does not.
func Delegated() (string, error) {
	own, err := Of(os.Getpid())
	if err != nil {
		return "", err
	}
	found := ""
	for dir := own; isManaged(dir); dir = filepath.Dir(dir) {
		found = dir
	}
	if found == "" {
		return "", fmt.Errorf("%w: %q is not", ErrNotDelegated, own)
	}
	return found, nil
}

// isManaged reports whether the caller may manage a group.
func isManaged(dir string) bool {
	for _, file := range []string{".", "cgroup.procs"} {
		if unix.Faccessat(unix.AT_FDCWD, filepath.Join(dir, file), unix.W_OK, unix.AT_EACCESS) != nil {
			return false
		}
	}
	return true
}

// Make makes a group in a folder of Delegated. fs.ErrExist says that there is one of that name.
func Make(parent, name string) (*Group, error) {
	path := filepath.Join(parent, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	g, err := Open(path)
	if err != nil {
		os.Remove(path)
	}
	return g, err
}

// Open opens a group that there is.
func Open(path string) (*Group, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
		dir.Close()
		return nil, &fs.PathError{Op: "open group", Path: path, Err: unix.ENOTDIR}
	}
	return &Group{dir, path}, nil
}

// IsUnit reports whether a group is one that a service manager has delegated (systemd from 251 on marks
// it): a unit of its own, below which it leaves everything alone.
func IsUnit(path string) bool {
	value := make([]byte, 8)
	n, err := unix.Getxattr(path, "user.delegate", value)
	return err == nil && string(value[:n]) == "1"
}

// StepAside moves the caller from its group into one of its own there, so that the group may have others:
// none with processes may hand controllers on (cgroups(7), "no internal processes"). It gives the group
// that the caller was in.
func StepAside() (string, error) {
	path, err := Of(os.Getpid())
	if err != nil {
		return "", err
	}
	own, err := Make(path, "supervisor")
	if errors.Is(err, fs.ErrExist) {
		own, err = Open(filepath.Join(path, "supervisor"))
	}
	if err != nil {
		return "", err
	}
	defer own.Close()
	return path, own.Add(os.Getpid())
}

// CanMove reports whether the caller may move a process of its own from one group to another: it must be
// allowed to write to what is around both (cgroups(7), "Cgroup delegation").
func CanMove(from, to string) bool {
	above := from
	for above != "/" && !strings.HasPrefix(to+"/", above+"/") {
		above = filepath.Dir(above)
	}
	return unix.Faccessat(unix.AT_FDCWD, filepath.Join(above, "cgroup.procs"), unix.W_OK, unix.AT_EACCESS) == nil
}
