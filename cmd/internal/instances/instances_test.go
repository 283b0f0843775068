package instances_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
)

func open(t *testing.T) (*instances.Dir, string) {
	t.Helper()
	runtime := t.TempDir()
	if err := os.Chmod(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := instances.Open(runtime, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	return d, filepath.Join(runtime, "snug")
}

func claim(t *testing.T, d *instances.Dir, name, app string) *instances.Claim {
	t.Helper()
	c, err := d.Claim(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(&instances.Record{App: app, Supervisor: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNames(t *testing.T) {
	d, _ := open(t)
	for i, want := range []string{"foot", "foot-2", "foot-3"} {
		c := claim(t, d, "foot", "")
		defer c.Release()
		if c.Name != want {
			t.Errorf("claim %d: got %q, want %q", i, c.Name, want)
		}
	}
	if _, err := d.Claim("foot-2", true); !errors.Is(err, instances.ErrTaken) {
		t.Errorf("exact name in use: got %v, want ErrTaken", err)
	}
}

// The lock goes with the supervisor, whatever ended it; what it leaves is removed when seen.
func TestStale(t *testing.T) {
	d, path := open(t)
	stale := filepath.Join(path, "foot")
	if err := os.WriteFile(stale, []byte("snug instance 1\nend\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := d.List()
	if err != nil || len(list) != 0 {
		t.Fatalf("got %v, %v; want an empty list", list, err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the stale file is still there: %v", err)
	}
	c := claim(t, d, "foot", "")
	if list, _ := d.List(); len(list) != 1 { // the control: a held one stays
		t.Errorf("got %d instances, want the one that is held", len(list))
	}
	c.Release()
	if list, _ := d.List(); len(list) != 0 {
		t.Errorf("got %d instances after Release, want none", len(list))
	}
}

// What is no record does not keep anybody from seeing those that are, even if it is locked.
func TestOddFiles(t *testing.T) {
	d, path := open(t)
	defer claim(t, d, "foot", "").Release()
	name := func(n string) string { return filepath.Join(path, n) }
	if err := unix.Mkfifo(name("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name("huge"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name("huge"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", name("link")); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"fifo", "huge"} {
		f, err := os.OpenFile(name(n), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := d.List(); err != nil || len(list) != 1 {
		t.Errorf("got %d instances, %v; want 1", len(list), err)
	}
}

func TestFind(t *testing.T) {
	d, _ := open(t)
	defer claim(t, d, "one", "org.example.One").Release()
	defer claim(t, d, "two", "org.example.Two").Release()
	defer claim(t, d, "two-2", "org.example.Two").Release()
	defer claim(t, d, "Pad", "").Release()
	for _, test := range []struct {
		word, want string
		many       bool
	}{
		{"one", "one", false},
		{"ONE", "one", false},
		{"pad", "Pad", false},
		{"ORG.example.one", "one", false},
		{"org.example.two", "", true},
		{"", "", false},
		{"org.example.One", "one", false},
		{"two-2", "two-2", false},
		{"org.example.Two", "", true},
		{"nothing", "", false},
	} {
		r, err := d.Find(test.word)
		var find *instances.FindError
		switch {
		case test.want != "" && (err != nil || r.Name != test.want):
			t.Errorf("%s: got %v, %v; want %s", test.word, r, err, test.want)
		case test.want == "" && (!errors.As(err, &find) || find.Many != test.many):
			t.Errorf("%s: got %v; want a FindError with Many %v", test.word, err, test.many)
		}
	}
}

// A system that reboots is recorded anew. Meanwhile it is found, and keeps its name.
func TestWrittenAgain(t *testing.T) {
	d, path := open(t)
	c := claim(t, d, "sys", "")
	if _, err := c.Folder(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for n := range 2000 {
			if err := c.Write(&instances.Record{Supervisor: os.Getpid(), Since: int64(n)}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for lost := 0; ; {
		select {
		case err := <-done:
			if r, e := d.Find("sys"); err != nil || e != nil || r.Since != 1999 || lost > 0 {
				t.Errorf("want the last record, got %+v, %v, %v; not found %d times", r, err, e, lost)
			}
			c.Release()
			if left, _ := os.ReadDir(path); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			return
		default:
			if _, err := d.Find("sys"); err != nil {
				lost++
			}
			if _, err := d.Claim("sys", true); err != instances.ErrTaken {
				t.Fatalf("want the name taken, got %v", err)
			}
		}
	}
}

// Nobody is robbed of a name, and nobody gets one twice, while others look and clean up.
func TestRaces(t *testing.T) {
	d, _ := open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	held := map[string]bool{}
	for range 50 {
		wg.Go(func() {
			c, err := d.Claim("x", false)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			if held[c.Name] {
				t.Errorf("%s was given twice", c.Name)
			}
			held[c.Name] = true
			mu.Unlock()
			if err := c.Write(&instances.Record{}); err != nil {
				t.Error(err)
			}
			if _, err := d.Find(c.Name); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			mu.Lock()
			delete(held, c.Name)
			mu.Unlock()
			c.Release()
		})
		wg.Go(func() { d.List() })
	}
	wg.Wait()
}

// private makes a folder as XDG_RUNTIME_DIR has to be.
func private(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnsafeFolder(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"open to others": func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chmod(path, 0o755)
		},
		"a link":  func(path string) error { return os.Symlink(t.TempDir(), path) },
		"a file":  func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"control": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		runtime := private(t)
		if err := prepare(filepath.Join(runtime, "snug")); err != nil {
			t.Fatal(err)
		}
		_, err := instances.Open(runtime, os.Getuid())
		if want := name != "control"; (err != nil) != want {
			t.Errorf("%s: got %v, want an error: %v", name, err, want)
		}
	}
	open := private(t)
	if err := os.Chmod(open, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, runtime := range []string{open, "/tmp", "/"} {
		if _, err := instances.Open(runtime, os.Getuid()); err == nil {
			t.Errorf("%s was used", runtime)
		}
	}
	if os.Getuid() != 0 {
		if _, err := instances.Open(fmt.Sprintf("/proc/%d", 1), os.Getuid()); err == nil {
			t.Error("a runtime folder of another user was used")
		}
	}
}

// TestFallback asks for the folder of a user without a runtime folder whose name in /tmp somebody
// has taken: here this user has, for one whose id nobody has.
func TestFallback(t *testing.T) {
	const nobody = 1<<31 + 4711
	taken := fmt.Sprintf("/tmp/snug-%d", nobody)
	mine, err := instances.Open("", os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("/tmp/snug-%d", os.Getuid()); filepath.Dir(mine.Path()) != "/tmp" || !strings.HasPrefix(mine.Path(), want) {
		t.Errorf("got %q, want %q or one after it", mine.Path(), want)
	}
	for n := 1; n <= 9; n++ {
		name := taken
		if n > 1 {
			name += fmt.Sprint("-", n)
		}
		os.Mkdir(name, 0o700)
		defer os.Remove(name)
	}
	if d, err := instances.Open("", nobody); err == nil {
		t.Errorf("used %q, which belongs to another", d.Path())
	}

	// A symbolic link of the user's own to a folder of the user's own is not trusted either.
	own := t.TempDir()
	os.Chmod(own, 0o700)
	first := fmt.Sprintf("/tmp/snug-%d", os.Getuid())
	if mine.Path() == first && os.Remove(first) == nil {
		os.Symlink(own, first)
		defer os.Remove(first)
		if d, err := instances.Open("", os.Getuid()); err != nil || d.Path() != first+"-2" {
			t.Errorf("with a link in place of the folder: got %v, %v, want %s-2", d, err, first)
		} else {
			os.Remove(d.Path())
		}
	}
}
