package compose_test

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/tests/need"
)

// session makes a home in memory of the test, and the session of somebody who lives there.
func session(t *testing.T) *compose.World {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Chdir(home)
	w, err := compose.Session()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// put writes a file of the home, with its folders.
func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sh runs a script in the sandbox of a manifest, with arguments, and returns what it printed.
func sh(t *testing.T, w *compose.World, manifest, script string, arguments ...string) string {
	t.Helper()
	m, err := merge(t, manifests.Facts{}, nil, manifest)
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"sh", "-c", script, "sh"}, arguments...)
	return start(t, w, m, compose.Command{Argv: argv, Fixed: 4})
}

func start(t *testing.T, w *compose.World, m *manifests.Manifest, cmd compose.Command) string {
	t.Helper()
	s, err := compose.Compose(m, w, cmd)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range s.Folders {
		if _, err := folder.Make(); err != nil {
			t.Fatal(err)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	s.Spec.Process.Files = []sandbox.File{{Number: 1, Source: write}, {Number: 2, Source: write}}
	in, err := sandbox.Run(s.Spec)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	in.Wait()
	return string(out)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLiveDefault(t *testing.T) {
	w := session(t)
	put(t, w.Home+"/.ssh/id", "secret")
	if get(t, w.Home+"/.ssh/id") != "secret" { // the control: outside it is there
		t.Fatal("no control")
	}
	id := strings.TrimSpace(w.User)
	tests := []struct{ name, script, want string }{
		{"home is empty", "ls -A ~", ""},
		{"keys are not there", "cat ~/.ssh/id", "cat: " + w.Home + "/.ssh/id: No such file or directory\n"},
		{"home takes files", "echo x > ~/x; cat ~/x", "x\n"},
		{"user", "id -un", id + "\n"},
		{"no resolver", "cat /etc/resolv.conf", "cat: /etc/resolv.conf: No such file or directory\n"},
		{"no network", "cat /proc/net/dev | grep -v lo: | wc -l", "2\n"},
		{"no capabilities", "grep -E 'CapPrm|CapEff|CapBnd' /proc/self/status | cut -f2 | sort -u", "0000000000000000\n"},
		{"no new privileges, a filter", "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2 | tr -d '\\n'", "12"},
		{"root is read-only", "touch /x /etc/x /usr/x /dev/x /run/x 2>&1 | grep -c 'Read-only file system'", "5\n"},
		{"own folders", "touch /tmp/x /var/tmp/x /dev/shm/x $XDG_RUNTIME_DIR/x && stat -c %a /tmp $XDG_RUNTIME_DIR", "1777\n700\n"},
		{"host name", "cat /proc/sys/kernel/hostname /etc/hostname", "snug\nsnug\n"},
		{"masked", "wc -c < /proc/keys", "0\n"},
		{"no user namespaces", "unshare -U true 2>&1 | wc -l", "1\n"},
		{"no core dumps", "ulimit -c", "0\n"},
		{"python", "/usr/bin/python3 -c 'import ssl, json, locale; print(6*7)'", "42\n"},
		{"certificates", "test -e /etc/ssl/certs/ca-certificates.crt && echo there", "there\n"},
		{"time zone", "readlink /etc/localtime", link(t, "/etc/localtime") + "\n"},
		{"working directory", "pwd", w.Home + "\n"},
		{"descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "},
		{"nothing of the host's root", "ls -d /../work /../root /../boot 2>/dev/null", ""},
		{"no mount of the host's root", "grep -c ' / / ' /proc/self/mountinfo", "1\n"},
		{"processes", "ls -d /proc/[0-9]* | wc -l | grep -qx '[2-6]' && echo few", "few\n"},
		{"environment", "env | cut -d= -f1 | grep -vE '^(LANG|LC_.*|TERM|PWD|_|SHLVL|OLDPWD)$' | sort | tr '\\n' ' '", "HOME LOGNAME PATH SHELL USER XDG_RUNTIME_DIR "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { expect(t, sh(t, w, "", tt.script), tt.want) })
	}
}

func link(t *testing.T, path string) string {
	text, err := os.Readlink(path)
	if err != nil {
		need.Missingf(t, "wanted the link %s, got: %v", path, err)
	}
	return text
}

func TestLiveArguments(t *testing.T) {
	w := session(t)
	file := w.Home + "/Documents/a.txt"
	const manifest = `files.arguments = "write"`
	tests := []struct{ name, script, out, after string }{
		{"writing in place", `echo new > "$1"`, "", "new\n"},
		{"rename is refused", `sed -i s/old/new/ "$1" 2>/dev/null || echo refused`, "refused\n", "old\n"},
		{"nothing beside it", `ls -A ~/Documents; stat -c %a ~/Documents`, "a.txt\n555\n", "old\n"},
		{"no new file beside it", `echo x 2>/dev/null > ~/Documents/b || echo refused`, "refused\n", "old\n"},
		{"gio saves", `test -x /usr/bin/gio || { echo new > "$1"; exit; }; echo new | gio save "$1" 2>&1`, "", "new\n"},
		{"python saves in place", `python3 -c 'import sys; open(sys.argv[1], "w").write("new\n")' "$1"`, "", "new\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			put(t, file, "old\n")
			put(t, w.Home+"/Documents/other", "private")
			expect(t, strings.TrimPrefix(sh(t, w, manifest, tt.script, file), "sh: 1: cannot create"), tt.out)
			expect(t, get(t, file), tt.after)
		})
	}
	t.Run("control: alone in a writable folder it is lost", func(t *testing.T) {
		hidden := w.Home + "/.documents/a.txt" // of folders with a dot the app has its own
		put(t, hidden, "old\n")
		m := "files.write = [\"~/.documents/a.txt\"]"
		out := sh(t, w, m, `sed -i s/old/new/ "$1" 2>&1 | grep -c busy`, hidden)
		expect(t, out, "1\n")
	})
	t.Run("a file that is granted by name", func(t *testing.T) {
		put(t, file, "old\n")
		m := "files.write = [\"~/Documents/a.txt\"]"
		out := sh(t, w, m, `sed -i s/old/new/ "$1" 2>/dev/null || echo refused; echo new >"$1"; stat -c %a ~/Documents`, file)
		expect(t, out, "refused\n555\n")
		expect(t, get(t, file), "new\n")
	})
	t.Run("a file of the home itself", func(t *testing.T) {
		put(t, w.Home+"/notes.txt", "old\n")
		out := sh(t, w, manifest, `echo "$1"; echo new > "$1"; sed -i s/new/newer/ "$1" 2>/dev/null || echo refused`, "notes.txt")
		expect(t, out, "/run/snug/files/1/notes.txt\nrefused\n")
		expect(t, get(t, w.Home+"/notes.txt"), "new\n")
	})
	t.Run("read only", func(t *testing.T) {
		put(t, file, "old\n")
		out := sh(t, w, `files.arguments = "read"`, `cat "$1"; echo new 2>/dev/null > "$1" || echo refused`, file)
		if !strings.HasPrefix(out, "old\n") || !strings.HasSuffix(out, "refused\n") {
			t.Errorf("%q", out)
		}
		expect(t, get(t, file), "old\n")
	})
}

func TestLiveKeptHome(t *testing.T) {
	w := session(t)
	const a = "id = \"org.example.A\"\nhome.mode = \"private\""
	const b = "id = \"org.example.B\"\nhome.mode = \"private\""
	expect(t, sh(t, w, a, "echo mine > ~/f; umask"), "00"+octal(w.Umask)+"\n")
	expect(t, sh(t, w, a, "cat ~/f"), "mine\n")
	expect(t, sh(t, w, b, "ls -A ~; ls ~/.local/share 2>/dev/null"), "")
	kept := w.Home + "/.local/share/snug/home/org.example.A"
	expect(t, get(t, kept+"/f"), "mine\n")
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	t.Run("a planted link is not followed", func(t *testing.T) {
		private := w.Home + "/private"
		put(t, private+"/f", "secret")
		if err := os.RemoveAll(kept); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(private, kept); err != nil {
			t.Fatal(err)
		}
		m, _ := merge(t, manifests.Facts{}, nil, a)
		s, err := compose.Compose(m, w, compose.Command{Argv: []string{"true"}})
		if err != nil {
			t.Fatal(err)
		}
		want := strconv.Quote(kept) + " cannot be made: not a directory"
		if _, err := s.Folders[0].Make(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if in, err := sandbox.Run(s.Spec); err == nil {
			in.Close()
			t.Error("started")
		}
	})
}

func octal(mask uint32) string {
	return string([]byte{'0' + byte(mask>>6&7), '0' + byte(mask>>3&7), '0' + byte(mask&7)})[1:]
}

func TestLiveGrants(t *testing.T) {
	w := session(t)
	put(t, w.Home+"/src/a", "a")
	put(t, w.Home+"/src/conf/.env", "secret")
	put(t, w.Home+"/src/vendor/v", "v")
	put(t, w.Home+"/.config/app/x", "x")
	put(t, w.Home+"/.config/autostart/y", "y")
	tests := []struct{ name, manifest, script, want string }{
		{"write", `files.write = ["~/src"]`, "echo b > ~/src/b; ls -A ~ ~/src/conf", w.Home + ":\nsrc\n\n" + w.Home + "/src/conf:\n.env\n"},
		{"hole", "files.write = [\"~/src\"]\nfiles.except = [\"~/src/conf/.env\"]", "cat ~/src/conf/.env; mv ~/src/conf ~/src/c 2>/dev/null || echo stays", "stays\n"},
		{"read below write", "files.write = [\"~/src\"]\nfiles.read = [\"~/src/vendor\"]", "touch ~/src/vendor/w 2>/dev/null || echo no; touch ~/src/w && echo yes", "no\nyes\n"},
		{"write below read", "files.read = [\"~/src\"]\nfiles.write = [\"~/src/vendor\"]", "touch ~/src/vendor/w && echo yes; touch ~/src/z 2>/dev/null || echo no", "yes\nno\n"},
		{"never writable", `files.write = ["~/.config"]`, "cd ~/.config; touch app/z && echo yes; for f in autostart/z z systemd; do mkdir $f 2>/dev/null || echo no; done", "yes\nno\nno\nno\n"},
		{"whole home", "files.write = [\"" + w.Home + "\"]\naccept = [\"files:HOME\"]", "cd; touch src/y && echo yes; for f in bin .local .bashrc; do mkdir $f 2>/dev/null || echo no; done", "yes\nno\nno\nno\n"},
		{"created", `files.create = ["~/new/place"]`, "touch ~/new/place/x; stat -c %a ~/new/place", "700\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { expect(t, sh(t, w, tt.manifest, tt.script), tt.want) })
	}
	for _, name := range []string{"bin", ".local", ".bashrc", ".config/systemd", ".config/z"} {
		if _, err := os.Lstat(w.Home + "/" + name); err == nil {
			t.Errorf("%s was made outside", name)
		}
	}
	if _, err := os.Stat(w.Home + "/new/place/x"); err != nil {
		t.Error(err)
	}
}

// TestLiveNested starts a sandbox inside, as browsers do. Without the grant it is refused.
func TestLiveNested(t *testing.T) {
	if os.Geteuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user, as root gets no nested sandboxes; got root")
	}
	w := session(t)
	const script = "unshare -Ur id -u 2>/dev/null || echo refused"
	expect(t, sh(t, w, "", script), "refused\n")
	expect(t, sh(t, w, "process.nested = true", script), "0\n")
	if _, err := os.Stat("/usr/bin/bwrap"); err == nil {
		const inner = "bwrap --ro-bind / / --proc /proc --dev /dev --unshare-all id -un"
		expect(t, sh(t, w, "process.nested = true", inner), w.User+"\n")
	}
}

func TestLiveHere(t *testing.T) {
	w := session(t)
	put(t, w.Home+"/src/a", "a")
	put(t, w.Home+"/other", "o")
	w.Cwd = w.Home + "/src"
	m := new(manifests.Manifest)
	script := []string{"sh", "-c", "pwd; ls -A ~; touch b && echo yes"}
	expect(t, start(t, w, m, compose.Command{Argv: script, Here: "write"}), w.Cwd+"\nsrc\nyes\n")
	script[2] = "cat a; touch c 2>/dev/null || echo no"
	expect(t, start(t, w, m, compose.Command{Argv: script, Here: "read"}), "ano\n")
}

func TestLiveNetworkUser(t *testing.T) {
	w := session(t)
	out := sh(t, w, `network.mode = "user"`, "grep nameserver /etc/resolv.conf")
	expect(t, out, "nameserver "+compose.Resolver+"\n")
}

func TestFolderOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		need.Elsewhere(t, "wanted root, to give a folder away; got an ordinary user")
	}
	base := t.TempDir()
	if err := os.MkdirAll(base+"/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chown(base+"/a/b", 1, 1); err != nil {
		t.Fatal(err)
	}
	_, err := compose.Folder{Base: base, Rel: "a/b"}.Make()
	if want := strconv.Quote(base+"/a/b") + " belongs to another user\n  hint: remove it, or start snug as its owner"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
