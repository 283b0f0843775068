package desktop_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests/desktop"
)

func TestMarkExec(t *testing.T) {
	for _, tt := range []struct {
		name, raw, want string
		lost            bool
	}{
		{"no code", "app --new", "app --new @@", false},
		{"files", "app %U", "app @@ %U @@", false},
		{"other codes", "app %i -n %c %k %%f %d", "app %i -n %c %k %%f %d @@", false},
		{"words behind", "app -f %f  --end ", "app -f @@ %f @@  --end ", false},
		{"in a word", "app --x=%f -y", `app "@@--x=" --x=%f @@ -y`, false},
		{"around", `sh -c "app %f; x"`, `sh -c "@@app " "app %f; x" "@@; x"`, false},
		{"escapes of the file", `app\s"a\\$b"\s%f "\\\\"`, `app\s"a\\$b"\s@@ %f @@ "\\\\"`, false},
		{"env", `env A="x y" app %u`, `env A="x y" app @@ %u @@`, false},
		{"quoted code", `app "%f"`, `app @@ "%f" @@`, false},
		{"a percent sign", `app 50%%=%f`, `app "@@50%%=" 50%%=%f @@`, false},
		{"behind another code", "app %c=%f", "app %c=%f", true},
		{"two in a word", "app %f:%f", "app %f:%f", true},
		{"two words", "app %f x %F", "app @@ %f @@ x @@ %F @@", false},
		{"one of two", "app %f %c%F", "app @@ %f @@ %c%F", true},
	} {
		got, all, err := desktop.MarkExec(tt.raw, "@@")
		if err != nil || got != tt.want || all == tt.lost {
			t.Errorf("%s: %s, %v, %v, want %s", tt.name, got, all, err, tt.want)
		}
	}
	for raw, want := range map[string]string{
		"app # x":    "begins with #",
		"app %z":     "unknown field code",
		`app "x`:     "quote without its end",
		"":           "names no program",
		"%f":         "field code for its program",
		`app \\`:     "ends with a backslash",
		`app x\n#`:   "a shell",
		"app ;x":     "a shell",
		"app x&":     "a shell",
		"app `x`":    "a shell",
		`app "$(x)"`: "a shell",
	} {
		if _, _, err := desktop.MarkExec(raw, "@@"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

// What stands in quotes is for no shell, nor is what is escaped there.
func TestMarkQuoted(t *testing.T) {
	for _, raw := range []string{"app 'a; b | $(c)'", `app "a; b && c"`, `app "\\$(x) \\` + "`" + `x\\` + "`" + `"`, "app $HOME ~ * ?x=y {a}", `app a\\;b`} {
		if _, _, err := desktop.MarkExec(raw, "@@"); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestUnmark(t *testing.T) {
	for _, tt := range []struct {
		name, argv, want string
		places           []desktop.Place
	}{
		{"appended", "app|--new|@@|/a|/b", "app|--new|/a|/b", []desktop.Place{{2, "", ""}, {3, "", ""}}},
		{"none", "app|@@|@@", "app", nil},
		{"none appended", "app|@@", "app", nil},
		{"words behind", "app|@@|/a|@@|-x", "app|/a|-x", []desktop.Place{{1, "", ""}}},
		{"in a word", "app|@@--x=|--x=/a|@@", "app|--x=/a", []desktop.Place{{1, "--x=", ""}}},
		{"nothing in a word", "app|@@--x=|--x=|@@", "app|--x=", nil},
		{"several in a word", "app|@@--x=|--x=/a|/b.|@@.", "app|--x=/a|/b.", []desktop.Place{{1, "--x=", ""}, {2, "", "."}}},
		{"quoted by GLib", "sh|-c|@@app |app '/a b'; x|@@; x", "sh|-c|app '/a b'; x", []desktop.Place{{2, "app '", "'; x"}}},
		{"two quoted", "sh|-c|@@app |app '/a' '/b'|@@", "sh|-c|app '/a' '/b'", []desktop.Place{{2, "app ", ""}}},
		{"expanded otherwise", "app|@@--x=|/a|@@", "app|/a", nil},
		{"twice", "app|@@|/a|@@|x|@@|@@", "app|/a|x", []desktop.Place{{1, "", ""}}},
		{"no mark", "app|/a", "app|/a", nil},
	} {
		argv, places := desktop.Unmark(strings.Split(tt.argv, "|"), "@@")
		if got := strings.Join(argv, "|"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if diff := cmp.Diff(tt.places, places); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// FuzzMarkExec: with marks a line starts what it starts without, and the files are where Expand says.
func FuzzMarkExec(f *testing.F) {
	for _, seed := range []string{"app %U x", `sh -c "a %f \\$b"`, `app\s'%%u' %u %c`, "app 'a b' \\\\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsAny(raw, "\n@\x00") || strings.TrimSpace(raw) != raw || strings.Contains(raw, "env") { // Expand leaves env out
			return
		}
		marked, all, err := desktop.MarkExec(raw, "@@")
		if err != nil || !all {
			return
		}
		for _, files := range [][]string{nil, {"/a b"}, {"/a", "/b"}} {
			want, got := expandAll(t, raw, files), expandAll(t, marked, files)
			if len(want) != len(got) {
				t.Fatalf("%s: %v, want %v", marked, got, want)
			}
			for i := range want {
				argv, places := desktop.Unmark(got[i].Argv, "@@")
				if diff := cmp.Diff(want[i].Argv, argv); diff != "" {
					t.Fatalf("%q marked %q: %s", raw, marked, diff)
				}
				for _, p := range places {
					word := argv[p.Word]
					if !strings.HasPrefix(word, p.Before+"/") || !strings.HasSuffix(word, p.After) {
						t.Fatalf("%q: no file at %+v of %q", marked, p, argv)
					}
				}
				if len(places) == 0 && len(want[i].Files) > 0 {
					t.Fatalf("%q: no places in %q", marked, got[i].Argv)
				}
			}
		}
	})
}

func expandAll(t *testing.T, raw string, files []string) []desktop.Command {
	t.Helper()
	file, err := desktop.Parse([]byte("[Desktop Entry]\nExec=" + raw + "\n"))
	if err != nil {
		return nil
	}
	value, _ := file.Get(desktop.Entry, "Exec")
	exec, err := desktop.ParseExec(value)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	commands, err := exec.Expand(desktop.Fields{Name: "N", Icon: "i"}, files)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return commands
}

func TestChanged(t *testing.T) {
	const text = "#!x\r\n[Desktop Entry]\r\nName = N\r\nExec =  a  \r\n\n# end\n[B]\nExec=\nEmpty= \nExec=\v\u00a0c \u00a0"
	file := parse(t, text)
	same := file.Changed(func(_, _, raw string) string { return raw })
	if diff := cmp.Diff(text, string(same.Bytes())); diff != "" {
		t.Error(diff)
	}
	changed := file.Changed(func(group, key, raw string) string {
		if key == "Exec" {
			return group[:1] + "<" + raw + ">"
		}
		return raw
	}).With(desktop.Entry, "X-A=1").With("B", "# c", "X-B=2")
	want := "#!x\r\n[Desktop Entry]\r\nName = N\r\nExec =  D<a>  \r\nX-A=1\n\n# end\n[B]\nExec=B<>\nEmpty= \nExec=\vB<\u00a0c \u00a0>\n# c\nX-B=2\n"
	if diff := cmp.Diff(want, string(changed.Bytes())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(text, string(file.Bytes())); diff != "" {
		t.Errorf("the file itself changed: %s", diff)
	}
	if value, _ := changed.Get("B", "X-B"); value != "2" {
		t.Errorf("a key that was added is %q", value)
	}
}
