package portals_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
	"snug/tests/need"
)

// screen starts a compositor that draws into memory.
func (b *bed) screen() {
	b.t.Helper()
	for _, p := range []string{"swaymsg", "grim", "wtype"} {
		need.Program(b.t, p)
	}
	config, up := filepath.Join(b.dir, "sway.conf"), filepath.Join(b.dir, "up")
	write(b.t, config, "output HEADLESS-1 resolution 1024x768\nxwayland disable\n"+
		"exec sh -c 'echo $WAYLAND_DISPLAY $SWAYSOCK >"+up+".new && mv "+up+".new "+up+"'\n")
	env := b.env
	b.env = append(b.env, "WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman")
	b.start("sway", "-c", config)
	b.poll("the compositor is up", func() bool { return exists(up) })
	words := strings.Fields(read(b.t, up))
	b.env = append(env, "WAYLAND_DISPLAY="+words[0], "SWAYSOCK="+words[1])
}

// portals starts what answers an app that asks for files, links and settings. The compositor is
// there before.
func (b *bed) portals() {
	b.t.Helper()
	b.portalsIn(b.run)
}

// portalsInRun is portals with the documents where they are on a person's machine. There is only
// one such place, so tests take turns.
func (b *bed) portalsInRun() {
	b.t.Helper()
	dir := "/run/user/" + strconv.Itoa(os.Getuid())
	lock, err := os.OpenFile(filepath.Join(dir, ".snug-test-doc"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		need.Missing(b.t, "wanted a runtime folder of one's own as systemd makes it, got "+err.Error())
	}
	b.t.Cleanup(func() { lock.Close() })
	b.poll("no other test has documents in "+dir, func() bool {
		return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && !mounted(filepath.Join(dir, "doc"))
	})
	b.portalsIn(dir)
}

// portalsIn starts them with the documents mounted in a folder.
func (b *bed) portalsIn(dir string) {
	b.t.Helper()
	need.Program(b.t, "fusermount3")
	if !exists("/dev/fuse") {
		need.Missing(b.t, "wanted /dev/fuse for the document portal, got none")
	}
	b.start("xdg-permission-store")
	b.owned("org.freedesktop.impl.portal.PermissionStore")
	env := b.env
	b.env, b.doc = append(slices.Clone(env), "XDG_RUNTIME_DIR="+dir), filepath.Join(dir, "doc")
	b.start("xdg-document-portal", "-v")
	b.env = env
	b.owned("org.freedesktop.portal.Documents")
	b.poll("the documents are mounted", func() bool { return mounted(b.doc) })
	b.t.Cleanup(b.unmount)
	b.start("xdg-desktop-portal-gtk", "-v")
	b.owned("org.freedesktop.impl.portal.desktop.gtk")
	b.start("xdg-desktop-portal", "-v")
	b.owned("org.freedesktop.portal.Desktop")
}

// unmount makes sure that the document portal has taken its mount away.
func (b *bed) unmount() {
	if mounted(b.doc) {
		b.outside("fusermount3", "-u", b.doc)
	}
	if mounted(b.doc) {
		b.t.Errorf("still mounted: %s", b.doc)
	}
}

// notifications starts what shows them.
func (b *bed) notifications() {
	b.t.Helper()
	b.start("dunst")
	b.owned("org.freedesktop.Notifications")
}

// settings lets the bus start dconf's service.
func (b *bed) settings() {
	b.t.Helper()
	need.Program(b.t, "dconf")
	b.service("ca.desrt.dconf", need.Program(b.t, "/usr/libexec/dconf-service"))
}

// a11y starts the accessibility bus; programs that start later register there.
func (b *bed) a11y() {
	b.t.Helper()
	b.start("at-spi-bus-launcher", "--launch-immediately")
	b.owned("org.a11y.Bus")
}

// system starts a stand-in for the bus of the system.
func (b *bed) system() string {
	b.t.Helper()
	socket, config := filepath.Join(b.dir, "system"), filepath.Join(b.dir, "system.conf")
	text := strings.Replace(sessionBus, "<type>session</type>", "", 1)
	text = strings.Replace(text, "<servicedir>%s</servicedir>", "", 1)
	write(b.t, config, strings.Replace(text, "%s", socket, 1))
	b.start("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile")
	b.poll("the system's bus listens", func() bool { return b.listens(socket) })
	b.env = append(b.env, "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+socket)
	return socket
}

// owned waits until somebody owns a name.
func (b *bed) owned(name string) {
	b.t.Helper()
	c := b.dial(b.socket())
	defer c.Close()
	b.poll(name+" is there", func() bool {
		m, err := c.Ask(bus.ToBus("GetNameOwner", 0, name))
		return err == nil && m.Type == bus.Return
	})
}

func (b *bed) dial(path string) *bus.Conn {
	b.t.Helper()
	c, err := bus.Dial(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// window is one of the compositor's tree.
type window struct {
	Name    string
	App     string `json:"app_id"`
	PID     int
	Focused bool
	Nodes   []window
	Floats  []window `json:"floating_nodes"`
}

func (w window) find(ok func(window) bool) *window {
	if ok(w) {
		return &w
	}
	for _, below := range append(w.Nodes, w.Floats...) {
		if found := below.find(ok); found != nil {
			return found
		}
	}
	return nil
}

// windows is the tree of all.
func (b *bed) windows() (root window) {
	b.t.Helper()
	text := b.outside("swaymsg", "-r", "-t", "get_tree")
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		b.t.Fatalf("%v: %s", err, text)
	}
	return root
}

// focused waits until a window has the keys whose application id or title holds a word.
func (b *bed) focused(word string) {
	b.t.Helper()
	var all []string
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("windows, when the keys were to be in %s: %q", word, all)
		}
	})
	b.poll("a window with the keys is called "+word, func() bool {
		all = nil
		return b.windows().find(func(w window) bool {
			if w.PID != 0 {
				all = append(all, w.App+" "+w.Name)
			}
			return w.Focused && (strings.Contains(w.App, word) || strings.Contains(w.Name, word))
		}) != nil
	})
}

// keys types. A fresh wtype loses what comes before its keyboard is there, hence the pause and a key
// that means nothing; and GTK 3 finds no binding for the last key of a keymap, which wtype makes of
// what it types, hence another.
func (b *bed) keys(words ...string) {
	b.t.Helper()
	line := append([]string{"wtype", "-s", "100", "-k", "F19", "-s", "20"}, words...)
	if out := b.outside(append(line, "-k", "F20")...); out != "" {
		b.t.Fatalf("keys %q: %s", words, out)
	}
}

// picture takes a screenshot, and keeps it below $ARTIFACTS if that is set.
func (b *bed) picture(name string) []byte {
	b.t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = b.dir
	}
	file := filepath.Join(dir, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png")
	if out := b.outside("grim", file); out != "" {
		b.t.Fatalf("screenshot: %s", out)
	}
	return []byte(read(b.t, file))
}

// drawn waits until the screen has changed, and has come to rest.
func (b *bed) drawn(name string, before []byte) []byte {
	b.t.Helper()
	var last []byte
	b.poll("the screen shows something new", func() bool {
		now := b.picture(name)
		done := !bytes.Equal(now, before) && bytes.Equal(now, last)
		last = now
		if !done {
			time.Sleep(100 * time.Millisecond) // between two pictures that are compared
		}
		return done
	})
	return last
}
