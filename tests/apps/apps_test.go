package apps_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// Applications, each wrapped and started from its launcher as the menu does: first without a file, then
// anew with one. The window appears and shows what it has to, the home that it keeps is there again, and
// what no app may have is not.

// app is one of them.
type app struct {
	id, program, launcher string
	alone                 string // what its window is called without a file
}

// start wraps an app, starts it without a file, ends it, and starts it with words.
func (s *session) start(a app, words ...string) {
	s.Helper()
	need.Program(s, a.program)
	s.Must("snug", "wrap", a.id)
	s.Cleanup(func() { s.Outside("snug", "stop", "--all") })
	s.launch(a)
	s.window(a.alone)
	if out := s.inside(a.id, "echo mine >~/mark"); out != "" {
		s.Errorf("want a home to write to, got %s", out)
	}
	s.Must("snug", "stop", a.id)
	s.launch(a, words...)
}

// launch starts a wrapped app from the menu.
func (s *session) launch(a app, words ...string) {
	s.Helper()
	s.Start(append([]string{"gio", "launch", s.Home + "/.local/share/applications/" + a.launcher + ".desktop"}, words...)...)
}

// kept looks for what the first start left, and for what no app may have.
func (s *session) kept(a app) {
	s.Helper()
	if out := s.inside(a.id, "cat ~/mark"); out != "mine\n" {
		s.Errorf("want what the first start left, got %s", out)
	}
	if bed.Exists(s.Home + "/mark") {
		s.Error("the mark is in the person's home")
	}
	s.strict(a.id)
}

// Firefox and Chromium load pages by the user-mode network. A link that is clicked while one runs opens in
// it. Their own sandboxes work inside of ours: what shows pages is in user namespaces of its own.

func TestFirefox(t *testing.T) {
	newDesktop(t).browse(app{"org.mozilla.firefox", "firefox-esr", "firefox-esr", "Mozilla Firefox"}, "-[i]sForBrowser")
}

func TestChromium(t *testing.T) {
	newDesktop(t).browse(app{"org.chromium.Chromium", "chromium", "chromium", "Chromium"}, "--type=[r]enderer")
}

// browse finds renderers by a pattern that does not match the line that looks for them.
func (s *session) browse(a app, renderer string) {
	s.Helper()
	url, asked := s.server()
	s.start(a, url)
	s.window("snug page")
	s.green()
	s.kept(a)
	own := s.inside(a.id, "readlink /proc/self/ns/user")
	found := s.inside(a.id, `for p in /proc/[0-9]*; do grep -qz -e '`+renderer+`' $p/cmdline && readlink $p/ns/user; done`)
	if !strings.Contains(own, "user:") || !strings.Contains(found, "user:") || strings.Contains(found, strings.TrimSpace(own)) {
		s.Errorf("want pages in user namespaces other than the app's %q, got:\n%s", own, found)
	}
	if out := s.inside(a.id, "echo text >~/Downloads/by-app"); out != "" || bed.Read(s, s.Home+"/Downloads/by-app") != "text\n" {
		s.Errorf("want downloads shared, got %q", out)
	}
	before := asked.Load()
	if before == 0 {
		s.Error("the page was shown, but the server was not asked for it")
	}
	s.launch(a, url+"?clicked")
	s.Poll("the link is opened", func() bool { return asked.Load() > before })
	if out := s.Outside("snug", "ps", "-q"); strings.Count(out, "\n") != 1 {
		s.Errorf("want one sandbox, got %s", out)
	}
}

func TestEvince(t *testing.T) {
	newDesktop(t).show(app{"org.gnome.Evince", "evince", "org.gnome.Evince", "evince"}, "green.pdf", greenPDF())
}

// TestMpv plays a film by the settings that the person had, which are copied into its home.
func TestMpv(t *testing.T) {
	s := newDesktop(t)
	bed.Write(t, s.Home+"/.config/mpv/mpv.conf", "vo=wlshm\nautofit=100%\n")
	s.Must("snug", "data", "import", "--yes", "io.mpv.Mpv")
	s.show(app{"io.mpv.Mpv", "mpv", "mpv", "mpv"}, "green.y4m", greenFilm())
}

func TestEog(t *testing.T) {
	newDesktop(t).show(app{"org.gnome.eog", "eog", "org.gnome.eog", "eog"}, "green.png", greenPicture())
}

// TestKeePassXC opens a store of passwords, which asks for its own.
func TestKeePassXC(t *testing.T) {
	need.Program(t, "keepassxc-cli")
	s := newDesktop(t)
	store := s.Home + "/letters/store.kdbx"
	if out := s.Outside("sh", "-c", "printf 'a\na\n' | keepassxc-cli db-create -p -t 100 "+store); !strings.Contains(out, "created") {
		t.Fatalf("no store was made: %s", out)
	}
	a := app{"org.keepassxc.KeePassXC", "keepassxc", "org.keepassxc.KeePassXC", "KeePassXC"}
	s.start(a, store)
	s.window("store.kdbx")
	s.kept(a)
}

func TestTransmission(t *testing.T) {
	newDesktop(t).open(app{"com.transmissionbt.Transmission", "transmission-gtk", "transmission-gtk", "Transmission"})
}

func TestThunderbird(t *testing.T) {
	more(t)
	newDesktop(t).open(app{"org.mozilla.thunderbird", "thunderbird", "thunderbird", "Mozilla Thunderbird"})
}

// open starts an app twice without a file; and while it runs, once more, which joins it.
func (s *session) open(a app) {
	s.Helper()
	s.start(a)
	s.window(a.alone)
	s.kept(a)
	s.Must("snug", "run", a.id) // which hands over to the one that runs, and ends
	if out := s.Outside("snug", "ps", "-q"); strings.Count(out, "\n") != 1 {
		s.Errorf("want one sandbox, got %s", out)
	}
}

func TestInkscape(t *testing.T) {
	more(t)
	newDesktop(t).show(app{"org.inkscape.Inkscape", "inkscape", "org.inkscape.Inkscape", "Inkscape"}, "green.svg", greenDrawing)
}

func TestOkular(t *testing.T) {
	more(t)
	newDesktop(t).show(app{"org.kde.okular", "okular", "org.kde.okular", "Okular"}, "green.pdf", greenPDF())
}

// TestGIMP has an X server: GIMP 2 knows no other.
func TestGIMP(t *testing.T) {
	more(t)
	newX11(t).show(app{"org.gimp.GIMP", "gimp", "gimp", "GNU Image Manipulation Program"}, "green.png", greenPicture())
}

// TestLibreOffice opens a letter among the downloads, where it can put its lock beside it, and another
// while it runs.
func TestLibreOffice(t *testing.T) {
	more(t)
	s := newDesktop(t)
	bed.Write(t, s.Home+"/Downloads/letter.txt", "a letter\n")
	bed.Write(t, s.Home+"/Downloads/other.txt", "another\n")
	a := app{"org.libreoffice.LibreOffice", "libreoffice", "libreoffice-startcenter", "LibreOffice"}
	s.start(a, s.Home+"/Downloads/letter.txt")
	s.window("letter.txt - LibreOffice Writer")
	s.kept(a)
	if !bed.Exists(s.Home + "/Downloads/.~lock.letter.txt#") {
		t.Error("want the letter locked while it is open")
	}
	s.launch(a, s.Home+"/Downloads/other.txt")
	s.window("other.txt - LibreOffice Writer")
	if out := s.Outside("snug", "ps", "-q"); strings.Count(out, "\n") != 1 {
		t.Errorf("want one sandbox, got %s", out)
	}
}

// show opens a file that is green, in a folder of its own.
func (s *session) show(a app, name, text string) {
	s.Helper()
	bed.Write(s, s.Home+"/letters/"+name, text)
	bed.Write(s, s.Home+"/letters/beside", "not for the app")
	if part := s.greenPart(); part != 0 {
		s.Fatalf("control: want nothing green on the empty screen, got %d parts in a hundred", part)
	}
	s.start(a, s.Home+"/letters/"+name)
	s.window(strings.TrimSuffix(name, filepath.Ext(name)))
	s.green()
	s.kept(a)
	if out := s.inside(a.id, "cat ~/letters/beside"); !strings.Contains(out, "No such file") {
		s.Errorf("want nothing that lies beside the file, got %s", out)
	}
}

// inside runs a shell line in the running app's sandbox.
func (s *session) inside(id, line string) string {
	s.Helper()
	return s.Outside("snug", "exec", id, "--", "sh", "-c", line)
}

// strict looks from inside for what no app may have, and for its control outside.
func (s *session) strict(id string) {
	s.Helper()
	const probe = "cat ~/.ssh/id_ed25519; ls /proc/$1/exe"
	line := strings.ReplaceAll(probe, "$1", strconv.Itoa(os.Getpid()))
	if out := s.Outside("sh", "-c", line); !strings.Contains(out, bed.Key) {
		s.Errorf("control: want the key outside, got %s", out)
	}
	if out := s.inside(id, line); strings.Contains(out, bed.Key) || strings.Count(out, "No such file") != 2 {
		s.Errorf("want neither the key nor processes outside, got %s", out)
	}
}

// TestApart: two apps that run do not see each other's homes.
func TestApart(t *testing.T) {
	s := newDesktop(t)
	bed.Write(t, s.Home+"/green.png", greenPicture())
	bed.Write(t, s.Home+"/green.pdf", greenPDF())
	s.Start("snug", "run", "org.gnome.eog", s.Home+"/green.png")
	s.Start("snug", "run", "org.gnome.Evince", s.Home+"/green.pdf")
	s.window("green.png")
	s.window("green.pdf")
	if out := s.inside("org.gnome.eog", "echo mine >~/mark; cat ~/mark"); out != "mine\n" {
		t.Errorf("control: %s", out)
	}
	for _, id := range []string{"org.gnome.eog", "org.gnome.Evince"} {
		if out := s.inside(id, "ls ~/.local/share/snug"); !strings.Contains(out, "No such file") {
			t.Errorf("want no homes of apps inside %s, got %s", id, out)
		}
	}
	if out := s.inside("org.gnome.Evince", "cat ~/mark"); !strings.Contains(out, "No such file") {
		t.Errorf("want nothing of another app, got %s", out)
	}
}
