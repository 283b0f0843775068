package homes_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/homes"
)

// data makes an $XDG_DATA_HOME with the home of one app, and opens both.
func data(t *testing.T) (d *homes.Dir, home string) {
	t.Helper()
	base := t.TempDir()
	home = base + "/snug/home/app"
	must(t, os.MkdirAll(home, 0o700))
	d, err := homes.Open(base)
	must(t, err)
	t.Cleanup(d.Close)
	return d, home
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// gone fails unless neither a home nor anything in the trash is left.
func gone(t *testing.T, home string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(home))
	must(t, err)
	for _, e := range entries {
		t.Errorf("want nothing, got %q", e.Name())
	}
}

func TestNone(t *testing.T) {
	d, err := homes.Open(t.TempDir())
	must(t, err)
	defer d.Close()
	if list, err := d.List(); len(list) != 0 || err != nil {
		t.Errorf("want none, got %v, %v", list, err)
	}
	if err := d.Remove("app", nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want %v, got %v", fs.ErrNotExist, err)
	}
}

// No word leads out of the folder, or to what is snug's own in it.
func TestNames(t *testing.T) {
	d, home := data(t)
	write(t, filepath.Dir(home)+"/.trash/file", "x")
	for _, id := range []string{"", ".", "..", "../home/app", "app/", "/", ".trash", "app/../app"} {
		if _, err := d.Find(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: want %v, got %v", id, fs.ErrNotExist, err)
		}
		if err := d.Remove(id, nil, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %q: want %v, got %v", id, fs.ErrNotExist, err)
		}
	}
}

func TestRemove(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, home, outside string)
	}{
		{"empty", func(*testing.T, string, string) {}},
		{"files", func(t *testing.T, home, _ string) {
			write(t, home+"/a/b/c", "x")
			write(t, home+"/odd \n\x1b[31m name", "x")
		}},
		{"links out", func(t *testing.T, home, outside string) {
			must(t, os.Symlink(outside, home+"/link"))
			must(t, os.Symlink(outside+"/file", home+"/file"))
			must(t, os.Symlink("..", home+"/up"))
			must(t, os.Symlink("/", home+"/root"))
		}},
		{"folders of mode 0", func(t *testing.T, home, _ string) {
			write(t, home+"/a/b/c/file", "x")
			for _, p := range []string{"/a/b/c", "/a/b", "/a", ""} {
				must(t, os.Chmod(home+p, 0))
			}
		}},
		{"FIFO and socket", func(t *testing.T, home, _ string) {
			must(t, unix.Mkfifo(home+"/fifo", 0o600))
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			must(t, err)
			defer unix.Close(fd)
			at, err := unix.Open(home, unix.O_PATH, 0)
			must(t, err)
			defer unix.Close(at)
			must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(at) + "/s"}))
		}},
		{"a link in its place", func(t *testing.T, home, outside string) {
			must(t, os.Remove(home))
			must(t, os.Symlink(outside, home))
		}},
		{"a FIFO in its place", func(t *testing.T, home, _ string) {
			must(t, os.Remove(home))
			must(t, unix.Mkfifo(home, 0o600))
		}},
		{"deep", func(t *testing.T, home, _ string) { deep(t, home, 20000) }},
		{"what an interrupted removal left", func(t *testing.T, home, outside string) {
			trash := filepath.Dir(home) + "/.trash"
			write(t, trash+"/1-1/a/b", "x")
			must(t, os.Symlink(outside, trash+"/1-2"))
			must(t, os.Chmod(trash, 0))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, home := data(t)
			outside := t.TempDir()
			write(t, outside+"/file", "keep")
			test.make(t, home, outside)
			moved := 0
			must(t, d.Remove("app", func() { moved++ }, nil))
			gone(t, home)
			if text, err := os.ReadFile(outside + "/file"); string(text) != "keep" || moved != 1 {
				t.Errorf("outside: %q, %v; moved %d times", text, err, moved)
			}
		})
	}
}

// deep makes a tree whose path is longer than any path may be.
func deep(t *testing.T, home string, levels int) {
	t.Helper()
	fd, err := unix.Open(home, unix.O_DIRECTORY, 0)
	must(t, err)
	for range levels {
		must(t, unix.Mkdirat(fd, "d", 0o700))
		next, err := unix.Openat(fd, "d", unix.O_DIRECTORY, 0)
		must(t, err)
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
}

// A process that still has the home open exchanges a folder with a link that leads out of it, as fast
// as it can. Nothing outside is touched. The control removes by paths, as one would, and is led out.
func TestRemoveRace(t *testing.T) {
	outside := t.TempDir()
	const files = 20
	fill := func(home string) (stop func()) {
		for i := range files {
			write(t, outside+"/"+string(rune('a'+i)), "keep")
			write(t, home+"/folder/"+string(rune('a'+i)), "x")
		}
		must(t, os.Symlink(outside, home+"/link"))
		fd, err := unix.Open(home, unix.O_PATH, 0)
		must(t, err)
		done, ended := make(chan bool), make(chan bool)
		go func() {
			defer close(ended)
			defer unix.Close(fd)
			for {
				select {
				case <-done:
					return
				default:
					unix.Renameat2(fd, "folder", fd, "link", unix.RENAME_EXCHANGE)
				}
			}
		}()
		return func() { close(done); <-ended }
	}
	left := func() int {
		entries, err := os.ReadDir(outside)
		must(t, err)
		return len(entries)
	}
	for range 300 {
		d, home := data(t)
		stop := fill(home)
		err := d.Remove("app", nil, nil)
		stop()
		must(t, err)
		gone(t, home)
		if n := left(); n != files {
			t.Fatalf("%d of %d files outside are left", n, files)
		}
	}
	for end := time.Now().Add(20 * time.Second); left() == files; {
		if time.Now().After(end) {
			t.Fatal("the control has not been led out: the test shows nothing")
		}
		_, home := data(t)
		stop := fill(home)
		for range 50 {
			removeByPath(home)
		}
		stop()
	}
}

// removeByPath is the control.
func removeByPath(path string) {
	st, err := os.Lstat(path)
	if err == nil && st.IsDir() {
		entries, _ := os.ReadDir(path)
		for _, e := range entries {
			removeByPath(path + "/" + e.Name())
		}
	}
	if filepath.Base(path) != "link" && filepath.Base(path) != "folder" {
		os.Remove(path)
	}
}

func TestSize(t *testing.T) {
	d, home := data(t)
	empty, err := d.Size("app")
	must(t, err)
	write(t, home+"/folder/file", strings.Repeat("x", 1<<20))
	must(t, os.Link(home+"/folder/file", home+"/again"))
	must(t, os.Symlink("/usr", home+"/link"))
	deep(t, home, 3000)
	got, err := d.Size("app")
	must(t, err)
	if got-empty < 1<<20 || got-empty >= 2<<20+3000*4096 {
		t.Errorf("want about %d, got %d", 1<<20, got-empty)
	}
}

func TestExport(t *testing.T) {
	d, home := data(t)
	write(t, home+"/folder/file", "text")
	must(t, os.Chmod(home+"/folder/file", 0o4755))
	must(t, os.Link(home+"/folder/file", home+"/folder/second"))
	write(t, home+"/odd\n"+strings.Repeat("n", 200), "long")
	write(t, home+"/closed/file", "closed")
	must(t, os.Chmod(home+"/closed/file", 0))
	must(t, os.Chmod(home+"/closed", 0))
	must(t, os.Symlink("/etc/passwd", home+"/link"))
	must(t, unix.Mkfifo(home+"/fifo", 0o600))
	var b bytes.Buffer
	left, err := d.Export("app", &b, nil)
	must(t, err)
	if want := (homes.Left{Special: 1}); left != want {
		t.Errorf("want %+v, got %+v", want, left)
	}
	var got []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		got = append(got, string(h.Typeflag)+" "+fs.FileMode(h.Mode).String()+" "+strings.ReplaceAll(h.Name, strings.Repeat("n", 200), "N")+" "+h.Linkname+string(text))
	}
	slices.Sort(got)
	want := []string{"0 ---------- app/closed/file closed", "0 -rw------- app/odd\nN long",
		"2 -rwxrwxrwx app/link /etc/passwd", "5 ---------- app/closed/ ", "5 -rwx------ app/ ", "5 -rwx------ app/folder/ "}
	first := slices.IndexFunc(got, func(s string) bool {
		return strings.HasPrefix(s, "0 -rwxr-xr-x app/folder/") && strings.HasSuffix(s, "text")
	})
	second := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "1 -rwxr-xr-x app/folder/") })
	if first < 0 || second < 0 {
		t.Fatalf("want a file and a hard link, got %q", got)
	}
	got = slices.Delete(got, second, second+1)
	got = slices.Delete(got, first, first+1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, p := range []string{home + "/closed", home + "/closed/file"} {
		st, err := os.Lstat(p)
		must(t, err)
		if mode := st.Mode().Perm(); mode != 0 {
			t.Errorf("%s is not closed again: %v", p, mode)
		}
		must(t, os.Chmod(p, 0o700))
	}
}
