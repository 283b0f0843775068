package wrap_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// link makes a symbolic link below the root.
func (b *bed) link(target, name string) {
	b.Helper()
	if err := os.Symlink(target, b.root+"/"+name); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) program(name string) string {
	b.Helper()
	path := b.write(name, "#!")
	if err := os.Chmod(path, 0o755); err != nil {
		b.Fatal(err)
	}
	return path
}

// TestOtherNames: links and dots are no way around a wrapped program, and what shells and the like hide is told.
func TestOtherNames(t *testing.T) {
	const sure, perhaps, no = "wrapped", "told", ""
	for exec, want := range map[string]string{
		"app":                              sure,
		"ROOT/usr/bin/app":                 sure,
		"ROOT/usr/bin/../bin/app --x":      sure,
		"ROOT/link/app":                    sure, // a folder
		"ROOT/usr/bin/app-2":               sure, // the file behind the link
		"env A=1 ROOT/link/app":            sure,
		"ROOT/usr/bin/alias":               perhaps, // the file may ask for its name
		"env -u A app":                     perhaps,
		"sh -c 'sleep 9; exec app'":        perhaps,
		"sh -c \"cd /;(app&)\"":            perhaps,
		"nice -n 19 ROOT/usr/bin/app-2 -x": perhaps,
		"unheard-of --cmd=app":             perhaps,
		"ROOT/opt/app":                     perhaps,
		"other --app app.conf":             no,
		"sh -c 'application /app/x'":       no,
		"other":                            no,
		"flatpak run --command=app org.x":  no,
		"ROOT/usr/bin/script":              no, // though both are python
		"ROOT/usr/bin/box":                 no,
	} {
		b := newBed(t)
		b.program("usr/bin/app-2")
		b.program("opt/app")
		b.program("usr/bin/python3.11")
		b.link("app-2", "usr/bin/app")
		b.link("app-2", "usr/bin/alias")
		b.link("python3.11", "usr/bin/script")
		b.link("usr/bin", "link")
		b.write("sys/applications/a.desktop", entry+"Exec=app\n")
		b.write("xdg/autostart/at-login.desktop", entry+"Exec="+strings.ReplaceAll(exec, "ROOT", b.root)+"\n")
		b.write("sys/applications/b.desktop", entry+"Exec="+strings.ReplaceAll(exec, "ROOT", b.root)+"\n")
		changes, warnings, err := b.Wrap("a.desktop", app)
		if err != nil {
			t.Fatal(err)
		}
		got := no
		switch {
		case len(changes) == 2 && len(warnings) == 0:
			got = sure
		case len(changes) == 1 && slices.Equal(warnings, []string{"it may also be started at login by at-login.desktop, and that stays as it is"}):
			got = perhaps
		case len(changes) != 1 || len(warnings) > 0:
			t.Errorf("%s: %d changes, %q", exec, len(changes), warnings)
		}
		if got != want {
			t.Errorf("%s: %q at login, want %q", exec, got, want)
		}
		got = no
		switch ids, maybe := b.Siblings("a.desktop"); {
		case slices.Equal(ids, []string{"b.desktop"}):
			got = sure
		case slices.Equal(maybe, []string{"b.desktop"}):
			got = perhaps
		}
		if got != want {
			t.Errorf("%s: %q in menus, want %q", exec, got, want)
		}
	}
}

// TestScripts: two links to an interpreter are two programs.
func TestScripts(t *testing.T) {
	b := newBed(t)
	b.program("usr/bin/busybox")
	b.link("busybox", "usr/bin/one")
	b.link("busybox", "usr/bin/two")
	b.link("usr/bin", "link")
	b.write("sys/applications/a.desktop", entry+"Exec=one\n")
	b.write("sys/applications/b.desktop", entry+"Exec=two\n")
	b.write("sys/applications/c.desktop", entry+"Exec="+b.root+"/link/one\n")
	ids, maybe := b.Siblings("a.desktop")
	if diff := cmp.Diff([]string{"c.desktop"}, ids); diff != "" || len(maybe) > 0 {
		t.Error(diff, maybe)
	}
}

// TestOtherServices: a bus that starts the program for another name is told of, once it is not snug.
func TestOtherServices(t *testing.T) {
	b := newBed(t)
	b.program("usr/bin/app")
	b.write("sys/applications/org.x.A.desktop", entry+"Exec=app\n")
	b.write("sys/dbus-1/services/a.service", "[D-BUS Service]\nName=org.x.Other\nExec="+b.root+"/usr/bin/../bin/app --50%\n")
	b.write("sys/dbus-1/services/b.service", "[D-BUS Service]\nName=org.x.B\nExec=/bin/b\n")
	b.write("sys/dbus-1/services/c.service", "[D-BUS Service]\nName=org.x.C\nExec=/bin/sh -c app\n")
	_, warnings, err := b.Wrap("org.x.A.desktop", app)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"it may also be started by the message bus, by a.service, and that stays as it is",
		"it may also be started by the message bus, by c.service, and that stays as it is",
	}
	if diff := cmp.Diff(want, warnings); diff != "" {
		t.Error(diff)
	}
}

// TestUnits: what systemd starts at login is told of.
func TestUnits(t *testing.T) {
	b := newBed(t)
	b.Units = []string{b.root + "/units", b.root + "/none"}
	b.program("usr/bin/app")
	b.write("sys/applications/a.desktop", entry+"Exec=app\n")
	for exec, told := range map[string]bool{
		"ExecStart=-/usr/bin/app --daemon %i":                       true,
		"ExecStart=/bin/true\nExecStart=" + b.root + "/usr/bin/app": true,
		"ExecStart=/bin/sh -c \\\n  'exec app'":                     true,
		"ExecStart=:app":                                            true,
		"ExecStop=/usr/bin/app --quit":                              false,
		"ExecStart=/usr/bin/other app.conf":                         false,
	} {
		unit := b.write("units/default.target.wants/app.service", "[Unit]\nDescription=app\n[Service]\n"+exec+"\n")
		b.write("units/disabled.service", "[Service]\nExecStart=app\n")
		fresh := *b.Folders
		_, warnings, err := fresh.Wrap("a.desktop", app)
		if err != nil {
			t.Fatal(err)
		}
		if want := "it may also be started by " + unit + ", and that stays as it is"; slices.Contains(warnings, want) != told || len(warnings) > 1 {
			t.Errorf("%s: %q", exec, warnings)
		}
	}
}

// TestElsewhere: launchers that no copy can stand before are told of, but not those that are snug's or hidden.
func TestElsewhere(t *testing.T) {
	b := newBed(t)
	b.Icons = b.root + "/icons"
	b.program("usr/bin/app")
	b.write("data/applications/a.desktop", entry+"Exec=app\n")
	want := []string{}
	for _, name := range []string{"icons/a.desktop", "config/xfce4/panel/launcher-7/17.desktop", "sys/gnome/autostart/x.desktop", "sys/mate/autostart/y.desktop"} {
		want = append(want, "it may also be started by "+b.write(name, entry+"Exec=app %U\n")+", and that stays as it is")
	}
	b.write("icons/other.desktop", entry+"Exec=other\n")
	b.write("icons/hidden.desktop", entry+"Exec=app\nHidden=true\n")
	b.write("icons/app", entry+"Exec=app\n")
	b.link("../data/applications/a.desktop", "icons/link.desktop") // leads to ours
	b.write("sys/gnome/autostart/masked.desktop", entry+"Exec=app\n")
	b.write("config/autostart/masked.desktop", entry+"Exec=other\n")
	for range 2 {
		changes, warnings, err := b.Wrap("a.desktop", app)
		if err == nil {
			err = b.Apply(changes)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, warnings); diff != "" {
			t.Error(diff)
		}
	}
}
