package manifests_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/manifests"
)

// TestKeep is the table of what becomes of a drop-in: changes as a person types them, in a row, one
// taken out begins with "-". What is not named stays byte by byte.
func TestKeep(t *testing.T) {
	const lines = "[files]\nread = [\n  \"~/a\", # the first\n  # and now\n  \"~/b\" # the last\n] # end\n"
	for _, tt := range []struct{ name, text, changes, want string }{
		{"new file", "", "files.read=~/a", "[files]\nread = [\"~/a\"]\n"},
		{"second entry", "[files]\nread = [\"~/a\"]\n", "files.read=~/b", "[files]\nread = [\"~/a\", \"~/b\"]\n"},
		{"twice the same", "[files]\nread = ['~/a']\n", "files.read=~/a", ""},
		{"into an empty list", "[files]\nread = [ ] # none\n", "files.read=~/a", "[files]\nread = [\"~/a\" ] # none\n"},
		{"comma at the end", "[files]\nread = [\"~/a\",]\n", "files.read=~/b", "[files]\nread = [\"~/a\", \"~/b\",]\n"},
		{"list of lines", lines, "files.read=~/c", "[files]\nread = [\n  \"~/a\", # the first\n  # and now\n  \"~/b\", # the last\n  \"~/c\",\n] # end\n"},
		{"two a line", "files.read = [\n\t'~/a', '~/b',\n]\n", "files.read=~/c", "files.read = [\n\t'~/a', '~/b', \"~/c\",\n]\n"},
		{"bracket behind the last", "[files]\nread = [\"~/a\",\n  \"~/b\"]\n", "files.read=~/c", "[files]\nread = [\"~/a\",\n  \"~/b\", \"~/c\"]\n"},
		{"brackets and hashes in names", "[files]\nread = [\"~/a]\", '~/#b'] # ]\n", "files.read=~/c", "[files]\nread = [\"~/a]\", '~/#b', \"~/c\"] # ]\n"},
		{"table that is there", "# mine\n[files] # all\nwrite = ['~/w']\n", "files.read=~/a", "# mine\n[files] # all\nread = [\"~/a\"]\nwrite = ['~/w']\n"},
		{"table without a line end", "[files]", "files.read=~/a", "[files]\nread = [\"~/a\"]\n"},
		{"text without a line end", "schema = 1", "files.read=~/a", "schema = 1\n\n[files]\nread = [\"~/a\"]\n"},
		{"key with its table in front", "files.write = ['~/w'] # w\n[process]\npass = ['A']\n", "files.read=~/a", "files.write = ['~/w'] # w\nfiles.read = [\"~/a\"]\n[process]\npass = ['A']\n"},
		{"not into a condition", "[[if]]\nwhen = \"x11\"\n[if.files]\nread = ['~/a']\n", "files.read=~/b", "[[if]]\nwhen = \"x11\"\n[if.files]\nread = ['~/a']\n\n[files]\nread = [\"~/b\"]\n"},
		{"above all tables", "# of the table\n[devices]\nnodes = ['/dev/x']\n", "accept=nodes", "accept = [\"nodes\"]\n# of the table\n[devices]\nnodes = ['/dev/x']\n"},
		{"a danger and its code", "", "accept=nodes devices.nodes=/dev/ttyUSB0", "accept = [\"nodes\"]\n\n[devices]\nnodes = [\"/dev/ttyUSB0\"]\n"},
		{"yes or no", "", "files.live=true", "[files]\nlive = true\n"},
		{"another value", "[files]\nlive = false # not yet\n", "files.live=true", "[files]\nlive = true # not yet\n"},
		{"word", "[home]\nmode = 'private'\n", "home.mode=ephemeral", "[home]\nmode = \"ephemeral\"\n"},
		{"number", "", "limits.files=1024", "[limits]\nfiles = 1024\n"},
		{"variable", "[process.env]\nA = '1'\n", "process.env=B=2=3", "[process.env]\nB = \"2=3\"\nA = '1'\n"},
		{"quotes", "", `process.env=A="\`, "[process.env]\nA = \"\\\"\\\\\"\n"},
		{"byte order mark", "\ufeff[files]\nread = ['~/a']\n", "files.read=~/b", "\ufeff[files]\nread = ['~/a', \"~/b\"]\n"},
		{"Windows line ends", "[files]\r\nread = ['~/a']\r\n", "files.read=~/b", "[files]\r\nread = ['~/a', \"~/b\"]\r\n"},

		{"take out the first", "[files]\nread = ['~/a', '~/b']\n", "-files.read=~/a", "[files]\nread = ['~/b']\n"},
		{"take out the last", "[files]\nread = ['~/a', '~/b',]\n", "-files.read=~/b", "[files]\nread = ['~/a',]\n"},
		{"take out the only one", "[files]\nread = [ '~/a', ] # x\n", "-files.read=~/a", "[files]\nread = [  ] # x\n"},
		{"take out a line", lines, "-files.read=~/a", "[files]\nread = [\n  # and now\n  \"~/b\" # the last\n] # end\n"},
		{"take out the last line", lines, "-files.read=~/b", "[files]\nread = [\n  \"~/a\", # the first\n  # and now\n] # end\n"},
		{"take out what is not there", lines, "-files.read=~/c", ""},
		{"take out a value", "[files]\nlive = true\nread = []\n", "-files.live=true", "[files]\nread = []\n"},
		{"take out another value", "[files]\nlive = true\n", "-files.live=false", ""},
		{"take out a danger and its code", "accept = ['nodes']\ndevices.nodes = ['/dev/x']\n", "-accept=nodes -devices.nodes=/dev/x", "accept = []\ndevices.nodes = []\n"},

		{"unknown key", "", "files.reads=~/a", "unknown key files.reads\n  hint: did you mean files.read?"},
		{"table", "", "files=~/a", "files is a table\n  hint: name one key in it: files.read"},
		{"no path", "", "files.read=a", "files.read: \"a\" is no path\n  hint: begin with /, ~/ or an xdg name such as xdg-download"},
		{"not yes or no", "", "files.live=perhaps", `files.live: "perhaps" is not true or false`},
		{"no number", "", "limits.files=many", `limits.files: "many" is no number above 0`},
		{"not in this version", "", "limits.tasks=5", "~/apps/org.x.App.d/50-local.toml:2: limits.tasks = \"5\": not in this version\n  hint: leave it out"},
		{"a rule of a bus", "", "bus.session.call=org.x.Y=org.x.Y.*@/org/x", "[bus.session]\ncall = [\"org.x.Y=org.x.Y.*@/org/x\"]\n"},
		{"words that belong together", "", "command=x", "command is a list whose words belong together\n  hint: write it into a manifest"},
		{"what a drop-in has not", "", "id=org.x.Y", "~/apps/org.x.App.d/50-local.toml:1: id does not belong in a drop-in\n  hint: only the app's own file has it"},
		{"danger", "", "devices.nodes=/dev/x", "~/apps/org.x.App.d/50-local.toml:2: devices.nodes = \"/dev/x\" is dangerous: the app can use a device of the host directly\n  hint: if you mean it, write accept = [\"nodes\"]"},
		{"danger beside other codes", "accept = ['x11-raw']\n[display]\nx11 = 'raw'\n", "devices.nodes=/dev/x", "~/apps/org.x.App.d/50-local.toml:6: devices.nodes = \"/dev/x\" is dangerous: the app can use a device of the host directly\n  hint: if you mean it, add \"nodes\" to accept at ~/apps/org.x.App.d/50-local.toml:1"},
		{"code without a danger", "", "accept=nodes", "~/apps/org.x.App.d/50-local.toml:1: accept: nothing asks for \"nodes\"\n  hint: leave it out"},
		{"table of one line", "files = { write = ['~/w'] }\n", "files.read=~/a", "files.read stands in a table of one line\n  hint: write that as [files], and try again"},
		{"a file that is broken already", "[files\n", "files.read=~/a", "~/apps/org.x.App.d/50-local.toml:1:7: expected ']' to close table name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			c := &manifests.Catalogue{User: home + "/apps", Home: home}
			file := c.DropIn("org.x.App")
			if tt.text != "" {
				writeFile(t, file, tt.text)
			}
			var changes []manifests.Change
			for word := range strings.FieldsSeq(tt.changes) {
				rest, remove := strings.CutPrefix(word, "-")
				change, ok := manifests.ReadChange(rest, remove)
				if !ok {
					t.Fatalf("%q is no change", word)
				}
				changes = append(changes, change)
			}
			did, err := c.Keep(manifests.App{ID: "org.x.App"}, manifests.Facts{}, changes, nil)
			got, _ := os.ReadFile(file)
			switch {
			case err != nil && (err.Error() != tt.want || string(got) != tt.text):
				t.Errorf("got %v, and the file\n%s\nwant %s", err, got, tt.want)
			case err == nil && tt.want == "" && (did || string(got) != tt.text):
				t.Errorf("want nothing done, got %v\n%s", did, got)
			case err == nil && tt.want != "" && (string(got) != tt.want || !did):
				t.Errorf("got %v\n%q\nwant\n%q", did, got, tt.want)
			}
			if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "50-local.toml" {
				t.Errorf("left beside the file: %v", entries)
			}
		})
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// TestKeepFile looks at what is not the text: other files, links, permissions, what was left behind.
func TestKeepFile(t *testing.T) {
	home := t.TempDir()
	c := &manifests.Catalogue{User: home + "/apps", Home: home}
	app := manifests.App{ID: "org.x.App"}
	change := func(value string) []manifests.Change { return []manifests.Change{{Key: "files.read", Value: value}} }
	real := home + "/dotfiles/local.toml"
	writeFile(t, real, "# kept by hand\n")
	writeFile(t, home+"/dotfiles/.local.toml.new", "left by one that was killed")
	os.MkdirAll(filepath.Dir(c.DropIn(app.ID)), 0o700)
	if err := os.Symlink(real, c.DropIn(app.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Keep(app, manifests.Facts{}, change("~/a"), nil); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, real); got != "# kept by hand\n\n[files]\nread = [\"~/a\"]\n" {
		t.Errorf("the file behind the link is %q", got)
	}
	if info, err := os.Lstat(c.DropIn(app.ID)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(home + "/dotfiles"); len(entries) != 1 {
		t.Errorf("left beside the file: %v", entries)
	}

	// Another drop-in that says the same is no reason to write nothing: it may be the administrator's.
	writeFile(t, home+"/apps/org.x.App.d/60.toml", "accept = ['nodes']\ndevices.nodes = ['/dev/x']\n")
	if did, err := c.Keep(app, manifests.Facts{}, []manifests.Change{{Key: "devices.nodes", Value: "/dev/y"}}, nil); !did || err != nil {
		t.Errorf("accepted elsewhere: %v, %v", did, err)
	}
	os.WriteFile(home+"/apps/org.x.App.d/60.toml", []byte("accept = ['no-such']\n"), 0o644)
	if _, err := c.Keep(app, manifests.Facts{}, change("~/b"), nil); err == nil || !strings.Contains(err.Error(), "60.toml:1") {
		t.Errorf("want the problem of the other file, got %v", err)
	}
	refused := manifests.Problem{What: "no"}
	if _, err := c.Keep(app, manifests.Facts{}, change("~/b"), func(*manifests.Manifest) error { return refused }); err == nil {
		t.Error("the check was not asked")
	}
	if got := readFile(t, real); strings.Contains(got, "~/b") {
		t.Errorf("written all the same: %q", got)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadChange tells KEY=VALUE from paths.
func TestReadChange(t *testing.T) {
	for word, want := range map[string]bool{"files.read=~/a": true, "a=b": true, "process.env=A=b/c": true, "./a=b": false, "/x/a=b": false, "a": false, "=b": false, "~/a=b": false} {
		if _, got := manifests.ReadChange(word, false); got != want {
			t.Errorf("%q: want %v, got %v", word, want, got)
		}
	}
}

// FuzzEdit: an entry that is added to a text that parses is there and nothing else has changed; taken
// out again, it is gone. A text that cannot be edited so must not parse afterwards.
func FuzzEdit(f *testing.F) {
	for _, text := range []string{"", "[files]\nread = [\n 'a', # b\n]\n", "files.read = ['~/a' , \"~/b\"]#", "[[if]]\nwhen='x11'\nfiles.read=[]\n", "[files]\nread=[ #]\n'~/a'#]\n,]", "files={read=['~/a']}", "\"files\".\"read\" = ['~/a']", "schema=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, err := manifests.Parse("x", []byte(text))
		if err != nil {
			return
		}
		change := manifests.Change{Key: "files.read", Value: "/added"}
		added, did, err := manifests.Edit([]byte(text), change)
		if err != nil || !did {
			return
		}
		after, err := manifests.Parse("x", added)
		if err != nil {
			return // Keep refuses it
		}
		if n := len(after.Files.Read); n != len(before.Files.Read)+1 && n != len(before.Files.Read) {
			t.Fatalf("%q became %q: %v", text, added, after.Files.Read)
		}
		if dump(&before.Manifest) != "" && strings.Count(string(added), "#") != strings.Count(text, "#") {
			t.Fatalf("comments of %q: %q", text, added)
		}
		change.Remove = true
		removed, did, err := manifests.Edit(added, change)
		if err != nil || !did {
			t.Fatalf("%q became %q, which cannot be taken back: %v", text, added, err)
		}
		if last, err := manifests.Parse("x", removed); err != nil || len(last.Files.Read) != len(before.Files.Read) {
			t.Fatalf("%q became %q and then %q: %v", text, added, removed, err)
		}
	})
}
