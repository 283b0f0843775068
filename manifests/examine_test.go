package manifests_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// TestExamine says all that is wrong or odd with files a, b, …, each a layer.
func TestExamine(t *testing.T) {
	tests := []struct {
		name       string
		layers     []string
		wrong, odd string
	}{
		{"nothing", []string{""}, "", ""},
		{"wrong things together", []string{`accept = ["x11-raw"]
[network]
mode = "host"
[limits]
tasks = 5`},
			`a:3: network.mode = "host" is dangerous: the app can reach every service of this machine and of the local network
a:1: accept: nothing asks for "x11-raw"
a:5: limits.tasks = "5": not in this version`, ""},
		{"a later value where its fact does not hold", []string{"[[if]]\nwhen = \"nvidia\"\nlimits.tasks = 5"},
			`a:3: limits.tasks = "5": not in this version`, ""},
		{"a danger where its fact does not hold", []string{"id = \"org.example.A\"\n[[if]]\nwhen = \"x11\"\ndisplay.x11 = \"raw\"\nbus.session.own = [\"org.example.A.x\"]"},
			`a:4: display.x11 = "raw" is dangerous: the app can read every key you type, see every window and type into them`, ""},
		{"a danger where its fact does not hold, accepted there", []string{"[[if]]\nwhen = \"x11\"\naccept = [\"x11-raw\"]\ndisplay.x11 = \"raw\""}, "", ""},
		{"without", []string{`without = ["files.read:~/a"]`}, "", `a:1: without: "files.read:~/a" takes nothing away`},
		{"said already", []string{`files.read = ["~/a"]
files.arguments = "read"
process.env = { A = "1", B = "1" }`, `files.read = ["~/a", "~/b"]
files.arguments = "read"
process.env = { A = "1", B = "2" }`}, "",
			`b:1: files.read = "~/a": said already (a:1)
b:2: files.arguments = "read": said already (a:2)
b:3: process.env = "A=1": said already (a:3)`},
		{"taken away and said anew", []string{`files.read = ["~/a"]`, "without = [\"files\"]\nfiles.read = [\"~/a\"]"}, "", ""},
		{"said already by a condition", []string{"devices.gpu = true\n[[if]]\nwhen = \"x11\"\ndevices.gpu = true"}, "",
			`a:4: devices.gpu = "true": said already (a:1)`},
		{"below a readable folder", []string{`files.read = ["~/a", "?~/a/b", "~/ab"]`}, "",
			`a:1: files.read = "~/a/b": granted already by files.read = "~/a" (a:1)`},
		{"the same path", []string{"files.read = [\"~/a\"]\nfiles.create = [\"?~/a\"]"}, "",
			`a:1: files.read = "~/a": granted already by files.create = "~/a" (a:2)`},
		{"below a writable folder", []string{`files.write = ["~/a", "~/a/b/c", "~/a/.git/config"]`}, "",
			`a:1: files.write = "~/a/b/c": granted already by files.write = "~/a" (a:1)`},
		{"below a folder that is read and written", []string{"files.write = [\"~/a\", \"~/a/c\"]\nfiles.read = [\"~/a\", \"~/a/b\"]"}, "",
			"a:1: files.write = \"~/a/c\": granted already by files.write = \"~/a\" (a:1)\na:2: files.read = \"~/a\": granted already by files.write = \"~/a\" (a:1)"},
		{"narrowed", []string{"files.write = [\"~/a\"]\nfiles.read = [\"~/a/b\"]"}, "", ""},
		{"narrowed, and open again", []string{"files.write = [\"~/a\", \"~/a/b/c\"]\nfiles.read = [\"~/a/b\"]"}, "", ""},
		{"behind a hole", []string{"files.read = [\"~/a\", \"~/a/b/c\"]\nfiles.except = [\"~/a/b\"]"}, "", ""},
		{"names of a bus", []string{`accept = ["own:org.other"]
[bus.session]
talk = ["org.example.*", "org.example.A", "org.other"]
own = ["org.other"]
see = ["org.example", "org.third"]
call = ["org.example.B=org.example.I.*", "org.third=a.b.C"]
[bus.system]
see = ["org.other"]`}, "",
			`a:3: bus.session.talk = "org.other": granted already by bus.session.own = "org.other" (a:4)
a:3: bus.session.talk = "org.example.A": granted already by bus.session.talk = "org.example.*" (a:3)
a:5: bus.session.see = "org.example": granted already by bus.session.talk = "org.example.*" (a:3)
a:6: bus.session.call = "org.example.B=org.example.I.*": granted already by bus.session.talk = "org.example.*" (a:3)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var layers []*manifests.Layer
			for i, text := range test.layers {
				layers = append(layers, parse(t, string(rune('a'+i)), text))
			}
			_, wrong, odd := manifests.Examine(layers, manifests.Facts{})
			if diff := cmp.Diff(test.wrong, whats(wrong)); diff != "" {
				t.Errorf("wrong: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(sorted(test.odd), sorted(whats(odd))); diff != "" {
				t.Errorf("odd: -want +got\n%s", diff)
			}
		})
	}
}

func sorted(text string) map[string]bool {
	lines := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		lines[line] = true
	}
	return lines
}

func whats(problems manifests.Problems) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, string(p.Where)+": "+p.What)
	}
	return strings.Join(lines, "\n")
}

func TestOwn(t *testing.T) {
	user, system := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(path[:strings.LastIndexByte(path, '/')], 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := manifests.Catalogue{User: user, System: system}
	if apps, bases, err := c.Own(); apps != nil || bases != nil || err != nil {
		t.Errorf("of nothing: %v %v %v", apps, bases, err)
	}
	write(user+"/org.example.B.toml", "")
	write(user+"/foot.d/50-local.toml", "")
	write(user+"/org.example.B.d/x.toml", "")
	write(user+"/bases/mine.toml", "")
	write(system+"/org.example.C.toml", "schema = 1\n")
	apps, bases, err := c.Own()
	if diff := cmp.Diff([]string{"foot", "org.example.B"}, apps); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff([]string{"mine"}, bases); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]string{"foot": "builtin/foot.toml", "org.example.C": system + "/org.example.C.toml", "org.example.B": ""} {
		if name, text := c.Original(id); name != want || (name == "") != (text == nil) {
			t.Errorf("%s: %q %q", id, name, text)
		}
	}
	write(user+"/not an id.toml", "")
	if _, _, err := c.Own(); err == nil {
		t.Error("a name that no manifest can have was passed over")
	}
}

// TestAll: an app is gone only if all that could speak of it was heard.
func TestAll(t *testing.T) {
	user, system := t.TempDir(), t.TempDir()
	c := manifests.Catalogue{User: user + "/snug/apps", System: system + "/snug/apps"}
	builtIn, err := c.All()
	if err != nil || len(builtIn) != len(c.IDs()) {
		t.Fatalf("of nothing: %v, %v", builtIn, err)
	}
	if err := os.MkdirAll(system+"/snug/apps/org.example.A.d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(system+"/snug/apps/org.example.B.toml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := c.All()
	if err != nil || len(all) != len(builtIn)+2 || !slices.Contains(all, "org.example.A") || !slices.Contains(all, "org.example.B") {
		t.Errorf("%v, %v", all, err)
	}
	for name, harm := range map[string]func(dir string) error{
		"an odd file":               func(dir string) error { return os.WriteFile(dir+"/apps/not an id.toml", nil, 0o600) },
		"a loop":                    func(dir string) error { return errors.Join(os.RemoveAll(dir+"/apps"), os.Symlink("apps", dir+"/apps")) },
		"a link that leads nowhere": func(dir string) error { return errors.Join(os.RemoveAll(dir+"/apps"), os.Symlink("no", dir+"/apps")) },
		"a file": func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/apps"), os.WriteFile(dir+"/apps", nil, 0o600))
		},
		"a file above":                 func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
		"a link above to what is gone": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Symlink("no", dir)) },
	} {
		for _, source := range []*string{&c.User, &c.System} {
			dir, before := t.TempDir()+"/snug", *source
			*source = dir + "/apps"
			if err := errors.Join(os.MkdirAll(*source, 0o700), harm(dir)); err != nil {
				t.Fatal(err)
			}
			if all, err := c.All(); err == nil {
				t.Errorf("%s at %q: %v", name, *source, all)
			}
			*source = before
		}
	}
}

func TestReplace(t *testing.T) {
	user := t.TempDir()
	c := manifests.Catalogue{User: user}
	app := manifests.App{ID: "foot", Known: true}
	path := c.DropIn("foot")
	for _, step := range []struct {
		name         string
		before, text string
		want         string
	}{
		{"what does not parse", "", "x = 1", "unknown key x"},
		{"what is not accepted", "", "[network]\nmode = \"host\"\n", "is dangerous"},
		{"what is not in this version", "", "[limits]\ntasks = 5\n", "not in this version"},
		{"good", "", "[files]\nread = [\"~/a\"]\n", ""},
		{"somebody else was faster", "", "[files]\nread = [\"~/b\"]\n", "has changed meanwhile"},
		{"again", "[files]\nread = [\"~/a\"]\n", "# nothing\n", ""},
	} {
		var before []byte
		if step.before != "" {
			before = []byte(step.before)
		}
		old, _ := os.ReadFile(path)
		err := c.Replace(app, path, before, []byte(step.text), manifests.Facts{}, nil)
		if (err == nil) != (step.want == "") || err != nil && !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v, want %q", step.name, err, step.want)
		}
		want := step.text
		if step.want != "" {
			want = string(old)
		}
		if text, _ := os.ReadFile(path); string(text) != want {
			t.Errorf("%s: the file is %q", step.name, text)
		}
	}
}
