package units_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/cmd/internal/units"
	"snug/tests/need"
)

const system = `# Written by snug unit, which writes it anew: changes belong into a drop-in (systemctl --user edit).
[Unit]
Description=system web in a sandbox

[Service]
Type=notify
Delegate=yes
TimeoutStartSec=300
TimeoutStopSec=100
ExecStart=/usr/bin/snug boot --name web /srv/web
KillMode=mixed
SyslogIdentifier=web
Restart=always

[Install]
WantedBy=default.target
`

const app = `# Written by snug unit, which writes it anew: changes belong into a drop-in (systemctl --user edit).
[Unit]
Description=app foot in a sandbox
PartOf=graphical-session.target
After=graphical-session.target

[Service]
Type=exec
SuccessExitStatus=143
ExecStart=/usr/bin/snug run foot
KillMode=mixed
SyslogIdentifier=foot
Restart=no

[Install]
WantedBy=graphical-session.target
`

func TestText(t *testing.T) {
	for _, tt := range []struct {
		unit units.Unit
		want string
	}{
		{units.Unit{Name: "web", What: "system", Command: strings.Fields("/usr/bin/snug boot --name web /srv/web"), Restart: "always", System: true}, system},
		{units.Unit{Name: "foot", What: "app", Command: strings.Fields("/usr/bin/snug run foot"), Window: true}, app},
	} {
		got, err := tt.unit.Text()
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%v, -want +got:\n%s", err, diff)
		}
	}
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"plain-1.2/3:4,5@6=+", "plain-1.2/3:4,5@6=+"},
		{"", `""`},
		{"a b", `"a b"`},
		{";", `";"`},
		{"100%u", `"100%%u"`},
		{"${HOME}", `"$${HOME}"`},
		{`"q" 'p' \n`, `"\"q\" 'p' \\n"`},
		{"line\nExecStartPost=/bin/evil", `"line\x0aExecStartPost=/bin/evil"`},
		{"\xff\t", `"\xff\x09"`},
		{"ü", `"ü"`},
	} {
		text, err := (&units.Unit{Name: "x", Command: []string{"/bin/true", tt.word}}).Text()
		if want := "\nExecStart=/bin/true " + tt.want + "\n"; err != nil || !strings.Contains(text, want) {
			t.Errorf("%q: want %q in %s, %v", tt.word, want, text, err)
		}
	}
	for _, command := range [][]string{{"/bin/a\nb"}, {"/bin/\xff"}, {"/bin/true", "a\x00b"}} {
		if text, err := (&units.Unit{Name: "x", Command: command}).Text(); err == nil {
			t.Errorf("%q: want an error, got %s", command, text)
		}
	}
}

// What is written is what systemd accepts, whatever the words are.
func TestVerify(t *testing.T) {
	analyze := need.Program(t, "systemd-analyze")
	for _, u := range []units.Unit{
		{Name: "sys", What: "system", Command: []string{"/bin/true", "a b", "100%u", "${HOME}", ";", `\q"'`, "\n", ""}, Restart: "on-failure", System: true},
		{Name: "app", What: "app", Command: []string{"/bin/true"}},
	} {
		path, err := u.Install(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(analyze, "--user", "verify", path)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			text, _ := os.ReadFile(path)
			t.Errorf("%v: %s\n%s", err, out, text)
		}
	}
}

func TestInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "systemd/user")
	u := &units.Unit{Name: "sys", What: "system", Command: []string{"/bin/true"}}
	path, err := u.Install(dir)
	if err != nil || filepath.Base(path) != "snug-sys.service" {
		t.Fatalf("got %q, %v", path, err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Install(dir); err != nil {
		t.Errorf("again: %v", err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("what is the same is written again: %v", err)
	}
	u.Restart = "always"
	if _, err := u.Install(dir); err != nil {
		t.Errorf("changed: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "Restart=always") {
		t.Errorf("changed: got %s, %v", text, err)
	}

	if err := os.WriteFile(path, []byte("[Service]\nExecStart=/bin/mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Install(dir); !errors.Is(err, units.ErrForeign) {
		t.Errorf("over a person's own file: want ErrForeign, got %v", err)
	}
	os.Remove(path)
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Install(dir); !errors.Is(err, units.ErrForeign) {
		t.Errorf("over a mask: want ErrForeign, got %v", err)
	}
	if left, err := filepath.Glob(dir + "/.snug-*"); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}
