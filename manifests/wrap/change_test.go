package wrap_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/manifests/wrap"
)

// TestMeanwhile: what changes between the plan and the deed is left alone.
func TestMeanwhile(t *testing.T) {
	b := newBed(t)
	b.write("sys/applications/a.desktop", entry+"Exec=app\n")
	fresh, _, err := b.Wrap("a.desktop", app)
	if err != nil {
		t.Fatal(err)
	}
	mine := b.write("data/applications/a.desktop", entry+"Exec=mine\n")
	if err := b.Apply(fresh); err == nil {
		t.Error("a file that came meanwhile was written over")
	}
	over, _, err := b.Wrap("a.desktop", app)
	if err != nil {
		t.Fatal(err)
	}
	b.write("data/applications/a.desktop", entry+"Exec=mine --changed\n")
	if err := b.Apply(over); err == nil {
		t.Error("a file that changed meanwhile was written over")
	}
	if text, _ := os.ReadFile(mine); string(text) != entry+"Exec=mine --changed\n" {
		t.Errorf("it is now %s", text)
	}
	b.write("data/applications/a.desktop.before-snug", "another")
	over, _, _ = b.Wrap("a.desktop", app)
	var no *wrap.Refusal
	if err := b.Apply(over); !errors.As(err, &no) {
		t.Errorf("a second file of the person's was written over: %v", err)
	}
}

// TestKilled: a run that was killed after any of its steps has lost nothing, and the next one finishes.
func TestKilled(t *testing.T) {
	for name, harm := range map[string]func(b *bed){
		"before all":          func(b *bed) {},
		"the new one is half": func(b *bed) { b.write("data/applications/.snug-wrap.new", "[Desk") },
		"another is half, elsewhere": func(b *bed) {
			b.write("config/autostart/.snug-wrap.new", "")
			b.write("bin/.snug-wrap.new", "#!/bin/sh")
			b.write("data/applications/kde/.snug-wrap.new", "")
		},
		"kept, and not yet ours": func(b *bed) {
			os.Link(b.root+"/data/applications/a.desktop", b.root+"/data/applications/a.desktop.before-snug")
		},
		"without hard links, kept": func(b *bed) {
			os.Rename(b.root+"/data/applications/a.desktop", b.root+"/data/applications/a.desktop.before-snug")
		},
	} {
		for _, again := range []bool{true, false} {
			b := newBed(t)
			b.write("sys/applications/a.desktop", entry+"Exec=app\n")
			b.write("data/applications/a.desktop", entry+"Exec=mine\n")
			for _, dir := range []string{"config/autostart", "bin", "data/applications/kde"} {
				os.MkdirAll(filepath.Join(b.root, dir), 0o700)
			}
			before := b.tree()
			harm(b)
			if again {
				b.wrap("a.desktop")
				if got := b.execs("data/applications/a.desktop"); got != "mine @@" {
					t.Errorf("%s: %s", name, got)
				}
			}
			b.unwrapAll()
			if diff := cmp.Diff(before, b.tree()); diff != "" {
				t.Errorf("%s, wrapped again %v: %s", name, again, diff)
			}
		}
	}
}

// TestUnwrapTwice: who comes second finds the person's own file, and leaves it.
func TestUnwrapTwice(t *testing.T) {
	b := newBed(t)
	b.write("data/applications/a.desktop", entry+"Exec=mine\n")
	before := b.tree()
	b.wrap("a.desktop")
	w := b.Written()
	first, err := b.Unwrap(w[0])
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Unwrap(w[0]) // planned before the first has changed anything
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Apply([]wrap.Change{first}); err != nil {
		t.Fatal(err)
	}
	if err := b.Apply([]wrap.Change{second}); err == nil {
		t.Error("the second was applied")
	}
	if _, err := b.Unwrap(w[0]); !isRefusal(err) { // planned after it
		t.Errorf("the third: %v", err)
	}
	if after := b.tree(); after != before {
		t.Errorf("%s", cmp.Diff(before, after))
	}
}

// TestLocked: who holds the lock for ever holds up nobody for ever, and a short hold is waited for.
func TestLocked(t *testing.T) { synctest.Test(t, testLocked) }

func testLocked(t *testing.T) {
	b := newBed(t)
	b.write("sys/applications/a.desktop", entry+"Exec=app\n")
	os.MkdirAll(b.root+"/data", 0o700)
	holder, err := os.Open(b.root + "/data")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := unix.Flock(int(holder.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	changes, _, err := b.Wrap("a.desktop", app)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(changes); !isRefusal(err) {
		t.Errorf("locked: %v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { unix.Flock(int(holder.Fd()), unix.LOCK_UN) })
	if err := b.Apply(changes); err != nil {
		t.Errorf("unlocked meanwhile: %v", err)
	}
}
