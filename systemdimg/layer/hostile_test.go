package layer_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

// outside makes what no archive may touch beside the folder that is unpacked into, and gives a function
// that fails if it was.
func outside(t testing.TB, path string) (untouched func(testing.TB)) {
	t.Helper()
	beside := filepath.Dir(path) + "/outside"
	must(t, os.MkdirAll(beside+"/dir", 0o755))
	must(t, os.WriteFile(beside+"/file", []byte("canary"), 0o640))
	must(t, os.WriteFile(beside+"/dir/file", []byte("canary"), 0o600))
	must(t, os.Chtimes(beside+"/file", epoch, epoch))
	look := func(t testing.TB) string {
		names, err := os.ReadDir(filepath.Dir(path))
		must(t, err)
		return fmt.Sprintln(names) + full(t, beside)
	}
	before := look(t)
	return func(t testing.TB) {
		t.Helper()
		if diff := cmp.Diff(before, look(t)); diff != "" {
			t.Errorf("the outside has changed (-before +after):\n%s", diff)
		}
	}
}

// Each is refused with its words, or does what the listing says; nothing of it ever shows outside.
func TestHostile(t *testing.T) {
	tests := []struct {
		name    string
		entries []entry
		fails   string
		want    string
	}{
		{"up", []entry{file("../outside/file", "x")}, "..", ""},
		{"up from within", []entry{dir("a/"), file("a/../../outside/file", "x")}, "..", "a/"},
		{"up and down", []entry{file("a/../b", "x")}, "..", ""},
		{"up at the end", []entry{dir("a/..")}, "..", ""},
		{"up, told to be gone", []entry{file(".wh...", "")}, "not which", ""},
		{"the folder itself gone", []entry{file("a/.wh..", "")}, "not which", ""},
		{"nobody gone", []entry{file(".wh.", "")}, "not which", ""},
		{"a folder below what is gone", []entry{file(".wh.a/f", "")}, ".wh.", ""},

		// CVE-2021-29136: the root replaced
		{"the root as a link", []entry{symlink(".", "../outside"), file("f", "x")}, "root", ""},
		{"the root as a link, ./", []entry{symlink("./", "../outside")}, "root", ""},
		{"the root as a link, /", []entry{symlink("/", "../outside")}, "root", ""},
		{"the root as a file, /.", []entry{header(tar.TypeFifo, "/.", "", 0)}, "root", ""},
		{"the root as a hard link", []entry{hardlink("/", "../outside/file")}, "root", ""},

		{"through a link", []entry{symlink("l", "../outside"), file("l/file", "x")}, "symbolic link", "l -> ../outside"},
		{"through a link that is absolute", []entry{symlink("l", "/"), file("l/etc/x", "x")}, "symbolic link", "l -> /"},
		{"through a link within", []entry{dir("d/"), symlink("l", "d"), file("l/f", "x")}, "symbolic link", "d/\nl -> d"},
		{"through two links", []entry{symlink("a", "b"), symlink("b", "../outside"), file("a/file", "x")}, "symbolic link", "a -> b\nb -> ../outside"},
		{"through a link further up", []entry{dir("a/"), symlink("a/l", "../../outside"), file("a/l/dir/file", "x")}, "symbolic link", "a/\na/l -> ../../outside"},
		{"through a link, told to be gone", []entry{symlink("l", "../outside"), file("l/.wh.file", "")}, "symbolic link", "l -> ../outside"},
		{"through a link, told to be opaque", []entry{symlink("l", "../outside"), file("l/.wh..wh..opq", "")}, "symbolic link", "l -> ../outside"},
		{"a folder that becomes a link", []entry{file("d/f", "x"), symlink("d", "../outside"), file("d/file", "x")}, "symbolic link", "d -> ../outside"},
		{"a link that becomes a folder", []entry{symlink("d", "../outside"), dir("d/"), file("d/file", "x")}, "", "d/\nd/file = x"},
		{"a folder over a link, with a mode", []entry{symlink("l", "../outside/dir"), dir("l").mode(0o777)}, "", "l/"},
		{"a file over a link", []entry{symlink("f", "../outside/file"), file("f", "x")}, "", "f = x"},
		{"below a file", []entry{file("f", "x"), file("f/g", "y")}, "not a directory", "f = x"},

		// GHSA-9rww-v4mm-x4jg and kin
		{"a hard link up", []entry{hardlink("h", "../outside/file")}, "..", ""},
		{"a hard link to what is not there", []entry{hardlink("h", "/outside/file")}, "no such file", ""},
		{"a hard link through a link", []entry{symlink("l", "../outside"), hardlink("h", "l/file")}, "symbolic links", "l -> ../outside"},
		{"a hard link to a link, then written", []entry{symlink("l", "../outside/file"), hardlink("h", "l"), file("h", "x").mode(0o4777)}, "", "h = x\nl -> ../outside/file"},
		{"a hard link to a folder", []entry{dir("d/"), hardlink("h", "d")}, "operation not permitted", "d/"},
		{"a hard link to the root", []entry{hardlink("h", "/")}, "folder", ""},
		{"a hard link to itself", []entry{hardlink("h", "h")}, "no such file", ""},
		{"a hard link over what holds its file", []entry{file("d/f", "x"), hardlink("d", "d/f")}, "no such file", ""},

		{"a link to nothing", []entry{symlink("l", "")}, "no such file", ""},
		{"a link to a long name", []entry{symlink("l", strings.Repeat("x", 5000))}, "file name too long", ""},
		{"a long name", []entry{file(strings.Repeat("x", 256), "")}, "file name too long", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := folder(t)
			untouched := outside(t, path)
			_, err := unpack(t, path, archive(t, test.entries...), layer.Options{})
			if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("want an error with %q, got %v", test.fails, err)
			}
			if diff := cmp.Diff(test.want, brief(t, path)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			untouched(t)
		})
	}
}

// A folder that somebody has prepared, with links in it, leads nowhere either.
func TestPreparedFolder(t *testing.T) {
	for _, e := range []entry{file("l/file", "x"), file("l/dir/file", "x"), hardlink("h", "l/file"), file("l/.wh.file", "")} {
		path := folder(t)
		untouched := outside(t, path)
		must(t, os.Symlink("../outside", path+"/l"))
		if _, err := unpack(t, path, archive(t, e), layer.Options{}); err == nil {
			t.Errorf("%s: want an error, got none", e.Name)
		}
		untouched(t)
	}
}

// Folders can be deeper than any path, and than there are descriptors.
func TestDeep(t *testing.T) {
	need.Time(t)
	const depth = 2000
	component := strings.Repeat("d", 9) + "/"
	name := strings.Repeat(component, depth)
	path := folder(t)
	mustUnpack(t, path, archive(t, file(name+"f", "x"), file("top", "y"), file(strings.Repeat(component, depth/2)+"g", "z"), hardlink(strings.Repeat(component, 3)+"h", name+"f")), layer.Options{})
	data, _ := mustPack(t, path, layer.Options{})
	again := folder(t)
	r := mustUnpack(t, again, data, layer.Options{})
	if want := int64(depth + 1 + 4); r.Files != want {
		t.Errorf("want %d files, got %d", want, r.Files)
	}
	twice, _ := mustPack(t, again, layer.Options{})
	if !bytes.Equal(data, twice) {
		t.Error("want the same archive of what was unpacked, got another")
	}
}

func TestNotTar(t *testing.T) {
	whole := archive(t, file("f", strings.Repeat("x", 5000)), file("g", "y"))
	tests := []struct {
		name  string
		data  []byte
		fails string
	}{
		{"empty", nil, "empty"},
		{"text", []byte(strings.Repeat("no archive ", 100)), "no tar archive"},
		{"zip", []byte("PK\x03\x04" + strings.Repeat("\x00", 600)), "no tar archive"},
		{"bzip2", []byte("BZh91AY&SY" + strings.Repeat("x", 600)), "other means"},
		{"half a header", whole[:200], "unexpected EOF"},
		{"half a file", whole[:3000], "unexpected EOF"},
		{"damaged", append(append([]byte{}, whole[:512*11+148]...), append([]byte("999999"), whole[512*11+154:]...)...), "invalid tar header"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := unpack(t, folder(t), test.data, layer.Options{})
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("want %q, got %v", test.fails, err)
			}
		})
	}
	// What ends between two files cannot be told from one that ends there.
	for end, notes := range map[int]int{len(whole): 0, len(whole) - 512: 1, len(whole) - 1024: 1, len(whole) - 2048: 1} {
		r := mustUnpack(t, folder(t), whole[:end], layer.Options{})
		if len(r.Notes) != notes {
			t.Errorf("%d of %d bytes: want %d notes, got %q", end, len(whole), notes, r.Notes)
		}
	}
}

// A name with a byte of value 0 comes only out of an archive that lies.
func TestNUL(t *testing.T) {
	data := archive(t, file(strings.Repeat("a", 200), "x")) // a PAX record
	at := bytes.Index(data, []byte("aaaa"))
	data[at] = 0
	if _, err := unpack(t, folder(t), data, layer.Options{}); err == nil {
		t.Error("want an error, got none")
	}
}

// The error of an id that is not mapped says whose and which.
func TestOwnerOutside(t *testing.T) {
	root(t)
	for _, e := range []entry{file("bin/x", "x"), dir("bin/x"), symlink("bin/x", "y"), header(tar.TypeFifo, "bin/x", "", 0o600)} {
		_, err := unpack(t, folder(t), archive(t, e.owner(0, 4_000_000_000)), layer.Options{})
		if os.Getenv(inside) == "" {
			continue // all are mapped
		}
		if err == nil || !strings.Contains(err.Error(), `"bin/x`) || !strings.Contains(err.Error(), "0:4000000000") {
			t.Errorf("want the name and the id, got %v", err)
		}
	}
}

// Whatever is unpacked, and however it ends, no descriptor and no goroutine is left.
func TestNothingLeaks(t *testing.T) {
	count := func() (files, goroutines int) {
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		for range 100 {
			if goroutines = runtime.NumGoroutine(); goroutines <= 2 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		return len(list), goroutines
	}
	path := folder(t)
	once := func() {
		for _, list := range [][]entry{{file("a/b/f", "x")}, {file("a/b/c/d/../f", "x")}, {symlink("l", "a"), file("l/x", "x")}, {hardlink("h", "none")}, {file("a", strings.Repeat("x", 3<<20)), file("..", "")}} {
			data := archive(t, list...)
			unpack(t, path, data, layer.Options{})
			unpack(t, path, data[:len(data)/2], layer.Options{})
			unpack(t, path, gzipped(t, data), layer.Options{})
			mustPack(t, path, layer.Options{})
		}
	}
	once()
	files, goroutines := count()
	for range 20 {
		once()
	}
	if f, g := count(); f > files || g > goroutines {
		t.Errorf("want %d descriptors and %d goroutines, got %d and %d", files, goroutines, f, g)
	}
}

// Somebody exchanges folders for links out while an archive is unpacked (CVE-2025-47290). It may fail,
// and must not get out.
func TestSwapped(t *testing.T) {
	path := folder(t)
	untouched := outside(t, path)
	var list []entry
	for i := range 3000 { // b has the unpacker leave a/dir, and look for it again
		list = append(list, file("a/dir/"+strconv.Itoa(i%7), "x"), hardlink("b/h", "a/dir/"+strconv.Itoa(i%7)), file("a/dir/.wh.file", ""), file("b/f", "y"))
	}
	data := archive(t, list...)
	must(t, os.MkdirAll(path+"/a/dir", 0o755))
	must(t, os.Symlink("../../outside/dir", path+"/a/swap"))
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		swaps := 0
		for {
			select {
			case <-stop:
				done <- swaps
				return
			default:
				if unix.Renameat2(unix.AT_FDCWD, path+"/a/dir", unix.AT_FDCWD, path+"/a/swap", unix.RENAME_EXCHANGE) == nil {
					swaps++
				}
			}
		}
	}()
	failed := 0
	for range 50 {
		if _, err := unpack(t, path, data, layer.Options{}); err != nil {
			failed++
		}
	}
	close(stop)
	if swaps := <-done; swaps == 0 || failed == 0 {
		t.Errorf("want it to have been tried, got %d swaps and %d of 50 archives refused", swaps, failed)
	}
	untouched(t)
}

// Any archive at all: hostile names, links and orders out of a small vocabulary, so that they meet.
func TestNothingOutside(t *testing.T) {
	component := rapid.SampledFrom([]string{"a", "b", "l", "..", ".", "", "outside", "file", ".wh.a", ".wh..wh..opq", ".wh..", "dir", "root", "\n"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(component, 1, 4).Draw(t, "components"), "/")
	})
	kind := rapid.SampledFrom([]byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeChar, tar.TypeReg, tar.TypeDir, tar.TypeSymlink, 'Z'})
	one := rapid.Custom(func(t *rapid.T) entry {
		e := header(kind.Draw(t, "kind"), name.Draw(t, "name"), "", rapid.Int64Range(0, 0o7777).Draw(t, "mode"))
		switch e.Typeflag {
		case tar.TypeSymlink, tar.TypeLink:
			e.Linkname = rapid.SampledFrom([]string{"", "../", "/", "../../", "../outside/"}).Draw(t, "way") + name.Draw(t, "target")
		case tar.TypeReg:
			e.body = rapid.SampledFrom([]string{"", "x", "longer than it was"}).Draw(t, "body")
			e.Size = int64(len(e.body))
			if rapid.Bool().Draw(t, "marked") {
				e = e.xattr("user.overlay.opaque", "y").xattr("user.x", "y")
			}
		}
		return e
	})
	rapid.Check(t, func(rt *rapid.T) {
		entries := rapid.SliceOfN(one, 1, 12).Draw(rt, "entries")
		path := folder(t)
		untouched := outside(t, path)
		for _, plain := range []bool{false, true} {
			var data bytes.Buffer
			w := tar.NewWriter(&data)
			for i := range entries {
				if w.WriteHeader(&entries[i].Header) == nil {
					io.WriteString(w, entries[i].body)
				}
			}
			w.Close()
			if _, err := unpack(t, path, data.Bytes(), layer.Options{Plain: plain}); err == nil {
				mustPack(t, path, layer.Options{Plain: plain})
			}
		}
		untouched(t)
		if t.Failed() {
			rt.Fatal("the outside has changed")
		}
	})
}
