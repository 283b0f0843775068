package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	return folderOf(string(mounts), path)
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

// folderOf finds where a group is visible: in the mount whose root is nearest above it
// (proc_pid_mountinfo(5)).
func folderOf(mounts, group string) (string, error) {
	folder, best := "", -1
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		dash := indexOf(fields, "-")
		if dash < 6 || dash+1 >= len(fields) || fields[dash+1] != "cgroup2" {
			continue
		}
		root, at := unescape(fields[3]), unescape(fields[4])
		rest, inside := below(group, root)
		if inside && len(root) > best {
			folder, best = filepath.Join(at, rest), len(root)
		}
	}
	if best < 0 {
		return "", ErrNoHierarchy
	}
	return folder, nil
}

func indexOf(list []string, word string) int {
	for i, s := range list {
		if s == word {
			return i
		}
	}
	return -1
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
