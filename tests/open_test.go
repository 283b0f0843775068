package tests

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
	"snug/tests/need"
	"snug/tests/portal"
)

// snug-open as it lies in sandboxes: built, under its three names, behind a filter of the bus, and
// before the portal that desktops have.

// names makes a folder with snug-open under its three names, as a sandbox has it.
func names(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := bed.Built(t, "snug-open")
	for _, name := range []string{"xdg-open", "xdg-email", "gio"} {
		if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runAs runs a program with a few variables, and gives its exit status and what it printed.
func runAs(t *testing.T, variables []string, words ...string) (int, string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // snug-open itself waits for a person
	defer stop()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = variables
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// The gio that ours hides has what ours cannot do. Two of ours that hide each other come to an end.
func TestOpenNextGio(t *testing.T) {
	bin, other, empty := names(t), t.TempDir(), t.TempDir()
	bed.Write(t, filepath.Join(other, "gio"), "#!/bin/sh\necho other \"$@\"\nexit 7\n")
	copied := t.TempDir()
	bed.Write(t, filepath.Join(copied, "gio"), bed.Read(t, filepath.Join(bin, "gio")))
	if err := os.Chmod(filepath.Join(copied, "gio"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   []string
		words  string
		status int
		says   string
	}{
		{[]string{bin, empty, other}, "mime text/plain", 7, "other mime text/plain\n"},
		{[]string{bin, bin, other}, "--version", 7, "other --version\n"},
		{[]string{other, bin}, "mime text/plain", 2, "gio: \"mime\": this gio knows \"open\" alone: there is no other in PATH\nhint: "},
		{[]string{bin, copied, other}, "", 7, "other\n"},
		{[]string{bin, copied}, "help", 2, "no other in PATH"},
		{[]string{copied, bin, copied, bin}, "help", 2, "no other in PATH"},
	} {
		variables := []string{"PATH=" + strings.Join(c.path, ":")}
		status, out := runAs(t, variables, append([]string{filepath.Join(bin, "gio")}, strings.Fields(c.words)...)...)
		if status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("PATH=%q gio %s: want status %d and %q, got %d\n%s", c.path, c.words, c.status, c.says, status, out)
		}
	}
}

// Behind a filter the rules for one portal are enough, and what is missing is said.
func TestOpenThroughFilter(t *testing.T) {
	bin, p := names(t), portal.Start(t)
	for _, c := range []struct {
		name   string
		rules  []string
		status int
		says   string
	}{
		{"granted", []string{"--call=" + portal.Name + "=org.freedesktop.portal.OpenURI.*@/org/freedesktop/portal/desktop",
			"--broadcast=" + portal.Name + "=org.freedesktop.portal.Request.Response@/org/freedesktop/portal/desktop/request/*"}, 0, ""},
		{"another portal", []string{"--call=" + portal.Name + "=org.freedesktop.portal.Email.*"}, 3, "does not allow this call\nhint: portals.allow = [\"OpenURI\"]"},
		{"none", nil, 3, "hint: portals.allow = [\"OpenURI\"] in the manifest grants this portal; if it is there, install"},
	} {
		t.Run(c.name, func(t *testing.T) {
			variables := []string{"DBUS_SESSION_BUS_ADDRESS=" + filtered(t, p.Address, c.rules)}
			status, out := runAs(t, variables, filepath.Join(bin, "xdg-open"), bin)
			if status != c.status || !strings.Contains(out, c.says) || (out == "") != (c.status == 0) {
				t.Errorf("want status %d and %q, got %d\n%s", c.status, c.says, status, out)
			}
			if asked := len(p.Calls()); (asked == 1) != (c.status == 0) {
				t.Errorf("the portal was asked %d times", asked)
			}
		})
	}
}

// filtered gives the address of a filter before a bus.
func filtered(t *testing.T, address string, rules []string) string {
	t.Helper()
	b := bed.New(t)
	b.Start(append([]string{bed.Built(t, "snug-dbus-proxy"), address, b.Socket(), "--filter"}, rules...)...)
	b.Poll("the filter listens", func() bool { return bed.Exists(b.Socket()) })
	return "unix:path=" + b.Socket()
}

// The portal that desktops have starts an app that writes down what it is to open.
func TestOpenRealPortal(t *testing.T) {
	bin, d := names(t), portals(t)
	file, caught := filepath.Join(d.Home, "ä b.txt"), filepath.Join(d.Home, "caught")
	bed.Write(t, file, "text")
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"xdg-open", "https://example.org/a?b=c#d"}, "https://example.org/a?b=c#d"},
		{[]string{"xdg-open", "https://example.org/ä b"}, "https://example.org/ä b"},
		{[]string{"xdg-open", file}, file},
		{[]string{"xdg-open", "file://" + d.Home + "/%C3%A4%20b.txt"}, file},
		{[]string{"gio", "open", d.Home}, d.Home},
		{[]string{"xdg-email", "--subject", "a b", "--cc", "c@x.org", "--attach", file, "a@x.org", "b@x.org"},
			"mailto:a@x.org,b@x.org?cc=c@x.org&subject=a%20b&body=&attachment=" + file},
	} {
		status, out := runAs(t, d.Env, append([]string{filepath.Join(bin, c.words[0])}, c.words[1:]...)...)
		if status != 0 {
			t.Errorf("%q: want status 0, got %d\n%s", c.words, status, out)
			continue
		}
		d.Poll("an app was started", func() bool { return strings.HasSuffix(bed.Read(t, caught), "\n") })
		if diff := cmp.Diff(c.want+"\n", bed.Read(t, caught)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", c.words, diff)
		}
		os.Remove(caught)
	}
	status, out := runAs(t, d.Env, filepath.Join(bin, "xdg-email"), "--subject", strings.Repeat("a", 201))
	if status != 4 || !strings.Contains(out, "extremely long") {
		t.Errorf("want status 4 and the portal's words, got %d\n%s", status, out)
	}
}

// portals is a session with xdg-desktop-portal, its backend, and one app for all that there is.
func portals(t *testing.T) *desktop {
	need.Time(t)
	d := xvfb(t)
	d.Bus()
	apps, config := filepath.Join(d.Home, ".local/share/applications"), filepath.Join(d.Home, ".config")
	kinds := []string{"x-scheme-handler/https", "x-scheme-handler/mailto", "text/plain", "inode/directory"}
	list := strings.Join(kinds, "=catch.desktop\n") + "=catch.desktop\n"
	bed.Write(t, filepath.Join(config, "mimeapps.list"), "[Default Applications]\n"+list)
	bed.Write(t, filepath.Join(apps, "mimeinfo.cache"), "[MIME Cache]\n"+list) // an only choice needs no dialog
	bed.Write(t, filepath.Join(apps, "catch.desktop"), `[Desktop Entry]
Type=Application
Name=Catch
Exec=sh -c 'echo "$1" > ~/new && mv ~/new ~/caught' sh %u
MimeType=`+strings.Join(kinds, ";")+`;
`)
	// Of the machine's data all but its apps: with more than one for a type the portal would ask.
	data := filepath.Join(d.Home, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mime", "glib-2.0", "icons", "themes", "fonts"} {
		os.Symlink("/usr/share/"+name, filepath.Join(data, name))
	}
	d.Env = append(d.Env, "XDG_DATA_DIRS="+data, "XDG_CURRENT_DESKTOP=GNOME", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1")
	for _, one := range []struct{ program, name string }{
		{"xdg-permission-store", "org.freedesktop.impl.portal.PermissionStore"},
		{"xdg-desktop-portal-gtk", "org.freedesktop.impl.portal.desktop.gtk"},
		{"xdg-desktop-portal", portal.Name},
	} {
		d.Start(one.program)
		d.Owned(one.name)
	}
	return d
}
