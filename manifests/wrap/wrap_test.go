package wrap_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests/desktop"
	"snug/manifests/wrap"
)

// bed is a person's folders beside a system's, with whatever a test puts there.
type bed struct {
	*testing.T
	root string
	*wrap.Folders
}

func newBed(t *testing.T) *bed {
	root := t.TempDir()
	return &bed{t, root, &wrap.Folders{
		Data: []string{root + "/data", root + "/sys"}, Config: []string{root + "/config", root + "/xdg"},
		Bin: root + "/bin", Path: []string{root + "/usr/bin"}, Snug: "/opt/snug",
	}}
}

func (b *bed) write(name, text string) string {
	b.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		b.Fatal(err)
	}
	return path
}

func (b *bed) read(name string) string {
	text, err := os.ReadFile(filepath.Join(b.root, name))
	if err != nil {
		return "(" + errors.Unwrap(err).Error() + ")"
	}
	return string(text)
}

// tree is every file and link below the bed, with what it holds.
func (b *bed) tree() string {
	var list []string
	filepath.WalkDir(b.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			b.Fatal(err)
		}
		line := strings.TrimPrefix(path, b.root)
		if info, _ := e.Info(); e.Type().IsRegular() {
			text, _ := os.ReadFile(path)
			line += " " + info.Mode().String() + " " + string(text)
		} else if target, err := os.Readlink(path); err == nil {
			line += " -> " + target
		}
		list = append(list, line)
		return nil
	})
	return strings.Join(list, "\n")
}

var app = wrap.App{ID: "org.example.App", Word: "org.example.App"}

// wrap wraps an id and returns how many files changed.
func (b *bed) wrap(id string) int {
	b.Helper()
	changes, _, err := b.Wrap(id, app)
	if err == nil {
		err = b.Apply(changes)
	}
	if err != nil {
		b.Fatal(err)
	}
	return len(changes)
}

func (b *bed) unwrapAll() {
	b.Helper()
	var changes []wrap.Change
	for _, w := range b.Written() {
		change, err := b.Unwrap(w)
		if err != nil {
			b.Fatal(err)
		}
		changes = append(changes, change)
	}
	if err := b.Apply(changes); err != nil {
		b.Fatal(err)
	}
	wrap.Tidy(changes)
}

const entry = "[Desktop Entry]\nType=Application\nName=A\n"

// execs are the Exec lines of a launcher of the bed, with ours taken off.
func (b *bed) execs(name string) string {
	b.Helper()
	var list []string
	for line := range strings.Lines(b.read(name)) {
		if key, value, _ := strings.Cut(line, "="); strings.HasPrefix(key, "Exec") {
			rest, ours := strings.CutPrefix(value, "/opt/snug run --launcher @@ org.example.App ")
			if !ours {
				rest = "NOT OURS " + value
			}
			list = append(list, strings.TrimSuffix(rest, "\n"))
		}
	}
	return strings.Join(list, "|")
}

func TestWrapText(t *testing.T) {
	b := newBed(t)
	b.write("sys/applications/a.desktop", "# top\r\n"+entry+"Name[de]=Ä\nExec=env A=1 app --x=%f\nTryExec=app\nPath=/srv\nDBusActivatable=true\nStartupWMClass=w\n\n"+
		"# the second\n[Desktop Action b]\nName=B\nExec[de]=app --de %U\nExec=app -b\n[X-Old Group]\nExec = \"/opt/a b\" %i %c %F -x")
	b.wrap("a.desktop")
	got := b.read("data/applications/a.desktop")
	_, got, _ = strings.Cut(got, "# top")
	lines := strings.Split(got, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "X-Snug-") })
	const run = "/opt/snug run --launcher @@ org.example.App "
	want := "\r\n" + entry + "Name[de]=Ä\nExec=" + run + "env A=1 app \"@@--x=\" --x=%f @@\nTryExec=app\nPath=/srv\nDBusActivatable=false\nStartupWMClass=w\n\n" +
		"# the second\n[Desktop Action b]\nName=B\nExec[de]=" + run + "app --de @@ %U @@\nExec=" + run + "app -b @@\n[X-Old Group]\nExec = " + run + "\"/opt/a b\" %i %c @@ %F @@ -x"
	if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
		t.Error(diff)
	}
	file, err := desktop.Read(b.root + "/data/applications/a.desktop")
	if err != nil {
		t.Fatal(err)
	}
	if source, err := wrap.Behind(file); err != nil || source.Path != b.root+"/sys/applications/a.desktop" {
		t.Errorf("behind it is %v, %v", source, err)
	}
}

// TestRestore: whatever the person had is there again, to the byte and the mode, and nothing else.
func TestRestore(t *testing.T) {
	for _, tt := range []struct {
		name, id, ours string
		setUp          func(b *bed)
	}{
		{"the system's", "a.desktop", "data/applications/a.desktop", func(b *bed) {}},
		{"in a folder", "kde-k.desktop", "data/applications/kde-k.desktop", func(b *bed) {}},
		{"the person's own", "a.desktop", "data/applications/a.desktop", func(b *bed) {
			b.write("data/applications/a.desktop", entry+"Exec=mine %u\n")
		}},
		{"the person's own in a folder", "kde-k.desktop", "data/applications/kde/k.desktop", func(b *bed) {
			b.write("data/applications/kde/k.desktop", entry+"Exec=mine\r\n")
			b.write("data/applications/other.desktop", "x")
		}},
		{"the person's link", "a.desktop", "data/applications/a.desktop", func(b *bed) {
			b.write("dots/a.desktop", entry+"Exec=dots")
			os.MkdirAll(b.root+"/data/applications", 0o700)
			os.Symlink("../../dots/a.desktop", b.root+"/data/applications/a.desktop")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t)
			b.write("sys/applications/a.desktop", entry+"Exec=app %U\n")
			b.write("sys/applications/kde/k.desktop", entry+"Exec=app %U\n")
			os.MkdirAll(b.root+"/data", 0o700)
			tt.setUp(b)
			before := b.tree()
			if n := b.wrap(tt.id); n != 1 {
				t.Errorf("%d files", n)
			}
			if got := b.execs(tt.ours); strings.Contains(got, "NOT OURS") || got == "" {
				t.Errorf("Exec: %s", got)
			}
			wrapped := b.tree()
			if n := b.wrap(tt.id); n != 0 || b.tree() != wrapped {
				t.Errorf("the second time %d files changed: %s", n, cmp.Diff(wrapped, b.tree()))
			}
			b.unwrapAll()
			if diff := cmp.Diff(before, b.tree()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFollows: a launcher that changes on the system changes when it is wrapped again; one that changes
// in the person's hands is left to them.
func TestFollows(t *testing.T) {
	b := newBed(t)
	source := b.write("sys/applications/a.desktop", entry+"Exec=app %U\n")
	b.wrap("a.desktop")
	if w := b.Written(); len(w) != 1 || w[0].Stale || w[0].Edited || w[0].App != app.ID || w[0].Source != source || w[0].ID != "a.desktop" {
		t.Errorf("%+v", w)
	}
	b.write("sys/applications/a.desktop", entry+"Exec=app --new %U\n")
	if w := b.Written(); !w[0].Stale {
		t.Errorf("not stale: %+v", w)
	}
	if n := b.wrap("a.desktop"); n != 1 || b.execs("data/applications/a.desktop") != "app --new @@ %U @@" {
		t.Errorf("%d, %s", n, b.execs("data/applications/a.desktop"))
	}
	text := strings.Replace(b.read("data/applications/a.desktop"), "Name=A", "Name=Mine", 1)
	b.write("data/applications/a.desktop", text)
	var no *wrap.Refusal
	if _, _, err := b.Wrap("a.desktop", app); !errors.As(err, &no) || !strings.Contains(no.Hint, "remove it") {
		t.Errorf("wrapped over a person's changes: %v", err)
	}
	if w := b.Written(); len(w) != 1 || !w[0].Edited {
		t.Errorf("%+v", w)
	} else if _, err := b.Unwrap(w[0]); !errors.As(err, &no) {
		t.Errorf("unwrapped a person's changes: %v", err)
	}
	if got := b.read("data/applications/a.desktop"); got != text {
		t.Error(cmp.Diff(text, got))
	}
}

// TestBesides: what else starts the program.
func TestBesides(t *testing.T) {
	b := newBed(t)
	b.write("usr/bin/app", "#!")
	os.Chmod(b.root+"/usr/bin/app", 0o755)
	b.write("sys/applications/org.x.A.desktop", entry+"Exec=app %U\nDBusActivatable=true\n")
	b.write("sys/dbus-1/services/org.x.A.service", "[D-BUS Service]\nName=org.x.A\nExec=/usr/bin/app --service 50%\nSystemdService=app.service\n")
	b.write("sys/dbus-1/services/org.x.B.service", "[D-BUS Service]\nName=org.x.B\nExec=/usr/bin/app\n")
	b.write("sys/dbus-1/services/odd.service", "[D-BUS Service]\nName=org.x.A\nExec=/usr/bin/app --odd\nName=org.x.C\n")
	b.write("xdg/autostart/org.x.A.desktop", entry+"Exec=app --tray\n")
	b.write("xdg/autostart/app-agent.desktop", entry+"Exec="+b.root+"/usr/bin/app --agent\nHidden=false\n")
	b.write("xdg/autostart/other.desktop", entry+"Exec=other\n")
	b.write("config/autostart/hidden.desktop", entry+"Exec=app\nHidden=true\n")
	b.write("config/autostart/asked.desktop", entry+"Exec=/opt/snug run app\nX-Snug-Autostart=app\n")
	b.write("config/autostart/mine.desktop", entry+"Exec=app --mine\n")
	os.MkdirAll(b.root+"/data", 0o700)
	before := b.tree()
	if n := b.wrap("org.x.A.desktop"); n != 6 {
		t.Errorf("%d files", n)
	}
	for name, want := range map[string]string{
		"data/applications/org.x.A.desktop":              "app @@ %U @@",
		"data/dbus-1/services/org.x.A.service":           "/usr/bin/app --service 50%",
		"data/dbus-1/services/odd.service":               "/usr/bin/app --odd",
		"config/autostart/org.x.A.desktop":               "app --tray @@",
		"config/autostart/app-agent.desktop":             b.root + "/usr/bin/app --agent @@",
		"config/autostart/mine.desktop":                  "app --mine @@",
		"config/autostart/mine.desktop" + ".before-snug": "NOT OURS app --mine",
		"config/autostart/hidden.desktop":                "NOT OURS app",
		"config/autostart/asked.desktop":                 "NOT OURS /opt/snug run app",
	} {
		if got := b.execs(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if text := b.read("data/dbus-1/services/org.x.A.service"); strings.Contains(text, "SystemdService") {
		t.Errorf("systemd would start the program all the same:\n%s", text)
	}
	if n := b.wrap("org.x.A.desktop"); n != 0 {
		t.Errorf("the second time %d files", n)
	}
	b.unwrapAll()
	if diff := cmp.Diff(before, b.tree()); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	b := newBed(t)
	setuid := b.write("usr/bin/mount-it", "#!")
	os.Chmod(setuid, 0o755|fs.ModeSetuid)
	image := b.write("usr/bin/image", "\x7fELF\x02\x01\x01\x00AI\x02 and so on")
	os.Chmod(image, 0o755)
	os.Symlink("/snap/bin/x", b.root+"/usr/bin/linked")
	os.MkdirAll(b.root+"/data/applications", 0o700)
	before := b.tree()
	for text, want := range map[string]string{
		entry + "Exec=/snap/bin/firefox %u\n":                                            "snap",
		entry + "Exec=env BAMF_DESKTOP_FILE_HINT=/var/x /snap/bin/firefox %u\n":          "snap",
		entry + "Exec=/usr/bin/snap run firefox\n":                                       "snap",
		entry + "Exec=/usr/bin/flatpak run --file-forwarding org.x @@u %U @@\n":          "Flatpak",
		entry + "Exec=/var/lib/flatpak/exports/bin/org.x\n":                              "Flatpak",
		entry + "X-Flatpak=org.x\nExec=x\n":                                              "Flatpak",
		entry + "Exec=/opt/App-1.2.AppImage %U\n":                                        "AppImage",
		entry + "Exec=image %U\n":                                                        "AppImage",
		entry + "Exec=gapplication launch org.x %U\n":                                    "message bus",
		entry + "Exec=mount-it\n":                                                        "another user",
		entry + "Exec=pkexec synaptic\n":                                                 "another user",
		entry + "Exec=app\n[Desktop Action a]\nExec=sudo app\n":                          "another user",
		entry + "Exec=snug run app\n":                                                    "snug already",
		entry + "Exec=env A=1 /opt/snug run app\n":                                       "snug already",
		entry + "Exec=app # comment\n":                                                   "begins with #",
		entry + "Exec=app \"x\n":                                                         "quote without its end",
		entry + "Exec=app %z\n":                                                          "unknown field code",
		entry + "Exec=%f\n":                                                              "field code for its program",
		entry + "Exec=\n":                                                                "names no program",
		entry + "Exec[$e]=$(id)\nExec=app\n":                                             "KDE",
		entry + "DBusActivatable=true\n":                                                 "no Exec",
		entry + "Hidden=true\nExec=app\n":                                                "hidden",
		"[Desktop Entry]\nType=Link\nURL=x\nExec=app\n":                                  "Type is not Application",
		entry + "Exec=app ; touch x\n":                                                   "a shell",
		entry + "Exec=app | sh\n":                                                        "a shell",
		entry + "Exec=app `id`\n":                                                        "a shell",
		entry + "Exec=app \"`id`\"\n":                                                    "a shell",
		entry + "Exec=app \"$(id)\"\n":                                                   "a shell",
		entry + "Exec=app >x\n":                                                          "a shell",
		entry + "\\x45xec=touch x\nExec=app\n":                                           "backslash",
		entry + "Comment=x\rExec=touch x\nExec=app\n":                                    "carriage return",
		entry + "Exec[de][$e]=$(id)\nExec=app\n":                                         "KDE",
		entry + "X-KDE-SubstituteUID=true\nExec=app\n":                                   "another user",
		entry + "X-Snug-App=x\nExec=app\n":                                               "says that snug wrote it",
		entry + "Exec=app\n" + strings.Repeat("# "+strings.Repeat("x", 100)+"\n", 10180): "larger than 1 MiB",
		entry + "Exec=app\nName[x]=\x00\n":                                               "NUL",
	} {
		b.write("sys/applications/a.desktop", text)
		changes, _, err := b.Wrap("a.desktop", app)
		if err == nil || !strings.Contains(err.Error(), want) || len(changes) > 0 {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
	os.Remove(b.root + "/sys/applications/a.desktop")
	if _, _, err := b.Wrap("a.desktop", app); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no launcher: %v", err)
	}
	os.Symlink("nowhere", b.root+"/data/applications/a.desktop")
	if _, _, err := b.Wrap("a.desktop", app); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("a link that leads nowhere: %v", err)
	}
	os.Remove(b.root + "/data/applications/a.desktop")
	os.RemoveAll(b.root + "/sys")
	if diff := cmp.Diff(before, b.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestMarks: a launcher of which a word could become a mark gets one that cannot be guessed.
func TestMarks(t *testing.T) {
	for _, text := range []string{
		"Name=@@ /etc\nExec=app %c %f\n", "Name=@\nExec=app @%c %f\n", "Name=A\nExec=app @\"@\" /etc @\"@\" %f\n",
		"Name=A\nExec=app @\\\\@ %f\n", "Name=A\nExec=app @%d@ /etc @%d@ %f\n", "Name=A\\x40\nExec=app %c %f\n",
	} {
		b := newBed(t)
		b.write("sys/applications/a.desktop", "[Desktop Entry]\n"+text)
		b.wrap("a.desktop")
		_, rest, _ := strings.Cut(b.read("data/applications/a.desktop"), "--launcher ")
		mark, rest, _ := strings.Cut(rest, " ")
		if len(mark) != 34 || !strings.Contains(rest, " "+mark+" %f "+mark+"\n") {
			t.Errorf("%q: marked by %s: %s", text, mark, rest)
		}
	}
}

// TestShim makes, refreshes and removes shims, and never one over a file of somebody else's.
func TestShim(t *testing.T) {
	b := newBed(t)
	b.write("bin/taken", "#!/bin/sh\n")
	os.MkdirAll(b.root+"/data", 0o700)
	before := b.tree()
	path := wrap.App{ID: "app", Word: "/my apps/it's.toml"}
	changes, err := b.Shim("/usr/bin/app", path)
	if err == nil {
		err = b.Apply(changes)
	}
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if text := b.read("bin/app"); !strings.Contains(text, "\nexec '/opt/snug' run '/my apps/it'\\''s.toml' \"$@\"\n") {
		t.Error(text)
	}
	if again, err := b.Shim("app", path); err != nil || len(again) > 0 {
		t.Errorf("again: %v, %v", again, err)
	}
	for _, program := range []string{"taken", "python3.11", "sh", "env", ".x", "/usr/bin/sudo", "app"} {
		if changes, err := b.Shim(program, app); err == nil {
			t.Errorf("%s: %v", program, changes)
		}
	}
	b.unwrapAll()
	if diff := cmp.Diff(before, b.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestFoldersByLink: a folder that is a link is the person's arrangement, and stays.
func TestFoldersByLink(t *testing.T) {
	b := newBed(t)
	b.write("sys/applications/a.desktop", entry+"Exec=app\n")
	os.MkdirAll(b.root+"/dot/applications", 0o700)
	os.MkdirAll(b.root+"/data", 0o700)
	if err := os.Symlink(b.root+"/dot/applications", b.root+"/data/applications"); err != nil {
		t.Fatal(err)
	}
	before := b.tree()
	b.wrap("a.desktop")
	b.unwrapAll()
	if after := b.tree(); after != before {
		t.Errorf("%s", cmp.Diff(before, after))
	}
}

// TestLinkedFolder: the person's own launcher in a folder that is a link is wrapped where it lies, once, and found
// again.
func TestLinkedFolder(t *testing.T) {
	b := newBed(t)
	b.write("dots/k.desktop", entry+"Exec=app\n")
	os.MkdirAll(b.root+"/data/applications", 0o700)
	b.link("../../dots", "data/applications/kde")
	b.link("../../dots", "data/applications/other")
	before := b.tree()
	b.wrap("kde-k.desktop")
	if got := b.execs("dots/k.desktop"); got != "app @@" {
		t.Error(got)
	}
	if w := b.Written(); len(w) != 1 || w[0].ID != "kde-k.desktop" {
		t.Errorf("%+v", w)
	}
	b.unwrapAll()
	if diff := cmp.Diff(before, b.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestClaims: words of a file alone do not make it ours, and one that lies deep is found again.
func TestClaims(t *testing.T) {
	b := newBed(t)
	b.write("usr/bin/app", "#!")
	os.Chmod(b.root+"/usr/bin/app", 0o755)
	b.write("sys/applications/wine/Programs/Foo/Foo.desktop", entry+"Exec=app %U\n")
	b.write("xdg/autostart/agent.desktop", entry+"Exec=app --agent\nX-Snug-Autostart=1\n")
	os.Mkdir(b.root+"/config", 0o700)
	b.write("data/applications/mine.desktop", entry+"X-Snug-Identity=true\nExec=mine\n")
	before := b.tree()
	b.wrap("wine-Programs-Foo-Foo.desktop")
	b.wrap("mine.desktop")
	if got := b.execs("config/autostart/agent.desktop"); got != "app --agent @@" {
		t.Errorf("at login: %s", got)
	}
	if kept := b.read("data/applications/mine.desktop.before-snug"); !strings.Contains(kept, "Exec=mine") {
		t.Errorf("the person's own: %s", kept)
	}
	b.unwrapAll()
	if after := b.tree(); after != before {
		t.Errorf("%s", cmp.Diff(before, after))
	}
}

// TestMode: what others may not read of a launcher they may not read of its copy, which is never executable.
func TestMode(t *testing.T) {
	for name, wrapped := range map[string]string{
		"sys/applications/a.desktop":         "data/applications/a.desktop",
		"data/applications/a.desktop":        "data/applications/a.desktop",
		"sys/dbus-1/services/a.service":      "data/dbus-1/services/a.service",
		"config/autostart/a.desktop":         "config/autostart/a.desktop",
		"data/applications/linked/a.desktop": "data/applications/linked/a.desktop",
	} {
		for mode, want := range map[fs.FileMode]fs.FileMode{0o600: 0o600, 0o755: 0o644, 0o444: 0o644, 0o640: 0o640} {
			b := newBed(t)
			id := strings.ReplaceAll(strings.TrimPrefix(name, "data/applications/"), "/", "-")
			if !strings.HasPrefix(id, "linked-") {
				id = "a.desktop"
				b.write("sys/applications/a.desktop", entry+"Exec=app\n")
			}
			text := entry + "Exec=app\n"
			if strings.HasSuffix(name, ".service") {
				text = "[D-BUS Service]\nName=a\nExec=/bin/app\n"
			}
			os.Chmod(b.write(name, text), mode)
			b.wrap(id)
			stat, err := os.Stat(filepath.Join(b.root, wrapped))
			if err != nil || stat.Mode() != want {
				t.Errorf("%s: %v becomes %v, want %v: %v", name, mode, stat.Mode(), want, err)
			}
		}
	}
}

// TestWrapFile: a launcher from elsewhere comes into the menus, but for no other one there.
func TestWrapFile(t *testing.T) {
	b := newBed(t)
	loose := b.write("dl/a.desktop", entry+"Exec=loose\n")
	for range 2 {
		changes, _, err := b.WrapFile(loose, app)
		if err == nil {
			err = b.Apply(changes)
		}
		if got := b.execs("data/applications/a.desktop"); err != nil || got != "loose @@" {
			t.Errorf("%s, %v", got, err)
		}
	}
	moved := b.write("moved/a.desktop", entry+"Exec=loose --moved\n")
	if _, _, err := b.WrapFile(moved, app); !isRefusal(err) {
		t.Errorf("over one that is there still: %v", err)
	}
	os.Remove(loose)
	changes, _, err := b.WrapFile(moved, app)
	if err == nil {
		err = b.Apply(changes)
	}
	if got := b.execs("data/applications/a.desktop"); err != nil || got != "loose --moved @@" {
		t.Errorf("%s, %v", got, err)
	}
	b.unwrapAll()
	for _, there := range []string{"sys/applications/a.desktop", "data/applications/a.desktop"} {
		path := b.write(there, entry+"Exec=app\n")
		if _, _, err := b.WrapFile(moved, app); !isRefusal(err) {
			t.Errorf("in the place of %s: %v", there, err)
		}
		os.Remove(path)
	}
}

// TestFolderTwice: where the person's folders are among the system's as well, what is there stands not behind itself.
func TestFolderTwice(t *testing.T) {
	b := newBed(t)
	b.link("data", "again")
	b.Data = []string{b.root + "/data", b.root + "/again", b.root + "/data/", b.root + "/sys"}
	b.Config = []string{b.root + "/config", b.root + "/config", b.root + "/xdg"}
	b.program("usr/bin/app")
	b.write("sys/applications/a.desktop", entry+"Exec=app\n")
	b.write("sys/dbus-1/services/a.service", "[D-BUS Service]\nName=a\nExec=/usr/bin/app\n")
	b.write("config/autostart/a.desktop", entry+"Exec=app\n")
	for _, want := range []int{3, 0} {
		if n := b.wrap("a.desktop"); n != want {
			t.Errorf("%d files, want %d", n, want)
		}
	}
	b.write("sys/applications/a.desktop", entry+"Exec=app --new\n")
	if b.wrap("a.desktop"); b.execs("data/applications/a.desktop") != "app --new @@" {
		t.Error(b.execs("data/applications/a.desktop"))
	}
	b.unwrapAll()
	if got := b.read("config/autostart/a.desktop"); got != entry+"Exec=app\n" {
		t.Error(got)
	}
}
