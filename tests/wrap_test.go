package tests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	desktopfile "snug/manifests/desktop"
	"snug/tests/bed"
	"snug/tests/need"
)

// menu is a person's home beside a system whose launchers start a program that notes its words.
type menu struct {
	*bed.Bed
	bin, out string
}

// noting is that program. Two can run at once.
const noting = `#!/bin/sh
new=$(mktemp -p "%[1]s")
{ printf '%%s\n' "${0##*/}" "$SWT_GTK3|${UBUNTU_MENUPROXY-unset}|$JAVA_HOME|$WINEPREFIX" "$(pwd)"; printf '<%%s>\n' "$@"; } >"$new"
mv "$new" "%[1]s/done-${new##*.}"
`

func newMenu(t *testing.T) *menu {
	need.Program(t, "gio")
	b := bed.New(t)
	m := &menu{b, b.Home + "/tools", b.Home + "/out"}
	for _, dir := range []string{m.out, b.Home + "/.local/share", b.Dir + "/sys/applications"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	bed.Write(t, m.bin+"/note", fmt.Sprintf(noting, m.out))
	bed.Write(t, b.Dir+"/path/gnome-terminal", "#!/bin/sh\nshift\nexec \"$@\"\n") // for Terminal=true
	bed.Write(t, b.Home+"/.config/snug/apps/org.example.Any.toml",
		"schema = 1\nid = \"org.example.Any\"\n[files]\nread = [\"~/tools\"]\nwrite = [\"~/out\"]\narguments = \"read\"\n")
	b.Env = append(b.Env, "XDG_DATA_DIRS="+b.Dir+"/sys", "XDG_CONFIG_DIRS="+b.Dir+"/xdg",
		"PATH="+b.Dir+"/path:"+filepath.Dir(bed.Built(t, "snug"))+":/usr/bin:/bin")
	return m
}

// install copies the launchers of testdata onto the system, and links their programs.
func (m *menu) install() (names []string) {
	m.Helper()
	entries, err := os.ReadDir("testdata/launchers")
	if err != nil {
		m.Fatal(err)
	}
	for _, e := range entries {
		text := bed.Read(m, filepath.Join("testdata/launchers", e.Name()))
		for _, part := range strings.Split(text, "@BIN@/")[1:] {
			program := part[:strings.IndexFunc(part, func(r rune) bool { return strings.ContainsRune(" \\\"'\r\n", r) })]
			os.Symlink("note", filepath.Join(m.bin, program))
		}
		bed.Write(m, filepath.Join(m.Dir, "sys/applications", e.Name()), strings.ReplaceAll(text, "@BIN@", m.bin))
		names = append(names, e.Name())
	}
	if len(names) < 30 {
		m.Fatalf("want 30 launchers at least, got %d", len(names))
	}
	return names
}

// installReal copies launchers of Debian's archive onto the system, with their programs in the folder of
// those that note.
func (m *menu) installReal() (names []string) {
	m.Helper()
	from := os.Getenv("LAUNCHERS")
	files, _ := filepath.Glob(filepath.Join(from, "*.desktop"))
	if from == "" || len(files) == 0 {
		need.Missing(m, "wanted the launchers of tests/packages-launchers.txt, as root fetches them; got none")
	}
	for _, path := range files {
		file, err := desktopfile.Read(path)
		if err != nil {
			m.Fatal(err)
		}
		file = file.Changed(func(_, key, raw string) string {
			if key != "Exec" && key != "TryExec" {
				return raw
			}
			program, rest, _ := strings.Cut(raw, " ")
			os.Symlink("note", filepath.Join(m.bin, filepath.Base(program)))
			return strings.TrimSpace(filepath.Join(m.bin, filepath.Base(program)) + " " + rest)
		})
		bed.Write(m, filepath.Join(m.Dir, "sys/applications", filepath.Base(path)), string(file.Bytes()))
		names = append(names, filepath.Base(path))
	}
	if len(names) < 30 {
		m.Fatalf("want 30 launchers of the archive at least, got %d", len(names))
	}
	return names
}

// noted launches a desktop file as a desktop does, and returns what the programs have noted.
func (m *menu) noted(path string, files []string) (notes []string) {
	m.Helper()
	text, err := desktopfile.Read(path)
	if err != nil {
		m.Fatal(err)
	}
	value, _ := text.Get(desktopfile.Entry, "Exec")
	line, err := desktopfile.ParseExec(value)
	if err != nil {
		m.Fatalf("%s: %v", path, err)
	}
	commands, err := line.Expand(desktopfile.Fields{}, files)
	if err != nil {
		m.Fatal(err)
	}
	log, err := os.Create(filepath.Join(m.Dir, "log"))
	if err != nil {
		m.Fatal(err)
	}
	defer log.Close()
	cmd := m.Command(append([]string{"gio", "launch", path}, files...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		m.Fatalf("gio launch %s: %v\n%s", path, err, bed.Read(m, log.Name()))
	}
	var done []string
	for end := time.Now().Add(30 * time.Second); len(done) < len(commands); time.Sleep(5 * time.Millisecond) {
		if done, _ = filepath.Glob(filepath.Join(m.out, "done-*")); time.Now().After(end) {
			m.Fatalf("%s %q: %d of %d starts after 30 s\n%s", path, files, len(done), len(commands), bed.Read(m, log.Name()))
		}
	}
	for _, file := range done {
		notes = append(notes, bed.Read(m, file))
		os.Remove(file)
	}
	slices.Sort(notes)
	return notes
}

// launch is noted without the working directory, unless the launcher names one: without, the sandbox has
// the app's home.
func (m *menu) launch(path string, files []string) []string {
	m.Helper()
	notes := m.noted(path, files)
	if !strings.Contains(bed.Read(m, path), "\nPath=") {
		for i := range notes {
			lines := strings.SplitAfter(notes[i], "\n")
			notes[i] = strings.Join(slices.Delete(lines, 2, 3), "")
		}
	}
	return notes
}

// shape is every file below the home but manifests, with its mode and what it holds.
func (m *menu) shape() string {
	m.Helper()
	var list []string
	err := filepath.WalkDir(m.Home, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := path + " " + info.Mode().String()
		if e.Type().IsRegular() {
			line += " " + bed.Read(m, path)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		m.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// TestWrapLaunchers: odd launchers start their programs with the same words wrapped and unwrapped, for no
// file, one and two; are as valid; and go without a trace.
func TestWrapLaunchers(t *testing.T) {
	need.Time(t)
	m := newMenu(t)
	m.compare(t, m.install())
}

// TestWrapArchive is the same for real launchers.
func TestWrapArchive(t *testing.T) {
	need.Time(t)
	m := newMenu(t)
	names := m.installReal()
	for name, why := range map[string]string{
		"bleachbit-root.desktop": "it starts pkexec, which becomes another user",
		"org.gnome.Maps.desktop": "it has the message bus start the app",
	} {
		if out := m.Outside("snug", "wrap", name, "--manifest", "org.example.Any"); !strings.Contains(out, why) || !strings.HasSuffix(out, "(exit status 1)") {
			t.Errorf("%s: %s", name, out)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	m.compare(t, names)
}

// compare starts launchers of the system before and after they are wrapped.
func (m *menu) compare(t *testing.T, names []string) {
	t.Helper()
	need.Program(t, "desktop-file-validate")
	space, quote := filepath.Join(m.Home, "doc/a b.txt"), filepath.Join(m.Home, "doc/it's 100%f.txt")
	bed.Write(t, space, "1")
	bed.Write(t, quote, "2")
	cases := [][]string{nil, {space}, {quote}, {space, quote}, {"https://example.org/a%20b?c=d&e"}}
	before := m.shape()
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".desktop"), func(t *testing.T) {
			m := &menu{m.With(t), m.bin, m.out}
			system, mine := filepath.Join(m.Dir, "sys/applications", name), filepath.Join(m.Home, ".local/share/applications", name)
			m.Must("snug", "wrap", name, "--manifest", "org.example.Any")
			for _, files := range cases {
				if len(files) > 1 && strings.Contains(bed.Read(t, system), "%d") {
					continue // GIO takes the second file for %d's next word, and starts once
				}
				if diff := cmp.Diff(m.launch(system, files), m.launch(mine, files)); diff != "" {
					t.Errorf("%q, -unwrapped +wrapped:\n%s", files, diff)
				}
			}
			if diff := cmp.Diff(m.complaints(system), m.complaints(mine)); diff != "" {
				t.Errorf("desktop-file-validate, -unwrapped +wrapped:\n%s", diff)
			}
			m.Must("snug", "unwrap", name)
		})
	}
	if diff := cmp.Diff(before, m.shape()); diff != "" {
		t.Errorf("traces are left: %s", diff)
	}
}

// complaints are what desktop-file-validate says of a file, without its name and its values.
func (m *menu) complaints(path string) (list []string) {
	out, _ := m.Command("desktop-file-validate", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		list = append(list, line[max(strings.LastIndex(line, "for key"), strings.Index(line, ": ")):])
	}
	return list
}

// TestWrapReads: a wrapped app can read the file that it was opened with, in a word of its own or behind
// --image=, and no other; unwrapped, as the control, it reads both.
func TestWrapReads(t *testing.T) {
	need.Time(t)
	m := newMenu(t)
	file, other := filepath.Join(m.Home, "doc/page"), filepath.Join(m.Home, "doc/other")
	bed.Write(t, file, "the page")
	bed.Write(t, other, "another")
	bed.Write(m, filepath.Join(m.bin, "reader"), fmt.Sprintf("#!/bin/sh\nnew=$(mktemp -p %q)\nfor f; do cat \"${f#--image=}\" || echo none; echo; done >\"$new\" 2>/dev/null\nmv \"$new\" %q/done-${new##*.}\n", m.out, m.out))
	for name, exec := range map[string]string{"plain": other + " %f", "inside": other + " --image=%f", "none": other} {
		system, mine := filepath.Join(m.Dir, "sys/applications", name+".desktop"), filepath.Join(m.Home, ".local/share/applications", name+".desktop")
		bed.Write(t, system, "[Desktop Entry]\nType=Application\nName=R\nExec="+m.bin+"/reader "+exec+"\n")
		m.Must("snug", "wrap", name, "--manifest", "org.example.Any")
		for path, want := range map[string]string{system: "another\nthe page\n", mine: "none\n\nthe page\n"} {
			notes := m.noted(path, []string{file})
			if len(notes) != 1 || notes[0] != want {
				t.Errorf("%s: %q, want %q", path, notes, want)
			}
		}
	}
}

// TestWrapFound: whoever asks GIO for the id gets ours, also where the system's lies in a folder.
func TestWrapFound(t *testing.T) {
	m := newMenu(t)
	need.Program(t, "python3")
	const ask = "import sys, gi\nfrom gi.repository import Gio\nfor i in sys.argv[1:]:\n a = Gio.DesktopAppInfo.new(i)\n print(a.get_filename() if a else None, a.get_boolean('DBusActivatable') if a else '', a.list_actions() if a else '')\n"
	if out, err := m.Command("python3", "-c", ask).CombinedOutput(); err != nil {
		need.Missingf(t, "want python3-gi, got %s", out)
	}
	bed.Write(t, m.Dir+"/sys/applications/kde/k.desktop", "[Desktop Entry]\nType=Application\nName=K\nExec=true %F\nDBusActivatable=true\nActions=a;\n[Desktop Action a]\nName=A\nExec=true -a\n")
	if got, want := m.Outside("python3", "-c", ask, "kde-k.desktop"), m.Dir+"/sys/applications/kde/k.desktop True ['a']\n"; got != want {
		t.Fatalf("control: %swant %s", got, want)
	}
	m.Must("snug", "wrap", "kde-k", "--manifest", "org.example.Any")
	if got, want := m.Outside("python3", "-c", ask, "kde-k.desktop"), m.Home+"/.local/share/applications/kde-k.desktop False ['a']\n"; got != want {
		t.Errorf("%swant %s", got, want)
	}
}

// TestWrapDefault: xdg-settings writes a launcher anew when a person makes it the default browser. It is
// ours all the same.
func TestWrapDefault(t *testing.T) {
	need.Time(t)
	need.Program(t, "xdg-settings")
	m := newMenu(t)
	m.Env = append(m.Env, "XDG_CURRENT_DESKTOP=GNOME")
	bed.Write(t, m.Dir+"/path/sleep", "#!/bin/sh\n") // xdg-settings waits 4 s, four times, for menus that are not there
	bed.Write(t, m.Dir+"/sys/applications/k.desktop", "# first\n[Desktop Entry]\nType = Application\nName=K\n\n\nMimeType=text/plain;\nExec=true %F\n[Desktop Action a]\nName=A\nExec=true\n")
	mine := m.Home + "/.local/share/applications/k.desktop"
	before := m.shape()
	m.Must("snug", "wrap", "k", "--manifest", "org.example.Any")
	written := bed.Read(t, mine)
	m.Outside("xdg-settings", "set", "default-web-browser", "k.desktop") // it fails to find out whether it has worked
	if changed := bed.Read(t, mine); changed == written || !strings.Contains(changed, "text/html") {
		t.Fatalf("control: want the launcher written anew, got %s", changed)
	}
	m.Must("snug", "unwrap", "k")
	os.RemoveAll(m.Home + "/.config/mimeapps.list")
	if diff := cmp.Diff(before, m.shape()); diff != "" {
		t.Errorf("traces are left: %s", diff)
	}
}

// TestWrapService: the bus, too, starts the app by snug once it is wrapped, and at once.
func TestWrapService(t *testing.T) {
	need.Time(t)
	for _, program := range []string{"dbus-daemon", "dbus-send", "gdbus"} {
		need.Program(t, program)
	}
	m := newMenu(t)
	os.MkdirAll(m.Home+"/.local/share/dbus-1/services", 0o700) // which the bus watches
	bed.Write(m, m.bin+"/serve", "#!/bin/sh\nread -r first </proc/1/comm\nif [ \"$first\" = snug-init ]; then where=inside; else where=outside; fi\necho $where \"$@\" >"+m.out+"/.new\nmv "+m.out+"/.new "+m.out+"/served\nexit 1\n")
	bed.Write(t, m.Dir+"/sys/applications/org.example.Serve.desktop", "[Desktop Entry]\nType=Application\nName=S\nExec="+m.bin+"/serve\nDBusActivatable=true\n")
	bed.Write(t, m.Dir+"/sys/dbus-1/services/org.example.Serve.service", "[D-BUS Service]\nName=org.example.Serve\nExec="+m.bin+"/serve --gapplication-service\n")
	m.Env = append(m.Env, "XDG_DATA_HOME="+m.Home+"/.local/share") // of HOME dbus-daemon asks the password file
	m.Start("dbus-daemon", "--session", "--address=unix:path="+m.Socket(), "--nofork", "--nopidfile")
	m.Poll("the bus listens", func() bool { return bed.Listens(m.Socket()) })
	m.Env = append(m.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+m.Socket())
	call := func() string {
		os.Remove(m.out + "/served")
		m.Outside("gdbus", "call", "--session", "--dest", "org.example.Serve", "--object-path", "/", "--method", "org.freedesktop.Application.Activate", "{}")
		return bed.Read(t, m.out+"/served")
	}
	if got := call(); got != "outside --gapplication-service\n" {
		t.Fatalf("control: %q", got)
	}
	m.Must("snug", "wrap", "org.example.Serve.desktop", "--manifest", "org.example.Any")
	if got := call(); got != "inside --gapplication-service\n" {
		t.Errorf("wrapped: %q", got)
	}
	m.Must("snug", "unwrap", "org.example.Serve.desktop")
	if got := call(); got != "outside --gapplication-service\n" {
		t.Errorf("unwrapped: %q", got)
	}
}

// many installs apps with a launcher and a manifest each; every third has a launcher of the person's own.
func (m *menu) many(n int) {
	m.Helper()
	for i := range n {
		id := fmt.Sprintf("org.example.N%d", i)
		text := "[Desktop Entry]\nType=Application\nName=N\n" + strings.Repeat("Name[xx]=translated\nKeywords[xx]=a;b;c;\n", 80) + "Exec=/usr/bin/true %U\nActions=a;b;\n[Desktop Action a]\nName=A\nExec=/usr/bin/true -a\n[Desktop Action b]\nName=B\nExec=/usr/bin/true -b\n"
		bed.Write(m, m.Dir+"/sys/applications/"+id+".desktop", text)
		bed.Write(m, m.Home+"/.config/snug/apps/"+id+".toml", "schema = 1\nid = \""+id+"\"\nextends = [\"gtk\"]\n")
		if i%3 == 0 {
			bed.Write(m, m.Home+"/.local/share/applications/"+id+".desktop", text+"X-Mine=1\n")
		}
	}
}

func TestWrapMany(t *testing.T) {
	m := newMenu(t)
	m.many(300)
	before := m.shape()
	start := time.Now()
	cmd := m.Command("snug", "wrap", "--all")
	out, err := cmd.Output()
	took := time.Since(start)
	if n := strings.Count(string(out), "\nwrapped"); n < 299 || err != nil {
		t.Errorf("%d wrapped: %v\n%s", n, err, out)
	}
	t.Logf("300 launchers wrapped in %v, %v of a processor's time", took, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	if took > 10*time.Second { // alone it takes a third of one
		t.Errorf("300 launchers took %v", took)
	}
	m.Must("snug", "unwrap", "--all")
	os.Remove(m.Dir + "/home/.local/share/applications/mimeinfo.cache")
	if diff := cmp.Diff(before, m.shape()); diff != "" {
		t.Errorf("traces are left: %s", diff)
	}
}

// TestWrapKilled: whenever snug is killed, each launcher is as it was or wrapped whole, and the person's
// own is not lost.
func TestWrapKilled(t *testing.T) {
	m := newMenu(t)
	m.many(60)
	dir := m.Dir + "/home/.local/share/applications"
	before := m.shape()
	killed := 0
	for i := range 40 {
		verb := []string{"wrap", "unwrap"}[i%2]
		cmd := m.Command("snug", verb, "--all")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+i*i*13%60) * time.Millisecond)
		cmd.Process.Kill()
		err := cmd.Wait()
		if status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); is && status.Signaled() {
			killed++
		} else if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		for n := range 60 {
			name := fmt.Sprintf("%s/org.example.N%d.desktop", dir, n)
			text := bed.Read(t, name)
			whole := strings.Contains(text, "\nX-Snug-Digest=") && strings.HasSuffix(text, "X-Mine=1\n") == (n%3 == 0) && strings.Count(text, " run --launcher ") == 3
			mine := strings.HasSuffix(text, "X-Mine=1\n") && !strings.Contains(text, "X-Snug")
			if !whole && !(n%3 == 0 && mine) && !(n%3 != 0 && text == "") {
				t.Fatalf("%s, killed: %s holds\n%s", verb, name, text)
			}
			if kept := bed.Read(t, name+".before-snug"); n%3 == 0 && !mine && !strings.HasSuffix(kept, "X-Mine=1\n") {
				t.Fatalf("%s, killed: the person's own %s is lost", verb, name)
			}
		}
	}
	t.Logf("%d of 40 runs were killed", killed)
	m.Must("snug", "wrap", "--all")
	m.Must("snug", "unwrap", "--all")
	os.Remove(dir + "/mimeinfo.cache")
	if diff := cmp.Diff(before, m.shape()); diff != "" {
		t.Errorf("traces are left: %s", diff)
	}
}
