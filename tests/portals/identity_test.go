package portals_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/bus"
)

const (
	desktop     = "org.freedesktop.portal.Desktop"
	desktopPath = "/org/freedesktop/portal/desktop"
	app         = "--id org.example.App --portals-allow "
)

func notify(title string) []string {
	return gdbus(desktop, desktopPath, "org.freedesktop.portal.Notification.AddNotification", "one", "{'title': <'"+title+"'>, 'body': <'text'>}")
}

// Portals know the app by its id: what they ask of the desktop, they ask for it.
func TestIdentity(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	d.notifications()
	seen := d.monitor("type='method_call',interface='org.freedesktop.impl.portal.Notification'")
	if out := d.inside(app+"Notification", notify("from inside")...); out != "()\n" {
		t.Errorf("inside: %s", out)
	}
	if out := d.Outside(notify("from outside")...); out != "()\n" {
		t.Errorf("outside: %s", out)
	}
	d.Poll("the desktop is asked twice", func() bool {
		return seen.saw("AddNotification", "from inside") != nil && seen.saw("AddNotification", "from outside") != nil
	})
	if got := seen.saw("AddNotification", "from inside").Strings()[0]; got != "org.example.App" {
		t.Errorf("want the app's id, got %q", got)
	}
	if got := seen.saw("AddNotification", "from outside").Strings()[0]; got != "" {
		t.Errorf("control: want no id for a program outside, got %q", got)
	}
	d.shown("from inside")
	d.shown("from outside")
}

// shown waits until a notification has been shown.
func (d *desk) shown(title string) {
	d.Helper()
	call := func(method string) string {
		return d.Outside(gdbus("org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.dunstproject.cmd0."+method)...)
	}
	d.Poll("a notification is shown: "+title, func() bool {
		call("NotificationCloseAll") // to be in the history
		return strings.Contains(call("NotificationListHistory"), "<'"+title+"'>")
	})
}

// A portal that the manifest does not name is refused, one that it names answers as outside.
func TestOnlyNamedPortals(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	want := d.Outside(settingsRead...)
	if !strings.Contains(want, "uint32") {
		t.Fatalf("control: want a setting outside, got %s", want)
	}
	for _, c := range []struct{ name, flags, want string }{
		{"named", app + "Settings", want},
		{"another named", app + "Notification", "AccessDenied"},
		{"none, but a bus", "--id org.example.App " + granted, "ServiceUnknown"},
		{"none", "", "Error connecting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := d.with(t).inside(c.flags, settingsRead...); !strings.Contains(out, c.want) {
				t.Errorf("want %s, got %s", c.want, out)
			}
		})
	}
	for _, words := range [][]string{notify("x"), gdbus(desktop, desktopPath, "org.freedesktop.portal.OpenURI.OpenURI", "", "https://example.org", "{}"),
		gdbus(desktop, desktopPath, "org.freedesktop.portal.Background.RequestBackground", "", "{}"),
		gdbus("org.freedesktop.impl.portal.desktop.gtk", desktopPath, "org.freedesktop.impl.portal.Settings.ReadAll", "[]"),
		gdbus("org.freedesktop.impl.portal.PermissionStore", "/org/freedesktop/impl/portal/PermissionStore", "org.freedesktop.impl.portal.PermissionStore.List", "notifications")} {
		if out := d.inside(app+"Settings", words...); !refused.MatchString(out) {
			t.Errorf("%q with Settings alone: want a refusal, got %s", words, out)
		}
	}
	permissions := gdbus("org.freedesktop.impl.portal.PermissionStore", "/org/freedesktop/impl/portal/PermissionStore", "org.freedesktop.impl.portal.PermissionStore.List", "notifications")
	if out := d.Outside(permissions...); !strings.Contains(out, "as") {
		t.Errorf("control: want the store to answer outside, got %s", out)
	}
}

// A link opens outside, in the person's browser.
func TestOpenURI(t *testing.T) {
	d := newDesk(t)
	opened := d.browser()
	d.Sway()
	d.portals()
	open := func(link string) []string {
		return gdbus(desktop, desktopPath, "org.freedesktop.portal.OpenURI.OpenURI", "", link, "{}")
	}
	d.Outside(open("https://example.org/outside")...)
	d.Poll("control: the link is opened", func() bool { return strings.Contains(bed.Read(t, opened), "https://example.org/outside\n") })
	for _, c := range []struct {
		name, flags string
		words       []string
	}{
		{"gdbus", "", open("https://example.org/gdbus")},
		{"xdg-open", "", []string{"xdg-open", "https://example.org/xdg-open"}},
		{"gio", "", []string{"gio", "open", "https://example.org/gio"}},
		{"GIO", " --portals-flatpak-info", []string{"/usr/bin/gio", "open", "https://example.org/GIO"}},
		{"flatpak-xdg", "", []string{"/usr/libexec/flatpak-xdg-utils/xdg-open", "https://example.org/flatpak-xdg"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := d.with(t)
			if out := d.inside(app+"OpenURI"+c.flags, c.words...); strings.Contains(out, "(exit status") {
				t.Fatal(out)
			}
			d.Poll("the link is opened", func() bool { return strings.Contains(bed.Read(t, opened), "/"+c.name+"\n") })
		})
	}
	if out := d.inside(app+"Settings", open("https://example.org/refused")...); !refused.MatchString(out) {
		t.Errorf("without OpenURI, want a refusal, got %s", out)
	}
	if strings.Contains(bed.Read(t, opened), "refused") {
		t.Error("without OpenURI, the link was opened")
	}
}

// browser is a program that notes what it opens.
func (d *desk) browser() string {
	opened := filepath.Join(d.Home, "opened")
	bed.Write(d, filepath.Join(d.Home, ".local/share/applications/browser.desktop"),
		"[Desktop Entry]\nType=Application\nName=Browser\nExec=sh -c \"echo \\\\$0 >>"+opened+"\" %u\nMimeType=x-scheme-handler/https;\n")
	bed.Write(d, filepath.Join(d.Home, ".config/mimeapps.list"), "[Default Applications]\nx-scheme-handler/https=browser.desktop\n")
	return opened
}

// A file that was picked for an app is there for that app and no other, where the portal says.
func TestDocuments(t *testing.T) {
	for name, start := range map[string]func(*desk){"in run": (*desk).portalsInRun, "elsewhere": (*desk).portals} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.Sway()
			start(d)
			d.document()
		})
	}
}

func (d *desk) document() {
	d.Helper()
	letter := filepath.Join(d.Home, "letters/letter.txt")
	bed.Write(d, letter, "dear host\n")
	out := d.Outside("python3", "-c", addDocument, letter, "org.example.App")
	id := strings.TrimSpace(out)
	if id == "" || len(id) > 8 || !strings.Contains(bed.Read(d, filepath.Join(d.doc, id, "letter.txt")), "dear host") {
		d.Fatalf("control: want an id and the letter outside, got %s", out)
	}
	allowed := "--portals-allow FileChooser --portals-documents --id "
	said := `$(gdbus call --session -d org.freedesktop.portal.Documents -o /org/freedesktop/portal/documents -m org.freedesktop.portal.Documents.GetMountPoint | grep -o '/[a-z0-9/-]*')`
	seen := d.inside(allowed+"org.example.App", "sh", "-c", "cat $XDG_RUNTIME_DIR/doc/"+id+"/letter.txt && echo dear app >>$XDG_RUNTIME_DIR/doc/"+id+"/letter.txt")
	if seen != "dear host\n" || bed.Read(d, letter) != "dear host\ndear app\n" {
		d.Errorf("want the letter read and written, got %s and %q", seen, bed.Read(d, letter))
	}
	if out := d.inside(allowed+"org.example.App", "sh", "-c", "cat "+said+"/"+id+"/letter.txt"); out != "dear host\ndear app\n" {
		d.Errorf("want the letter where the portal says that it is, got %s", out)
	}
	if out := d.inside(allowed+"org.example.App", "sh", "-c", "ls -d "+filepath.Dir(letter)+" "+letter); strings.Count(out, "No such file") != 2 {
		d.Errorf("want nothing of the folder %s, got %s", filepath.Dir(letter), out)
	}
	list := "ls -R $XDG_RUNTIME_DIR/doc; cat $XDG_RUNTIME_DIR/doc/" + id + "/letter.txt $XDG_RUNTIME_DIR/doc/by-app/org.example.App/" + id + "/letter.txt"
	if out := d.inside(allowed+"org.example.Other", "sh", "-c", list); strings.Contains(out, "dear") || strings.Contains(out, id+":") {
		d.Errorf("another app has got the letter: %s", out)
	}
	if out := d.inside("--portals-allow FileChooser --id org.example.App", "sh", "-c", list); strings.Contains(out, "dear") {
		d.Errorf("without portals.documents, the app has got the letter: %s", out)
	}
}

// addDocument makes a file a document that an app may read and write.
const addDocument = `
import dbus, os, sys
bus = dbus.SessionBus()
portal = dbus.Interface(bus.get_object("org.freedesktop.portal.Documents", "/org/freedesktop/portal/documents"), "org.freedesktop.portal.Documents")
fd = os.open(sys.argv[1], os.O_PATH | os.O_CLOEXEC)
ids, _ = portal.AddFull([dbus.types.UnixFd(fd)], dbus.UInt32(0), sys.argv[2], ["read", "write"])
print(ids[0])
`

// What portals look for, /.flatpak-info, the app itself sees only if it is to.
func TestFlatpakInfo(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	if out := d.inside(app+"Settings", "cat", "/.flatpak-info"); !strings.Contains(out, "No such file") {
		t.Errorf("want no file, got %s", out)
	}
	out := d.inside(app+"Settings --portals-flatpak-info", "cat", "/.flatpak-info")
	for _, want := range []string{"[Application]\nname=org.example.App\n", "[Instance]\ninstance-id="} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q, got %s", want, out)
		}
	}
	if bed.Exists("/.flatpak-info") {
		t.Error("control: want none outside")
	}
	for _, id := range []string{"", "--id app", "--id org.example-x.App"} {
		if out := d.Outside(run(id+" --portals-allow Settings", "true")...); !strings.Contains(out, "(exit status 125)") {
			t.Errorf("%s: want a refusal of an id that portals do not take, got %s", id, out)
		}
	}
}

// The folder by which newer portals find the app's processes is there while it runs, and names a
// process of the sandbox.
func TestCard(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	p := d.Start(run(app+"Settings", "sleep", "1000")...)
	cards := func() []string {
		list, _ := filepath.Glob(filepath.Join(d.Runtime, ".flatpak/*/bwrapinfo.json"))
		return list
	}
	d.Poll("the folder is there", func() bool { return len(cards()) == 1 && strings.Contains(bed.Read(t, cards()[0]), "}") })
	_, rest, _ := strings.Cut(bed.Read(t, cards()[0]), `"child-pid": `)
	pid, err := strconv.Atoi(strings.TrimRight(rest, "}\n ,"))
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := os.Readlink("/proc/self/ns/pid")
	theirs, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	if !bed.Alive(pid) || bed.Parent(pid) != p.Process.Pid && theirs == ours {
		t.Errorf("want a process of the sandbox, got %d, below %d", pid, bed.Parent(pid))
	}
	d.Poll("the app runs", func() bool { return strings.Contains(d.Outside("snug", "ps"), "sleep") }) // a signal before that leaves the folder to the next snug
	p.Process.Signal(os.Interrupt)
	p.Wait()
	if len(cards()) > 0 {
		t.Errorf("left: %v", cards())
	}
}

// Newer portals refuse an app whose folder is not there when it first asks, so it has to be there
// before the app is.
func TestCardComesFirst(t *testing.T) {
	d := newDesk(t)
	look := func(bus.Message) string {
		cards, _ := filepath.Glob(filepath.Join(d.Runtime, ".flatpak/*/bwrapinfo.json"))
		return strconv.Itoa(len(cards)) + " cards"
	}
	d.peer(d.Socket(), look, desktop)
	for range 2 * runtime.NumCPU() { // a busy machine lets the slower of two run last
		d.Start("sh", "-c", "while :; do :; done")
	}
	late := 0
	for range 20 {
		switch out := d.inside(app+"Settings "+canRead(t), probe(t), "portal"); {
		case strings.Contains(out, "return 0 cards"):
			late++
		case !strings.Contains(out, "return 1 cards"):
			t.Fatal(out)
		}
	}
	if late > 0 {
		t.Errorf("%d of 20 apps have asked a portal before their folder was there", late)
	}
}

// A file argument can be saved as programs do it, by a new file in the place of the old, and nothing
// beside it is seen. What was a document for that is none afterwards.
func TestDocumentArgument(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	d.document() // so that the portal runs
	before := d.documents()
	dir := filepath.Join(d.Home, "cards")
	one, two := filepath.Join(dir, "one.txt"), filepath.Join(dir, "two.txt")
	const save = `sed s/old/new/ "$1" >"$1.new" && mv "$1.new" "$1" && ls -A "$(dirname "$1")" && echo "$1"`
	flags := "--portals-allow FileChooser --portals-documents --files-arguments write --id org.example.App"
	for _, tt := range []struct{ name, flags, want, holds string }{
		{"control: without portals", "--files-arguments write", "Permission denied", "old\n"},
		{"at its own path", flags, "one.txt\n" + one + "\n", "new\n"},
		{"its folder read", flags + " --read " + dir, "/doc/", "new\n"},
		{"hidden", flags + " --read " + dir + " --files-except " + one, "", "old\n"},
	} {
		bed.Write(d, one, "old\n")
		bed.Write(d, two, "old\n")
		out := d.Outside(run(tt.flags, "sh", "-c", save, "sh", one)...)
		if !strings.Contains(out, tt.want) || bed.Read(d, one) != tt.holds {
			t.Errorf("%s: want %q and %q in the file, got %s and %q", tt.name, tt.want, tt.holds, out, bed.Read(d, one))
		}
	}
	bed.Write(d, one, "old\n")
	out := d.Outside(run(flags, "sh", "-c", `for f; do sed s/old/new/ "$f" >"$f.new" && mv "$f.new" "$f"; done; ls "$@"`, "sh", one, two)...)
	if bed.Read(d, one)+bed.Read(d, two) != "new\nnew\n" {
		t.Errorf("two of a folder: want both changed, got %s", out)
	}
	if after := d.documents(); after != before {
		t.Errorf("want the documents\n%s\nas before, got\n%s", before, after)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("want two files in the folder outside, got %v", entries)
	}
}

// A start that joins a running app hands it a document, for as long as that runs.
func TestDocumentJoined(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	d.document()
	before := d.documents()
	d.manifest("org.example.App", `command = ["sh", "-c", '[ $# = 0 ] && exec sleep 1000; sed s/old/new/ "$1" >"$1.new" && mv "$1.new" "$1"', "app"]
instances = "join"
`, "[files]\narguments = \"write\"\n[portals]\nallow = [\"FileChooser\"]\ndocuments = true\n")
	d.Start("snug", "run", "org.example.App")
	d.Poll("the app", func() bool { return strings.Contains(d.Outside("snug", "ps"), "App") })
	file := filepath.Join(d.Home, "cards/one.txt")
	bed.Write(d, file, "old\n")
	if out := d.Outside("snug", "run", "org.example.App", file); bed.Read(d, file) != "new\n" {
		t.Errorf("want the file changed, got %s", out)
	}
	if d.documents() == before {
		t.Error("want a document while the app runs")
	}
	d.Outside("snug", "stop", "org.example.App")
	d.Poll("the documents as before", func() bool { return d.documents() == before })
}

// documents lists the documents of the app.
func (d *desk) documents() string {
	return d.Outside("gdbus", "call", "--session", "-d", "org.freedesktop.portal.Documents", "-o", "/org/freedesktop/portal/documents",
		"-m", "org.freedesktop.portal.Documents.List", "org.example.App")
}
