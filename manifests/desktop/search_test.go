package desktop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests/desktop"
	"snug/tests/need"
)

// folders makes files and, of names with " -> " in them, links, in a folder of launchers.
func folders(t *testing.T, names ...string) desktop.Search {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		name, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, "applications", name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil && isLink {
			err = os.Symlink(target, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte("[Desktop Entry]\nType=Application\nName=A\nExec=true\nDBusActivatable=true\n"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return desktop.Search{Data: []string{root}}
}

// TestFolders: what is in folders and behind links has the ids that it has for GLib, and is found by them.
func TestFolders(t *testing.T) {
	search := folders(t, "top.desktop", "kde/a-b/k.desktop", ".hidden/h.desktop", "named.desktop/in.desktop",
		"linked -> ../elsewhere", "../elsewhere/e.desktop", "../elsewhere/deep/d.desktop", "file.desktop -> ../elsewhere/e.desktop",
		"wine/Programs/Foo/Foo.desktop", "nowhere -> ../nowhere")
	ids := search.IDs()
	want := strings.Fields(".hidden-h file kde-a-b-k linked-deep-d linked-e top wine-Programs-Foo-Foo")
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	for _, id := range ids {
		if paths := search.Locate(id + ".desktop"); len(paths) != 1 || search.ID(paths[0]) != id+".desktop" {
			t.Errorf("%s is at %q", id, paths)
		}
	}
	if paths := search.Locate("named.desktop-in.desktop"); paths != nil {
		t.Errorf("in a folder that is called as a launcher: %q", paths)
	}
	cmd := exec.Command(need.Program(t, "gapplication"), "list-apps")
	cmd.Env = append(os.Environ(), "XDG_DATA_DIRS="+search.Data[0], "XDG_DATA_HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Fields(string(out))
	slices.Sort(theirs)
	if diff := cmp.Diff(theirs, ids); diff != "" {
		t.Errorf("GLib has others: %s", diff)
	}
}

// TestLoops: folders that lie in themselves end, as do those that are too many.
func TestLoops(t *testing.T) {
	search := folders(t, "a.desktop", "self -> .", "sub/up -> ..", "sub/b.desktop")
	if diff := cmp.Diff([]string{"a", "sub-b"}, search.IDs()); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, from := range "abcdefghijkl" {
		for _, to := range "abcdefghijkl" {
			names = append(names, "../"+string(from)+"/"+string(to)+" -> ../"+string(to))
		}
		names = append(names, string(from)+" -> ../"+string(from), "../"+string(from)+"/x.desktop")
	}
	if ids := folders(t, names...).IDs(); len(ids) < 12 || len(ids) > 1<<10 {
		t.Errorf("%d ids of a web of links", len(ids))
	}
}
