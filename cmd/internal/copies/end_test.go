package copies_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/copies"
)

// tree makes a root with a folder and a link in it that lead to files of one name, outside of the root as
// well, and gives an end there.
func tree(t *testing.T, path string) (end *copies.End, root, outside string) {
	t.Helper()
	top := t.TempDir()
	root, outside = filepath.Join(top, "root"), filepath.Join(top, "outside")
	for file, text := range map[string]string{root + "/d/f": "inside", outside + "/f": "outside"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"absolute": outside, "relative": "../outside"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.OpenFile(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return &copies.End{Root: dir, Path: path}, root, outside
}

// exchanging puts a link in the place of a folder and back, as fast as it goes, until the test is over.
func exchanging(t *testing.T, root string) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, root+"/d", unix.AT_FDCWD, root+"/absolute", unix.RENAME_EXCHANGE)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

func own() copies.Attributes {
	return copies.Attributes{Modes: 0o777, UID: os.Getuid(), GID: os.Getgid()}
}

// sent is a stream of a file.
func sent(t *testing.T, text string) []byte {
	t.Helper()
	end, root, _ := tree(t, "/d/f")
	if err := os.WriteFile(root+"/d/f", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := end.Send(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSendStaysInside(t *testing.T) {
	for _, path := range []string{"/absolute/f", "/relative/f", "/d/../../outside/f"} {
		end, _, _ := tree(t, path)
		if err := end.Send(io.Discard); err == nil {
			t.Errorf("%s: want it not found, as outside does not exist inside", path)
		}
	}
	end, root, _ := tree(t, "/d/f")
	exchanging(t, root)
	leaks, copied := 0, 0
	for range 3000 {
		var b bytes.Buffer
		if end.Send(&b) == nil {
			copied++
		}
		if bytes.Contains(b.Bytes(), []byte("outside")) {
			t.Fatal("what is outside was sent")
		}
		if text, _ := os.ReadFile(root + "/d/f"); string(text) == "outside" {
			leaks++
		}
	}
	if leaks == 0 || copied == 0 {
		t.Errorf("want the exchange to deceive who follows links, and some copies, got %d and %d", leaks, copied)
	}
}

func TestReceiveStaysInside(t *testing.T) {
	stream := sent(t, "new")
	end, root, outside := tree(t, "/d/")
	exchanging(t, root)
	copied := 0
	for range 1000 {
		if end.Receive(bytes.NewReader(stream), "g", own()) == nil {
			copied++
		}
	}
	if _, err := os.Lstat(outside + "/g"); err == nil || copied == 0 {
		t.Errorf("a file outside: %v, after %d copies", err, copied)
	}
}

func TestSendRefuses(t *testing.T) {
	end, root, _ := tree(t, "/pipe")
	if err := unix.Mkfifo(root+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := end.Send(io.Discard); err == nil || !strings.Contains(err.Error(), "neither a file nor a folder") {
		t.Errorf("a pipe, of which nothing would come: got %v", err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	stream := sent(t, "new")
	for _, tt := range []struct{ name, path, base, want string }{
		{"a folder in the place", "/", "d", "is a folder already"},
		{"no folder", "/none/", "f", "no such file or directory"},
		{"no folder above", "/none/f", "f", "no such file or directory"},
		{"nothing", "/", "", "is a folder"},
	} {
		end, _, _ := tree(t, tt.path)
		if err := end.Receive(bytes.NewReader(stream), tt.base, own()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want %q, got %v", tt.name, tt.want, err)
		}
	}
	for _, cut := range []int{0, 3, 5, 100, 600, len(stream) - 1} {
		end, _, _ := tree(t, "/d")
		if err := end.Receive(bytes.NewReader(stream[:cut]), "f", own()); err == nil {
			t.Errorf("the first %d bytes: want an error", cut)
		}
	}
}

func TestModes(t *testing.T) {
	from, root, _ := tree(t, "/d")
	if err := os.Chmod(root+"/d/f", 0o4757|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := from.Send(&b); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ modes, want uint32 }{{0o777, 0o757}, {0o755, 0o755}, {0o7777, 0o4757}} {
		to, root, _ := tree(t, "/")
		a := own()
		a.Modes = tt.modes
		if err := to.Receive(bytes.NewReader(b.Bytes()), "copy", a); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(root+"/copy/f", &st); err != nil || st.Mode&0o7777 != tt.want {
			t.Errorf("%o: want %o, got %o, %v", tt.modes, tt.want, st.Mode&0o7777, err)
		}
	}
}

// An archive of anybody's reaches nothing outside of the folder, and loses set-id bits and devices.
func TestExtractStaysInside(t *testing.T) {
	for _, name := range []string{"../outside/new", "absolute/new", "/outside/new", "d/../../outside/new"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o4755, Size: 1})
		w.Write([]byte("x"))
		w.Close()
		end, _, outside := tree(t, "/")
		end.Extract(&b, own())
		if _, err := os.Lstat(outside + "/new"); err == nil {
			t.Errorf("%s: a file outside", name)
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{{Typeflag: tar.TypeDir, Name: "./", Mode: 0o777}, {Typeflag: tar.TypeReg, Name: "./su", Mode: 0o4755}, {Typeflag: tar.TypeChar, Name: "dev", Mode: 0o666}} {
		w.WriteHeader(h)
	}
	w.Close()
	end, root, _ := tree(t, "/d")
	if err := end.Extract(&b, own()); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(root + "/d/su")
	if err != nil || stat.Mode() != 0o755 {
		t.Errorf("want no set-user-ID, got %v, %v", stat, err)
	}
	if stat, _ := os.Stat(root + "/d"); stat.Mode().Perm() != 0o755 {
		t.Errorf("want the folder as it was, got %v", stat.Mode())
	}
	if _, err := os.Lstat(root + "/d/dev"); err == nil {
		t.Error("a device was made")
	}
}

// What is archived has the caller's name for it, and can be extracted again, compressed or not.
func TestArchive(t *testing.T) {
	from, root, _ := tree(t, "/d")
	if err := os.Link(root+"/d/f", root+"/d/hard"); err != nil {
		t.Fatal(err)
	}
	var b, packed bytes.Buffer
	if err := from.Archive(&b, "copy"); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&packed)
	z.Write(b.Bytes())
	z.Close()
	for _, stream := range []*bytes.Buffer{&b, &packed} {
		to, root, _ := tree(t, "/d/")
		if err := to.Extract(stream, own()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"f", "hard"} {
			if text, err := os.ReadFile(root + "/d/copy/" + name); string(text) != "inside" {
				t.Errorf("%s: got %q, %v", name, text, err)
			}
		}
	}
	for _, text := range []string{"", "no archive", strings.Repeat("x", 2000)} {
		if err := from.Extract(strings.NewReader(text), own()); err == nil || !strings.Contains(err.Error(), "no tar archive") {
			t.Errorf("%.10q: want it refused, got %v", text, err)
		}
	}
}

// A file of holes, which costs who has made it nothing, does not fill the disk of who copies it.
func TestHoles(t *testing.T) {
	const size = 64 << 20
	for _, path := range []string{"/d/f", "/d"} {
		from, root, _ := tree(t, path)
		if err := os.Truncate(root+"/d/f", size); err != nil {
			t.Fatal(err)
		}
		r, w := io.Pipe()
		go func() { w.CloseWithError(from.Send(w)) }()
		to, root, _ := tree(t, "/")
		if err := to.Receive(r, "copy", own()); err != nil {
			t.Fatal(err)
		}
		name := root + "/copy"
		if path == "/d" {
			name += "/f"
		}
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err != nil || st.Size != size || st.Blocks*512 > 1<<20 {
			t.Errorf("%s: want %d bytes in a few blocks, got %d in %d, %v", path, size, st.Size, st.Blocks, err)
		}
		if text, _ := os.ReadFile(name); !strings.HasPrefix(string(text), "inside\x00") {
			t.Errorf("%s: want what is stored, got %.10q", path, text)
		}
	}
}
