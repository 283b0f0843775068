package portal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/cmd/internal/portal"
	fake "snug/tests/portal"
)

// at is the desktop of a fake portal.
func at(p *fake.Portal) portal.Desktop { return portal.Desktop{Address: p.Address} }

// want compares what the portal was asked for.
func want(t *testing.T, p *fake.Portal, calls ...fake.Call) {
	t.Helper()
	if diff := cmp.Diff(calls, p.Calls()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type values map[string]any

func TestOpenURI(t *testing.T) {
	p := fake.Start(t)
	d := at(p)
	if err := d.OpenURI(t.Context(), "https://example.org/ä?b#c"); err != nil {
		t.Error(err)
	}
	want(t, p, fake.Call{Method: "OpenURI.OpenURI", URI: "https://example.org/ä?b#c", Options: values{}})
	d.ActivationToken = "tok"
	if err := d.OpenURI(t.Context(), "x:y"); err != nil {
		t.Error(err)
	}
	want(t, p, fake.Call{Method: "OpenURI.OpenURI", URI: "x:y", Options: values{"activation_token": "tok"}})
	if err := d.OpenURI(t.Context(), "x:\xff"); err == nil {
		t.Error("want an error for bytes that D-Bus cannot carry, got none")
	}
	want(t, p)
}

func TestOpenFile(t *testing.T) {
	p := fake.Start(t)
	dir := t.TempDir()
	write, read := filepath.Join(dir, "write"), filepath.Join(dir, "read")
	for path, mode := range map[string]os.FileMode{write: 0o600, read: 0o400} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 { // who may write anywhere: not into a running program
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		read = self
	}
	for path, how := range map[string]string{write: " rw", read: " r", dir: " r"} {
		if err := at(p).OpenFile(t.Context(), path); err != nil {
			t.Error(err)
		}
		want(t, p, fake.Call{Method: "OpenURI.OpenFile", File: path + how, Options: values{"writable": how == " rw"}})
	}
	for _, path := range []string{filepath.Join(dir, "nothing"), os.DevNull} {
		if err := at(p).OpenFile(t.Context(), path); err == nil {
			t.Errorf("%s: want an error, got none", path)
		}
	}
	want(t, p)
}

func TestComposeEmail(t *testing.T) {
	p := fake.Start(t)
	file := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	many := portal.Mail{To: []string{"a@x", "b@x"}, Cc: []string{"c@x"}, Bcc: []string{"d@x"}, Subject: "s", Body: "b"}
	attached := many
	attached.Attachments = []string{file}
	for _, c := range []struct {
		name    string
		version uint32
		mail    portal.Mail
		call    fake.Call
	}{
		{"nothing", 0, portal.Mail{}, fake.Call{Method: "Email.ComposeEmail", Options: values{}}},
		{"one recipient", 1, portal.Mail{To: []string{"a@x"}, Attachments: []string{file, file}},
			fake.Call{Method: "Email.ComposeEmail", Files: []string{file + " r", file + " r"}, Options: values{"address": "a@x"}}},
		{"many", 3, attached, fake.Call{Method: "Email.ComposeEmail", Files: []string{file + " r"},
			Options: values{"addresses": many.To, "cc": many.Cc, "bcc": many.Bcc, "subject": "s", "body": "b"}}},
		{"many, for an old portal", 2, many, fake.Call{Method: "OpenURI.OpenURI", URI: "mailto:a@x,b@x?cc=c@x&bcc=d@x&subject=s&body=b", Options: values{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Behave(fake.Manner{Version: c.version})
			if err := at(p).ComposeEmail(t.Context(), c.mail); err != nil {
				t.Error(err)
			}
			want(t, p, c.call)
		})
	}
	p.Behave(fake.Manner{Version: 2})
	refused(t, at(p).ComposeEmail(t.Context(), attached), portal.Refused)
	p.Behave(fake.Manner{Refuse: "org.freedesktop.DBus.Error.InvalidArgs"})
	refused(t, at(p).ComposeEmail(t.Context(), many), portal.NoBackend)
	for _, m := range []portal.Mail{{To: []string{"x"}}, {Subject: "a\nb"}, {Attachments: []string{"/nowhere"}}, {Attachments: []string{"/"}}, {Body: "\x00"}} {
		if err := at(p).ComposeEmail(t.Context(), m); err == nil {
			t.Errorf("%+v: want an error, got none", m)
		}
	}
	want(t, p)
}

func refused(t *testing.T, err error, reason portal.Reason) {
	t.Helper()
	var e *portal.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Errorf("want reason %d, got %+v", reason, err)
	}
}

// What portals do, and what becomes of a request.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		manner fake.Manner
		reason portal.Reason
	}{
		{"an old portal's handle", fake.Manner{OwnHandle: true}, 0},
		{"an old portal's handle, cancelled", fake.Manner{OwnHandle: true, Code: 1}, portal.Cancelled},
		{"cancelled", fake.Manner{Code: 1}, portal.Cancelled},
		{"ended", fake.Manner{Code: 2}, portal.Ended},
		{"no code that there is", fake.Manner{Code: 99}, portal.Ended},
		{"wrong arguments", fake.Manner{Refuse: "org.freedesktop.portal.Error.InvalidArgument"}, portal.Refused},
		{"denied", fake.Manner{Refuse: "org.freedesktop.DBus.Error.AccessDenied"}, portal.Denied},
		{"no such portal", fake.Manner{Refuse: "org.freedesktop.DBus.Error.UnknownMethod"}, portal.NoBackend},
		{"dies before it returns", fake.Manner{Dies: -1}, portal.Gone},
		{"dies while one waits", fake.Manner{Dies: 100 * time.Millisecond}, portal.Gone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := fake.Start(t)
			p.Behave(c.manner)
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			err := at(p).OpenURI(ctx, "x:y")
			if c.reason == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, c.reason)
		})
	}
}

func TestTimeIsOver(t *testing.T) {
	p := fake.Start(t)
	p.Behave(fake.Manner{Silent: true})
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	refused(t, at(p).OpenURI(ctx, "x:y"), portal.Late)
	want(t, p, fake.Call{Method: "OpenURI.OpenURI", URI: "x:y", Options: values{}})
}

func TestNobodyThere(t *testing.T) {
	refused(t, portal.Desktop{}.OpenURI(t.Context(), "x:y"), portal.NoBus)
	refused(t, portal.Desktop{Address: "unix:path=/nowhere"}.OpenURI(t.Context(), "x:y"), portal.NoBus)
	refused(t, portal.Desktop{Address: fake.Bus(t)}.OpenURI(t.Context(), "x:y"), portal.NoPortal)
}

// A bus that takes the connection and says nothing must not hold us beyond the time either.
func TestMuteBus(t *testing.T) {
	l := listen(t)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	refused(t, portal.Desktop{Address: "unix:path=" + l}.OpenURI(ctx, "x:y"), portal.Late)
}
