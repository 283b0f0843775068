package manifests_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/desktop"
)

// tree is a catalogue in a temporary folder: home/config/apps, etc/apps and data/applications.
func tree(t testing.TB, files map[string]string) (*manifests.Catalogue, string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &manifests.Catalogue{
		User:    root + "/home/config/apps",
		System:  root + "/etc/apps",
		Home:    root + "/home",
		Desktop: desktop.Search{Data: []string{root + "/data"}},
	}, root
}

// load finds, loads and merges, and returns the dump.
func load(c *manifests.Catalogue, app string, typed *manifests.Layer) (string, error) {
	found, err := c.Find(app)
	if err != nil {
		return "", err
	}
	layers, err := c.Load(found, typed)
	if err != nil {
		return "", err
	}
	m, err := manifests.Merge(layers, typed, manifests.Facts{})
	if err != nil {
		return "", err
	}
	return dump(m), nil
}

// TestLoadOrder has one variable in every layer: the last one wins, and the list tells the order.
func TestLoadOrder(t *testing.T) {
	files := map[string]string{
		"etc/apps/bases/low.toml":             `files.read = ["/low"]`,
		"etc/apps/bases/mid.toml":             "extends = [\"low\"]\nfiles.read = [\"/mid\"]",
		"home/config/apps/bases/other.toml":   `files.read = ["/other"]`,
		"home/config/apps/a.b.toml":           "extends = [\"mid\", \"low\"]\nfiles.read = [\"/file\"]",
		"etc/apps/a.b.toml":                   `files.read = ["/replaced"]`,
		"etc/apps/a.b.d/90-late.toml":         `files.read = ["/admin90"]`,
		"etc/apps/a.b.d/10-early.toml":        "extends = [\"other\"]\nfiles.read = [\"/admin10\"]",
		"home/config/apps/a.b.d/50-user.toml": `files.read = ["/user"]`,
		"home/config/apps/a.b.d/README":       `not a drop-in`,
		"home/config/apps/a.b.d/.x.toml":      `not a drop-in`,
	}
	c, root := tree(t, files)
	got, err := load(c, "a.b", flags(t, "read=/flag"))
	if err != nil {
		t.Fatal(err)
	}
	want := `id=a.b ~/config/apps/a.b.toml
extends=low ETC/bases/mid.toml:1
extends=mid ~/config/apps/a.b.toml:1
extends=other ETC/a.b.d/10-early.toml:1
files.read=/low ETC/bases/low.toml:1
files.read=/mid ETC/bases/mid.toml:2
files.read=/other ~/config/apps/bases/other.toml:1
files.read=/file ~/config/apps/a.b.toml:2
files.read=/admin10 ETC/a.b.d/10-early.toml:2
files.read=/admin90 ETC/a.b.d/90-late.toml:1
files.read=/user ~/config/apps/a.b.d/50-user.toml:1
files.read=/flag --read, argument 1
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "ETC", root+"/etc/apps"), got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadReplacesBuiltIn(t *testing.T) {
	c, _ := tree(t, map[string]string{"home/config/apps/foot.toml": `command = ["mine"]`})
	got, err := load(c, "foot", nil)
	if want := "id=foot ~/config/apps/foot.toml\ncommand=mine ~/config/apps/foot.toml:1\n"; err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

func TestLoadBaseByFlag(t *testing.T) {
	c := &manifests.Catalogue{}
	layers, err := c.Load(manifests.App{}, flags(t, "extends=gtk"))
	if err != nil || len(layers) != 1 || layers[0].Name != "builtin/bases/gtk.toml" {
		t.Errorf("layers %v, %v", layers, err)
	}
}

func TestLoadBad(t *testing.T) {
	deep := map[string]string{"home/config/apps/a.toml": `extends = ["b0"]`}
	for i := range 9 {
		deep["etc/apps/bases/b"+string(rune('0'+i))+".toml"] = `extends = ["b` + string(rune('1'+i)) + `"]`
	}
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no base", map[string]string{"home/config/apps/a.toml": `extends = ["gkt"]`},
			"~/config/apps/a.toml:1: there is no base \"gkt\"\n  hint: did you mean gtk?"},
		{"circle", map[string]string{"home/config/apps/a.toml": `extends = ["x"]`, "etc/apps/bases/x.toml": `extends = ["y"]`, "etc/apps/bases/y.toml": `extends = ["x"]`},
			"ETC/bases/y.toml:1: extends goes in a circle: x → y → x\n  hint: leave one of them out"},
		{"too deep", deep, "ETC/bases/b7.toml:1: extends goes more than 8 deep or names more than 32 bases"},
		{"another app's id", map[string]string{"home/config/apps/a.toml": `id = "foot"`},
			"~/config/apps/a.toml:1: id is \"foot\" in the file of \"a\"\n  hint: rename the file or change the id"},
		{"id in a drop-in", map[string]string{"home/config/apps/a.toml": "", "etc/apps/a.d/x.toml": `id = "a"`},
			"ETC/a.d/x.toml:1: id does not belong in a drop-in\n  hint: only the app's own file has it"},
		{"desktop in a base", map[string]string{"home/config/apps/a.toml": `extends = ["x"]`, "etc/apps/bases/x.toml": `desktop = ["a.desktop"]`},
			"ETC/bases/x.toml:1: desktop does not belong in a base\n  hint: only the app's own file has it"},
		{"a drop-in's name", map[string]string{"home/config/apps/a.toml": "", "etc/apps/a.d/x\x1b.toml": ``},
			"ETC/a.d/x\\x1b.toml: the name of the file is no id\n  hint: rename it"},
		{"parse error", map[string]string{"home/config/apps/a.toml": "", "etc/apps/a.d/x.toml": `x`},
			"ETC/a.d/x.toml:1:1: expected '=' after key"},
		{"too large", map[string]string{"home/config/apps/a.toml": strings.Repeat("#\n", 200000)},
			"\"~/config/apps/a.toml\" cannot be read: larger than 256 KiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, root := tree(t, test.files)
			_, err := load(c, "a", nil)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(err.Error(), root+"/etc/apps", "ETC")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLoadOddFiles reads through a symbolic link, as keepers of dot files make them, and refuses a
// FIFO, a folder and a device without waiting for any.
func TestLoadOddFiles(t *testing.T) {
	c, root := tree(t, map[string]string{"dots/a.toml": `command = ["linked"]`, "home/config/apps/z.toml": ""})
	apps := root + "/home/config/apps/"
	if err := os.Symlink(root+"/dots/a.toml", apps+"a.toml"); err != nil {
		t.Fatal(err)
	}
	if got, err := load(c, "a", nil); err != nil || !strings.Contains(got, "command=linked") {
		t.Errorf("link: %q, %v", got, err)
	}
	if err := syscall.Mkfifo(apps+"fifo.toml", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(apps+"folder.toml", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", apps+"zero.toml"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"fifo", "folder", "zero"} {
		done := make(chan error, 1)
		go func() { _, err := load(c, id, nil); done <- err }()
		select {
		case err := <-done:
			if want := "\"~/config/apps/" + id + ".toml\" cannot be read: not a regular file"; err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", id, err, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: still waiting", id)
		}
	}
}

func TestFind(t *testing.T) {
	c, root := tree(t, map[string]string{
		"home/config/apps/org.mozilla.firefox.toml":  `desktop = ["firefox.desktop", "firefox-esr.desktop"]`,
		"etc/apps/org.example.Editor.toml":           ``,
		"etc/apps/com.example.Editor.toml":           ``,
		"etc/apps/org.two.A.toml":                    `desktop = ["shared.desktop"]`,
		"etc/apps/org.two.B.toml":                    `desktop = ["shared.desktop"]`,
		"etc/apps/org.example.Talks.toml":            `command = ["firefox.desktop"]`,
		"etc/apps/org.three.Notes.toml":              `command = ["/opt/three/Pad", "--new"]`,
		"etc/apps/org.three.Script.toml":             `command = ["python3", "/opt/three/script"]`,
		"etc/apps/org.three.Rubies.toml":             `command = ["/usr/bin/ruby"]`,
		"etc/apps/org.four.Memo.toml":                `command = ["memo"]`,
		"etc/apps/org.five.Other.toml":               `command = ["memo", "--other"]`,
		"etc/apps/org.five.bad.toml":                 `command = ["pad`,
		"etc/apps/bases/onlybase.toml":               ``,
		"elsewhere/my.app.toml":                      ``,
		"elsewhere/named.toml":                       `id = "org.example.Named"`,
		"elsewhere/bad id.toml":                      ``,
		"elsewhere/notes.txt":                        ``,
		"data/applications/firefox-esr.desktop":      "[Desktop Entry]\nExec=firefox-esr\n",
		"data/applications/kde/tool.desktop":         "[Desktop Entry]\nExec=tool\n",
		"data/applications/org.plain.Viewer.desktop": "[Desktop Entry]\nExec=viewer\n",
		"data/applications/gone.desktop":             "[Desktop Entry]\nHidden=true\n",
		"copy/firefox-esr.desktop":                   "[Desktop Entry]\nExec=firefox-esr\n",
		"copy/firefox.desktop":                       "[Desktop Entry]\nExec=firefox-esr\n",
		"load/firefox-esr.desktop":                   "[Desktop Entry]\nExec=other\n",
		"load/firefox.desktop":                       "[Desktop Entry]\nExec=other\n",
		"load/gone.desktop":                          "[Desktop Entry]\nExec=other\n",
		"load/org.plain.Viewer.desktop":              "[Desktop Entry]\nExec=other\n",
		"load/tool.desktop":                          "[Desktop Entry]\nExec=other\n",
		"load/org.example.Editor.desktop":            "[Desktop Entry]\nExec=other\n",
	})
	tests := []struct {
		word string
		want manifests.App
	}{
		{"org.mozilla.firefox", manifests.App{ID: "org.mozilla.firefox", Known: true}},
		{"foot", manifests.App{ID: "foot", Known: true}},
		{"firefox-esr", manifests.App{ID: "org.mozilla.firefox", Known: true, Desktop: root + "/data/applications/firefox-esr.desktop"}},
		{"firefox", manifests.App{ID: "org.mozilla.firefox", Known: true}},
		{"debian-xterm", manifests.App{ID: "xterm", Known: true}},
		{"TextEditor", manifests.App{ID: "org.gnome.TextEditor", Known: true}},
		{"texteditor", manifests.App{ID: "org.gnome.TextEditor", Known: true}},
		{"gnome-text-editor", manifests.App{ID: "org.gnome.TextEditor", Known: true}},
		{"Foot", manifests.App{ID: "foot", Known: true}},
		{"Firefox", manifests.App{ID: "org.mozilla.firefox", Known: true}},
		{"firefox-esr.desktop", manifests.App{ID: "org.mozilla.firefox", Known: true, Desktop: root + "/data/applications/firefox-esr.desktop"}},
		{"pad", manifests.App{ID: "org.three.Notes", Known: true}},
		{"PAD", manifests.App{ID: "org.three.Notes", Known: true}},
		{"viewer", manifests.App{ID: "org.plain.Viewer", Desktop: root + "/data/applications/org.plain.Viewer.desktop"}},
		{"kde-tool", manifests.App{ID: "kde-tool", Desktop: root + "/data/applications/kde/tool.desktop"}},
		{"Viewer", manifests.App{ID: "org.plain.Viewer", Desktop: root + "/data/applications/org.plain.Viewer.desktop"}},
		{root + "/elsewhere/my.app.toml", manifests.App{ID: "my.app", File: root + "/elsewhere/my.app.toml", Known: true}},
		{root + "/elsewhere/named.toml", manifests.App{ID: "org.example.Named", File: root + "/elsewhere/named.toml", Known: true}},
		{root + "/data/applications/firefox-esr.desktop", manifests.App{ID: "org.mozilla.firefox", Known: true, Desktop: root + "/data/applications/firefox-esr.desktop"}},
		{root + "/data/applications/kde/../kde/tool.desktop", manifests.App{ID: "kde-tool", Desktop: root + "/data/applications/kde/tool.desktop"}},
		{root + "/data/applications/gone.desktop", manifests.App{ID: "gone", Desktop: root + "/data/applications/gone.desktop"}},
		{root + "/copy/firefox-esr.desktop", manifests.App{ID: "org.mozilla.firefox", Known: true, Desktop: root + "/copy/firefox-esr.desktop"}},
		{root + "/copy/firefox.desktop", manifests.App{ID: "org.mozilla.firefox", Known: true, Desktop: root + "/copy/firefox.desktop"}},
		{root + "/load/tool.desktop", manifests.App{ID: "tool", Desktop: root + "/load/tool.desktop"}},
		{root + "/load/org.example.Editor.desktop", manifests.App{ID: "org.example.Editor", Known: true, Desktop: root + "/load/org.example.Editor.desktop"}},
	}
	for _, test := range tests {
		got, err := c.Find(test.word)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", test.word, err, diff)
			continue
		}
		if _, err := c.Load(got, nil); err != nil {
			t.Errorf("load %s: %v", test.word, err)
		}
	}

	bad := []struct{ word, want string }{
		{"Editor", "\"Editor\" is more than one app: com.example.Editor, org.example.Editor\n  hint: write one of these ids"},
		{"editor", "\"editor\" is more than one app: com.example.Editor, org.example.Editor\n  hint: write one of these ids"},
		{"memo", "\"memo\" is more than one app: org.five.Other, org.four.Memo\n  hint: write one of these ids"},
		{"python3", "there is no app \"python3\"\n  hint: the name of an interpreter names no app that it runs: org.three.Script"},
		{"shared", "\"shared\" is more than one app: org.two.A, org.two.B\n  hint: write one of these ids"},
		{"firefx", "there is no app \"firefx\"\n  hint: did you mean org.mozilla.firefox?"},
		{"texteditr", "there is no app \"texteditr\"\n  hint: did you mean org.gnome.TextEditor?"},
		{"onlybase", "there is no app \"onlybase\""},
		{"gone", ""},
		{root + "/load/firefox-esr.desktop", "\"ROOT/load/firefox-esr.desktop\" is called as the app \"org.mozilla.firefox\", whose launcher is \"ROOT/data/applications/firefox-esr.desktop\", and is another\n" +
			"  hint: rename it, if it is an app of its own; the installed one is org.mozilla.firefox"},
		{root + "/load/firefox.desktop", "\"ROOT/load/firefox.desktop\" is called as the app \"org.mozilla.firefox\", whose launcher is \"ROOT/data/applications/firefox-esr.desktop\", and is another\n" +
			"  hint: rename it, if it is an app of its own; the installed one is org.mozilla.firefox"},
		{root + "/load/gone.desktop", ""},
		{root + "/load/org.plain.Viewer.desktop", ""},
		{"", "there is no app \"\""},
		{"..", "there is no app \"..\""},
		{"a\x1bb", "there is no app \"a\\x1bb\""},
		{"./no.toml", "there is no file \"./no.toml\""},
		{"./no.desktop", "\"./no.desktop\" cannot be read: no such file or directory"},
		{"/bin/sh", "\"/bin/sh\" is neither a manifest nor a desktop file\n  hint: their names end in .toml and .desktop"},
		{root + "/elsewhere/bad id.toml", "ROOT/elsewhere/bad id.toml: id: \"bad id\" is no id\n  hint: letters, digits and . _ -, as in org.example.App"},
	}
	for _, test := range bad {
		app, err := c.Find(test.word)
		if err == nil {
			t.Errorf("%q: found %+v", test.word, app)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), root, "ROOT"); test.want != "" && got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.word, got, test.want)
		}
	}
	want := "there is no app \"nothing.like.it\""
	if _, err := c.Find("nothing.like.it"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// BenchmarkFindLoadMerge is what the launch of a built-in app costs here.
func BenchmarkFindLoadMerge(b *testing.B) {
	c, _ := tree(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := launch(c); err != nil {
			b.Fatal(err)
		}
	}
}

func launch(c *manifests.Catalogue) (*manifests.Manifest, error) {
	app, err := c.Find("org.xfce.mousepad")
	if err != nil {
		return nil, err
	}
	layers, err := c.Load(app, nil)
	if err != nil {
		return nil, err
	}
	return manifests.Merge(layers, nil, manifests.Facts{})
}
