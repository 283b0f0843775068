package desktop_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests/desktop"
	"snug/tests/need"
)

const sample = "# a comment\r\n\n[Desktop Entry]\nName=Files\nName[de]=Dateien\nName[de_AT]=Akten\nName[sr@latin]=Fajlovi\n" +
	"Exec = app \"a b\" %U\r\n  Icon=app\nno key\n[Desktop Action new]\nName=New\\sone\\\\x\\q\nExec=app --new\nExec=app --last\n[Desktop Entry]\nHidden=true"

func parse(t *testing.T, text string) *desktop.File {
	t.Helper()
	file, err := desktop.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFile(t *testing.T) {
	file := parse(t, sample)
	if diff := cmp.Diff(sample, string(file.Bytes())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Desktop Entry", "Desktop Action new"}, file.Groups()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Name", "Exec"}, file.Keys("Desktop Action new")); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct{ group, key, want string }{
		{desktop.Entry, "Exec", `app "a b" %U`},
		{desktop.Entry, "Icon", "app"},
		{"Desktop Action new", "Name", `New one\x\q`},
		{"Desktop Action new", "Exec", "app --last"},
		{desktop.Entry, "Hidden", "true"},
	} {
		if got, found := file.Get(test.group, test.key); !found || got != test.want {
			t.Errorf("[%s] %s: got %q, %v, want %q", test.group, test.key, got, found, test.want)
		}
	}
	if value, found := file.Get("Desktop Action new", "Icon"); found {
		t.Errorf("a key of another group was found: %q", value)
	}
	if !file.True("Hidden") || file.True("NoDisplay") {
		t.Error("Hidden is true, NoDisplay is not")
	}
	for locale, want := range map[string]string{
		"": "Files", "C": "Files", "fr_FR.UTF-8": "Files", "de": "Dateien", "de_DE.UTF-8": "Dateien",
		"de_AT.UTF-8@euro": "Akten", "sr_RS@latin": "Fajlovi", "sr_RS": "Files",
	} {
		if got, _ := file.Localized(desktop.Entry, "Name", locale); got != want {
			t.Errorf("%s: got %q, want %q", locale, got, want)
		}
	}
}

func TestParseBad(t *testing.T) {
	for text, want := range map[string]string{
		"[Desktop Entry]\nExec=good\x00bad\n": "NUL",
		strings.Repeat("#", 2<<20):            "larger",
		strings.Repeat("\n", 20000):           "lines",
	} {
		if _, err := desktop.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestExecSplit takes lines apart as they stand in a file, with both levels of escaping.
func TestExecSplit(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{`app`, []string{"app"}},
		{`  app   a	b `, []string{"app", "a", "b"}},
		{`"/opt/my app/run" --x`, []string{"/opt/my app/run", "--x"}},
		{`app "a\\$b" "a\\"b" "a\\\\b"`, []string{"app", "a$b", `a"b`, `a\b`}},
		{`app "a\\xb"`, []string{"app", `a\xb`}},
		{`app 'a "b" $c'`, []string{"app", `a "b" $c`}},
		{`app 'a\\"b'`, []string{"app", `a\"b`}},
		{`app a\\ b`, []string{"app", "a b"}},
		{`app a"b c"d`, []string{"app", "ab cd"}},
		{`app "" ''`, []string{"app", "", ""}},
		{`sh -c "a; b > c"`, []string{"sh", "-c", "a; b > c"}},
		{`app #x`, []string{"app", "#x"}},
		{`app 100%%`, []string{"app", "100%"}},
	}
	for _, test := range tests {
		value, _ := parse(t, "[Desktop Entry]\nExec="+test.line+"\n").Get(desktop.Entry, "Exec")
		exec, err := desktop.ParseExec(value)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		commands, err := exec.Expand(desktop.Fields{}, nil)
		if err != nil || len(commands) != 1 {
			t.Errorf("%s: %v %v", test.line, commands, err)
		} else if diff := cmp.Diff(test.want, commands[0].Argv); diff != "" {
			t.Errorf("%s: %s", test.line, diff)
		}
	}
}

func TestExecExpand(t *testing.T) {
	fields := desktop.Fields{Name: "My App", Icon: "app-icon", Path: "/usr/share/applications/app.desktop"}
	two := []string{"/a b", "http://x/"}
	tests := []struct {
		line  string
		files []string
		want  []desktop.Command
	}{
		{"app %U", nil, []desktop.Command{{Argv: []string{"app"}, Fixed: 1}}},
		{"app -w %U --end", two, []desktop.Command{{Argv: []string{"app", "-w", "/a b", "http://x/", "--end"}, Files: []int{2, 3}, Fixed: 2}}},
		{"app %F", two[:1], []desktop.Command{{Argv: []string{"app", "/a b"}, Files: []int{1}, Fixed: 1}}},
		{"app %f", two, []desktop.Command{{Argv: []string{"app", "/a b"}, Files: []int{1}, Fixed: 1}, {Argv: []string{"app", "http://x/"}, Files: []int{1}, Fixed: 1}}},
		{"app %u", two[1:], []desktop.Command{{Argv: []string{"app", "http://x/"}, Files: []int{1}, Fixed: 1}}},
		{"app --x=%f -y", two[:1], []desktop.Command{{Argv: []string{"app", "--x=/a b", "-y"}, Files: []int{1}, Fixed: 1}}},
		{"app --x=%f", nil, []desktop.Command{{Argv: []string{"app", "--x="}, Fixed: 1}}},
		{"app --x=%F.", two, []desktop.Command{{Argv: []string{"app", "--x=/a b", "http://x/."}, Files: []int{1, 2}, Fixed: 1}}},
		{"app", two, []desktop.Command{{Argv: []string{"app", "/a b"}, Files: []int{1}, Fixed: 1}, {Argv: []string{"app", "http://x/"}, Files: []int{1}, Fixed: 1}}},
		{"app %i -n %c -p %k %%f", nil, []desktop.Command{{Argv: []string{"app", "--icon", "app-icon", "-n", "My App", "-p", fields.Path, "%f"}, Fixed: 8}}},
		{"app %d %D %n %N %v %m x%d", nil, []desktop.Command{{Argv: []string{"app", "x"}, Fixed: 2}}},
		{`app "%f"`, two[:1], []desktop.Command{{Argv: []string{"app", "/a b"}, Files: []int{1}, Fixed: 1}}},
	}
	for _, test := range tests {
		exec, err := desktop.ParseExec(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		got, err := exec.Expand(fields, test.files)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s %q: %v %s", test.line, test.files, err, diff)
		}
	}
	exec, _ := desktop.ParseExec("app %i %c %k")
	got, _ := exec.Expand(desktop.Fields{}, nil)
	if diff := cmp.Diff([]string{"app"}, got[0].Argv); diff != "" {
		t.Error(diff)
	}
}

func TestExecEnv(t *testing.T) {
	tests := []struct {
		line, program string
		env           []string
	}{
		{"env A=1 B=\"x y\" app --z=1", "app", []string{"A=1", "B=x y"}},
		{"/usr/bin/env A=1 /opt/app", "/opt/app", []string{"A=1"}},
		{"env app A=1", "app", nil},
		{"env -u X A=1 app", "env", nil},
		{"env A=1 -i app", "env", nil},
		{"env A=1", "env", nil},
		{"env", "env", nil},
		{"A=1 app", "A=1", nil},
		{"xenv A=1 app", "xenv", nil},
	}
	for _, test := range tests {
		exec, err := desktop.ParseExec(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		if diff := cmp.Diff(test.env, exec.Env); diff != "" || exec.Program() != test.program {
			t.Errorf("%s: program %q, want %q %s", test.line, exec.Program(), test.program, diff)
		}
	}
}

func TestExecBad(t *testing.T) {
	for line, want := range map[string]string{
		"":                          "exec line names no program",
		"   ":                       "exec line names no program",
		`"" x`:                      "exec line names no program",
		`app "x`:                    "exec line has a quote without its end",
		`app x\`:                    "exec line ends with a backslash",
		"app %":                     "exec line has a % without a field code",
		"app %z":                    `exec line has an unknown field code "%z"`,
		"app %\x1b":                 `exec line has an unknown field code "%\x1b"`,
		"%f":                        "exec line has a field code for its program",
		"env A=1 %f":                "exec line has a field code for its program",
		strings.Repeat("a ", 10000): "exec line has too many words",
		"a\x00b":                    "exec line holds a NUL byte",
	} {
		if _, err := desktop.ParseExec(line); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", line, err, want)
		}
	}
	exec, _ := desktop.ParseExec("app %F")
	if _, err := exec.Expand(desktop.Fields{}, make([]string, 5000)); err == nil {
		t.Error("5000 files were let through")
	}
}

func TestLookup(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const entry = "[Desktop Entry]\n"
	want := map[string]string{
		"both.desktop":        write("home/applications/both.desktop", entry),
		"kde-k.desktop":       write("sys/applications/kde/k.desktop", entry),
		"a-b-c-d.desktop":     write("sys/applications/a-b/c/d.desktop", entry),
		"plain-dash.desktop":  write("sys/applications/plain-dash.desktop", entry),
		"tryabs.desktop":      write("sys/applications/tryabs.desktop", entry+"TryExec="+write("bin/prog", "")+"\n"),
		"tryname.desktop":     write("sys/applications/tryname.desktop", entry+"TryExec=prog\n"),
		"hidden.desktop":      "",
		"trymissing.desktop":  "",
		"trynotexec.desktop":  "",
		"none.desktop":        "",
		"none":                "",
		"../bin/x.desktop":    "",
		"..-sys-both.desktop": "",
		"a-b-c-d-e.desktop":   "",
	}
	write("sys/applications/both.desktop", entry)
	write("home/applications/hidden.desktop", entry+"Hidden=true\n")
	write("sys/applications/hidden.desktop", entry)
	write("sys/applications/trymissing.desktop", entry+"TryExec=missing\n")
	write("sys/applications/trynotexec.desktop", entry+"TryExec="+root+"/sys/applications/both.desktop\n")
	if err := os.Chmod(root+"/bin/prog", 0o755); err != nil {
		t.Fatal(err)
	}
	search := desktop.Search{Data: []string{root + "/home", root + "/missing", root + "/sys"}, Path: []string{"relative", root + "/bin"}}
	for id, path := range want {
		file, err := search.Lookup(id)
		switch {
		case path == "" && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s: got %v, %v, want none", id, file, err)
		case path != "" && (err != nil || file.Path != path):
			t.Errorf("%s: got %v, %v, want %s", id, file, err, path)
		}
	}
	ids := "a-b-c-d both hidden kde-k plain-dash tryabs trymissing tryname trynotexec"
	if diff := cmp.Diff(strings.Fields(ids), search.IDs()); diff != "" {
		t.Error(diff)
	}
}

func TestReadOddFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/fifo.desktop", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/big.desktop", make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/empty.desktop", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"fifo.desktop": "not a regular file", "big.desktop": "larger than 1 MiB", "": "not a regular file", "none": "no such file",
	} {
		if _, err := desktop.Read(dir + "/" + name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
	if file, err := desktop.Read(dir + "/empty.desktop"); err != nil || len(file.Bytes()) != 0 {
		t.Errorf("empty: %v", err)
	}
}

// TestInstalled reads every desktop file of this machine: each comes back byte for byte and its
// Exec lines can be taken apart.
func TestInstalled(t *testing.T) {
	paths, _ := filepath.Glob("/usr/share/applications/*.desktop")
	if len(paths) == 0 {
		need.Missing(t, "wanted desktop files in /usr/share/applications, got none")
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := desktop.Read(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if string(file.Bytes()) != string(text) {
			t.Errorf("%s changed", path)
		}
		for _, group := range file.Groups() {
			if value, found := file.Get(group, "Exec"); found {
				if _, err := desktop.ParseExec(value); err != nil {
					t.Errorf("%s [%s]: %v", path, group, err)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("[a\n[]\n=\nb=\\\n\xff[x]=1\r")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := desktop.Parse([]byte(text))
		if err != nil {
			return
		}
		if string(file.Bytes()) != text {
			t.Fatalf("%q came back as %q", text, file.Bytes())
		}
		for _, group := range file.Groups() {
			file.Localized(group, "Name", "de_DE.UTF-8@euro")
		}
	})
}

// FuzzExec checks that no line makes words out of nothing: the program is fixed, every file is
// where the command says it is, and files begin behind the fixed words.
func FuzzExec(f *testing.F) {
	f.Add(`env A=1 app "a \"b" --x=%F %% %i`, "/file", "icon")
	f.Add(`app '%u' %c`, "", "")
	f.Fuzz(func(t *testing.T, line, file, icon string) {
		exec, err := desktop.ParseExec(line)
		if err != nil {
			return
		}
		commands, err := exec.Expand(desktop.Fields{Name: "n", Icon: icon, Path: "p"}, []string{file, file})
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commands {
			if len(command.Argv) == 0 || command.Argv[0] != exec.Program() || command.Fixed < 1 || command.Fixed > len(command.Argv) {
				t.Fatalf("%q: %+v", line, command)
			}
			for _, at := range command.Files {
				if at < command.Fixed || at >= len(command.Argv) || !strings.Contains(command.Argv[at], file) {
					t.Fatalf("%q: %+v", line, command)
				}
			}
		}
	})
}
