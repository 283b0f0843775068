package bwrap_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/need"
)

// picture is a PNG with a comment: something to clean, and to make a thumbnail of.
func picture(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25 // signature, IHDR
	text := []byte("tEXtComment\x00a secret")
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(text)-4))
	chunk = append(chunk, text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(text))
	return string(slices.Insert(b.Bytes(), header, chunk...))
}

// path gives a PATH on which a program is bwrap.
func path(t testing.TB, program string) string {
	t.Helper()
	dir := folder(t)
	if err := os.Symlink(program, filepath.Join(dir, "bwrap")); err != nil {
		t.Fatal(err)
	}
	return dir + ":/usr/bin:/bin"
}

// alike runs a script with each program as bwrap, in a folder with the files, and compares what it
// prints, which must hold shows.
func alike(t *testing.T, script, shows string, files ...string) {
	t.Helper()
	ours, theirs := programs(t)
	var seen []result
	for _, program := range []string{theirs, ours} {
		dir := folder(t, files...)
		c := command{large: true, args: []string{"-c", script}, dir: dir, env: []string{"PATH=" + path(t, program), "HOME=" + dir, "LC_ALL=C.UTF-8", "PROGRAM=" + program}}
		r := c.do(t, "/bin/sh")
		r.stdout = strings.ReplaceAll(strings.ReplaceAll(r.stdout, dir, "DIR"), program, "PROGRAM")
		r.stderr = messages(strings.ReplaceAll(r.stderr, dir, "DIR"))
		seen = append(seen, r)
	}
	want, got := seen[0], seen[1]
	if !strings.Contains(want.stdout, shows) {
		t.Fatalf("bubblewrap does not do this: want %q\n%s%s", shows, want.stdout, want.stderr)
	}
	if want.status != got.status {
		t.Errorf("exit status: got %d, want %d", got.status, want.status)
	}
	if diff := cmp.Diff(known(normal(t, want.stdout)), known(normal(t, got.stdout))); diff != "" {
		t.Errorf("standard output (-bubblewrap +snug):\n%s", diff)
	}
	if diff := cmp.Diff(want.stderr, got.stderr); diff != "" {
		t.Errorf("standard error (-bubblewrap +snug):\n%s", diff)
	}
}

// TestMat2 removes metadata by a program that mat2 starts in a sandbox.
func TestMat2(t *testing.T) {
	t.Parallel()
	need.Program(t, "mat2")
	alike(t, `mat2 --show picture.png; mat2 -L picture.png && mat2 --show picture.cleaned.png; grep -c "a secret" picture.png picture.cleaned.png; mat2 broken.png`,
		"picture.cleaned.png:0", "picture.png", picture(t), "broken.png", "no picture")
}

// TestThumbnails lets GNOME's library start a thumbnailer in a sandbox, as its file manager does.
func TestThumbnails(t *testing.T) {
	t.Parallel()
	need.Program(t, "gdk-pixbuf-thumbnailer")
	if out, err := exec.Command("/usr/bin/python3", "-c", "import gi; gi.require_version('GnomeDesktop', '3.0')").CombinedOutput(); err != nil {
		need.Missingf(t, "wanted gnome-desktop for python, got %v\n%s", err, out)
	}
	alike(t, `exec /usr/bin/python3 thumbnail.py`, "128 85\nnone for what is broken\n", "picture.png", picture(t), "broken.png", "no picture", "thumbnail.py", `
import gi
gi.require_version('GnomeDesktop', '3.0')
from gi.repository import Gio, GnomeDesktop
factory = GnomeDesktop.DesktopThumbnailFactory.new(GnomeDesktop.DesktopThumbnailSize.NORMAL)
for name in 'picture.png', 'broken.png':
    try:
        thumbnail = factory.generate_thumbnail(Gio.File.new_for_path(name).get_uri(), 'image/png', None)
        print(thumbnail.get_width(), thumbnail.get_height())
    except Exception:
        print('none for what is broken')
`)
}

// TestOpam builds and installs a package of OCaml's manager, by its own script around bwrap.
func TestOpam(t *testing.T) {
	t.Parallel()
	need.Program(t, "opam")
	alike(t, `export OPAMROOT=$PWD/.opam OPAMYES=1
{ opam init --bare --no-setup local ./repo && opam switch create x --empty && opam install hello -v; } >log 2>&1 || cat log
grep -e '^- ' -e installed log; cat .opam/x/lib/made`, "built 1\n", "repo/repo", `opam-version: "2.0"`, "repo/packages/hello/hello.1/opam", `
opam-version: "2.0"
maintainer: "snug"
synopsis: "a file"
build: [["sh" "-c" "touch /usr/x; echo built $? >made; id -u; ls /home; readlink /proc/self/ns/net"]]
install: [["cp" "made" "%{lib}%/made"]]
`)
}

// TestWebKit shows a page whose processes WebKitGTK puts into sandboxes. It starts /usr/bin/bwrap by
// that name, so each program takes that place, in an outer sandbox that also ends what is left.
func TestWebKit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"xvfb-run", "dbus-run-session", "xdg-dbus-proxy"} {
		need.Program(t, name)
	}
	if out, err := exec.Command("/usr/bin/python3", "-c", "import gi; gi.require_version('WebKit2', '4.1')").CombinedOutput(); err != nil {
		need.Missingf(t, "wanted WebKitGTK for python, got %v\n%s", err, out)
	}
	alike(t, `mkdir -m 0700 run; XDG_RUNTIME_DIR=$PWD/run bwrap --dev-bind / / --tmpfs /tmp --unshare-pid --proc /proc --ro-bind $PROGRAM /usr/bin/bwrap --die-with-parent -- \
dbus-run-session --config-file=$PWD/bus.conf -- xvfb-run -a /usr/bin/python3 page.py 2>/dev/null`, "web process in a PID namespace: True\nsum 3\n", "bus.conf", `
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`, "page.py", `
import glob, gi
gi.require_version('Gtk', '3.0')
gi.require_version('WebKit2', '4.1')
from gi.repository import GLib, Gtk, WebKit2
def shown(view, _):
    for name in glob.glob('/proc/[0-9]*/status'):
        status = open(name).read()
        if status.startswith('Name:\tWebKitWebProces'):
            numbers = [l for l in status.splitlines() if l.startswith('NSpid:')][0].split()
            print('web process in a PID namespace:', len(numbers) == 3)
    print(view.get_title())
    Gtk.main_quit()
context = WebKit2.WebContext()
context.set_sandbox_enabled(True)
view = WebKit2.WebView(web_context=context)
view.connect('notify::title', shown)
view.connect('web-process-terminated', lambda _, why: (print('terminated', why), Gtk.main_quit()))
window = Gtk.Window()
window.add(view)
window.show_all()
view.load_html('<script>document.title = "sum " + (1 + 2)</script>', None)
GLib.timeout_add_seconds(50, lambda: (print('no title'), Gtk.main_quit()))
Gtk.main()
`)
}

// TestAgent gives both programs the words that sandbox-runtime (npm, 0.0.75) makes for a shell command
// of a coding agent: of what may be changed, parts are covered by /dev/null and by empty folders.
func TestAgent(t *testing.T) {
	t.Parallel()
	cover := ""
	for _, name := range []string{".gitconfig", ".gitmodules", ".bashrc", ".bash_profile", ".zshrc", ".zprofile", ".profile", ".ripgreprc", ".mcp.json", ".vscode", ".idea"} {
		cover += " --ro-bind /dev/null $PWD/work/" + name
	}
	alike(t, `bwrap --new-session --die-with-parent --unshare-net --setenv SANDBOX_RUNTIME 1 --setenv TMPDIR /tmp/claude \
--setenv GIT_CONFIG_PARAMETERS "'http.proxyAuthMethod=basic'" --ro-bind / / --bind $PWD/work $PWD/work --tmpfs $PWD/secret --tmpfs /etc/ssh \
--ro-bind $PWD/work/.env $PWD/work/.env`+cover+` --ro-bind $PWD/none $PWD/work/.claude --ro-bind $PWD/none $PWD/work/.claude \
--ro-bind $PWD/work/.git/hooks $PWD/work/.git/hooks --ro-bind $PWD/work/.git/config $PWD/work/.git/config \
--dev /dev --unshare-pid --unshare-user --cap-drop ALL --proc /proc -- /bin/sh -c '
cd work; cat ../secret/key; for f in .env .bashrc .claude/x .git/hooks/x .git/config .git/other new ../other; do echo x >$f && echo changed $f; done
ls -aR . ..; ls /proc/sys/net /etc/ssh; ls /proc | grep -c "^[0-9]" >/dev/null; grep ^Cap /proc/self/status; env | sort | grep -v ^PATH=; exit 5' 2>&1
echo status $?; find . -type f -o -name .claude | sort`,
		"status 5", "work/.env", "e", "work/.git/config", "c", "work/.git/hooks/.keep", "", "secret/key", "key", "none/.keep", "")
}

// TestNested puts sandboxes of both programs into each other, and into themselves.
func TestNested(t *testing.T) {
	t.Parallel()
	ours, theirs := programs(t)
	full := "--dev-bind / / --proc /proc --unshare-pid"
	for _, outer := range []string{ours, theirs} {
		alike(t, outer+" "+full+" -- $PROGRAM "+full+` --unshare-all -- $PROGRAM --ro-bind / / --tmpfs /tmp --proc /proc --dev /dev --unshare-all sh -c '
id; touch /usr/x; cut -d" " -f5 /proc/self/mountinfo | sort -u | grep -E "^/(proc|dev|tmp)?$"; exit 3'; echo $?`, "3\n")
		// As steam-run and the like do: a root of its own, of which the inner one takes all.
		alike(t, outer+` --tmpfs / --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev --dir /tmp --bind $PWD $PWD \
--ro-bind $PROGRAM /tmp/bwrap --chdir $PWD --unshare-pid --die-with-parent -- /tmp/bwrap --bind / / --dev-bind /dev /dev --proc /proc --unshare-user --unshare-pid --unshare-net sh -c 'pwd; echo x >made; cat made; ls / ; exit 4'; echo $?`, "4\n")
		alike(t, outer+" --dev-bind / / --unshare-user --disable-userns -- $PROGRAM --ro-bind / / true 2>/dev/null; echo $?", "1\n")
	}
}
