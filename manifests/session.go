package manifests

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Session looks at the machine and the session of this process. It reads the umask by setting it
// twice (umask(2) has no other way), so it belongs before the first goroutine that makes files.
func Session() (*World, error) {
	host, err := sandbox.Probe()
	if err != nil {
		return nil, err
	}
	w := &World{Host: host, Env: os.Environ(), Files: hostFiles{}, Answers: answers}
	w.Umask = uint32(unix.Umask(0o077))
	unix.Umask(int(w.Umask))
	w.Hostname, _ = os.Hostname()
	w.Cwd, _ = os.Getwd()
	w.RuntimeDir = w.absolute("XDG_RUNTIME_DIR", "")
	w.findUser()
	if home := w.absolute("HOME", ""); home != "" {
		w.Home = home
	}
	w.Shell = w.absolute("SHELL", w.Shell)
	w.Data = w.absolute("XDG_DATA_HOME", w.Home+"/.local/share")
	w.Config = w.absolute("XDG_CONFIG_HOME", w.Home+"/.config")
	w.Cache = w.absolute("XDG_CACHE_HOME", w.Home+"/.cache")
	w.State = w.absolute("XDG_STATE_HOME", w.Home+"/.local/state")
	return w, nil
}

// absolute returns a variable that holds an absolute path; the base directory specification says
// to ignore all others.
func (w *World) absolute(name, otherwise string) string {
	if value := w.getenv(name); strings.HasPrefix(value, "/") {
		return clean(value)
	}
	return otherwise
}

// findUser looks for the caller in /etc/passwd. One that only a directory service knows (sssd) is
// what the session says.
func (w *World) findUser() {
	if line := lookupID(w.Files, "/etc/passwd", w.Host.UID); len(line) >= 7 {
		w.User, w.Home, w.Shell = line[0], line[5], line[6]
	} else {
		w.User = w.getenv("LOGNAME")
		if w.User == "" {
			w.User = w.getenv("USER")
		}
	}
	if line := lookupID(w.Files, "/etc/group", w.Host.GID); len(line) > 0 {
		w.Group = line[0]
	}
}

// lookupID returns the fields of the line of /etc/passwd or /etc/group with a numeric id.
func lookupID(files FileSystem, path string, id uint32) []string {
	text, err := files.ReadFile(path, maxNames)
	if err != nil {
		return nil
	}
	number := strconv.FormatUint(uint64(id), 10)
	for line := range strings.SplitSeq(string(text), "\n") {
		if fields := strings.Split(line, ":"); len(fields) > 2 && fields[2] == number {
			return fields
		}
	}
	return nil
}

// maxNames bounds /etc/passwd and /etc/group, which list thousands of people on some machines.
const maxNames = 8 << 20

// hostFiles is the FileSystem of this machine.
type hostFiles struct{}

func (hostFiles) Lstat(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return File{}, err
	}
	return File{Mode: st.Mode, Rdev: uint64(st.Rdev)}, nil
}

func (hostFiles) Readlink(path string) (string, error) {
	var buf [4096]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func (hostFiles) ReadDir(path string) ([]File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxEntries + 1)
	if err != nil && len(entries) == 0 && len(path) > 0 {
		if err.Error() == "EOF" {
			return nil, nil
		}
		return nil, err
	}
	files := make([]File, len(entries))
	for i, entry := range entries {
		files[i] = File{Name: entry.Name(), Mode: modeBits(entry.Type())}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

func (hostFiles) ReadFile(path string, limit int) ([]byte, error) { return readBounded(path, limit) }

// maxEntries bounds a folder that is shown entry by entry.
const maxEntries = 4096

// modeBits translates the type of a file to the kernel's bits.
func modeBits(mode os.FileMode) uint32 {
	switch {
	case mode.IsRegular():
		return unix.S_IFREG
	case mode.IsDir():
		return unix.S_IFDIR
	case mode&os.ModeSymlink != 0:
		return unix.S_IFLNK
	case mode&os.ModeSocket != 0:
		return unix.S_IFSOCK
	case mode&os.ModeNamedPipe != 0:
		return unix.S_IFIFO
	case mode&os.ModeCharDevice != 0:
		return unix.S_IFCHR
	}
	return unix.S_IFBLK
}

// answers connects to a socket, without waiting for a server that does not accept.
func answers(path string) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) == nil
}
