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

// Firefox and Chromium load a page by the user-mode network, and their own sandboxes work inside
// of ours: what shows pages is in user namespaces of its own.

func TestFirefox(t *testing.T) { browse(t, "org.mozilla.firefox", "firefox-esr", "-[i]sForBrowser") }

func TestChromium(t *testing.T) { browse(t, "org.chromium.Chromium", "chromium", "--type=[r]enderer") }

// browse finds renderers by a pattern that does not match the line that looks for them.
func browse(t *testing.T, id, program, renderer string) {
	need.Program(t, program)
	s := newDesktop(t)
	url, asked := s.server()
	s.Start("snug", "run", id, url)
	s.window("snug page")
	s.green()
	if asked.Load() == 0 {
		t.Error("the page was shown, but the server was not asked for it")
	}
	s.strict(id)
	own := s.inside(id, "readlink /proc/self/ns/user")
	found := s.inside(id, `for p in /proc/[0-9]*; do grep -qz -e '`+renderer+`' $p/cmdline && readlink $p/ns/user; done`)
	if !strings.Contains(own, "user:") || !strings.Contains(found, "user:") || strings.Contains(found, strings.TrimSpace(own)) {
		t.Errorf("want pages in user namespaces other than the app's %q, got:\n%s", own, found)
	}
	if out := s.inside(id, "echo text >~/Downloads/by-app"); out != "" || bed.Read(t, s.Home+"/Downloads/by-app") != "text\n" {
		t.Errorf("want downloads shared, got %q", out)
	}
}

func TestEvince(t *testing.T) { show(t, "org.gnome.Evince", "evince", "green.pdf", greenPDF()) }

func TestMpv(t *testing.T) {
	show(t, "io.mpv.Mpv", "mpv", "green.y4m", greenFilm(), "--vo=wlshm", "--force-window", "--autofit=100%")
}

func TestEog(t *testing.T) { show(t, "org.gnome.eog", "eog", "green.png", greenPicture()) }

// TestKeePassXC opens a store of passwords, which asks for its own.
func TestKeePassXC(t *testing.T) {
	need.Program(t, "keepassxc")
	s := newDesktop(t)
	store := s.Home + "/letters/store.kdbx"
	if out := s.Outside("sh", "-c", "printf 'a\na\n' | keepassxc-cli db-create -p -t 100 "+store); !strings.Contains(out, "created") {
		t.Fatalf("no store was made: %s", out)
	}
	s.Start("snug", "run", "org.keepassxc.KeePassXC", store)
	s.window("store.kdbx")
	s.strict("org.keepassxc.KeePassXC")
}

func TestTransmission(t *testing.T) {
	open(t, "com.transmissionbt.Transmission", "transmission-gtk", "Transmission")
}

func TestThunderbird(t *testing.T) {
	more(t)
	open(t, "org.mozilla.thunderbird", "thunderbird", "Mozilla Thunderbird")
}

// open starts an app without a file.
func open(t *testing.T, id, program, title string) {
	need.Program(t, program)
	s := newDesktop(t)
	s.Start("snug", "run", id)
	s.window(title)
	s.strict(id)
}

func TestInkscape(t *testing.T) {
	more(t)
	show(t, "org.inkscape.Inkscape", "inkscape", "green.svg", greenDrawing)
}

// TestGIMP has an X server: GIMP 2 knows no other.
func TestGIMP(t *testing.T) {
	more(t)
	need.Program(t, "gimp")
	newX11(t).show("org.gimp.GIMP", "green.png", greenPicture())
}

// TestLibreOffice opens a letter among the downloads, where it can put its lock beside it.
func TestLibreOffice(t *testing.T) {
	more(t)
	need.Program(t, "libreoffice")
	s := newDesktop(t)
	bed.Write(t, s.Home+"/Downloads/letter.txt", "a letter\n")
	s.Start("snug", "run", "org.libreoffice.LibreOffice", s.Home+"/Downloads/letter.txt")
	s.window("letter.txt - LibreOffice Writer")
	s.strict("org.libreoffice.LibreOffice")
	if !bed.Exists(s.Home + "/Downloads/.~lock.letter.txt#") {
		t.Error("want the letter locked while it is open")
	}
	out := s.Outside("snug", "run", "org.libreoffice.LibreOffice")
	if !strings.Contains(out, "(exit status 125)") {
		t.Errorf("want a second start refused, got %s", out)
	}
}

// show opens a file that is green, in a folder of its own.
func show(t *testing.T, id, program, name, text string, flags ...string) {
	need.Program(t, program)
	newDesktop(t).show(id, name, text, flags...)
}

func (s *session) show(id, name, text string, flags ...string) {
	s.Helper()
	bed.Write(s, s.Home+"/letters/"+name, text)
	bed.Write(s, s.Home+"/letters/beside", "not for the app")
	if part := s.greenPart(); part != 0 {
		s.Fatalf("control: want nothing green on the empty screen, got %d parts in a hundred", part)
	}
	s.Start(append(append([]string{"snug", "run", id}, flags...), s.Home+"/letters/"+name)...)
	s.window(strings.TrimSuffix(name, filepath.Ext(name)))
	s.green()
	s.strict(id)
	if out := s.inside(id, "cat ~/letters/beside"); !strings.Contains(out, "No such file") {
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

// TestKept: the home of an app is there again at its next start, and not there for another app.
func TestKept(t *testing.T) {
	need.Program(t, "mpv")
	need.Program(t, "evince")
	s := newDesktop(t)
	bed.Write(t, s.Home+"/green.y4m", greenFilm())
	bed.Write(t, s.Home+"/green.pdf", greenPDF())
	play := []string{"snug", "run", "io.mpv.Mpv", "--vo=wlshm", s.Home + "/green.y4m"}
	player := s.Start(play...)
	s.window("green.y4m")
	if out := s.inside("io.mpv.Mpv", "echo mine >~/mark; ls ~/.local/share/snug"); !strings.Contains(out, "No such file") {
		t.Errorf("want no homes of apps inside, got %s", out)
	}
	player.Stop()
	s.Start(play...)
	s.Start("snug", "run", "org.gnome.Evince", s.Home+"/green.pdf")
	s.window("green.y4m")
	s.window("green.pdf")
	if out := s.inside("io.mpv.Mpv", "cat ~/mark"); out != "mine\n" {
		t.Errorf("want what the first start left, got %s", out)
	}
	if out := s.inside("org.gnome.Evince", "cat ~/mark; ls ~/.local/share/snug"); strings.Count(out, "No such file") != 2 {
		t.Errorf("want nothing of another app, got %s", out)
	}
	if bed.Exists(filepath.Join(s.Home, "mark")) {
		t.Error("the mark is in the person's home")
	}
}
