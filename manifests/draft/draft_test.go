package draft_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/manifests/draft"
)

var update = flag.Bool("update", false, "write what is drafted into testdata")

const rule = "\n---\n"

// propose drafts a manifest of a text, by the kind that is the middle of its file's name.
func propose(kind, name, text string) (*draft.Draft, error) {
	catalogue := &manifests.Catalogue{Home: "/home/ann"}
	if kind == "services" {
		return draft.FromBubblejail(catalogue, name, []byte(text))
	}
	file, err := desktop.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	if kind == "metadata" {
		return draft.FromFlatpak(catalogue, file)
	}
	if name == "editor" {
		name = "org.gnome.TextEditor"
	}
	return draft.FromDesktop(catalogue, draft.Launcher{File: file, Name: name + ".desktop", Installed: name != "not-installed"})
}

// TestDraft drafts each source of testdata: input, a rule, what comes of it.
func TestDraft(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		name, kind, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".golden"), ".")
		t.Run(name+" "+kind, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(text), rule)
			input = strings.TrimSuffix(input, "\n") + "\n"
			got := ""
			d, err := propose(kind, name, input)
			if err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				got = string(d.Text())
				whole(t, d, false)
			}
			if *update {
				if err := os.WriteFile(path, []byte(strings.TrimSuffix(input, "\n")+rule+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got (-update rewrites the file):\n%s", diff)
			}
		})
	}
}

// whole checks that a draft merges with its bases, asks for nothing that this version lacks, and says
// nothing twice, unless its source may have.
func whole(t *testing.T, d *draft.Draft, sayTwice bool) *manifests.Layer {
	t.Helper()
	catalogue := &manifests.Catalogue{}
	layer, err := manifests.Parse("draft.toml", d.Text())
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Text())
	}
	bases, err := catalogue.Load(manifests.App{}, layer)
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Text())
	}
	_, wrong, odd := manifests.Examine(append(bases, layer), manifests.Facts{Has: func(fact string) bool { return fact == "portal" }})
	if wrong != nil || odd != nil && !sayTwice {
		t.Errorf("wrong: %v\nodd: %v\n%s", wrong, odd, d.Text())
	}
	return layer
}

func TestFromProgram(t *testing.T) {
	for program, want := range map[string]string{"jq": "local.jq", "./x/2048": "local._2048", "org.example.tool": "org.example.tool", "a b": "local.a_b"} {
		d, err := draft.FromProgram(&manifests.Catalogue{}, program)
		if err != nil {
			t.Fatal(err)
		}
		if d.ID != want {
			t.Errorf("%s: id %s, want %s", program, d.ID, want)
		}
		if layer := whole(t, d, false); layer.Command[0].Value != program {
			t.Errorf("%s: command %q", program, layer.Command)
		}
	}
	if d, err := draft.FromProgram(&manifests.Catalogue{}, "/x/a\nb"); err == nil {
		t.Errorf("a name with a line break became\n%s", d.Text())
	}
}

// TestBases takes the base that the catalogue has.
func TestBases(t *testing.T) {
	user := t.TempDir()
	if err := os.Mkdir(user+"/bases", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"qt", "browser", "electron", "game"} {
		text := "schema = 1\n[display]\nwayland = \"raw\"\n"
		if err := os.WriteFile(user+"/bases/"+base+".toml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		categories, want string
		electron         bool
	}{
		{"Qt;Network;WebBrowser;", "qt browser", false},
		{"GTK;Game;", "gtk game", false},
		{"Utility;", "electron", true},
		{"TerminalEmulator;", "cli", false},
	} {
		file, err := desktop.Parse([]byte("[Desktop Entry]\nExec=x\nCategories=" + test.categories + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := draft.FromDesktop(&manifests.Catalogue{User: user}, draft.Launcher{File: file, Name: "x.desktop", Installed: true, Electron: test.electron})
		if err != nil {
			t.Fatal(err)
		}
		layer, err := manifests.Parse("x", d.Text())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, base := range layer.Extends {
			got = append(got, base.Value)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: extends %q, want %s", test.categories, got, test.want)
		}
		// What a base says of the display, a draft does not say again.
		if strings.Contains(test.want, "qt") && layer.Display.Wayland.Value != "" {
			t.Errorf("%s: says the display again\n%s", test.categories, d.Text())
		}
	}
}

// TestKeyFolders compares the words by which an import leaves out what holds keys with what Compose
// judges by looking.
func TestKeyFolders(t *testing.T) {
	home := t.TempDir()
	for _, folder := range []string{".ssh", ".gnupg", ".aws", ".kube", ".password-store", ".local/share/keyrings", ".docker", ".local", ".local/share", "notes"} {
		if err := os.MkdirAll(home+"/"+folder, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("HOME", home)
		w, err := compose.Session()
		if err != nil {
			t.Fatal(err)
		}
		asks := manifests.Text{Value: "~/" + folder, Origin: "a:1"}
		_, err = compose.Live(&manifests.Manifest{}, w, false, asks, nil)
		d, e := propose("services", "x", "[home_share]\nhome_paths = [\""+folder+"\"]\n")
		if e != nil {
			t.Fatal(e)
		}
		if (err != nil) != (len(d.Left) > 0) {
			t.Errorf("%s: compose says %v, the draft leaves out %v", folder, err, d.Left)
		}
	}
}

func fuzz(f *testing.F, kind string) {
	paths, _ := filepath.Glob("testdata/*." + kind + ".golden")
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		input, _, _ := strings.Cut(string(text), rule)
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name := "org.example.App"
		switch len(text) % 3 { // that of a file may be anything, too
		case 1:
			name = "not-installed"
		case 2:
			name = text[:min(len(text), 20)]
		}
		d, err := propose(kind, name, text)
		if err != nil {
			return
		}
		if layer := whole(t, d, kind != "desktop"); kind != "desktop" && layer.Accept != nil {
			t.Fatalf("an import accepts %q", layer.Accept)
		}
	})
}

// FuzzFlatpak and its kin: whatever comes in, a draft parses and merges, and an import accepts nothing.
func FuzzFlatpak(f *testing.F)    { fuzz(f, "metadata") }
func FuzzBubblejail(f *testing.F) { fuzz(f, "services") }
func FuzzDesktop(f *testing.F)    { fuzz(f, "desktop") }
