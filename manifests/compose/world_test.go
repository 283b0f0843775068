package compose_test

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/manifests/compose"
	"snug/sandbox"
)

// fakeFiles is a tree of files in memory.
type fakeFiles map[string]*fakeFile

type fakeFile struct {
	compose.File
	content string // of a file, or the target of a link
}

// plant adds lines such as "d /usr", "f /etc/hosts 127.0.0.1 me", "l /bin usr/bin",
// "s /run/socket", "c /dev/dri/card0 226:0", "x /closed" (a folder of mode 0), "b /binary 06d0f1" (its bytes).
// Missing parents are folders.
func (f fakeFiles) plant(t testing.TB, lines string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		if line == "" {
			continue
		}
		kind, rest, _ := strings.Cut(line, " ")
		path, content, _ := strings.Cut(rest, " ")
		file := &fakeFile{content: strings.ReplaceAll(content, `\n`, "\n")}
		switch kind {
		case "d":
			file.Mode = unix.S_IFDIR | 0o755
		case "x":
			file.Mode = unix.S_IFDIR
		case "f":
			file.Mode = unix.S_IFREG | 0o644
		case "l":
			file.Mode = unix.S_IFLNK | 0o777
		case "b":
			file.Mode = unix.S_IFREG | 0o644
			bytes, err := hex.DecodeString(content)
			if err != nil {
				t.Fatalf("tree: %q: %v", line, err)
			}
			file.content = string(bytes)
		case "p":
			file.Mode = unix.S_IFIFO | 0o644
		case "s":
			file.Mode = unix.S_IFSOCK | 0o777
		case "c":
			file.Mode = unix.S_IFCHR | 0o666
			major, minor, _ := strings.Cut(content, ":")
			a, _ := strconv.Atoi(major)
			b, _ := strconv.Atoi(minor)
			file.Rdev = unix.Mkdev(uint32(a), uint32(b))
			file.ID = sandbox.FileID{Dev: 6, Ino: uint64(len(f)) + 1}
		default:
			t.Fatalf("tree: %q", line)
		}
		f[path] = file
		for parent := path; strings.Contains(parent[1:], "/"); {
			parent = parent[:strings.LastIndexByte(parent, '/')]
			if f[parent] == nil {
				f[parent] = &fakeFile{File: compose.File{Mode: unix.S_IFDIR | 0o755}}
			}
		}
	}
}

// closed reports whether a path lies in a folder of mode 0.
func (f fakeFiles) closed(path string) bool {
	for parent := path; strings.Contains(parent[1:], "/"); {
		parent = parent[:strings.LastIndexByte(parent, '/')]
		if folder := f[parent]; folder != nil && folder.Mode == unix.S_IFDIR {
			return true
		}
	}
	return false
}

func (f fakeFiles) Lstat(path string) (compose.File, error) {
	if f.closed(path) {
		return compose.File{}, unix.EACCES
	}
	if file := f[path]; file != nil {
		return file.File, nil
	}
	return compose.File{}, unix.ENOENT
}

func (f fakeFiles) Readlink(path string) (string, error) {
	file := f[path]
	if file == nil || file.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", unix.EINVAL
	}
	return file.content, nil
}

func (f fakeFiles) ReadDir(path string) (entries []compose.File, err error) {
	if file := f[path]; path != "/" && (file == nil || file.Mode&unix.S_IFMT != unix.S_IFDIR) {
		return nil, unix.ENOENT
	}
	if path != "/" && f.closed(path+"/") {
		return nil, unix.EACCES
	}
	prefix := strings.TrimSuffix(path, "/") + "/"
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if rest, found := strings.CutPrefix(name, prefix); found && !strings.Contains(rest, "/") {
			entries = append(entries, compose.File{Name: rest, Mode: f[name].Mode & unix.S_IFMT})
		}
	}
	return entries, nil
}

func (f fakeFiles) ReadFile(path string, limit int) ([]byte, error) {
	file := f[path]
	switch {
	case file == nil:
		return nil, unix.ENOENT
	case file.Mode&unix.S_IFMT == unix.S_IFLNK:
		if !strings.HasPrefix(file.content, "/") {
			return nil, unix.EINVAL // no test needs it
		}
		return f.ReadFile(file.content, limit)
	case len(file.content) > limit:
		return nil, unix.EFBIG
	}
	return []byte(file.content), nil
}

// debian is the part of a machine that every test has.
const debian = `
l /bin usr/bin
l /lib usr/lib
d /usr/bin
f /usr/bin/bash
d /usr/lib
d /opt
d /tmp
d /dev
d /var/cache/fontconfig
f /proc/kcore
f /proc/keys
d /proc/sys
f /etc/hosts 127.0.0.1 localhost\n10.0.0.7 printer\n
f /etc/machine-id 0123456789abcdef0123456789abcdef
d /etc/fonts
l /etc/localtime /usr/share/zoneinfo/Europe/Berlin
l /etc/os-release ../usr/lib/os-release
f /usr/lib/os-release
f /usr/share/zoneinfo/Europe/Berlin
f /etc/shadow root:secret
l /etc/resolv.conf ../run/systemd/resolve/stub-resolv.conf
f /run/systemd/resolve/stub-resolv.conf nameserver 127.0.0.53\nsearch example.org\n
s /run/systemd/resolve/io.systemd.Resolve
d /home/ann
d /home/ann/.ssh
f /home/ann/.ssh/id_ed25519
d /run/user/1000
`

// fakeWorld is the session of Ann on that machine. Lines change it: "cwd /x", "env A=b",
// "landlock 5", "uid 0", "runtime /x", "home /x", "dead /socket", "documents /x", "opener /x",
// "accessibility unix:path=/x".
func fakeWorld(t testing.TB, lines, tree string) *compose.World {
	t.Helper()
	files := fakeFiles{}
	files.plant(t, debian)
	files.plant(t, tree)
	w := &compose.World{
		User: "ann", Group: "ann", Home: "/home/ann", Shell: "/bin/bash", Hostname: "desk", Cwd: "/home/ann",
		RuntimeDir: "/run/user/1000", Umask: 0o022, Instance: "4711", Files: files, Env: []string{"LANG=de_DE.UTF-8", "SECRET=1"},
	}
	w.Host.UID, w.Host.GID, w.Host.Landlock = 1000, 1000, 6
	dead := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "":
		case "cwd":
			w.Cwd = value
		case "env":
			w.Env = append(w.Env, value)
		case "landlock":
			w.Host.Landlock, _ = strconv.Atoi(value)
		case "uid":
			n, _ := strconv.Atoi(value)
			w.Host.UID, w.Host.GID = uint32(n), uint32(n)
		case "runtime":
			w.RuntimeDir = value
		case "home":
			w.Home = value
		case "dead":
			dead[value] = true
		case "opener":
			w.Opener = func() string { return value }
		case "documents":
			w.Documents = func() string { return value }
			made := 0
			w.Document = func(app, path string) string {
				made++
				return value + "/by-app/" + app + "/doc" + strconv.Itoa(made)
			}
		case "accessibility":
			w.Accessibility = func() string { return value }
		case "here":
		default:
			t.Fatalf("world: %q", line)
		}
	}
	w.Data, w.Config, w.Cache, w.State = w.Home+"/.local/share", w.Home+"/.config", w.Home+"/.cache", w.Home+"/.local/state"
	w.Answers = func(path string) bool {
		file := files[path]
		if abstract := strings.HasPrefix(path, "@"); abstract {
			return !dead[path]
		}
		return file != nil && file.Mode&unix.S_IFMT == unix.S_IFSOCK && !dead[path]
	}
	return w
}

// txtar splits an archive (golang.org/x/tools/txtar) into its sections.
func txtar(text string) map[string]string {
	sections := map[string]string{}
	name, body := "", ""
	for line := range strings.SplitAfterSeq(text, "\n") {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "-- ") && strings.HasSuffix(trimmed, " --") {
			sections[name] = body
			name, body = trimmed[3:len(trimmed)-3], ""
			continue
		}
		body += line
	}
	sections[name] = body
	return sections
}
