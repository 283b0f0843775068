package systemdimg

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/caps"
	"snug/sandbox"
)

// Of all who can reach the socket only one process is heard, and a message that is too long is none.
func TestListener(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "notify"))
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		conn, err := net.Dial("unixgram", l.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say(strings.Repeat("x", maxNotice) + "\nREADY=1")
	say("STATUS=a b\nREADY=1\nREADY\n=\n")
	n, err := l.Next(os.Getpid(), time.Now().Add(5*time.Second))
	if err != nil || n != (Notice{Ready: false, Status: "a b"}) {
		t.Errorf("got %+v, %v", n, err)
	}
	say("READY=1")
	if n, err := l.Next(os.Getpid()+1, time.Now().Add(200*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("want another process not heard, got %+v, %v", n, err)
	}
	path := l.Path()
	l.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("want the socket gone, got %v", err)
	}
}

func TestShadow(t *testing.T) {
	passwd := filepath.Join(t.TempDir(), "passwd")
	os.WriteFile(passwd, []byte("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nann:x:0:0:::\nodd\n:x:0:0:::\n"), 0o600)
	if got, want := string(shadow(passwd)), "root::19000:0:99999:7:::\nann:*:19000:0:99999:7:::\n"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestWithoutIDs(t *testing.T) {
	got := withoutIDs("root:x:0:0:r:/root:/bin/sh\nann:x:1000:100::/:\nodd\n", []int{2, 3})
	if want := "root:x:0:0:r:/root:/bin/sh\nann:x:0:0::/:\nodd\n"; string(got) != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

// A layer's link leads no further than the layer.
func TestReadTop(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	os.WriteFile(secret, []byte("secret"), 0o600)
	for _, layer := range []string{"top", "low"} {
		os.MkdirAll(filepath.Join(dir, layer, "etc"), 0o755)
	}
	os.Symlink(secret, filepath.Join(dir, "top/etc/passwd"))
	os.WriteFile(filepath.Join(dir, "low/etc/passwd"), []byte("low"), 0o600)
	layers := []string{filepath.Join(dir, "top"), filepath.Join(dir, "low")}
	if got, ok := readTop(layers, "/etc/passwd"); !ok || got != "low" {
		t.Errorf("want the one below, got %q, %v", got, ok)
	}
	if got, ok := readTop(layers, "/etc/group"); ok {
		t.Errorf("want none, got %q", got)
	}
}

// A system is refused for what its init could take for something else, and compiles otherwise.
func TestSpec(t *testing.T) {
	id := strings.Repeat("0123", 8)
	good := System{Root: Stack([]string{"/usr"}, "", ""), UUID: id, BootID: id, Hostname: "h", Capabilities: caps.Union(caps.Profile("system")),
		Users:       sandbox.Users{UIDs: []sandbox.IDRange{{Inside: 0, Outside: 1000, Count: 1}, {Inside: 1, Outside: 100000, Count: 65535}}, GIDs: []sandbox.IDRange{{Inside: 0, Outside: 1000, Count: 1}, {Inside: 1, Outside: 100000, Count: 65535}}},
		Credentials: []Credential{{"a.b-c_D", []byte("x")}}, Network: User, Resolver: "10.0.2.3"}
	spec, err := good.Spec()
	if err != nil {
		t.Fatal(err)
	}
	h := sandbox.Host{UID: 1000, GID: 1000, Kernel: [2]int{6, 18}, Clone3: true, LastCapability: 40}
	p, err := sandbox.Compile(spec, &h, sandbox.Sources{"/usr": sandbox.Folder, "/dev/null": sandbox.NotFolder, "/dev/zero": sandbox.NotFolder, "/dev/full": sandbox.NotFolder,
		"/dev/random": sandbox.NotFolder, "/dev/urandom": sandbox.NotFolder, "/dev/tty": sandbox.NotFolder, "/dev/fuse": sandbox.NotFolder, "/dev/net/tun": sandbox.NotFolder})
	if err != nil {
		t.Fatal(err)
	}
	said := p.String() + strings.Join(spec.Process.Env, "\n")
	for _, want := range []string{"container_uuid=01230123-0123-0123-0123-012301230123", "CREDENTIALS_DIRECTORY=/run/host/credentials", "/run/systemd/resolved.conf.d", "let mounts propagate"} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q in the program", want)
		}
	}
	for name, spoil := range map[string]func(*System){
		"no id":               func(s *System) { s.UUID = "" },
		"an odd id":           func(s *System) { s.BootID = strings.Repeat("g", 32) },
		"a path":              func(s *System) { s.Credentials = []Credential{{"../x", nil}} },
		"a folder":            func(s *System) { s.Credentials = []Credential{{"..", nil}} },
		"no name":             func(s *System) { s.Credentials = []Credential{{"", nil}} },
		"too long for a file": func(s *System) { s.Credentials = []Credential{{strings.Repeat("a", 256), nil}} },
	} {
		bad := good
		spoil(&bad)
		if _, err := bad.Spec(); err == nil {
			t.Errorf("%s: want a refusal", name)
		}
	}
}

// A copy of /etc has nothing that the administrator enabled, and no password.
func TestOwn(t *testing.T) {
	root := t.TempDir()
	for path, content := range map[string]string{"etc/hosts": "h", "etc/shadow": "root:secret:", "etc/systemd/system/x.service": "x", "etc/ssh/key": "k", "etc/rc2.d/S01x": "x",
		"etc/passwd": "root:x:0:0:::\n", "etc/deep/er/file": "f", "usr/bin/x": "x", "etc/resolv.conf": "nameserver 192.0.2.1\nsearch home\n"} {
		os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755)
		os.WriteFile(filepath.Join(root, path), []byte(content), 0o640)
	}
	os.Symlink("usr/bin", filepath.Join(root, "bin"))
	steps, err := Own(root, "10.0.2.3")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range steps {
		switch s := s.(type) {
		case *sandbox.Data:
			got[s.Dest] = string(s.Content)
		case *sandbox.Symlink:
			got[s.Dest] = "-> " + s.Target
		}
	}
	for path, want := range map[string]string{"/etc/hosts": "h", "/etc/deep/er/file": "f", "/etc/shadow": "root::19000:0:99999:7:::\n", "/etc/machine-id": "", "/etc/resolv.conf": "nameserver 10.0.2.3\nsearch home\n", "/bin": "-> usr/bin"} {
		if text, found := got[path]; !found || text != want {
			t.Errorf("%s: want %q, got %q, %v", path, want, text, found)
		}
	}
	for _, path := range []string{"/etc/systemd/system/x.service", "/etc/ssh/key", "/etc/rc2.d/S01x"} {
		if _, found := got[path]; found {
			t.Errorf("want no %s", path)
		}
	}
}

// Over a resolv.conf of a host's servers lies another, unless somebody in the image manages it.
func TestResolverFile(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"a plain file", "nameserver 192.0.2.1\nsearch home\n", "nameserver 10.0.2.3\nsearch home\n"},
		{"an empty one", "", "nameserver 10.0.2.3\n"},
		{"of systemd-resolved, which is not there", "nameserver 127.0.0.53\n", "nameserver 10.0.2.3\n"},
		{"of systemd-resolved", "+nameserver 127.0.0.53\n", "nothing"},
		{"a link", "->../run/systemd/resolve/stub-resolv.conf", "nothing"},
		{"none", "none", "nothing"},
	} {
		layer, upper := t.TempDir(), t.TempDir()
		os.MkdirAll(layer+"/etc", 0o755)
		os.MkdirAll(layer+"/usr/lib/systemd", 0o755)
		content, resolved := strings.CutPrefix(tt.file, "+")
		if resolved {
			os.WriteFile(layer+"/usr/lib/systemd/systemd-resolved", nil, 0o755)
		}
		if target, link := strings.CutPrefix(content, "->"); link {
			os.Symlink(target, layer+"/etc/resolv.conf")
		} else if content != "none" {
			os.WriteFile(layer+"/etc/resolv.conf", []byte(content), 0o644)
		}
		got := "nothing"
		for _, s := range ResolverFile([]string{upper, layer}, "10.0.2.3") {
			got = string(s.(*sandbox.Data).Content)
		}
		if got != tt.want {
			t.Errorf("%s: want %q, got %q", tt.name, tt.want, got)
		}
	}
}

func FuzzNotice(f *testing.F) {
	f.Add("READY=1\nSTATUS=x")
	f.Add("X_SYSTEMD_SHUTDOWN=reboot\nSTOPPING=1\n=\n")
	f.Fuzz(func(t *testing.T, said string) {
		n := parseNotice(said)
		if n.Ready && !bytes.Contains([]byte(said), []byte("READY=1")) || strings.Contains(n.Status, "\n") {
			t.Errorf("%q: %+v", said, n)
		}
	})
}
