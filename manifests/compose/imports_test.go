package compose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/compose"
)

const keptApp = "id = \"x\"\nhome.mode = \"private\"\n"

// TestImports checks what of a person's home a kept home may get a copy of.
func TestImports(t *testing.T) {
	tests := []struct {
		name, manifest, tree string
		want                 []compose.Import
	}{
		{"a folder", `home.import = ["~/.app"]`, "d /home/ann/.app", []compose.Import{{Entry: "~/.app", Source: "/home/ann/.app", Rel: ".app"}}},
		{"where a link leads", `home.import = ["~/.app"]`, "l /home/ann/.app /data/app\nd /data/app", []compose.Import{{Entry: "~/.app", Source: "/data/app", Rel: ".app"}}},
		{"missing", `home.import = ["~/.app"]`, "", []compose.Import{{Entry: "~/.app", Rel: ".app"}}},
		{"may be missing", `home.import = ["?~/.app"]`, "", nil},
		{"by its xdg name", `home.import = ["?xdg-config/app"]`, "d /home/ann/.config/app", []compose.Import{{Entry: "xdg-config/app", Source: "/home/ann/.config/app", Rel: ".config/app"}}},
		{"around snug's own", "home.import = [\"~/.local\"]\naccept = [\"files:HOME\"]", "d /home/ann/.local/share/snug/home/y",
			[]compose.Import{{Entry: "~/.local", Source: "/home/ann/.local", Rel: ".local", Skip: []string{"share/snug"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := composed(t, fakeWorld(t, "", tt.tree), keptApp+tt.manifest, "app").Imports
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestArgumentsToJoin checks what a second start of an app asks of the sandbox that runs.
func TestArgumentsToJoin(t *testing.T) {
	w := fakeWorld(t, "", "f /home/ann/doc/a\nf /home/ann/doc/b\nd /home/ann/.ssh\nf /home/ann/.ssh/id")
	w.Cwd = "/home/ann/doc"
	m, err := merge(t, manifests.Facts{}, nil, "files.arguments = \"write\"")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"app", "--flag=/home/ann/doc/a", "a", "file:///home/ann/doc/b", "/home/ann/.ssh/id", "none", "../doc/b"}
	s, err := compose.Compose(m, w, compose.Command{Argv: words, Fixed: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []compose.Argument{
		{Word: 2, Text: "/home/ann/doc/a", Path: "/home/ann/doc/a", Write: true},
		{Word: 3, Text: "file:///home/ann/doc/b", Path: "/home/ann/doc/b", Write: true},
		{Word: 6, Text: "/home/ann/doc/b", Path: "/home/ann/doc/b", Write: true},
	}
	if diff := cmp.Diff(want, s.Arguments); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
