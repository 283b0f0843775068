package layer_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

func TestUnpack(t *testing.T) {
	tests := []struct {
		name    string
		options layer.Options
		entries []entry
		want    string
	}{
		{"nothing", layer.Options{}, nil, ""},
		{"files and folders", layer.Options{}, []entry{dir("./"), dir("./a/"), file("./a/f", "x"), dir("./a/b/"), file("./a/b/g", ""), file("./h", "y")},
			"a/\na/b/\na/b/g = \na/f = x\nh = y"},
		{"names that begin at the root", layer.Options{}, []entry{dir("/"), file("/a/f", "x"), file("//b//.//g", "y")}, "a/\na/f = x\nb/\nb/g = y"},
		{"folders that the archive does not have", layer.Options{}, []entry{file("a/b/c/f", "x")}, "a/\na/b/\na/b/c/\na/b/c/f = x"},
		{"links", layer.Options{}, []entry{file("f", "x"), symlink("up", "../../.."), symlink("abs", "/etc/passwd"), hardlink("a/h", "/f"), hardlink("l", "up")},
			"a/\na/h = x\nabs -> /etc/passwd\nf = x\nl -> ../../..\nup -> ../../.."},
		{"a FIFO", layer.Options{}, []entry{header(tar.TypeFifo, "p", "", 0o622)}, "p FIFO"},
		{"comments of git", layer.Options{}, []entry{{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}}, file("f", "x")}, "f = x"},
		{"odd names", layer.Options{}, []entry{file("a\nb", "1"), file("\x1b[31m", "2"), file(" ", "3"), file("-rf", "4"), file("\xff\xfe", "5"), file("...", "6")},
			"\x1b[31m = 2\n  = 3\n-rf = 4\n... = 6\na\nb = 1\n\xff\xfe = 5"},

		{"the last file holds", layer.Options{}, []entry{file("f", "old and longer"), file("f", "new")}, "f = new"},
		{"a file over a folder", layer.Options{}, []entry{file("d/a/b", "x"), file("d", "new")}, "d = new"},
		{"a folder over a file", layer.Options{}, []entry{file("d", "x"), dir("d/"), file("d/f", "y")}, "d/\nd/f = y"},
		{"a folder over a link", layer.Options{}, []entry{dir("e/"), symlink("d", "e"), dir("d/"), file("d/f", "y")}, "d/\nd/f = y\ne/"},
		{"a link over a folder", layer.Options{}, []entry{file("d/a/b", "x"), symlink("d", "e")}, "d -> e"},
		{"a file over a link", layer.Options{}, []entry{file("e", "x"), symlink("f", "e"), file("f", "y")}, "e = x\nf = y"},
		{"a file over one with another name", layer.Options{}, []entry{file("e", "x"), hardlink("f", "e"), file("f", "y")}, "e = x\nf = y"},
		{"a folder again", layer.Options{}, []entry{file("d/f", "x"), dir("d"), file("d/g", "y")}, "d/\nd/f = x\nd/g = y"},
		{"a hard link again", layer.Options{}, []entry{file("e", "x"), hardlink("f", "e"), hardlink("f", "e"), hardlink("e", "e")}, "e = x\nf = x"},
		{"a FIFO over a folder", layer.Options{}, []entry{file("d/f", "x"), header(tar.TypeFifo, "d", "", 0o600)}, "d FIFO"},

		{"what is gone", layer.Options{}, []entry{file("a/.wh.f", ""), dir("b/"), file("b/.wh.d", "")}, "a/\na/f gone\nb/\nb/d gone"},
		{"all that is gone", layer.Options{}, []entry{dir("a/"), file("a/.wh..wh..opq", ""), file("a/f", "x"), file("b/.wh..wh..opq", "")}, "a/ opaque\na/f = x\nb/ opaque"},
		{"gone below, and here again", layer.Options{}, []entry{file(".wh.f", ""), file("f", "x"), file(".wh.d", ""), dir("d/"), file(".wh.e", ""), file("e/f", "y")},
			"d/ opaque\ne/ opaque\ne/f = y\nf = x"},
		{"here, and gone below", layer.Options{}, []entry{file("f", "x"), file(".wh.f", ""), file("d/f", "y"), file(".wh.d", ""), symlink("l", "d"), file(".wh.l", "")},
			"d/ opaque\nd/f = y\nf = x\nl -> d"},
		{"gone twice", layer.Options{}, []entry{file(".wh.f", ""), file(".wh.f", "")}, "f gone"},
		{"gone, told by a folder", layer.Options{}, []entry{dir(".wh.f/")}, "f gone"},
		{"bookkeeping of aufs", layer.Options{}, []entry{dir(".wh..wh.plnk/"), file(".wh..wh.plnk/1.2", "x"), file(".wh..wh.aufs", ""), file("f", "x")}, "f = x"},
		{"a plain archive", layer.Options{Plain: true}, []entry{file(".wh.f", "x"), dir(".wh..wh..opq/"), file(".wh.d/f", "y")}, ".wh..wh..opq/\n.wh.d/\n.wh.d/f = y\n.wh.f = x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.want, "gone") {
				root(t)
			}
			path := folder(t)
			data := archive(t, test.entries...)
			r := mustUnpack(t, path, data, test.options)
			if diff := cmp.Diff(test.want, brief(t, path)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); r.Digest != want || r.Size != int64(len(data)) {
				t.Errorf("want %s of %d bytes, got %s of %d", want, len(data), r.Digest, r.Size)
			}
		})
	}
}

// What the archive says of owners, modes and times, and nothing that umask or the order of entries does.
func TestAttributes(t *testing.T) {
	root(t)
	defer syscall.Umask(syscall.Umask(0o077))
	early := dir("d/").mode(0o2750).owner(5, 6)
	early.ModTime = time.Unix(1_000_000_000, 123456789)
	old := file("old", "").mode(0o600)
	old.ModTime = time.Unix(-5, 0)
	path := folder(t)
	r := mustUnpack(t, path, archive(t,
		dir("./").mode(0o1777),
		early,
		file("d/su", "x").mode(0o4755).owner(1, 2),
		file("d/sg", "x").mode(0o2711).owner(3, 4),
		file("d/none", "").mode(0).owner(65534, 65534),
		file("d/open", "").mode(0o666),
		symlink("d/l", "su").owner(7, 8),
		header(tar.TypeFifo, "d/p", "", 0o4622).owner(9, 9),
		dir("d/closed").mode(0),
		file("d/closed/f", "x"),
		file("implied/f", "x"),
		old,
		file("d/again", "x"), // changes the time of d, and inherits nothing from it
		dir("d/e").mode(0o700),
		symlink("d/m", "su"),
	), layer.Options{})
	if len(r.Notes) != 0 || r.Files != 16 || r.Bytes != 5 {
		t.Errorf("want 16 files of 5 bytes and no notes, got %+v", r)
	}
	var got []string
	for line := range strings.SplitSeq(full(t, path), "\n") {
		f := strings.Fields(line)
		if f[0] == "implied" {
			f[3] = "now"
		}
		got = append(got, strings.Join(f[:4], " "))
	}
	want := []string{
		". 041777 0:0 1700000000.000000000",
		"d 042750 5:6 1000000000.123456789",
		"d/again 100644 0:0 1700000000.000000000",
		"d/closed 040000 0:0 1700000000.000000000",
		"d/closed/f 100644 0:0 1700000000.000000000",
		"d/e 040700 0:0 1700000000.000000000",
		"d/l 120777 7:8 1700000000.000000000",
		"d/m 120777 0:0 1700000000.000000000",
		"d/none 100000 65534:65534 1700000000.000000000",
		"d/open 100666 0:0 1700000000.000000000",
		"d/p 014622 9:9 1700000000.000000000",
		"d/sg 102711 3:4 1700000000.000000000",
		"d/su 104755 1:2 1700000000.000000000",
		"implied 040755 0:0 now",
		"implied/f 100644 0:0 1700000000.000000000",
		"old 100600 0:0 -5.000000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// cap_net_raw, effective and permitted, in the format that tools write (version 2).
const netRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestXattrs(t *testing.T) {
	root(t)
	path := folder(t)
	acl := "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\x05\x00\x00\x00\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff"
	bad := []string{"user.overlay.opaque", "user.overlay.redirect", "user.overlay.whiteout", "user.overlay.overlay.opaque", "trusted.overlay.opaque",
		"trusted.x", "security.selinux", "security.ima", "user.fuseoverlayfs.opaque", "unknown.x", ""}
	odd := dir("odd/").xattr("user.x", "1")
	for _, name := range bad[:len(bad)-1] {
		odd = odd.xattr(name, "y")
	}
	odd.PAXRecords["SCHILY.acl.access"] = "user::rwx"
	r := mustUnpack(t, path, archive(t,
		file("f", "x").xattr("user.a", "bytes \x00\xff\n").xattr("user.empty", "").mode(0o640),
		file("cap", "x").xattr("security.capability", netRaw).owner(5, 5).mode(0o755),
		file("acl", "x").xattr("system.posix_acl_access", acl).mode(0o640),
		odd,
		symlink("l", "f").xattr("user.a", "1"),
		file("big", "x").xattr("user.big", strings.Repeat("x", 70000)),
	), layer.Options{})
	want := "acl [system.posix_acl_access]\nbig []\ncap [security.capability]\nf [user.a user.empty]\nl []\nodd [user.x]"
	got := list(t, path, func(rel string, _ *unix.Stat_t, full string) string {
		if rel == "." {
			return "./"
		}
		return fmt.Sprint(rel, " ", attributes(full))
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"f user.a": "bytes \x00\xff\n", "acl system.posix_acl_access": acl, "cap security.capability": netRaw} {
		file, name, _ := strings.Cut(name, " ")
		if got := string(attribute(path+"/"+file, name)); got != want {
			t.Errorf("%s of %s: want %q, got %q", name, file, want, got)
		}
	}
	wantNotes := []string{
		`1 access lists written as text were left out: "odd/"`,
		`1 extended attributes are more than the file system takes: "big"`,
		`10 extended attributes of other machines or of overlays were left out: "odd/", "odd/", "odd/" …`,
	}
	if diff := cmp.Diff(wantNotes, sorted(r.Notes)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A capability gives its rights inside the user namespace, whose root has written it.
func TestCapabilityCounts(t *testing.T) {
	root(t)
	path := folder(t)
	var fs unix.Statfs_t
	must(t, unix.Statfs(path, &fs))
	if fs.Flags&unix.ST_NOSUID != 0 {
		need.Missing(t, "wanted a $TMPDIR where the kernel heeds file capabilities, got one mounted nosuid")
	}
	body, err := os.ReadFile("/bin/grep")
	must(t, err)
	mustUnpack(t, path, archive(t, dir("./"), file("grep", string(body)).mode(0o755).xattr("security.capability", netRaw), file("control", string(body)).mode(0o755)), layer.Options{})
	must(t, os.Chmod(path+"/..", 0o755))
	for name, want := range map[string]string{"grep": "0000000000002000", "control": "0000000000000000"} {
		cmd := exec.Command(path+"/"+name, "CapEff", "/proc/self/status")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := cmd.CombinedOutput()
		must(t, err)
		if got := strings.TrimSpace(strings.TrimPrefix(string(out), "CapEff:")); got != want {
			t.Errorf("%s: want %s, got %s", name, want, got)
		}
	}
}

func TestDevices(t *testing.T) {
	path := folder(t)
	overlay := device("w", tar.TypeChar) // 0:0, a whiteout if it were made
	console := device("console", tar.TypeChar)
	console.Devmajor, console.Devminor = 5, 1
	r := mustUnpack(t, path, archive(t, overlay, console, device("sda", tar.TypeBlock), device("sdb", tar.TypeBlock), file("f", "x")), layer.Options{})
	want := []string{`4 device nodes were left out, which a user namespace cannot have: "w", "console", "sda" …`}
	if diff := cmp.Diff(want, r.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if got := brief(t, path); got != "f = x" {
		t.Errorf("want f alone, got %s", got)
	}
}

// Holes stay holes in all formats that GNU tar writes.
func TestSparse(t *testing.T) {
	const size = 8 << 20
	from := folder(t)
	f, err := os.Create(from + "/holes")
	must(t, err)
	_, err = f.WriteAt([]byte("begin"), 0)
	must(t, err)
	_, err = f.WriteAt([]byte("middle"), 4<<20)
	must(t, err)
	must(t, f.Truncate(size))
	must(t, f.Close())
	want, err := os.ReadFile(from + "/holes")
	must(t, err)
	for _, format := range [][]string{{"--format=gnu"}, {"--format=posix", "--sparse-version=0.0"}, {"--format=posix", "--sparse-version=0.1"}, {"--format=posix", "--sparse-version=1.0"}} {
		t.Run(strings.Join(format, " "), func(t *testing.T) {
			data, err := exec.Command("tar", append(format, "-C", from, "-cSf", "-", "holes")...).Output()
			must(t, err)
			if len(data) > 1<<20 {
				t.Fatalf("want an archive of a sparse file, got one of %d bytes", len(data))
			}
			path := folder(t)
			mustUnpack(t, path, data, layer.Options{})
			got, err := os.ReadFile(path + "/holes")
			must(t, err)
			var st unix.Stat_t
			must(t, unix.Lstat(path+"/holes", &st))
			if !bytes.Equal(got, want) || st.Blocks*512 > 64<<10 {
				t.Errorf("want the same on few blocks, got %d bytes on %d blocks", len(got), st.Blocks)
			}
		})
	}
	t.Run("not sparse", func(t *testing.T) {
		path := folder(t)
		mustUnpack(t, path, archive(t, file("zeros", strings.Repeat("\x00", 1<<20))), layer.Options{})
		var st unix.Stat_t
		must(t, unix.Lstat(path+"/zeros", &st))
		if st.Blocks*512 < 1<<20 {
			t.Errorf("want what the archive has, got a hole")
		}
	})
}

// Readers give bytes as they like, and what follows the archive belongs to its sum.
func TestStream(t *testing.T) {
	data := append(archive(t, file("a/f", strings.Repeat("x", 700_000)), file("g", "y")), "what follows"...)
	want := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	var told []int64
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(data), "halves": iotest.HalfReader(bytes.NewReader(data)), "with the end": iotest.DataErrReader(bytes.NewReader(data))} {
		path := folder(t)
		told = nil
		got, err := layer.Unpack(open(t, path), r, layer.Options{Progress: func(n int64) { told = append(told, n) }})
		must(t, err)
		if got.Digest != want || got.Size != int64(len(data)) {
			t.Errorf("%s: want %s, got %s of %d bytes", name, want, got.Digest, got.Size)
		}
		if len(told) < 3 || told[len(told)-1] != int64(len(data)) {
			t.Errorf("%s: want progress up to %d, got %v", name, len(data), told)
		}
	}
	// A folder may be opened without the right to read it.
	path := folder(t)
	fd, err := unix.Open(path, unix.O_PATH, 0)
	must(t, err)
	only := os.NewFile(uintptr(fd), "O_PATH")
	defer only.Close()
	_, err = layer.Unpack(only, bytes.NewReader(data), layer.Options{})
	must(t, err)
}

// An error of the reader is the error.
func TestReaderFails(t *testing.T) {
	data := archive(t, file("f", strings.Repeat("x", 10000)))
	_, err := layer.Unpack(open(t, folder(t)), io.MultiReader(bytes.NewReader(data[:5000]), iotest.ErrReader(os.ErrDeadlineExceeded)), layer.Options{})
	if err == nil || !strings.Contains(err.Error(), os.ErrDeadlineExceeded.Error()) {
		t.Errorf("want %v, got %v", os.ErrDeadlineExceeded, err)
	}
}
