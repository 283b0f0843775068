package compose_test

import (
	"os"
	"testing"

	"snug/manifests/compose"
)

// TestEmptyFile makes the empty file that a repository lacks, and takes it away after a start that failed.
func TestEmptyFile(t *testing.T) {
	base := t.TempDir()
	file := compose.Folder{Base: base, Rel: "config.worktree", File: true}
	undo, err := file.Make()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file.Path()); err != nil || !info.Mode().IsRegular() || info.Size() != 0 {
		t.Errorf("got %v, %v", info, err)
	}
	undo()
	if _, err := os.Stat(file.Path()); !os.IsNotExist(err) {
		t.Errorf("after a failed start: %v", err)
	}
	undo, err = file.Make()
	if err != nil {
		t.Fatal(err)
	}
	put(t, file.Path(), "used by now")
	undo()
	expect(t, get(t, file.Path()), "used by now")
	if undo, err = file.Make(); err != nil {
		t.Error("again:", err)
	}
	undo()
	expect(t, get(t, file.Path()), "used by now")
}
