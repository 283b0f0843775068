package layer_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

// inside is set where the tests run as the fake root of a user namespace. They all do, where there are
// subordinate ids: the test binary starts itself anew, workers of fuzzing and all.
const inside = "SNUG_LAYER_INSIDE"

func TestMain(m *testing.M) {
	unshare, missing := exec.LookPath("unshare")
	command := []string{"unshare", "--user", "--map-auto", "--map-root-user", "--mount"}
	if os.Getenv(inside) == "" && os.Geteuid() != 0 && missing == nil && exec.Command(unshare, append(command[1:], "true")...).Run() == nil {
		self, err := os.Executable()
		if err == nil {
			err = syscall.Exec(unshare, append(append(command, self), os.Args[1:]...), append(os.Environ(), inside+"=1"))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// root ends a test that cannot be without many ids.
func root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		need.Missing(t, "wanted to be root of a user namespace with subordinate ids, got neither unshare --map-auto nor newuidmap")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entry is one of an archive.
type entry struct {
	tar.Header
	body string
}

var epoch = time.Unix(1_700_000_000, 0)

// The owner of all is who runs the test, unless it says otherwise.
func header(kind byte, name, link string, mode int64) entry {
	return entry{Header: tar.Header{Typeflag: kind, Name: name, Linkname: link, Mode: mode, Uid: os.Geteuid(), Gid: os.Getegid(), ModTime: epoch, Format: tar.FormatPAX}}
}

func dir(name string) entry            { return header(tar.TypeDir, name, "", 0o755) }
func symlink(name, to string) entry    { return header(tar.TypeSymlink, name, to, 0o777) }
func hardlink(name, to string) entry   { return header(tar.TypeLink, name, to, 0o644) }
func device(name string, k byte) entry { return header(k, name, "", 0o600) }

func file(name, body string) entry {
	e := header(tar.TypeReg, name, "", 0o644)
	e.body, e.Size = body, int64(len(body))
	return e
}

func (e entry) mode(mode int64) entry {
	e.Mode = mode
	return e
}

func (e entry) owner(uid, gid int) entry {
	e.Uid, e.Gid = uid, gid
	return e
}

func (e entry) xattr(name, value string) entry {
	e.PAXRecords = maps.Clone(e.PAXRecords)
	if e.PAXRecords == nil {
		e.PAXRecords = map[string]string{}
	}
	e.PAXRecords["SCHILY.xattr."+name] = value
	return e
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range entries {
		e := entries[i]
		must(t, w.WriteHeader(&e.Header))
		_, err := w.Write([]byte(e.body))
		must(t, err)
	}
	must(t, w.Close())
	return out.Bytes()
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// folder gives an empty one that can be removed whatever happens in it.
func folder(t testing.TB) string {
	t.Helper()
	above, err := os.MkdirTemp("", "layer")
	must(t, err)
	t.Cleanup(func() {
		up, err := os.Open(filepath.Dir(above))
		must(t, err)
		defer up.Close()
		must(t, layer.Remove(up, filepath.Base(above)))
	})
	path := above + "/root"
	must(t, os.Mkdir(path, 0o755))
	return path
}

func unpack(t testing.TB, path string, data []byte, o layer.Options) (*layer.Report, error) {
	t.Helper()
	d, err := os.Open(path)
	must(t, err)
	defer d.Close()
	return layer.Unpack(d, bytes.NewReader(data), o)
}

func mustUnpack(t testing.TB, path string, data []byte, o layer.Options) *layer.Report {
	t.Helper()
	r, err := unpack(t, path, data, o)
	must(t, err)
	return r
}

func mustPack(t testing.TB, path string, o layer.Options) ([]byte, *layer.Report) {
	t.Helper()
	d, err := os.Open(path)
	must(t, err)
	defer d.Close()
	var out bytes.Buffer
	r, err := layer.Pack(&out, d, o)
	must(t, err)
	return out.Bytes(), r
}

// brief is what there is below a folder, a line each: "a/", "a/f = text", "a/l -> target", "a/x gone".
func brief(t testing.TB, path string) string {
	t.Helper()
	return list(t, path, func(rel string, st *unix.Stat_t, full string) string {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if string(attribute(full, "user.overlay.opaque")) == "y" {
				return rel + "/ opaque"
			}
			return rel + "/"
		case unix.S_IFLNK:
			target, _ := os.Readlink(full)
			return rel + " -> " + target
		case unix.S_IFIFO:
			return rel + " FIFO"
		case unix.S_IFCHR:
			return fmt.Sprintf("%s %s", rel, map[bool]string{true: "gone", false: "device"}[st.Rdev == 0])
		}
		body, err := os.ReadFile(full)
		must(t, err)
		if len(body) > 40 {
			body = fmt.Appendf(nil, "%d bytes", len(body))
		}
		return rel + " = " + string(body)
	})
}

// full is all that can be known of it.
func full(t testing.TB, path string) string {
	t.Helper()
	names := map[uint64]string{}
	return list(t, path, func(rel string, st *unix.Stat_t, full string) string {
		if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
			return rel + " gone" // it has no time of its own
		}
		line := fmt.Sprintf("%s %06o %d:%d %d.%09d", rel, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			line += fmt.Sprintf(" links %d size %d", st.Nlink, st.Size)
			if st.Nlink > 1 && names[st.Ino] == "" {
				names[st.Ino] = rel
			}
			line += " first " + names[st.Ino]
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, _ := os.Readlink(full)
			return line + " -> " + target
		case unix.S_IFREG:
			f, err := os.Open(full)
			must(t, err)
			defer f.Close()
			h := sha256.New()
			_, err = f.WriteTo(h)
			must(t, err)
			line += fmt.Sprintf(" %x", h.Sum(nil)[:8])
		case unix.S_IFDIR:
		default:
			return line + fmt.Sprintf(" rdev %d", st.Rdev)
		}
		for _, name := range attributes(full) {
			line += fmt.Sprintf(" %s=%q", name, attribute(full, name))
		}
		return line
	})
}

func list(t testing.TB, path string, line func(rel string, st *unix.Stat_t, full string) string) string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(path, func(full string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(full, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(path, full)
		if rel != "." || line == nil {
			lines = append(lines, line(rel, &st, full))
		} else if l := line(rel, &st, full); l != "./" {
			lines = append(lines, l)
		}
		return err
	}))
	return strings.Join(lines, "\n")
}

func attribute(path, name string) []byte {
	buf := make([]byte, 64<<10)
	n, err := unix.Lgetxattr(path, name, buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

func attributes(path string) (names []string) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return nil
	}
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if name != "" && !strings.HasPrefix(name, "security.selinux") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
