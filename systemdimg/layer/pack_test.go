package layer_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

// members is what an archive holds, a line each.
func members(t testing.TB, data []byte) string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(lines, "\n")
		}
		must(t, err)
		line := fmt.Sprintf("%c %s %o %d:%d", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid)
		if h.Linkname != "" {
			line += " " + h.Linkname
		}
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			line += " empty"
		}
		lines = append(lines, line)
	}
}

func TestPack(t *testing.T) {
	root(t)
	path := folder(t)
	mustUnpack(t, path, archive(t,
		dir("./").mode(0o755),
		dir("b/").mode(0o2750).owner(1, 2),
		file("b/su", "x").mode(0o4755).owner(3, 4).xattr("user.x", "y").xattr("security.capability", netRaw),
		hardlink("a", "b/su"),
		symlink("b.l", "b/su"),
		hardlink("c", "b.l"),
		header(tar.TypeFifo, "p", "", 0o600),
		file(".wh.gone", ""),
		dir("o"),
		file("o/.wh..wh..opq", ""),
		file("o/f", "z"),
	), layer.Options{})
	must(t, unix.Setxattr(path+"/o/f", "user.overlay.origin", []byte("x"), 0))
	listen, err := net.Listen("unix", path+"/socket")
	must(t, err)
	defer listen.Close()
	must(t, os.WriteFile(path+"/.wh.odd", nil, 0o600))
	must(t, os.Mkdir(path+"/.wh.folder", 0o700))
	must(t, os.WriteFile(path+"/.wh.folder/f", nil, 0o600))
	must(t, unix.Lsetxattr(path, "user.overlay.impure", []byte("y"), 0))
	must(t, os.Chtimes(path, epoch, epoch))

	data, r := mustPack(t, path, layer.Options{})
	want := strings.Join([]string{
		"5 ./ 755 0:0",
		"0 a 4755 3:4",
		"5 b/ 2750 1:2",
		"1 b/su 4755 3:4 a",
		"2 b.l 777 0:0 b/su",
		"1 c 777 0:0 b.l",
		"0 .wh.gone 0 0:0 empty",
		"5 o/ 755 0:0",
		"0 o/.wh..wh..opq 0 0:0 empty",
		"0 o/f 644 0:0",
		"6 p 600 0:0",
	}, "\n")
	if diff := cmp.Diff(want, members(t, data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantNotes := []string{
		`2 files were left out whose names begin with .wh., which in a layer says that a file is gone: ".wh.folder", ".wh.odd"`,
		`1 sockets were left out: "socket"`,
	}
	if diff := cmp.Diff(wantNotes, r.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); r.Digest != want || r.Size != int64(len(data)) || r.Files != 11 || r.Bytes != 2 {
		t.Errorf("want %s of %d bytes, got %+v", want, len(data), r)
	}
	for _, mark := range []string{"user.overlay", "SCHILY.xattr.user.overlay"} {
		if bytes.Contains(data, []byte(mark)) {
			t.Errorf("want no %s in the archive, got one", mark)
		}
	}
	plain, r := mustPack(t, path, layer.Options{Plain: true})
	if got := members(t, plain); !strings.Contains(got, "0 .wh.folder/f 600 0:0 empty") || strings.Contains(got, "opq") || strings.Contains(got, "gone") {
		t.Errorf("want a plain archive, got %s", got)
	}
	if len(r.Notes) != 2 { // the socket, and the device
		t.Errorf("want 2 notes, got %q", r.Notes)
	}
}

// The other kind of whiteouts that overlayfs knows (Linux 6.7), and marks that say that a file is not whole.
func TestPackMarks(t *testing.T) {
	path := folder(t)
	must(t, os.Mkdir(path+"/d", 0o755))
	must(t, os.WriteFile(path+"/d/f", nil, 0o600))
	must(t, unix.Setxattr(path+"/d", "user.overlay.opaque", []byte("x"), 0))
	must(t, unix.Setxattr(path+"/d/f", "user.overlay.whiteout", nil, 0))
	data, _ := mustPack(t, path, layer.Options{})
	if got := members(t, data); !strings.Contains(got, "0 d/.wh.f 0 0:0 empty") || strings.Contains(got, "opq") {
		t.Errorf("want d/.wh.f, and d not opaque, got %s", got)
	}
	for _, mark := range []string{"user.overlay.redirect", "user.overlay.metacopy"} {
		must(t, os.WriteFile(path+"/"+mark, nil, 0o600))
		must(t, unix.Setxattr(path+"/"+mark, mark, []byte("/x"), 0))
		_, err := layer.Pack(io.Discard, open(t, path), layer.Options{})
		if err == nil || !strings.Contains(err.Error(), mark) {
			t.Errorf("want an error with %s, got %v", mark, err)
		}
		must(t, os.Remove(path+"/"+mark))
	}
}

// A writer that fails ends it.
func TestPackFails(t *testing.T) {
	path := folder(t)
	mustUnpack(t, path, archive(t, file("f", noise(100_000))), layer.Options{})
	if _, err := layer.Pack(&short{10_000}, open(t, path), layer.Options{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("want %v, got %v", io.ErrShortWrite, err)
	}
}

type short struct{ left int }

func (s *short) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// What is unpacked, packed and unpacked is the same, and so is its archive.
func TestRoundTrip(t *testing.T) {
	root(t)
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c d", "é\n", "-x", strings.Repeat("n", 200)}), 1, 4).Draw(t, "components"), "/")
	})
	kind := rapid.SampledFrom([]byte{tar.TypeReg, tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeFifo, 'w', 'o', 'h'})
	rapid.Check(t, func(rt *rapid.T) {
		var entries []entry
		files := []string{}
		for range rapid.IntRange(1, 15).Draw(rt, "count") {
			n := name.Draw(rt, "name")
			k := kind.Draw(rt, "kind")
			e := header(k, n, "", rapid.Int64Range(0, 0o7777).Draw(rt, "mode")).owner(rapid.IntRange(0, 65534).Draw(rt, "uid"), rapid.IntRange(0, 65534).Draw(rt, "gid"))
			e.ModTime = time.Unix(rapid.Int64Range(-1000, 4_000_000_000).Draw(rt, "time"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns"))
			switch k {
			case tar.TypeSymlink:
				e.Linkname = name.Draw(rt, "target")
			case tar.TypeReg:
				e.body = strings.Repeat("x", rapid.IntRange(0, 2000).Draw(rt, "size"))
				e.Size = int64(len(e.body))
				e = e.xattr("user."+rapid.StringMatching(`[a-z.]{1,9}`).Draw(rt, "xattr"), rapid.String().Draw(rt, "value"))
				files = append(files, n)
			case 'w':
				e = file(filepath.Join(filepath.Dir(n), ".wh."+filepath.Base(n)), "")
			case 'o':
				e = file(n+"/.wh..wh..opq", "")
			case 'h':
				if len(files) == 0 {
					continue
				}
				e = hardlink(n, rapid.SampledFrom(files).Draw(rt, "of"))
			}
			entries = append(entries, e)
		}
		first, second := folder(t), folder(t)
		if _, err := unpack(t, first, archive(t, append([]entry{dir("./")}, entries...)...), layer.Options{}); err != nil {
			return // below a file, through a link, to what has been replaced
		}
		data, report := mustPack(t, first, layer.Options{})
		r := mustUnpack(t, second, data, layer.Options{})
		again, _ := mustPack(t, second, layer.Options{})
		if diff := cmp.Diff(full(t, first), full(t, second)); diff != "" {
			rt.Fatalf("(-first +second):\n%s", diff)
		}
		if !bytes.Equal(data, again) || r.Digest != report.Digest {
			rt.Fatal("want the same archive again, got another")
		}
	})
}

// The kernel agrees: layers stacked as an overlay are what the image says, and what is changed in it
// comes back out of its upper folder.
func TestOverlay(t *testing.T) {
	root(t)
	base := folder(t)
	for _, name := range []string{"low", "up", "work", "merged", "up2", "work2", "merged2"} {
		must(t, os.Mkdir(base+"/"+name, 0o755))
	}
	mustUnpack(t, base+"/low", archive(t, dir("./"), file("keep", "1"), file("gone", "2"), file("d/old", "3"), file("again/old", "4"), file("file/f", "5"), file("dir", "6"), dir("deep/a/b/"), file("deep/a/b/f", "7")), layer.Options{})
	mustUnpack(t, base+"/up", archive(t, dir("./"), file(".wh.gone", ""), file("d/.wh..wh..opq", ""), file("d/new", "8"), file(".wh.again", ""), file("again/new", "9"), file("file", "10"), dir("dir/"), file("deep/a/.wh.b", "")), layer.Options{})
	mount := func(lower, upper, work, merged string) {
		t.Helper()
		options := "lowerdir=" + base + "/" + lower + ",upperdir=" + base + "/" + upper + ",workdir=" + base + "/" + work
		if os.Getenv(inside) == "" {
			need.Elsewhere(t, "overlays with userxattr are for user namespaces: run it as an ordinary user")
		}
		must(t, unix.Mount("overlay", base+"/"+merged, "overlay", 0, options+",userxattr"))
		t.Cleanup(func() { unix.Unmount(base+"/"+merged, unix.MNT_DETACH) })
	}
	mount("low", "up", "work", "merged")
	want := "again/\nagain/new = 9\nd/\nd/new = 8\ndeep/\ndeep/a/\ndir/\nfile = 10\nkeep = 1"
	if diff := cmp.Diff(want, brief(t, base+"/merged")); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}

	merged := base + "/merged"
	must(t, os.Remove(merged+"/keep"))
	must(t, os.RemoveAll(merged+"/deep"))
	must(t, os.Mkdir(merged+"/deep", 0o755)) // opaque
	must(t, os.WriteFile(merged+"/d/more", []byte("11"), 0o600))
	want = full(t, merged)
	data, _ := mustPack(t, base+"/up", layer.Options{})
	mustUnpack(t, base+"/up2", data, layer.Options{})
	mount("low", "up2", "work2", "merged2")
	if diff := cmp.Diff(want, full(t, base+"/merged2")); diff != "" {
		t.Errorf("after Pack and Unpack (-want +got):\n%s", diff)
	}
}

// GNU tar makes the same of an archive, and an archive of the same: of the programs and libraries of this
// machine, or of a root file system in $ROOTFS_TAR.
func TestGNUTar(t *testing.T) {
	root(t)
	need.Time(t)
	need.Program(t, "tar")
	name := os.Getenv("ROOTFS_TAR")
	if name == "" {
		from := folder(t)
		name = from + ".tar"
		must(t, os.WriteFile(from+"/"+strings.Repeat("long", 50), []byte("x"), 0o4711))
		must(t, unix.Setxattr(from+"/"+strings.Repeat("long", 50), "user.x", []byte("y"), 0))
		must(t, os.Link(from+"/"+strings.Repeat("long", 50), from+"/link"))
		must(t, unix.Mkfifo(from+"/fifo", 0o622))
		tarred(t, "-cf", name, "--ignore-failed-read", "-C", from, ".", "-C", "/etc", "alternatives", "default", "init.d", "-C", "/usr", "sbin", "-C", "/usr/share", "zoneinfo")
	}
	ours, theirs := folder(t), folder(t)
	r, err := layer.Unpack(open(t, ours), open(t, name), layer.Options{Plain: true})
	must(t, err)
	if r.Files < 100 {
		t.Errorf("want some hundred files, got %d", r.Files)
	}
	tarred(t, "-C", theirs, "-xpf", name)
	if diff := cmp.Diff(full(t, theirs), full(t, ours)); diff != "" {
		t.Errorf("unpacked (-tar +ours):\n%s", diff)
	}
	data, _ := mustPack(t, ours, layer.Options{Plain: true})
	again := folder(t)
	must(t, os.WriteFile(again+"/../ours.tar", data, 0o600))
	tarred(t, "-C", again, "-xpf", again+"/../ours.tar")
	if diff := cmp.Diff(full(t, ours), full(t, again)); diff != "" {
		t.Errorf("packed by us, unpacked by tar (-ours +tar):\n%s", diff)
	}
}

// tarred calls GNU tar, and lets it have no device nodes.
func tarred(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("tar", append([]string{"--xattrs", "--xattrs-include=*", "--numeric-owner"}, args...)...)
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "Cannot mknod") && !strings.Contains(line, "previous errors") && !strings.Contains(line, "Permission denied") {
			t.Errorf("tar: %s, %v", line, err)
		}
	}
}
