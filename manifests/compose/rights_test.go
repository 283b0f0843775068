package compose_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/tests/need"
)

// steps are the printed steps of a sandbox that begin with one of some words.
func steps(s *compose.Sandbox, begin ...string) string {
	var lines []string
	for _, step := range s.Spec.Root {
		text, _ := stepText(step)
		for _, word := range begin {
			if strings.HasPrefix(text, word) {
				lines = append(lines, text)
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestLimits(t *testing.T) {
	const nofile, core = unix.RLIMIT_NOFILE, unix.RLIMIT_CORE
	limit := func(resource int, soft, hard uint64) sandbox.Rlimit {
		return sandbox.Rlimit{Resource: resource, Soft: soft, Hard: hard}
	}
	tests := []struct {
		name, manifest string
		want           []sandbox.Rlimit
	}{
		{"default: the caller's files, no core", "", []sandbox.Rlimit{limit(nofile, 1024, 4096), limit(core, 0, 0)}},
		{"files", "limits.files = 2048", []sandbox.Rlimit{limit(nofile, 2048, 2048), limit(core, 0, 0)}},
		{"core", `limits.core = "2K"`, []sandbox.Rlimit{limit(nofile, 1024, 4096), limit(core, 2048, 2048)}},
		{"plain bytes", `limits.core = "77"`, []sandbox.Rlimit{limit(nofile, 1024, 4096), limit(core, 77, 77)}},
		{"gigabytes", `limits.core = "3G"`, []sandbox.Rlimit{limit(nofile, 1024, 4096), limit(core, 3<<30, 3<<30)}},
		{"the caller's core", `limits.core = "unlimited"`, []sandbox.Rlimit{limit(nofile, 1024, 4096)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := fakeWorld(t, "", "")
			w.Host.Caller = sandbox.Caller{Known: true, Files: sandbox.Rlimit{Soft: 1024, Hard: 4096}}
			got := composed(t, w, tt.manifest).Spec.Process.Rlimits
			if len(got) != len(tt.want) {
				t.Fatalf("got %v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("got %v, want %v", got[i], tt.want[i])
				}
			}
		})
	}
	t.Run("more than the session allows", func(t *testing.T) {
		w := fakeWorld(t, "", "")
		w.Host.Caller = sandbox.Caller{Known: true, Files: sandbox.Rlimit{Soft: 1024, Hard: 4096}}
		m, err := merge(t, manifests.Facts{}, nil, "limits.files = 4097")
		if err != nil {
			t.Fatal(err)
		}
		_, err = compose.Compose(m, w, compose.Command{Argv: []string{"app"}})
		const want = "a:1: limits.files = \"4097\": your session allows 4096\n  hint: ask for less, or raise the session's limit (man 5 limits.conf)"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestFilters(t *testing.T) {
	compile := func(path string) ([]byte, error) {
		if path != "/home/ann/f.json" {
			return nil, errors.New("no such profile")
		}
		return []byte("12345678"), nil
	}
	tests := []struct {
		name, manifest, want, refused string
		function                      func(string) ([]byte, error)
	}{
		{"default", "", "default", "", nil},
		{"off", "process.seccomp = \"off\"\naccept = [\"seccomp-off\"]", "", "", nil},
		{"of a file", "process.seccomp = \"~/f.json\"\naccept = [\"seccomp-off\"]", "/home/ann/f.json", "", compile},
		{"of a bad file", "process.seccomp = \"/g.json\"\naccept = [\"seccomp-off\"]", "", `a:1: process.seccomp = "/g.json": no such profile
  hint: a profile is linux.seccomp of the OCI runtime-spec, as a JSON file`, compile},
		{"without a compiler", "process.seccomp = \"/g.json\"\naccept = [\"seccomp-off\"]", "", `a:1: process.seccomp = "/g.json": this program cannot compile filters`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := fakeWorld(t, "", "")
			w.Seccomp = tt.function
			m, err := merge(t, manifests.Facts{}, nil, tt.manifest)
			if err != nil {
				t.Fatal(err)
			}
			s, err := compose.Compose(m, w, compose.Command{Argv: []string{"app"}})
			if tt.refused != "" {
				if err == nil || err.Error() != tt.refused {
					t.Errorf("got %v, want %s", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			names := ""
			for _, filter := range s.Spec.Process.Filters {
				names += filter.Name
			}
			if names != tt.want {
				t.Errorf("got %q, want %q", names, tt.want)
			}
		})
	}
	t.Run("each switch has its own filter", func(t *testing.T) {
		seen := map[string]string{}
		for _, manifest := range []string{"", "process.nested = true", "process.debug = true", "process.abi32 = true"} {
			code := string(composed(t, fakeWorld(t, "", ""), manifest).Spec.Process.Filters[0].Code)
			if other, dup := seen[code]; dup {
				t.Errorf("%q and %q have the same filter", manifest, other)
			}
			seen[code] = manifest
		}
	})
}

// TestAsRoot checks what root of the host would else have through the files that belong to it.
func TestAsRoot(t *testing.T) {
	s := composed(t, fakeWorld(t, "uid 0\nhome /root", "d /root\nd /proc/bus\nf /proc/sysrq-trigger"), "")
	const want = "bind /proc/bus\nbind /proc/sys\nmask /proc/kcore\nmask /proc/keys\nmask /proc/sysrq-trigger"
	if got := steps(s, "bind /proc", "mask /proc"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := steps(s, "mask /etc"); got != "mask /etc/ssl/private\nmask /etc/pki/tls/private" {
		t.Errorf("got %s", got)
	}
	m, err := merge(t, manifests.Facts{}, nil, "process.nested = true")
	if err != nil {
		t.Fatal(err)
	}
	_, err = compose.Compose(m, fakeWorld(t, "uid 0\nhome /root", "d /root"), compose.Command{Argv: []string{"app"}})
	if err == nil || !strings.Contains(err.Error(), "process.nested = true as root") {
		t.Errorf("got %v", err)
	}
}

func TestPasswd(t *testing.T) {
	tests := []struct{ name, world, user, want string }{
		{"a person", "", "ann", "root:x:0:0:root:/root:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"root", "uid 0", "root", "root:x:0:0::/home/ann:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"nobody", "uid 65534", "nobody", "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534::/home/ann:/bin/bash\n"},
		{"no name", "", "", "root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:1000:1000::/home/ann:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"a name that is a line", "", "a:x:0:0\nb", "root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:1000:1000::/home/ann:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := fakeWorld(t, tt.world, "")
			w.User = tt.user
			for _, step := range composed(t, w, "").Spec.Root {
				if data, ok := step.(*sandbox.Data); ok && data.Dest == "/etc/passwd" && string(data.Content) != tt.want {
					t.Errorf("got %q\nwant %q", data.Content, tt.want)
				}
			}
		})
	}
}

// TestMachineID checks that the id differs by app, not by start, and gives away nothing.
func TestMachineID(t *testing.T) {
	id := func(manifest string) string {
		for _, step := range composed(t, fakeWorld(t, "", ""), manifest).Spec.Root {
			if data, ok := step.(*sandbox.Data); ok && data.Dest == "/etc/machine-id" {
				return strings.TrimSpace(string(data.Content))
			}
		}
		return ""
	}
	a, b := id(`id = "a"`), id(`id = "b"`)
	if a == b || a != id(`id = "a"`) || len(a) != 32 || a == "0123456789abcdef0123456789abcdef" {
		t.Errorf("%s %s", a, b)
	}
}

func TestDisplays(t *testing.T) {
	const x11 = "display.x11 = \"raw\"\naccept = [\"x11-raw\"]"
	const tree = "s /tmp/.X11-unix/X0\ns /tmp/.X11-unix/X12\ns /w/wayland-9\ns /run/user/1000/pulse/native\ns /p"
	tests := []struct {
		name, world, manifest, env string
		warnings                   int
	}{
		{"number", "env DISPLAY=:0", x11, "XDG_SESSION_TYPE=x11 DISPLAY=:0", 0},
		{"screen", "env DISPLAY=:12.1", x11, "XDG_SESSION_TYPE=x11 DISPLAY=:12", 0},
		{"unix", "env DISPLAY=unix:0.0", x11, "XDG_SESSION_TYPE=x11 DISPLAY=:0", 0},
		{"none", "", x11, "", 1},
		{"words", "env DISPLAY=screen", x11, "", 1},
		{"a path", "env DISPLAY=:../../x", x11, "", 1},
		{"by TCP without a network", "env DISPLAY=localhost:10.0", x11, "", 2},
		{"by TCP", "env DISPLAY=localhost:10.0", "display.x11 = \"raw\"\nnetwork.mode = \"host\"\naccept = [\"x11-raw\", \"network-host\"]", "XDG_SESSION_TYPE=x11 DISPLAY=localhost:10.0", 0},
		{"wayland elsewhere", "env WAYLAND_DISPLAY=/w/wayland-9", "display.wayland = \"raw\"\naccept = [\"wayland-raw\"]", "XDG_SESSION_TYPE=wayland WAYLAND_DISPLAY=wayland-9", 0},
		{"wayland is no socket", "env WAYLAND_DISPLAY=/etc/hosts", "display.wayland = \"raw\"\naccept = [\"wayland-raw\"]", "", 1},
		{"pulse", "", "sound.raw = true\naccept = [\"sound-raw\"]", "PULSE_SERVER=unix:/run/user/1000/pulse/native", 0},
		{"pulse elsewhere", "env PULSE_SERVER={1234}unix:/p", "sound.raw = true\naccept = [\"sound-raw\"]", "PULSE_SERVER=unix:/run/user/1000/pulse/native", 0},
		{"pulse by TCP", "env PULSE_SERVER=tcp:host", "sound.raw = true\naccept = [\"sound-raw\"]", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := composed(t, fakeWorld(t, tt.world, tree), tt.manifest)
			var got []string
			for _, variable := range s.Spec.Process.Env {
				if !strings.Contains(usual, "\n"+variable+"\n") {
					got = append(got, variable)
				}
			}
			if got := strings.Join(got, " "); got != tt.env {
				t.Errorf("got  %s\nwant %s", got, tt.env)
			}
			if len(s.Warnings) != tt.warnings {
				t.Errorf("warnings: %v", s.Warnings)
			}
		})
	}
}

// TestScope is the pair of network and X server that Landlock decides: engine rule 25.
func TestScope(t *testing.T) {
	const host = "network.mode = \"host\"\n"
	tests := []struct {
		name, world, manifest string
		scoped                bool
	}{
		{"cut off", "", host + `accept = ["network-host"]`, true},
		{"not with the X server", "env DISPLAY=:0", host + "display.x11 = \"raw\"\naccept = [\"network-host\", \"x11-raw\"]", false},
		{"an X server that is gone", "env DISPLAY=:0\ndead /tmp/.X11-unix/X0", host + "display.x11 = \"raw\"\naccept = [\"network-host\", \"x11-raw\"]", true},
		{"no network", "", "", false},
		{"user network", "", `network.mode = "user"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := composed(t, fakeWorld(t, tt.world, "s /tmp/.X11-unix/X0"), tt.manifest)
			if got := s.Spec.Process.Landlock != nil; got != tt.scoped {
				t.Errorf("got %v, want %v", got, tt.scoped)
			}
		})
	}
}

// TestLiveScope connects to an abstract socket of the host, with the host's network.
func TestLiveScope(t *testing.T) {
	w := session(t)
	if w.Host.Landlock < 6 {
		need.Missingf(t, "wanted Landlock ABI 6, got %d", w.Host.Landlock)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const name = "snug-test-abstract"
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + name}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 9); err != nil {
		t.Fatal(err)
	}
	const connect = `/usr/bin/python3 -c 'import socket; s=socket.socket(socket.AF_UNIX)
try: s.connect("\0` + name + `"); print("connected")
except OSError as e: print(e.strerror)'`
	expect(t, sh(t, w, "network.mode = \"host\"\naccept = [\"network-host\"]", connect), "Operation not permitted\n")
	expect(t, sh(t, w, "", connect), "Connection refused\n")
	w.Host.Landlock = 0 // the control: the same without the scope
	m, err := manifests.Merge(nil, flags(t, "network=host"), manifests.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, start(t, w, m, compose.Command{Argv: []string{"sh", "-c", connect}}), "connected\n")
}

// TestSession reads this process's own session.
func TestSession(t *testing.T) {
	w := session(t)
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	t.Setenv("XDG_CONFIG_HOME", "relative")
	t.Setenv("XDG_DATA_HOME", "/data//x/../y/")
	w, err := compose.Session()
	if err != nil {
		t.Fatal(err)
	}
	if w.Umask != 0o027 || w.Config != w.Home+"/.config" || w.Data != "/data/y" || w.Host.UID != uint32(os.Geteuid()) || w.Cwd != w.Home {
		t.Errorf("%+v", w)
	}
	if again := unix.Umask(0o027); again != 0o027 {
		t.Errorf("the umask became %o", again)
	}
	entries, err := w.Files.ReadDir("/proc/self")
	if err != nil || len(entries) < 20 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	for _, entry := range entries {
		file, err := w.Files.Lstat("/proc/self/" + entry.Name)
		if err != nil || file.Mode&unix.S_IFMT != entry.Mode {
			t.Errorf("%s: %o, %o, %v", entry.Name, entry.Mode, file.Mode, err)
		}
	}
	if _, err := w.Files.ReadFile("/dev/zero", 100); err == nil {
		t.Error("read a device")
	}
}

// TestTreeSockets checks that what a read-only tree holds of ways out is covered.
func TestTreeSockets(t *testing.T) {
	const socket = "s /nix/var/nix/daemon-socket/socket"
	for _, manifest := range []string{"", `files.write = ["/nix/var"]`} {
		s := composed(t, fakeWorld(t, "", socket), manifest)
		if got := steps(s, "mask /nix"); !strings.Contains(got, "mask /nix/var/nix/daemon-socket") {
			t.Errorf("%q: got %q", manifest, got)
		}
	}
	if got := steps(composed(t, fakeWorld(t, "", ""), ""), "mask /nix"); got != "" {
		t.Errorf("without Nix: got %q", got)
	}
}
