package apps_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/need"
)

// Firefox and Chromium load a page by the user-mode network, and their own sandboxes work inside
// of ours: what shows pages is in user namespaces of its own.

func TestFirefox(t *testing.T) { browse(t, "org.mozilla.firefox", "firefox-esr", "-[i]sForBrowser") }

func TestChromium(t *testing.T) { browse(t, "org.chromium.Chromium", "chromium", "--type=[r]enderer") }

// browse finds renderers by a pattern that does not match the line that looks for them.
func browse(t *testing.T, id, program, renderer string) {
	need.Program(t, program)
	b := newDesktop(t)
	url, asked := b.server()
	b.start("snug", "run", id, url)
	b.window("snug page")
	b.green()
	if asked.Load() == 0 {
		t.Error("the page was shown, but the server was not asked for it")
	}
	b.strict(id)
	own := b.inside(id, "readlink /proc/self/ns/user")
	found := b.inside(id, `for p in /proc/[0-9]*; do grep -qz -e '`+renderer+`' $p/cmdline && readlink $p/ns/user; done`)
	if !strings.Contains(own, "user:") || !strings.Contains(found, "user:") || strings.Contains(found, strings.TrimSpace(own)) {
		t.Errorf("want pages in user namespaces other than the app's %q, got:\n%s", own, found)
	}
	if out := b.inside(id, "echo text >~/Downloads/by-app"); out != "" || read(t, b.home+"/Downloads/by-app") != "text\n" {
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
	b := newDesktop(t)
	store := b.home + "/letters/store.kdbx"
	if out := b.outside("sh", "-c", "printf 'a\na\n' | keepassxc-cli db-create -p -t 100 "+store); !strings.Contains(out, "created") {
		t.Fatalf("no store was made: %s", out)
	}
	b.start("snug", "run", "org.keepassxc.KeePassXC", store)
	b.window("store.kdbx")
	b.strict("org.keepassxc.KeePassXC")
}

func TestTransmission(t *testing.T) {
	need.Program(t, "transmission-gtk")
	b := newDesktop(t)
	b.start("snug", "run", "com.transmissionbt.Transmission")
	b.window("Transmission")
	b.strict("com.transmissionbt.Transmission")
}

func TestThunderbird(t *testing.T) {
	more(t)
	need.Program(t, "thunderbird")
	b := newDesktop(t)
	b.start("snug", "run", "org.mozilla.thunderbird")
	b.window("Mozilla Thunderbird")
	b.strict("org.mozilla.thunderbird")
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
	b := newDesktop(t)
	write(t, b.home+"/Downloads/letter.txt", "a letter\n")
	b.start("snug", "run", "org.libreoffice.LibreOffice", b.home+"/Downloads/letter.txt")
	b.window("letter.txt - LibreOffice Writer")
	b.strict("org.libreoffice.LibreOffice")
	if !exists(b.home + "/Downloads/.~lock.letter.txt#") {
		t.Error("want the letter locked while it is open")
	}
	out := b.outside("snug", "run", "org.libreoffice.LibreOffice")
	if !strings.Contains(out, "(exit status 125)") {
		t.Errorf("want a second start refused, got %s", out)
	}
}

// show opens a file that is green, in a folder of its own.
func show(t *testing.T, id, program, name, text string, flags ...string) *bed {
	need.Program(t, program)
	return newDesktop(t).show(id, name, text, flags...)
}

func (b *bed) show(id, name, text string, flags ...string) *bed {
	t := b.t
	t.Helper()
	write(t, b.home+"/letters/"+name, text)
	write(t, b.home+"/letters/beside", "not for the app")
	if part := b.greenPart(); part != 0 {
		t.Fatalf("control: want nothing green on the empty screen, got %d parts in a hundred", part)
	}
	b.start(append(append([]string{"snug", "run", id}, flags...), b.home+"/letters/"+name)...)
	b.window(strings.TrimSuffix(name, filepath.Ext(name)))
	b.green()
	b.strict(id)
	if out := b.inside(id, "cat ~/letters/beside"); !strings.Contains(out, "No such file") {
		t.Errorf("want nothing that lies beside the file, got %s", out)
	}
	return b
}

// inside runs a shell line in the running app's sandbox.
func (b *bed) inside(id, line string) string {
	b.t.Helper()
	return b.outside("snug", "exec", id, "--", "sh", "-c", line)
}

// strict looks from inside for what no app may have, and for its control outside.
func (b *bed) strict(id string) {
	b.t.Helper()
	const probe = "cat ~/.ssh/id_ed25519; ls /proc/$1/exe"
	line := strings.ReplaceAll(probe, "$1", itoa(os.Getpid()))
	if out := b.outside("sh", "-c", line); !strings.Contains(out, key) {
		b.t.Errorf("control: want the key outside, got %s", out)
	}
	if out := b.inside(id, line); strings.Contains(out, key) || strings.Count(out, "No such file") != 2 {
		b.t.Errorf("want neither the key nor processes outside, got %s", out)
	}
}

// TestKept: the home of an app is there again at its next start, and not there for another app.
func TestKept(t *testing.T) {
	need.Program(t, "mpv")
	need.Program(t, "evince")
	b := newDesktop(t)
	write(t, b.home+"/green.y4m", greenFilm())
	write(t, b.home+"/green.pdf", greenPDF())
	play := []string{"snug", "run", "io.mpv.Mpv", "--vo=wlshm", b.home + "/green.y4m"}
	stop := b.start(play...)
	b.window("green.y4m")
	if out := b.inside("io.mpv.Mpv", "echo mine >~/mark; ls ~/.local/share/snug"); !strings.Contains(out, "No such file") {
		t.Errorf("want no homes of apps inside, got %s", out)
	}
	stop()
	b.start(play...)
	b.start("snug", "run", "org.gnome.Evince", b.home+"/green.pdf")
	b.window("green.y4m")
	b.window("green.pdf")
	if out := b.inside("io.mpv.Mpv", "cat ~/mark"); out != "mine\n" {
		t.Errorf("want what the first start left, got %s", out)
	}
	if out := b.inside("org.gnome.Evince", "cat ~/mark; ls ~/.local/share/snug"); strings.Count(out, "No such file") != 2 {
		t.Errorf("want nothing of another app, got %s", out)
	}
	if exists(filepath.Join(b.home, "mark")) {
		t.Error("the mark is in the person's home")
	}
}
