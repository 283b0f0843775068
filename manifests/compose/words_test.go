package compose_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/sandbox"
)

func TestFindUserDir(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"below the home", `XDG_X_DIR="$HOME/Down"`, "/home/ann/Down"},
		{"the home", `XDG_X_DIR="$HOME/"`, "/home/ann"},
		{"the home, bare", `XDG_X_DIR="$HOME"`, "/home/ann"},
		{"absolute", `XDG_X_DIR="/data/x/"`, "/data/x"},
		{"dots", `XDG_X_DIR="$HOME/../bob"`, "/home/bob"},
		{"escaped", `XDG_X_DIR="$HOME/a \"b\" \$c"`, `/home/ann/a "b" $c`},
		{"spaces", "  XDG_X_DIR = \"$HOME/a\"  ", "/home/ann/a"},
		{"the last counts", "XDG_X_DIR=\"/a\"\nXDG_X_DIR=\"/b\"", "/b"},
		{"a comment", `# XDG_X_DIR="/a"`, ""},
		{"a longer name", `XDG_X_DIRECTORY="/a"`, ""},
		{"relative", `XDG_X_DIR="a"`, ""},
		{"another variable", `XDG_X_DIR="$HOMEX/a"`, ""},
		{"no quotes", `XDG_X_DIR=/a`, ""},
		{"half quoted", `XDG_X_DIR="/a`, ""},
		{"a command behind it", `XDG_X_DIR="/a"; rm -rf /`, ""},
		{"escape at the end", `XDG_X_DIR="/a\`, ""},
		{"control characters", "XDG_X_DIR=\"/a\x1b[2J\"", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := compose.FindUserDir(tt.text, "XDG_X_DIR", "/home/ann"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzFindUserDir(f *testing.F) {
	f.Add(`XDG_X_DIR="$HOME/a \"b\""`)
	f.Fuzz(func(t *testing.T, text string) {
		got := compose.FindUserDir(text, "XDG_X_DIR", "/home/ann")
		if got != "" && (got[0] != '/' || strings.Contains(got+"/", "/../") || strings.Contains(got, "//") || strings.ContainsAny(got, "\x00\n\x1b")) {
			t.Fatalf("%q gave %q", text, got)
		}
	})
}

func TestFileOfURI(t *testing.T) {
	tests := []struct {
		word, want string
		ok         bool
	}{
		{"file:///home/ann/a%20b.txt", "/home/ann/a b.txt", true},
		{"file://localhost/a", "/a", true},
		{"file:///%C3%A4", "/ä", true},
		{"file://host/a", "", false},
		{"file:///a%2Fb", "", false},
		{"file:///a%00", "", false},
		{"file:///a%2", "", false},
		{"file:///a%zz", "", false},
		{"file:a", "", false},
		{"https://example.org/a", "", false},
		{"/a", "", false},
	}
	for _, tt := range tests {
		if got, ok := compose.FileOfURI(tt.word); got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %q %v, want %q %v", tt.word, got, ok, tt.want, tt.ok)
		}
	}
}

// TestEtcNames checks the order that hostEtc relies on, and that nothing secret or generated
// slipped into the list.
func TestEtcNames(t *testing.T) {
	if !slices.IsSorted(compose.EtcNames) {
		t.Error("not in the order of bytes")
	}
	for _, name := range []string{"passwd", "group", "shadow", "gshadow", "hosts", "hostname", "machine-id", "resolv.conf",
		"fstab", "sudoers", "ssh", "environment", "NetworkManager", "wireguard", "npmrc", "pip.conf"} {
		if slices.Contains(compose.EtcNames, name) {
			t.Errorf("%s is in the list", name)
		}
	}
}

// composed composes a manifest in a world, with the words of a command.
func composed(t *testing.T, w *compose.World, manifest string, words ...string) *compose.Sandbox {
	t.Helper()
	m, err := merge(t, manifests.Facts{}, nil, manifest)
	if err != nil {
		t.Fatal(err)
	}
	s, err := compose.Compose(m, w, compose.Command{Argv: append([]string{"app"}, words...), Fixed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestArguments(t *testing.T) {
	const tree = `
f /home/ann/doc/a.txt
f /home/ann/doc/sub/b.txt
f /home/ann/.ssh/config
f /home/ann/.bashrc
l /home/ann/doc/link ../secret
f /home/ann/secret
d /home/ann/pics
s /home/ann/doc/socket
s /run/docker.sock
f /home/ann/a b
f /srv/data/x
f /tmp/t.txt
f /tmp/d/t.txt
f /etc/fstab`
	tests := []struct {
		name, manifest string
		words, argv    string // as in argv, separated by "|"
		want           string // the grants, one a line
		warnings       int
	}{
		{"off", ``, "doc/a.txt", "doc/a.txt", "", 0},
		{"write", `files.arguments = "write"`, "doc/a.txt", "doc/a.txt", "bind writable /home/ann/doc/a.txt", 0},
		{"read", `files.arguments = "read"`, "/home/ann/doc/a.txt", "/home/ann/doc/a.txt", "bind /home/ann/doc/a.txt", 0},
		{"twice", `files.arguments = "read"`, "doc/a.txt|doc/a.txt", "doc/a.txt|doc/a.txt", "bind /home/ann/doc/a.txt", 0},
		{"nested", `files.arguments = "read"`, "doc/sub/b.txt|doc/a.txt", "doc/sub/b.txt|doc/a.txt", "bind /home/ann/doc/a.txt\nbind /home/ann/doc/sub/b.txt", 0},
		{"folder", `files.arguments = "write"`, "pics", "pics", "bind writable /home/ann/pics", 0},
		{"uri", `files.arguments = "read"`, "file:///home/ann/doc/a.txt", "file:///home/ann/doc/a.txt", "bind /home/ann/doc/a.txt", 0},
		{"option", `files.arguments = "write"`, "--out=/home/ann/doc/a.txt|-o", "--out=/home/ann/doc/a.txt|-o", "", 0},
		{"missing", `files.arguments = "write"`, "doc/none|https://x.org/", "doc/none|https://x.org/", "", 1},
		{"missing, to read", `files.arguments = "read"`, "doc/none", "doc/none", "", 0},
		{"missing, in no folder", `files.arguments = "write"`, "none/none.txt", "none/none.txt", "", 0},
		{"missing, by its name", `files.arguments = "write"`, "new.txt|/tmp/x.md|/home/ann/doc/x|~/x", "new.txt|/tmp/x.md|/home/ann/doc/x|~/x", "", 3},
		{"missing, elsewhere", `files.arguments = "write"`, "/srv/data/new.txt|/usr/new.txt", "/srv/data/new.txt|/usr/new.txt", "", 0},
		{"missing, in a granted folder", "files.write = [\"~/doc\"]\nfiles.arguments = \"write\"", "doc/new.txt", "doc/new.txt", "bind writable /home/ann/doc", 0},
		{"no file at all", `files.arguments = "write"`, "-e|sh|status|80x24|1.5|echo a.b >c.d|x=y.z|.|..|--title=a.b", "-e|sh|status|80x24|1.5|echo a.b >c.d|x=y.z|.|..|--title=a.b", "", 2},
		{"up", `files.arguments = "read"`, "../ann/doc/a.txt", "/home/ann/doc/a.txt", "bind /home/ann/doc/a.txt", 0},
		{"socket", `files.arguments = "read"`, "doc/socket", "doc/socket", "", 0},
		{"engine", `files.arguments = "write"`, "/run", "/run", "", 1},
		{"root", `files.arguments = "write"`, "/", "/", "", 1},
		{"home", `files.arguments = "write"`, ".", ".", "", 1},
		{"keys", `files.arguments = "read"`, ".ssh/config", ".ssh/config", "", 1},
		{"never writable", `files.arguments = "write"`, ".bashrc", "/run/snug/files/1/.bashrc", "bind /home/ann/.bashrc on /run/snug/files/1/.bashrc", 1},
		{"of the home", `files.arguments = "write"`, "secret", "/run/snug/files/1/secret", "bind writable /home/ann/secret on /run/snug/files/1/secret", 0},
		{"in a granted folder", "files.write = [\"~/doc\"]\nfiles.arguments = \"write\"", "doc/a.txt", "doc/a.txt", "bind writable /home/ann/doc", 0},
		{"in a folder to read", "files.read = [\"~/doc\"]\nfiles.arguments = \"write\"", "doc/a.txt", "/run/snug/files/1/a.txt", "bind /home/ann/doc\nbind writable /home/ann/doc/a.txt on /run/snug/files/1/a.txt", 0},
		{"planted", "files.write = [\"~/doc\"]\nfiles.arguments = \"read\"", "doc/link", "doc/link", "bind writable /home/ann/doc", 1},
		{"link", "files.arguments = \"read\"", "doc/link", "doc/link", "bind /home/ann/secret on /home/ann/doc/link", 0},
		{"elsewhere", "files.arguments = \"read\"", "/srv/data/x", "/srv/data/x", "bind /srv/data/x", 0},
		{"of /tmp", "files.arguments = \"read\"", "/tmp/t.txt|/tmp/d/t.txt", "/run/snug/files/1/t.txt|/tmp/d/t.txt", "bind /tmp/d/t.txt\nbind /tmp/t.txt on /run/snug/files/1/t.txt", 0},
		{"of /etc", "files.arguments = \"read\"", "/etc/fstab", "/etc/fstab", "bind /etc/fstab", 0},
		{"of every sandbox", "files.arguments = \"read\"", "/usr/bin/bash", "/usr/bin/bash", "", 0},
		{"control characters", "files.arguments = \"read\"", "doc/\x1b", "doc/\x1b", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := composed(t, fakeWorld(t, "", tree), tt.manifest, strings.Split(tt.words, "|")...)
			if got := strings.Join(s.Spec.Process.Argv[1:], "|"); got != tt.argv {
				t.Errorf("argv: got %q, want %q", got, tt.argv)
			}
			var grants []string
			for _, step := range s.Spec.Root {
				if text, origin := stepText(step); origin != ofEverySandbox && strings.HasPrefix(text, "bind") {
					grants = append(grants, text)
				}
			}
			if got := strings.Join(grants, "\n"); got != tt.want {
				t.Errorf("grants: got %s\nwant %s", got, tt.want)
			}
			if len(s.Warnings) != tt.warnings {
				t.Errorf("warnings: %v", s.Warnings)
			}
		})
	}
}

// TestMissing is what a person reads who names a file that does not exist.
func TestMissing(t *testing.T) {
	const what = `files.arguments = "WORD": there is no such file yet, so the app does not get it; what it can save by this name is gone when it ends`
	for word, hint := range map[string]string{
		"doc/new.txt":  `make it first: touch "doc/new.txt"; or grant its folder: --write "/home/ann/doc"`,
		"new.txt":      `make it first: touch "new.txt"`,
		".ssh/new.txt": `make it first: touch ".ssh/new.txt"`,
		"/tmp/new.txt": `make it first: touch "/tmp/new.txt"`,
	} {
		s := composed(t, fakeWorld(t, "", "d /home/ann/doc"), `files.arguments = "write"`, word)
		want := manifests.Problems{{Where: "argument 1", What: strings.ReplaceAll(what, "WORD", word), Hint: hint}}
		if diff := cmp.Diff(want, s.Warnings); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSockets is which sockets explain finds.
func TestSockets(t *testing.T) {
	w := fakeWorld(t, "", `
s /home/ann/doc/agent.sock
s /home/ann/doc/hidden.sock
s /home/ann/doc/sub/deep.sock
f /home/ann/doc/file
s /srv/www/fpm.sock
d /srv/empty
s /home/ann/.local/share/snug/home/org.example.App/own.sock`)
	s := composed(t, w, `
id = "org.example.App"
home.mode = "private"
files.write = ["~/doc"]
files.read = ["/srv/www", "/srv/empty", "/srv/www/fpm.sock"]
files.except = ["~/doc/hidden.sock"]`)
	var got []string
	for _, entry := range s.Sockets(w.Files) {
		got = append(got, entry.Group+": "+entry.Text+" "+string(entry.Origin))
	}
	want := []string{`other apps: connect to the socket "/home/ann/doc/agent.sock" a:4`, `other apps: connect to the socket "/srv/www/fpm.sock" a:5`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHome is which paths can be a home inside.
func TestHome(t *testing.T) {
	for home, want := range map[string]string{
		"/home/ann":     "",
		"/root":         "",
		"/var/lib/app":  "",
		"/tmp/x":        "",
		"":              "is no absolute path",
		"relative":      "is no absolute path",
		"/":             "is the root itself",
		"/home":         "is a part of the system",
		"/usr/sbin":     "is a part of the system",
		"/proc/self":    "is a part of the system",
		"/etc/x":        "is a part of the system",
		"/run/user":     "is a part of the system",
		"/var/tmp":      "is a part of the system",
		"/homer/../etc": "is a part of the system",
	} {
		w := fakeWorld(t, "", "")
		w.Home = home
		_, err := compose.Compose(new(manifests.Manifest), w, compose.Command{Argv: []string{"app"}})
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", home, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), "$HOME: HOME = "+strconv.Quote(home)+": "+want)):
			t.Errorf("%q: got %v, want %s", home, err, want)
		}
	}
}

// TestArgumentsFixed checks that the words of Exec are never files.
func TestArgumentsFixed(t *testing.T) {
	w := fakeWorld(t, "", "f /home/ann/doc/a\nf /home/ann/doc/b")
	m, err := merge(t, manifests.Facts{}, nil, `files.arguments = "write"`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := compose.Compose(m, w, compose.Command{Argv: []string{"app", "doc/a", "doc/b"}, Fixed: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range s.Spec.Root {
		if bind, ok := step.(*sandbox.Bind); ok && bind.Dest == "/home/ann/doc/a" {
			t.Error("a word of Exec was granted")
		}
	}
}

// TestArgumentsMarked checks that of a launcher's words only marked ones are files, also within a word.
func TestArgumentsMarked(t *testing.T) {
	w := fakeWorld(t, "", "f /home/ann/doc/a\nf /home/ann/doc/b\nf /tmp/c\nf /tmp/d")
	m, err := merge(t, manifests.Facts{}, nil, `files.arguments = "write"`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := compose.Compose(m, w, compose.Command{
		Argv: []string{"app", "/home/ann/doc/a", "--x=/home/ann/doc/b", "do '/tmp/c'; x", "/tmp/d"}, Fixed: 5,
		Files: []desktop.Place{{Word: 2, Before: "--x="}, {Word: 3, Before: "do '", After: "'; x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"app", "/home/ann/doc/a", "--x=/home/ann/doc/b", "do '/run/snug/files/1/c'; x", "/tmp/d"}
	if diff := cmp.Diff(want, s.Spec.Process.Argv); diff != "" {
		t.Error(diff)
	}
	var binds []string
	for _, step := range s.Spec.Root {
		if bind, ok := step.(*sandbox.Bind); ok && strings.HasPrefix(string(bind.Origin), "argument") {
			binds = append(binds, bind.Source+" "+string(bind.Origin))
		}
	}
	if diff := cmp.Diff([]string{"/home/ann/doc/b argument 1", "/tmp/c argument 2"}, binds); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironment(t *testing.T) {
	tests := []struct {
		name, world, manifest, want string
	}{
		{"secrets stay out", "env AWS_SECRET_ACCESS_KEY=x\nenv LD_PRELOAD=/x.so\nenv SSH_AUTH_SOCK=/x\nenv DBUS_SESSION_BUS_ADDRESS=unix:path=/x\nenv XDG_SEAT=seat0\nenv XDG_SESSION_TYPE=wayland\nenv PATH=/home/ann/bin", "", ""},
		{"language and looks", "env LC_ALL=C\nenv TZ=UTC\nenv TERM=foot\nenv GTK_IM_MODULE=ibus\nenv XMODIFIERS=@im=ibus\nenv XCURSOR_SIZE=32\nenv XCURSOR_THEME=x\nenv KDE_SESSION_VERSION=6", "", "LC_ALL=C TZ=UTC TERM=foot GTK_IM_MODULE=ibus XMODIFIERS=@im=ibus XCURSOR_SIZE=32 XCURSOR_THEME=x KDE_SESSION_VERSION=6"},
		{"who started it", "env XDG_ACTIVATION_TOKEN=t\nenv DESKTOP_STARTUP_ID=s", "", "XDG_ACTIVATION_TOKEN=t DESKTOP_STARTUP_ID=s"},
		{"passed and set", "env EDITOR=vi\nenv PAGER=less", "process.pass = [\"EDITOR\", \"NONE\"]\nprocess.env = { EMPTY = \"\", PAGER = \"cat\" }", "EDITOR=vi EMPTY= PAGER=cat"},
		{"the sandbox knows better", "env HOME=/x\nenv XDG_RUNTIME_DIR=/x", `process.pass = ["HOME", "XDG_RUNTIME_DIR"]`, ""},
		{"what is set wins", "", `process.env = { LANG = "C" }`, "LANG=C"},
		{"folders that are there", "env XDG_DATA_DIRS=/home/ann/x:/usr/share:/opt/y\nenv XDG_CONFIG_DIRS=/etc/xdg/x:/etc", "", "XDG_DATA_DIRS=/usr/share:/opt/y XDG_CONFIG_DIRS=/etc/xdg/x"},
		{"the home's own folders", "env XDG_CONFIG_HOME=/home/ann/.config", "", "XDG_CONFIG_HOME=/home/ann/.config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := composed(t, fakeWorld(t, tt.world, ""), tt.manifest)
			var got []string
			for _, variable := range s.Spec.Process.Env {
				if !strings.Contains(usual, "\n"+variable+"\n") {
					got = append(got, variable)
				}
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSplitEntry(t *testing.T) {
	for text, want := range map[string]struct {
		optional  bool
		base, rel string
	}{
		"/":               {false, "/", ""},
		"/a/b":            {false, "/", "a/b"},
		"~":               {false, "~", ""},
		"?~/.x":           {true, "~", ".x"},
		"xdg-download":    {false, "xdg-download", ""},
		"?xdg-config/a/b": {true, "xdg-config", "a/b"},
	} {
		if optional, base, rel := compose.SplitEntry(text); optional != want.optional || base != want.base || rel != want.rel {
			t.Errorf("%s: got %v %q %q, want %+v", text, optional, base, rel, want)
		}
	}
}
