package portals_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
)

// An app asks to be started at login, by its manifest alone, and what is written starts it in its
// sandbox. The portals are real; this one never reaches them.
func TestAutostart(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	const id = "org.example.Auto"
	ask := func(options string) string {
		d.manifest(id, `command = ["gdbus", "call", "--session", "-d", "`+desktop+`", "-o", "`+desktopPath+`", "-m", "org.freedesktop.portal.Background.RequestBackground", "", "`+options+`"]`+"\n",
			"[portals]\nallow = [\"Background\"]\n")
		return d.Outside("snug", "run", id)
	}
	launcher := filepath.Join(d.Home, ".config/autostart", id+".desktop")
	out := ask("{'autostart': <true>, 'commandline': <['gdbus', 'help', '100%U']>}")
	if !strings.Contains(out, "/request/") || !strings.Contains(out, "will be started at login") {
		t.Fatalf("asked: %s", out)
	}
	text := bed.Read(t, launcher)
	if !strings.Contains(text, " run --autostart ") || !strings.Contains(text, " "+id+" help 100%%U\n") {
		t.Errorf("the launcher is %s", text)
	}
	if out := d.Outside("desktop-file-validate", launcher); out != "" {
		t.Errorf("desktop-file-validate: %s", out)
	}
	// It starts the app, with those words, as the session would.
	d.manifest(id, "command = [\"echo\"]\n", "[portals]\nallow = [\"Background\"]\n")
	if out := d.Outside("gio", "launch", launcher); !strings.Contains(out, "help 100%U") {
		t.Errorf("launched: %s", out)
	}
	// When the manifest does not allow it any more it does not start.
	d.manifest(id, "command = [\"echo\"]\n", "")
	if out := d.Outside("gio", "launch", launcher); !strings.Contains(out, "not allowed to be started at login any more") {
		t.Errorf("launched without the grant: %s", out)
	}
	if out := ask("{'autostart': <false>}"); !strings.Contains(out, "will not be started at login any more") || bed.Exists(launcher) {
		t.Errorf("asked to be left out: %s", out)
	}
	// Another program, and what has no manifest, cannot ask.
	if out := ask("{'autostart': <true>, 'commandline': <['sh', '-c', 'id']>}"); !strings.Contains(out, "in vain") || bed.Exists(launcher) {
		t.Errorf("another program: %s", out)
	}
	if out := d.Outside(run(app+"Background", "true")...); !strings.Contains(out, "only an app with a manifest") {
		t.Errorf("a command: %s", out)
	}
}

// A program that lies alone says what is missing, and starts nothing.
func TestAlone(t *testing.T) {
	d := newDesk(t)
	alone := filepath.Join(t.TempDir(), "snug")
	text, err := os.ReadFile(bed.Built(t, "snug"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, text, 0o755); err != nil {
		t.Fatal(err)
	}
	out := d.Outside(alone, "run", "--bus-session-talk", "org.freedesktop.Notifications", "--", "echo", "ran")
	if !strings.HasSuffix(out, "(exit status 125)") || !strings.Contains(out, "snug-broker belongs into the folder of snug") || strings.Contains(out, "ran") {
		t.Errorf("without snug-broker: %s", out)
	}
	if out := d.Outside(alone, "run", "--", "echo", "ran"); out != "ran\n" {
		t.Errorf("control: what needs no broker: %s", out)
	}
}

// By a rule alone, without a portal of its own, an app with an id is a sandboxed one to portals: it
// does not see other programs' documents.
func TestRuleIsNoWayOut(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	const documents = "org.freedesktop.portal.Documents"
	list := gdbus(documents, "/org/freedesktop/portal/documents", documents+".List", "")
	if out := d.Outside(list...); !strings.HasPrefix(out, "({") && !strings.HasPrefix(out, "(@a") {
		t.Fatalf("control: outside %s", out)
	}
	flags := "--id org.example.App --bus-session-call org.freedesktop.portal.*=" + documents + ".* --bus-session-talk com.example.Talk"
	if out := d.inside(flags, list...); !strings.Contains(out, "Not allowed in sandbox") {
		t.Errorf("inside: %s", out)
	}
	for _, name := range []string{desktop, documents} {
		if out := d.Outside(run("--bus-session-talk "+name, "true")...); !strings.Contains(out, "is the name of all portals") {
			t.Errorf("talk to %s: %s", name, out)
		}
	}
}
