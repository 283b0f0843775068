package instances_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/sandbox"
)

// kept claims a name for an app whose home is a folder of the test.
func kept(t *testing.T, d *instances.Dir, name, home string) *instances.Claim {
	t.Helper()
	c, err := d.Claim(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(&instances.Record{Live: &instances.Live{Folders: []instances.Folder{{Source: home, Dest: "/home/x"}}}}); err != nil {
		t.Fatal(err)
	}
	return c
}

func ledger(t *testing.T, d *instances.Dir, name string) *instances.Ledger {
	t.Helper()
	l, err := d.Ledger(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// place makes a place in a home and gives what a ledger says of it.
func place(t *testing.T, home, name string, folder bool) sandbox.Place {
	t.Helper()
	p := sandbox.Place{Path: "/home/x/" + name, Folder: folder, Mode: 0o444}
	path := filepath.Join(home, name)
	if folder {
		p.Mode = 0o555
		if err := os.Mkdir(path, 0o555); err != nil {
			t.Fatal(err)
		}
	} else {
		dir := filepath.Dir(path)
		os.Chmod(dir, 0o755)
		write(t, path, "")
		os.Chmod(path, 0o444)
		os.Chmod(dir, 0o555)
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	p.ID = sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLedger(t *testing.T) {
	d, path := open(t)
	c := kept(t, d, "box", t.TempDir())
	l := ledger(t, d, "box")
	g := &instances.Grant{Source: "/srv/a", Granted: sandbox.Granted{Dest: "/a", Places: []sandbox.Place{{Path: "/a"}}}}
	if err := l.Begin(g); err != nil {
		t.Fatal(err)
	}
	got := make(chan *instances.Ledger)
	go func() {
		second, _ := d.Ledger("box")
		got <- second
	}()
	select {
	case <-got:
		t.Fatal("two have the ledger")
	case <-time.After(50 * time.Millisecond):
	}
	g.Places[0].ID, g.Mount = sandbox.FileID{Dev: 3, Ino: 4}, 9
	if err := errors.Join(l.Made(g), l.Mounted(g)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = <-got
	if grants := l.Record.Live.Grants; len(grants) != 1 || grants[0].Mount != 9 || grants[0].Places[0].ID.Ino != 4 {
		t.Errorf("the second reads %+v", grants)
	}
	l.Close()
	f, _ := os.OpenFile(filepath.Join(path, "box"), os.O_WRONLY|os.O_APPEND, 0)
	f.WriteString("grant \"7") // by one that was killed
	f.Close()
	l = ledger(t, d, "box")
	if err := errors.Join(l.Begin(g), l.Gone(g.Number), l.Gone(1)); err != nil || g.Number != 2 {
		t.Errorf("number %d, %v", g.Number, err)
	}
	l.Close()
	if text, _ := os.ReadFile(filepath.Join(path, "box")); !strings.HasSuffix(string(text), "\nend\n") {
		t.Errorf("lines of a ledger in which nothing is granted: %s", text)
	}
	c.Release()
	if _, err := d.Ledger("box"); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after the end: %v", err)
	}
	write(t, filepath.Join(path, "box"), "snug instance 1\nlive \"1\"\nend\n")
	if _, err := d.Ledger("box"); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a record that nobody holds: %v", err)
	}
}

func TestInherit(t *testing.T) {
	d, _ := open(t)
	defer kept(t, d, "box", t.TempDir()).Release()
	l := ledger(t, d, "box")
	folder := func(path string) sandbox.Place { return sandbox.Place{Path: path, Folder: true, Mode: 0o555} }
	first := &instances.Grant{Granted: sandbox.Granted{Dest: "/a/b/c", Mount: 5, Places: []sandbox.Place{folder("/a"), folder("/a/b"), folder("/a/b/c")}}}
	second := &instances.Grant{Granted: sandbox.Granted{Dest: "/a/b/d", Mount: 6, Places: []sandbox.Place{folder("/a/b/d")}}}
	if err := errors.Join(l.Begin(first), l.Begin(second), l.Inherit(*first), l.Gone(first.Number)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = ledger(t, d, "box")
	defer l.Close()
	got := ""
	for _, g := range l.Record.Live.Grants {
		for _, p := range g.Places {
			got += p.Path + " "
		}
	}
	if len(l.Record.Live.Grants) != 1 || got != "/a /a/b /a/b/d " || l.Record.Live.Grants[0].Mount != 6 {
		t.Errorf("got %+v", l.Record.Live.Grants)
	}
}

// What was made in a kept home goes with the instance, if it is still what was made.
func TestPlacesGo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(home string)
		want   string
	}{
		{"as they were made", func(string) {}, ""},
		{"folder with something in it", func(home string) {
			os.Chmod(home+"/docs", 0o755)
			os.WriteFile(home+"/docs/own", nil, 0o644)
			os.Chmod(home+"/docs", 0o555)
		}, "docs docs/own"},
		{"file that was written to", func(home string) {
			os.Chmod(home+"/docs/f", 0o644)
			os.WriteFile(home+"/docs/f", []byte("x"), 0o644)
			os.Chmod(home+"/docs/f", 0o444)
		}, "docs docs/f"},
		{"another file of the name", func(home string) {
			os.Chmod(home+"/docs", 0o755)
			os.WriteFile(home+"/docs/g", nil, 0o444)
			os.Rename(home+"/docs/g", home+"/docs/f")
			os.Chmod(home+"/docs", 0o555)
		}, "docs docs/f"},
		{"link in place of the folder", func(home string) {
			os.Rename(home+"/docs", home+"/moved")
			os.Symlink("moved", home+"/docs")
		}, "docs moved moved/f"},
	} {
		for _, how := range []string{"release", "sweep"} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				d, path := open(t)
				home := t.TempDir()
				c := kept(t, d, "box", home)
				l := ledger(t, d, "box")
				g := &instances.Grant{Granted: sandbox.Granted{Dest: "/home/x/docs/f"}}
				g.Places = append(g.Places, place(t, home, "docs", true), place(t, home, "docs/f", false))
				if err := l.Begin(g); err != nil {
					t.Fatal(err)
				}
				l.Close()
				tt.change(home)
				if how == "sweep" { // a copy that nobody holds is what a killed supervisor leaves
					text, _ := os.ReadFile(filepath.Join(path, "box"))
					os.Remove(filepath.Join(path, "box"))
					write(t, filepath.Join(path, "stale"), string(text))
					d.List()
				} else {
					c.Release()
				}
				if got := strings.Join(names(home), " "); got != tt.want {
					t.Errorf("left: %q, want %q", got, tt.want)
				}
				filepath.WalkDir(home, func(path string, _ os.DirEntry, _ error) error { os.Chmod(path, 0o755); return nil })
			})
		}
	}
}

// names lists all that is below a folder.
func names(dir string) (list []string) {
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
		if path != dir {
			list = append(list, strings.TrimPrefix(path, dir+"/"))
		}
		return nil
	})
	return list
}

// Two instances of an app share its home: a place that both need stays until both have ended.
func TestPlacesOfTwo(t *testing.T) {
	d, _ := open(t)
	home := t.TempDir()
	one, two := kept(t, d, "box", home), kept(t, d, "box-2", home)
	g := &instances.Grant{Granted: sandbox.Granted{Dest: "/home/x/docs"}}
	g.Places = append(g.Places, place(t, home, "docs", true))
	for _, name := range []string{"box", "box-2"} {
		l := ledger(t, d, name)
		if err := l.Begin(g); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if p := d.Claimed(home+"/docs", "box"); p == nil || p.ID != g.Places[0].ID {
		t.Errorf("claimed by the other: %+v", p)
	}
	one.Release()
	if got := names(home); len(got) != 1 {
		t.Errorf("after the first: %v", got)
	}
	two.Release()
	if got := names(home); len(got) != 0 {
		t.Errorf("after both: %v", got)
	}
}
