package compose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/compose"
)

// TestWarnings is what a person reads of a start that will not do what they mean.
func TestWarnings(t *testing.T) {
	const tree = `
f /home/ann/src/.git/HEAD
f /home/ann/src/.git/objects
f /home/ann/src/.git/refs
d /home/ann/src/sub
f /home/ann/src/module/.git gitdir: ../.git/modules/m\n
d /home/ann/src/.git/modules/m
f /home/ann/linked/.git gitdir: /home/ann/src/.git/worktrees/linked\n
d /home/ann/src/.git/worktrees/linked
f /home/ann/lost/.git gitdir: /nowhere
d /home/ann/plain
s /tmp/.X11-unix/X1`
	missing := func(repository, grant string) manifests.Problems {
		return manifests.Problems{{Where: "--here", What: `git will find no repository: it is "` + repository + `", which is not granted`,
			Hint: `--write "` + grant + `" grants it, but not its config and hooks`}}
	}
	x11 := manifests.Problem{Where: "a:2", What: `display.wayland = "raw": no Wayland server answers, but an X server does`, Hint: "if the app knows X11: --x11 raw gives it that, unfiltered"}
	none := x11
	none.What, none.Hint = `display.wayland = "raw": no Wayland server answers`, "start the app from a graphical session"
	const wayland = "accept = [\"wayland-raw\"]\ndisplay.wayland = \"raw\""
	for _, test := range []struct {
		name, world, cwd, manifest, command string
		want                                manifests.Problems
	}{
		{"top of a work tree", "", "/home/ann/src", "", "git", nil},
		{"below the top", "", "/home/ann/src/sub", "", "git", missing("/home/ann/src/.git", "/home/ann/src")},
		{"below the top, by its path", "", "/home/ann/src/sub", "", "/usr/bin/git", missing("/home/ann/src/.git", "/home/ann/src")},
		{"below the top, granted", "", "/home/ann/src/sub", `files.write = ["~/src"]`, "git", nil},
		{"another command", "", "/home/ann/src/sub", "", "make", nil},
		{"submodule", "", "/home/ann/src/module", "", "git", missing("/home/ann/src/.git/modules/m", "/home/ann/src/.git/modules/m")},
		{"linked", "", "/home/ann/linked", "", "git", missing("/home/ann/src/.git", "/home/ann/src/.git")},
		{"linked, granted", "", "/home/ann/linked", `files.write = ["~/src/.git"]`, "git", nil},
		{"linked to nothing", "", "/home/ann/lost", "", "git", nil},
		{"no repository", "", "/home/ann/plain", "", "git", nil},
		{"Wayland only, under X11", "env DISPLAY=:1", "", wayland, "app", manifests.Problems{x11}},
		{"Wayland only, under an X server that is gone", "env DISPLAY=:2", "", wayland, "app", manifests.Problems{none}},
		{"both", "env DISPLAY=:1", "", "accept = [\"wayland-raw\", \"x11-raw\"]\ndisplay.wayland = \"raw\"\ndisplay.x11 = \"raw\"", "app", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := merge(t, manifests.Facts{}, nil, test.manifest)
			if err != nil {
				t.Fatal(err)
			}
			w, command := fakeWorld(t, test.world, tree), compose.Command{Argv: []string{test.command, "status"}, Fixed: 1}
			if test.cwd != "" {
				w.Cwd, command.Here = test.cwd, "write"
			}
			s, err := compose.Compose(m, w, command)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUnsetVariable is about a variable that is passed and not there: whoever types it means one.
func TestUnsetVariable(t *testing.T) {
	m, err := merge(t, manifests.Facts{}, flags(t, "pass=EDITOR"), `process.pass = ["PAGER"]`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := compose.Compose(m, fakeWorld(t, "", ""), compose.Command{Argv: []string{"app"}, Fixed: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := manifests.Problems{{Where: "--pass, argument 1", What: `process.pass = "EDITOR": your environment has no such variable, or an empty one`,
		Hint: "export EDITOR, or set it: --env EDITOR=VALUE"}}
	if diff := cmp.Diff(want, s.Warnings); diff != "" {
		t.Error(diff)
	}
}
