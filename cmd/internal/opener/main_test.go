package opener_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/cmd/internal/opener"
	fake "snug/tests/portal"
)

// call runs a command line, and gives its exit status and what it printed to both.
func call(words ...string) (status int, out, errs string) {
	var o, e strings.Builder
	status = opener.Main(words, "1.2", &o, &e)
	return status, o.String(), e.String()
}

func nowhere(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_ACTIVATION_TOKEN", "")
}

// What needs no portal: the exit status, and part of what is printed.
func TestLines(t *testing.T) {
	nowhere(t)
	for _, c := range []struct {
		line   string
		status int
		says   string
	}{
		{"xdg-open --help", 0, "usage: xdg-open {FILE | URI}"},
		{"/run/snug/bin/xdg-open --manual", 0, "usage: xdg-open"},
		{"xdg-open --version", 0, "xdg-open 1.1.3 (snug 1.2)\n"},
		{"snug-open xdg-open --version", 0, "xdg-open 1.1.3"},
		{"snug-open --version", 0, "snug-open 1.2\n"},
		{"snug-open --help", 0, "usage: snug-open"},
		{"xdg-email --version", 0, "xdg-email 1.1.3"},
		{"xdg-email a@x --help", 0, "usage: xdg-email"},
		{"gio open --help", 0, "usage: gio open"},

		{"snug-open", 1, "name one of xdg-open"},
		{"snug-open ls", 1, `there is no program "ls"`},
		{"xdg-open", 1, "xdg-open: want one file or URI, got none\nhint: xdg-open --help shows the command line\n"},
		{"xdg-open a b", 1, "got 2"},
		{"xdg-open --new x", 1, `unexpected option "--new"`},
		{"xdg-open file://elsewhere/x", 1, "another machine"},
		{"xdg-email --cc", 1, "option --cc wants a value"},
		{"xdg-email --what x", 1, `unexpected option "--what"`},
		{"xdg-email root", 1, `"root" is not an address`},
		{"xdg-email mailto:a@x?subject=%0A", 1, "the subject has a line break"},
		{"xdg-email --attach https://x", 1, "wants a file"},
		{"gio open", 1, "no locations given"},
		{"gio open --wrong", 1, "unexpected option"},

		{"xdg-open /nowhere", 2, "xdg-open: open \"/nowhere\": no such file or directory\nhint: the sandbox sees granted files only"},
		{"xdg-open -- --new", 2, "no such file"},
		{"xdg-email --attach /nowhere a@x", 2, `attach "/nowhere": no such file or directory`},
		{"gio open /nowhere", 2, "no such file"},

		{"xdg-open x:y", 3, "DBUS_SESSION_BUS_ADDRESS is not set\nhint: portals.allow = [\"OpenURI\"] in the manifest gives the sandbox a bus"},
		{"xdg-email a@x", 3, "hint: portals.allow = [\"Email\"]"},
		{"gio open x:y", 2, "hint: portals.allow"},
		{"xdg-open /dev/null", 4, "neither a file nor a folder"},
	} {
		t.Run(c.line, func(t *testing.T) {
			status, out, errs := call(strings.Fields(c.line)...)
			if status != c.status || !strings.Contains(out+errs, c.says) || (out == "") != (status != 0) {
				t.Errorf("want status %d and %q, got %d\n%s%s", c.status, c.says, status, out, errs)
			}
			if strings.Count(errs, "\n") > 2 {
				t.Errorf("want a line and a hint, got\n%s", errs)
			}
		})
	}
}

func TestHelpFits(t *testing.T) {
	for _, words := range [][]string{{"xdg-open", "--help"}, {"xdg-email", "--help"}, {"gio", "open", "-h"}, {"snug-open", "--help"}} {
		_, out, _ := call(words...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for _, l := range lines {
			if len(l) > 80 || len(lines) > 24 {
				t.Errorf("%s: want 24 lines of 80 columns: %q", words, l)
			}
		}
		if !strings.HasPrefix(lines[len(lines)-1], "Example: ") {
			t.Errorf("%s: want an example at the end", words)
		}
	}
}

// What an app asks for, and what arrives.
func TestRequests(t *testing.T) {
	p := fake.Start(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", p.Address)
	t.Setenv("XDG_ACTIVATION_TOKEN", "tok")
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "a b")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	type o = map[string]any
	opened := fake.Call{Method: "OpenURI.OpenFile", File: file + " rw", Options: o{"activation_token": "tok", "writable": true}}
	site := fake.Call{Method: "OpenURI.OpenURI", URI: "https://x", Options: o{"activation_token": "tok"}}
	for _, c := range []struct {
		words []string
		calls []fake.Call
	}{
		{[]string{"xdg-open", "https://x"}, []fake.Call{site}},
		{[]string{"xdg-open", "a b"}, []fake.Call{opened}},
		{[]string{"xdg-open", "--", "a b"}, []fake.Call{opened}},
		{[]string{"xdg-open", "file://" + dir + "/a%20b"}, []fake.Call{opened}},
		{[]string{"snug-open", "gio", "open", "a b", "https://x"}, []fake.Call{opened, site}},
		{[]string{"xdg-email", "--utf8", "--cc", "c@x", "--cc", "D <d@x>", "--subject", "s", "--body", "b", "--attach", "a b", "a@x", "mailto:b@x?subject=t"},
			[]fake.Call{{Method: "Email.ComposeEmail", Files: []string{file + " r"}, Options: o{"activation_token": "tok",
				"addresses": []string{"a@x", "b@x"}, "cc": []string{"c@x", "d@x"}, "subject": "t", "body": "b"}}}},
	} {
		status, out, errs := call(c.words...)
		if status != 0 || out+errs != "" {
			t.Errorf("%q: want status 0 and silence, got %d\n%s%s", c.words, status, out, errs)
		}
		if diff := cmp.Diff(c.calls, p.Calls()); diff != "" {
			t.Errorf("%q: -want +got:\n%s", c.words, diff)
		}
	}
	if status, _, errs := call("gio", "open", "/nowhere", "https://x"); status != 2 || len(p.Calls()) != 1 {
		t.Errorf("want status 2, and the second one opened, got %d\n%s", status, errs)
	}
}

// What the portal says becomes the exit status.
func TestRefusals(t *testing.T) {
	p := fake.Start(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", p.Address)
	for _, c := range []struct {
		manner fake.Manner
		status int
		says   string
	}{
		{fake.Manner{Code: 1}, 4, "xdg-open: open \"x:y\": cancelled\n"},
		{fake.Manner{Code: 2}, 4, "the portal OpenURI gave up\nhint: "},
		{fake.Manner{Refuse: "org.freedesktop.DBus.Error.AccessDenied"}, 3, "hint: portals.allow = [\"OpenURI\"] in the manifest grants this portal\n"},
		{fake.Manner{Refuse: "org.freedesktop.DBus.Error.UnknownMethod"}, 3, "such as xdg-desktop-portal-gtk\n"},
		{fake.Manner{Refuse: "org.freedesktop.portal.Error.NotAllowed"}, 4, "the portal OpenURI: as told\n"},
		{fake.Manner{Dies: -1}, 4, "hint: the log of xdg-desktop-portal"},
	} {
		p.Behave(c.manner)
		if status, out, errs := call("xdg-open", "x:y"); status != c.status || !strings.HasSuffix(errs, c.says) && !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("want status %d and %q, got %d\n%s%s", c.status, c.says, status, out, errs)
		}
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", fake.Bus(t))
	if status, _, errs := call("xdg-open", "x:y"); status != 3 || !strings.Contains(errs, "install xdg-desktop-portal and a backend") {
		t.Errorf("want status 3, got %d\n%s", status, errs)
	}
}

// The bus is found where a login puts it.
func TestRuntimeFolder(t *testing.T) {
	p := fake.Start(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", filepath.Dir(strings.TrimPrefix(p.Address, "unix:path=")))
	if status, _, errs := call("xdg-open", "x:y"); status != 0 {
		t.Errorf("want status 0, got %d\n%s", status, errs)
	}
}
