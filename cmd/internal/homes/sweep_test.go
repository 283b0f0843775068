package homes_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/homes"
)

// left names all files below a folder but folders themselves.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	}))
	return names
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("want %q, got %q", want, got)
	}
}

// What was killed leaves what it moved aside. It goes, and nothing else; a copy that somebody makes stays.
func TestSweep(t *testing.T) {
	d, home := data(t)
	base := filepath.Dir(home)
	write(t, home+"/file", "keep")
	write(t, base+"/.import/app/decided", "")
	write(t, base+"/.import/app/copy/0/file", "x")
	write(t, base+"/.import/other/copy/0/file", "x")
	write(t, base+"/.trash/1-1/folder/file", "x")
	fd, err := unix.Open(base+"/.import/other/copy", unix.O_RDONLY, 0)
	must(t, err)
	must(t, unix.Flock(fd, unix.LOCK_EX))
	removed := 0
	d.Sweep(func(n int) { removed = n })
	same(t, left(t, base), ".import/app/decided", ".import/other/copy/0/file", "app/file")
	if removed == 0 {
		t.Error("nothing was told")
	}
	unix.Close(fd)
	d.Sweep(nil)
	same(t, left(t, base), ".import/app/decided", "app/file")
	if _, err := os.Stat(base + "/.trash"); err == nil {
		t.Error("the trash is there still")
	}
}

// Whoever is at the trash is let alone.
func TestSweepInUse(t *testing.T) {
	d, home := data(t)
	trash := filepath.Dir(home) + "/.trash"
	write(t, trash+"/1-1/file", "x")
	fd, err := unix.Open(trash, unix.O_RDONLY, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Flock(fd, unix.LOCK_SH))
	d.Sweep(nil)
	same(t, left(t, trash), "1-1/file")
}

// Removals and sweeps at the same time are in nobody's way: neither by what they remove nor by removing the
// trash.
func TestRemoveTogether(t *testing.T) {
	d, home := data(t)
	base := filepath.Dir(home)
	must(t, os.Remove(home))
	var all sync.WaitGroup
	for n := range 8 {
		id := "app" + strconv.Itoa(n)
		all.Go(func() {
			for range 100 {
				if err := os.MkdirAll(base+"/"+id+"/a/b/c", 0o700); err != nil {
					t.Error(err)
				}
				if err := d.Remove(id, nil, nil); err != nil {
					t.Error(err)
				}
				d.Sweep(nil)
			}
		})
	}
	all.Wait()
	gone(t, home)
}

// A copy that fails leaves nothing, in the home or beside it: neither when it is made nor when it is moved.
func TestImportFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		second homes.Item
	}{
		{"no source", homes.Item{Source: "/no/such/file", Rel: "second"}},
		{"no such name", homes.Item{Source: "/etc/passwd", Rel: strings.Repeat("n", 300)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, home := data(t)
			mine := t.TempDir()
			write(t, mine+"/first/file", "mine")
			items := []homes.Item{{Source: mine + "/first", Rel: "first"}, test.second}
			if _, _, err := d.Import("app", items, nil); err == nil {
				t.Fatal("want an error, got none")
			}
			same(t, left(t, filepath.Dir(home)))
			if _, _, err := d.Import("app", items[:1], nil); err != nil { // the control
				t.Fatal(err)
			}
			same(t, left(t, filepath.Dir(home)), ".import/app/decided", "app/first/file")
		})
	}
}

// Nor does one that cannot be noted: its copies have been moved by then.
func TestImportNotNoted(t *testing.T) {
	d, home := data(t)
	base := filepath.Dir(home)
	mine := t.TempDir()
	write(t, mine+"/first/file", "mine")
	write(t, base+"/.import/app/decided/in the way", "")
	if _, _, err := d.Import("app", []homes.Item{{Source: mine + "/first", Rel: "first"}}, nil); err == nil {
		t.Fatal("want an error, got none")
	}
	same(t, left(t, base), ".import/app/decided/in the way")
}

// Nobody copies into a home that is used, by an account of instances that this process does not see.
func TestImportInUse(t *testing.T) {
	d, home := data(t)
	mine := t.TempDir()
	write(t, mine+"/file", "mine")
	fd, err := unix.Open(home, unix.O_RDONLY, 0)
	must(t, err)
	must(t, unix.Flock(fd, unix.LOCK_SH))
	items := []homes.Item{{Source: mine + "/file", Rel: "file"}}
	if _, _, err := d.Import("app", items, nil); err == nil || !strings.Contains(err.Error(), "an app uses it") {
		t.Errorf("want a refusal, got %v", err)
	}
	unix.Close(fd)
	_, _, err = d.Import("app", items, nil)
	must(t, err)
}
