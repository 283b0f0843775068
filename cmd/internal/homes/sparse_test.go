package homes_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/homes"
)

// hollow makes a file of a size of which little is stored. It fails where the file system keeps no holes,
// since then the test shows nothing.
func hollow(t *testing.T, path string, size int64, at ...int64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	for _, at := range at {
		_, err := f.WriteAt([]byte("stored"), at)
		must(t, err)
	}
	if n := stored(t, path); n > 1<<20 {
		t.Fatalf("%s: want a file with holes, got %d bytes on the disk", path, n)
	}
}

// stored is how much a file takes on the disk.
func stored(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return st.Blocks * 512
}

// shape is what tells a copy of a file with holes from another.
type shape struct {
	size   int64
	stored bool // most of it
	text   string
}

func shapeOf(t *testing.T, path string, at int64) shape {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	st, err := f.Stat()
	must(t, err)
	text := make([]byte, 6)
	f.ReadAt(text, at)
	return shape{st.Size(), stored(t, path) > 1<<20, string(text)}
}

// hollows are files with holes in several places, with a place where each has something.
func hollows(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	long := strings.Repeat("n", 200)
	must(t, os.MkdirAll(dir, 0o700))
	hollow(t, dir+"/ends in a hole", 1<<26, 0, 1<<25)
	hollow(t, dir+"/ends in data", 1<<25+6, 1<<25)
	hollow(t, dir+"/is all hole", 1<<26)
	hollow(t, dir+"/"+long, 1<<26, 1<<25)
	return map[string]int64{"ends in a hole": 1 << 25, "ends in data": 1 << 25, "is all hole": 0, long: 1 << 25}
}

// unpack has tar unpack an archive.
func unpack(t *testing.T, from io.Reader) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command("tar", "-C", dir, "--warning=no-timestamp", "-xf", "-")
	cmd.Stdin = from
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("tar: %v\n%s", err, text)
	}
	return dir
}

// A file with nothing in it fills no disk, and is unpacked as what it was, by who knows no
// archive/tar.
func TestExportHoles(t *testing.T) {
	d, home := data(t)
	files := hollows(t, home)
	must(t, os.Link(home+"/ends in data", home+"/second"))
	write(t, home+"/whole", "text")
	var b bytes.Buffer
	left, err := d.Export("app", &b, nil)
	must(t, err)
	if left != (homes.Left{}) || b.Len() > 1<<20 {
		t.Fatalf("left %+v, and an archive of %d bytes", left, b.Len())
	}
	names := map[string]bool{}
	for r := tar.NewReader(bytes.NewReader(b.Bytes())); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		names[h.Name] = true
	}
	out := unpack(t, &b)
	for name, at := range files {
		want, got := shapeOf(t, home+"/"+name, at), shapeOf(t, out+"/app/"+name, at)
		if got != want || !names["app/"+name] && name != "ends in data" { // that may be the link
			t.Errorf("%s: want %+v, got %+v", name, want, got)
		}
	}
	if text, err := os.ReadFile(out + "/app/whole"); string(text) != "text" {
		t.Errorf("whole: %q, %v", text, err)
	}
}

// So it is with what a home gets a copy of.
func TestImportHoles(t *testing.T) {
	d, home := data(t)
	mine := t.TempDir() + "/mine"
	files := hollows(t, mine)
	items := []homes.Item{{Source: mine, Rel: "mine"}}
	if n, err := items[0].Size(); n > 1<<20 || err != nil {
		t.Errorf("to copy: %d, %v", n, err)
	}
	copied := int64(0)
	left, _, err := d.Import("app", items, func(n int64) { copied = n })
	must(t, err)
	if left != (homes.Left{}) || copied > 1<<20 {
		t.Errorf("left %+v, copied %d bytes", left, copied)
	}
	for name, at := range files {
		if want, got := shapeOf(t, mine+"/"+name, at), shapeOf(t, home+"/mine/"+name, at); got != want {
			t.Errorf("%s: want %+v, got %+v", name, want, got)
		}
	}
}

// What has a path that nothing can unpack is left out, and a folder that was closed for its owner stays so.
func TestExportDeep(t *testing.T) {
	d, home := data(t)
	write(t, home+"/file", "text")
	fd, err := unix.Open(home, unix.O_DIRECTORY, 0)
	must(t, err)
	name := strings.Repeat("d", 250)
	const levels = 17 // of which the last is too deep
	for level := 1; level <= levels; level++ {
		must(t, unix.Mkdirat(fd, name, 0o700))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY, 0)
		must(t, err)
		unix.Close(fd)
		fd = next
	}
	must(t, unix.Mkdirat(fd, "inside", 0o700))
	must(t, unix.Fchmod(fd, 0))
	var b bytes.Buffer
	left, err := d.Export("app", &b, nil)
	must(t, err)
	if want := (homes.Left{Deep: 1}); left != want {
		t.Errorf("want %+v, got %+v", want, left)
	}
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	if st.Mode&0o777 != 0 {
		t.Errorf("the last folder is not closed again: %o", st.Mode)
	}
	must(t, unix.Fchmod(fd, 0o700))
	unix.Close(fd)
	out := unpack(t, &b)
	if text, err := os.ReadFile(out + "/app/file"); string(text) != "text" {
		t.Errorf("file: %q, %v", text, err)
	}
}
