package wrap_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"snug/manifests/desktop"
	"snug/manifests/wrap"
)

// login makes the session start the app, or not any more, and returns how many files changed.
func (b *bed) login(on bool, words ...string) (int, error) {
	b.Helper()
	changes, err := b.NotAtLogin(app)
	if on {
		changes, err = b.AtLogin(app, "The\nApp", `i\con`, words)
	}
	if err == nil {
		err = b.Apply(changes)
	}
	return len(changes), err
}

func TestAtLogin(t *testing.T) {
	b := newBed(t)
	b.Snug = "/opt/my tools/snug"
	before := b.tree()
	for _, words := range [][]string{nil, {"--hidden", "/home/ann/.ssh/id", "100%U", "$(x)"}} {
		for i, changed := range []int{1, 0} {
			if n, err := b.login(true, words...); n != changed || err != nil {
				t.Fatalf("asked %d times: %d changes, %v", i+1, n, err)
			}
		}
		file, err := desktop.Read(b.root + "/config/autostart/org.example.App.desktop")
		if err != nil {
			t.Fatal(err)
		}
		value, _ := file.Get(desktop.Entry, "Exec")
		exec, err := desktop.ParseExec(value)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := exec.Expand(desktop.Fields{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Join(append([]string{b.Snug, "run", "--autostart", "--files-arguments=off", app.ID}, words...), "|")
		if got := strings.Join(commands[0].Argv, "|"); got != want {
			t.Errorf("starts %s, want %s", got, want)
		}
		title, _ := file.Get(desktop.Entry, "Name")
		icon, _ := file.Get(desktop.Entry, "Icon")
		if title != "The\nApp" || icon != `i\con` || len(file.Groups()) != 1 {
			t.Errorf("its name is %q, its icon %q", title, icon)
		}
	}
	if w := b.Written(); len(w) != 1 || w[0].App != app.ID || w[0].Edited || w[0].Stale {
		t.Errorf("written: %+v", w)
	}
	if _, err := b.login(true, "a\nExec=sh"); !isRefusal(err) {
		t.Errorf("a line of its own: %v", err)
	}
	for i, changed := range []int{1, 0} {
		if n, err := b.login(false); n != changed || err != nil {
			t.Errorf("off for the %d. time: %d changes, %v", i+1, n, err)
		}
	}
	os.Remove(b.root + "/config/autostart")
	os.Remove(b.root + "/config")
	os.Remove(b.root + "/data")
	if after := b.tree(); after != before {
		t.Errorf("left behind: %s", after)
	}
}

// What AtLogin did not write, or not so, stays.
func TestAtLoginRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a person's own": entry + "Exec=mine\n",
		"an edited one":  "",
	} {
		b := newBed(t)
		if text == "" {
			b.login(true)
			text = b.read("config/autostart/org.example.App.desktop") + "Terminal=true\n"
		}
		b.write("config/autostart/org.example.App.desktop", text)
		for _, on := range []bool{true, false} {
			if _, err := b.login(on); !isRefusal(err) || b.read("config/autostart/org.example.App.desktop") != text {
				t.Errorf("%s, %v: %v", name, on, err)
			}
		}
	}
	b := newBed(t)
	b.write("usr/bin/app", "")
	b.write("sys/applications/org.example.App.desktop", entry+"Exec=app\n")
	b.write("xdg/autostart/org.example.App.desktop", entry+"Exec=app --hidden\n")
	b.wrap("org.example.App.desktop")
	wrapped := b.read("config/autostart/org.example.App.desktop")
	if n, err := b.login(true); n != 0 || err != nil || !strings.Contains(wrapped, "--launcher") {
		t.Errorf("wrapped already: %d changes, %v", n, err)
	}
	if _, err := b.login(false); !isRefusal(err) || b.read("config/autostart/org.example.App.desktop") != wrapped {
		t.Errorf("a wrapped one: %v", err)
	}
}

func isRefusal(err error) bool {
	var r *wrap.Refusal
	return errors.As(err, &r)
}

// TestSharedLogin: several launchers of a program, of one app or of two, and one entry that starts it at login.
func TestSharedLogin(t *testing.T) {
	other := wrap.App{ID: "org.example.Other", Word: "org.example.Other"}
	for _, tt := range []struct {
		name   string
		second wrap.App
		entry  string
		want   string // the app that it starts
	}{
		{"one app", app, "agent.desktop", app.ID},
		{"one app, by its own name", app, "b.desktop", app.ID},
		{"who comes first", other, "agent.desktop", app.ID},
		{"the first one's own name", other, "a.desktop", app.ID},
		{"the second one's own name", other, "b.desktop", other.ID},
	} {
		b := newBed(t)
		b.program("usr/bin/app")
		b.write("sys/applications/a.desktop", entry+"Exec=app\n")
		b.write("sys/applications/b.desktop", entry+"Exec=app --b\n")
		b.write("xdg/autostart/"+tt.entry, entry+"Exec=app --agent\n")
		for _, want := range []int{3, 0} {
			first, _, err := b.Wrap("a.desktop", app)
			if err != nil {
				t.Fatal(err)
			}
			second, _, err := b.Wrap("b.desktop", tt.second)
			if err != nil {
				t.Fatal(err)
			}
			changes := wrap.Join(first, second)
			if err := b.Apply(changes); err != nil || len(changes) != want {
				t.Errorf("%s: %d changes, want %d: %v", tt.name, len(changes), want, err)
			}
			if text := b.read("config/autostart/" + tt.entry); !strings.Contains(text, "--launcher @@ "+tt.want+" app --agent @@") {
				t.Errorf("%s: %s", tt.name, text)
			}
		}
		for _, name := range []string{"a.desktop", "b.desktop"} {
			if got := b.read("data/applications/" + name); !strings.Contains(got, " run --launcher @@ ") {
				t.Errorf("%s: %s: %s", tt.name, name, got)
			}
		}
	}
}
