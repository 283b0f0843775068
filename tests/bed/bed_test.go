package bed_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// witness is a test that notes what it is told, and ends when it is asked to.
type witness struct {
	testing.TB
	told string
	last []func()
}

func (w *witness) Errorf(format string, words ...any) { w.told += fmt.Sprintf(format, words...) + "\n" }
func (w *witness) Cleanup(f func())                   { w.last = append(w.last, f) }

func (w *witness) end() {
	for i := len(w.last) - 1; i >= 0; i-- {
		w.last[i]()
	}
}

// Who leaves a process fails, though it has left its group and its parent; and it runs no longer.
func TestLeft(t *testing.T) {
	need.Time(t)
	w := &witness{TB: t}
	b := bed.New(w)
	b.Start("sleep", "1000")
	b.Must("sh", "-c", "setsid sleep 2000 >/dev/null 2>&1 &")
	b.Poll("control: both run", func() bool { return len(b.Processes()) == 2 })
	w.end()
	if strings.Count(w.told, "\n") != 1 || !strings.HasSuffix(w.told, "is left: sleep 2000\n") {
		t.Errorf("want one process left, the second, got %q", w.told)
	}
	b.Poll("it was killed", func() bool { return len(b.Processes()) == 0 })
	if bed.Exists(b.Dir) {
		t.Errorf("the folder is there still: %s", b.Dir)
	}
}

// Who leaves nothing is told nothing; and a folder goes, too, that nobody may enter.
func TestNothingLeft(t *testing.T) {
	w := &witness{TB: t}
	b := bed.New(w)
	bed.Write(t, b.Dir+"/work/work/file", "")
	if err := os.Chmod(b.Dir+"/work/work", 0); err != nil {
		t.Fatal(err)
	}
	p := b.Start("sleep", "1000")
	if err := syscall.Kill(p.Process.Pid, 0); err != nil {
		t.Fatalf("control: %v", err)
	}
	w.end()
	if w.told != "" || bed.Exists(b.Dir) || bed.Alive(p.Process.Pid) {
		t.Errorf("want nothing left, got %q", w.told)
	}
}
