package compose

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
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
	w.Instance = strconv.FormatUint(uint64(randomNumber()), 10)
	w.Accessibility, w.Documents, w.Document = w.accessibility, w.documents, w.document
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
func lookupID(from FileSystem, path string, id uint32) []string {
	text, err := from.ReadFile(path, maxNames)
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

// randomNumber tells one start from another.
func randomNumber() uint32 {
	var b [4]byte
	unix.Getrandom(b[:], 0)
	return binary.NativeEndian.Uint32(b[:])
}

// accessibility finds the accessibility bus: where at-spi-bus-launcher makes it, else by the call that
// starts it.
func (w *World) accessibility() string {
	dir := child(w.RuntimeDir, "at-spi")
	if entries, err := w.Files.ReadDir(dir); w.RuntimeDir != "" && err == nil {
		for _, entry := range entries {
			if path := child(dir, entry.Name); strings.HasPrefix(entry.Name, "bus") && entry.is(unix.S_IFSOCK) && answers(path) {
				return "unix:path=" + path
			}
		}
	}
	return w.ask(dbus.Call{Name: "org.a11y.Bus", Path: "/org/a11y/bus", Interface: "org.a11y.Bus", Member: "GetAddress"})
}

// documents finds the document portal: where it is mounted by default, else by the call that starts it.
func (w *World) documents() string {
	path := child(w.RuntimeDir, "doc")
	if file, err := w.Files.Lstat(child(path, "by-app")); w.RuntimeDir != "" && err == nil && file.is(unix.S_IFDIR) {
		return path
	}
	path = strings.TrimRight(w.ask(dbus.Call{Name: "org.freedesktop.portal.Documents", Path: "/org/freedesktop/portal/documents",
		Interface: "org.freedesktop.portal.Documents", Member: "GetMountPoint"}), "\x00")
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	return clean(path)
}

// document makes a file a document, unless nothing shall be started: then it is as if it had become one.
func (w *World) document(app, path string) string {
	folder := child(w.documents(), "by-app/"+app)
	if w.NoStart {
		return child(folder, "ID")
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	id, err := dbus.Document(sessionAddress(w), fd, app, patience)
	if err != nil || id == "" || id == ".." || strings.Contains(id, "/") {
		return ""
	}
	return child(folder, id)
}

// Forget takes documents away that Document has made, by the last part of what it gave.
func (w *World) Forget(documents []string) {
	for _, id := range documents {
		dbus.DeleteDocument(sessionAddress(w), id, time.Second)
	}
}

// patience is how long a service of the session may take to start and answer.
const patience = 10 * time.Second

// ask asks a service of the session bus, which is started for it unless nothing shall be.
func (w *World) ask(call dbus.Call) string {
	call.NoStart = w.NoStart
	answer, err := call.Text(sessionAddress(w), patience)
	if err != nil {
		return ""
	}
	return answer
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
