package boot

import (
	"os"
	"testing"
)

// An image that was to be made is noted until it is there, with why it is not.
func TestPending(t *testing.T) {
	base := t.TempDir() + "/machines"
	c, err := OpenChanges(base, "sys", "image")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Pend("mine:1"); err != nil || *c.Pending() != (Pending{Image: "mine:1"}) {
		t.Errorf("got %v, %v", c.Pending(), err)
	}
	c.NotMade("the disk is full")
	if got := *ReadPending(base + "/sys"); got != (Pending{"mine:1", "the disk is full"}) {
		t.Errorf("got %v", got)
	}
	if err := c.Pend(""); err != nil || c.Pending() != nil {
		t.Errorf("want it forgotten, got %v, %v", c.Pending(), err)
	}
	if err := c.Pend(""); err != nil {
		t.Error(err)
	}
}

// What cannot be noted whose it is does not stay.
func TestChangesUnfinished(t *testing.T) {
	base := t.TempDir() + "/machines"
	os.MkdirAll(base+"/sys/machine.new", 0o700) // as a disk that takes folders, and no files any more
	os.Chmod(base, 0o700)
	if _, err := OpenChanges(base, "sys", "image"); err == nil {
		t.Fatal("want an error")
	}
	if _, err := os.Stat(base + "/sys"); err == nil {
		t.Error("want no folder")
	}
}
