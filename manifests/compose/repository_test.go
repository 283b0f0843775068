package compose_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
)

// repositoryTree is the tree of a repository in a folder.
func repositoryTree(folder, config string) string {
	return strings.ReplaceAll("f R/HEAD\nf R/config "+config+"\nd R/hooks\nd R/objects\nd R/refs\n", "R", folder)
}

// composedHere composes --here in a folder of a tree.
func composedHere(t *testing.T, here, tree string) (*compose.Sandbox, error) {
	t.Helper()
	w := fakeWorld(t, "cwd "+here, tree)
	return compose.Compose(new(manifests.Manifest), w, compose.Command{Argv: []string{"app"}, Here: "write"})
}

// TestPlantedLead lets git's files lead to what is never writable, or is granted to be read: no mount
// point of the guard may open it.
func TestPlantedLead(t *testing.T) {
	tree := repositoryTree("/home/ann/.git", "") + repositoryTree("/home/ann/.config/autostart/x", "") + repositoryTree("/home/ann/src/vendor/x", "") +
		"f /home/ann/.git/worktrees/a/commondir ../../../.config/autostart/x\n" +
		"f /home/ann/.git/worktrees/b/commondir ../../../src/vendor/x\n" +
		"f /home/ann/.git/worktrees/c/commondir ../../../src\n" +
		"f /home/ann/.git/worktrees/d/commondir ../../../.config\nf /home/ann/.config/HEAD\n"
	m, err := merge(t, manifests.Facts{}, nil, "files.write = [\"~\", \"~/src\"]\nfiles.read = [\"~/src/vendor\"]\naccept = [\"files:HOME\"]")
	if err != nil {
		t.Fatal(err)
	}
	s, err := compose.Compose(m, fakeWorld(t, "", tree), compose.Command{Argv: []string{"app"}})
	if err != nil {
		t.Fatal(err)
	}
	got := steps(s, "bind writable /home/ann")
	for _, never := range []string{"/home/ann/.config\n", "/home/ann/.config/autostart", "/home/ann/src/vendor"} {
		if strings.Contains(got+"\n", "bind writable "+never) {
			t.Errorf("%q is writable:\n%s", never, got)
		}
	}
	if control := "bind writable /home/ann/.git/worktrees/c"; !strings.Contains(got, control) {
		t.Errorf("no %s:\n%s", control, got)
	}
}

// TestTooMuchToGuard fills a repository as an app might. The next start is refused, in a sentence that
// says what to do; the largest known projects are not.
func TestTooMuchToGuard(t *testing.T) {
	const src = "/home/ann/src"
	const refused = ` is too much to guard: git has more than 256 submodules and linked work trees there, or has them too deep; an app may have made them` +
		"\n  hint: look into it, and remove what is not yours; or grant the folder to be read: --here=read or --read"
	modules := func(n int, name string) (tree string) {
		for i := range n {
			tree += repositoryTree(fmt.Sprintf(src+"/.git/modules/"+name, i), "")
		}
		return tree
	}
	chain := func(n int) (tree string) {
		for i := range n {
			tree += repositoryTree(src+"/.git"+strings.Repeat("/modules/a", i+1), "")
		}
		return tree
	}
	tests := []struct{ name, tree, refused string }{
		{"a large project", modules(200, "lib%d"), ""},
		{"names of four parts", modules(50, "vendor/host/owner/lib%d"), ""},
		{"nested in that", modules(1, "a/b/c/d%d") + modules(1, "a/b/c/d%[1]d/modules/a/b/c/d%[1]d"), ""},
		{"many", modules(300, "lib%d"), src + "/.git/modules"},
		{"many in each of some", modules(300, "lib%[1]d/modules/%[1]d") + modules(10, "lib%d"), src + "/.git/modules"},
		{"plain folders", strings.ReplaceAll(modules(200, "a%[1]d/b%[1]d/x"), "objects", "o"), src + "/.git/modules/a136/b136/x/hooks"},
		{"nested", chain(8), ""},
		{"nested too deep", chain(9), src + "/.git" + strings.Repeat("/modules/a", 8) + "/modules"},
		{"work trees", "d " + src + "/.git/worktrees\n" + strings.ReplaceAll(modules(300, "w%d"), "modules", "worktrees"), src + "/.git/worktrees"},
		{"a way too deep", "f " + src + "/.git/worktrees/a/gitdir " + src + strings.Repeat("/a", 33) + "/.git\nf " + src + strings.Repeat("/a", 33) + "/.git x", src + strings.Repeat("/a", 33)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := composedHere(t, src, repositoryTree(src+"/.git", "")+tt.tree)
			switch {
			case tt.refused == "" && err != nil:
				t.Error(err)
			case tt.refused != "" && (err == nil || err.Error() != `--here: --here = "`+src+`": "`+tt.refused+`"`+refused):
				t.Errorf("got  %v\nwant %s", err, tt.refused+refused)
			}
		})
	}
}

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

// TestTraces compares what an app may leave for git before and after.
func TestTraces(t *testing.T) {
	const src, todo = "/home/ann/src", "/home/ann/src/.git/rebase-merge/git-rebase-todo"
	bare := repositoryTree(src, "")
	tests := []struct{ name, before, after, want string }{
		{"nothing", "", "f /home/ann/src/new", ""},
		{"commondir", "", "f /home/ann/src/.git/commondir ../c", "/home/ann/src/.git/commondir"},
		{"in a submodule", "", "f /home/ann/src/.git/modules/sub/commondir ../c", "/home/ann/src/.git/modules/sub/commondir"},
		{"a dangling link", "", "l /home/ann/src/.git/commondir none", "/home/ann/src/.git/commondir"},
		{"config.worktree", "", "f /home/ann/src/.git/config.worktree", "/home/ann/src/.git/config.worktree"},
		{"of before", "f /home/ann/src/.git/config.worktree", "f /home/ann/src/.git/config.worktree x", ""},
		{"a bare repository around .git", "", bare, src + "/HEAD"},
		{"a part of one", "", "f /home/ann/src/HEAD\nd /home/ann/src/objects", ""},
		{"a rebase", "", "f " + todo + " pick a\\nlabel x\\n", ""},
		{"a rebase that runs something", "", "f " + todo + " pick a\\n x ./evil\\nexec ./evil\\n", todo},
		{"that it ran before", "f " + todo + " exec make\\nexec make test", "f " + todo + " exec make test", ""},
		{"and something more", "f " + todo + " exec make", "f " + todo + " exec make\\nexec ./evil", todo},
		{"too large to be looked at", "", "f " + todo + " " + strings.Repeat("x", 300<<10), todo},
		{"closed", "", "x /home/ann/src/.git/rebase-merge", todo},
		{"two", "", "f " + todo + " exec a\nf /home/ann/src/.git/commondir", "/home/ann/src/.git/commondir\n" + todo},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := repositoryTree(src+"/.git", "") + repositoryTree(src+"/.git/modules/sub", "") + tt.before
			s, err := composedHere(t, src, tree)
			if err != nil {
				t.Fatal(err)
			}
			before, after := fakeFiles{}, fakeFiles{}
			before.plant(t, tree)
			after.plant(t, tree+"\n"+tt.after)
			if got := strings.Join(s.Traces(after).Since(s.Traces(before)), "\n"); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	s, err := composedHere(t, src, "d "+src)
	if err != nil {
		t.Fatal(err)
	}
	files := fakeFiles{}
	files.plant(t, bare)
	if got := s.Traces(files); got != nil {
		t.Errorf("without a repository: %v", got)
	}
}
