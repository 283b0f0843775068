package apps_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"snug/tests/need"
)

// bed is a session without a screen: a message bus, a compositor that draws into memory, a home
// with a key in it, and a runtime folder, all of its own.
type bed struct {
	t              *testing.T
	dir, home, run string
	env            []string
	titles         func() string     // of all windows, a line each
	shot           func(file string) // takes a screenshot
}

// key is what no app may read; the file is in the home of every bed.
const key = "a private key"

// newBed has a home and a runtime folder, for programs without a window.
func newBed(t *testing.T) *bed {
	t.Helper()
	need.Time(t)
	above, err := os.UserHomeDir() // below /tmp a sandbox sees nothing
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(above, "a-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, dir: dir, home: filepath.Join(dir, "home"), run: filepath.Join(dir, "run")}
	for _, d := range []string{b.run, b.home + "/.ssh", b.home + "/.config", b.home + "/Downloads", b.home + "/letters"} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, b.home+"/.ssh/id_ed25519", key)
	write(t, b.home+"/.config/user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"$HOME/Downloads\"\n")
	b.env = []string{"HOME=" + b.home, "XDG_RUNTIME_DIR=" + b.run, "USER=" + os.Getenv("USER"), "LANG=C.UTF-8", "SHELL=/bin/sh",
		"PATH=" + filepath.Dir(snug(t)) + ":/usr/bin:/bin", "GSK_RENDERER=cairo", "DBUS_SESSION_BUS_ADDRESS=unix:path=" + b.run + "/bus"}
	t.Cleanup(b.end)
	return b
}

// newDesktop has a message bus, which starts no services, and a screen.
func newDesktop(t *testing.T) *bed {
	t.Helper()
	b := newBed(t)
	for _, p := range []string{"swaymsg", "grim"} {
		need.Program(t, p)
	}
	config, up := filepath.Join(b.dir, "sway.conf"), filepath.Join(b.dir, "up")
	write(t, b.dir+"/bus.conf", `<busconfig><type>session</type><listen>unix:path=`+b.run+`/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`)
	b.start("dbus-daemon", "--config-file="+b.dir+"/bus.conf", "--nofork", "--nopidfile")
	b.poll("the bus is there", func() bool { return exists(b.run + "/bus") })
	write(t, config, "output HEADLESS-1 resolution 1024x768\nxwayland disable\n"+
		"exec sh -c 'echo $WAYLAND_DISPLAY $SWAYSOCK >"+up+".new && mv "+up+".new "+up+"'\n")
	env := b.env
	b.env = append(b.env, "WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman")
	b.start("sway", "-c", config)
	b.poll("the compositor is up", func() bool { return exists(up) })
	words := strings.Fields(read(t, up))
	b.env = append(env, "WAYLAND_DISPLAY="+words[0], "SWAYSOCK="+words[1])
	b.titles = b.treeTitles
	b.shot = func(file string) { b.silent("grim", file) }
	return b
}

// newX11 has an X server that draws into memory, and no bus.
func newX11(t *testing.T) *bed {
	t.Helper()
	b := newBed(t)
	number := filepath.Join(b.dir, "display")
	b.start("sh", "-c", "exec Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp -noreset 3>"+number)
	b.poll("the X server is up", func() bool { return strings.HasSuffix(read(t, number), "\n") })
	b.env = append(b.env, "DISPLAY=:"+strings.TrimSpace(read(t, number)))
	b.titles = func() string { return b.outside("xdotool", "search", "--name", "", "getwindowname", "%@") }
	b.shot = func(file string) { b.silent("sh", "-c", "xwd -root -silent | convert xwd:- "+file) }
	return b
}

// silent is outside for what has nothing to say.
func (b *bed) silent(words ...string) {
	b.t.Helper()
	if out := b.outside(words...); out != "" {
		b.t.Fatalf("%q: %s", words, out)
	}
}

// start runs a program until the end of the test at the latest; what it says is shown if the test
// fails. It returns what ends the program.
func (b *bed) start(words ...string) (stop func()) {
	b.t.Helper()
	log, err := os.CreateTemp(b.dir, "log-")
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := b.command(words...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
		if text := read(b.t, log.Name()); b.t.Failed() && text != "" {
			b.t.Logf("%q:\n%s", words, text[max(0, len(text)-4000):])
		}
		log.Close()
	}
	b.t.Cleanup(stop)
	return stop
}

// outside runs a program in the session to its end and gives all that it prints, and how it ended
// if not well.
func (b *bed) outside(words ...string) string {
	b.t.Helper()
	var said bytes.Buffer
	cmd := b.command(words...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	late := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Sprintf("%s(%v)", said.String(), err)
	}
	return said.String()
}

func (b *bed) command(words ...string) *exec.Cmd {
	b.t.Helper()
	path := words[0]
	if path == "snug" {
		path = snug(b.t)
	} else {
		path = need.Program(b.t, path)
	}
	cmd := exec.Command(path, words[1:]...)
	cmd.Env, cmd.Dir = b.env, b.home
	return cmd
}

// more leaves a test to make test-apps, whose packages are large.
func more(t *testing.T) {
	t.Helper()
	if os.Getenv("APPS") == "" {
		need.Elsewhere(t, "wanted make test-apps, which installs a gigabyte more; got make test")
	}
}

// window is one of the compositor's tree.
type window struct {
	Name   string
	App    string `json:"app_id"`
	PID    int
	Nodes  []window
	Floats []window `json:"floating_nodes"`
}

// titles adds those of all windows in the tree to a list.
func (w window) titles(list []string) []string {
	if w.PID != 0 {
		list = append(list, w.App+": "+w.Name)
	}
	for _, below := range append(w.Nodes, w.Floats...) {
		list = below.titles(list)
	}
	return list
}

// treeTitles asks the compositor.
func (b *bed) treeTitles() string {
	b.t.Helper()
	var root window
	if text := b.outside("swaymsg", "-r", "-t", "get_tree"); json.Unmarshal([]byte(text), &root) != nil {
		b.t.Fatalf("the compositor is gone: %s", text)
	}
	return strings.Join(root.titles(nil), "\n")
}

// window waits for one whose title holds a word.
func (b *bed) window(word string) {
	b.t.Helper()
	var all string
	b.poll("a window is called "+word, func() bool {
		all = b.titles()
		return strings.Contains(all, word)
	}, func() { b.t.Logf("windows: %q", all) })
}

// green waits until a good part of the screen has the colour of what the tests show: a twentieth
// of it or more, clearly green and nothing else.
func (b *bed) green() {
	b.t.Helper()
	part := 0
	b.poll("a twentieth of the screen is green", func() bool {
		part = b.greenPart()
		return part >= 5
	}, func() { b.t.Logf("%d parts in a hundred are", part) })
}

func (b *bed) greenPart() int {
	b.t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = b.dir
	}
	file := filepath.Join(dir, strings.ReplaceAll(b.t.Name(), "/", "-")+".png")
	b.shot(file)
	screen, err := png.Decode(strings.NewReader(read(b.t, file)))
	if err != nil {
		b.t.Fatal(err)
	}
	count, area := 0, screen.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if r, g, b, _ := screen.At(x, y).RGBA(); r < 0x1000 && b < 0x1000 && g > 0x6000 && g < 0xc000 {
				count++
			}
		}
	}
	return 100 * count / (area.Dx() * area.Dy())
}

// server shows a page to those who reach this machine by its address, as a user-mode network does.
// It returns the address of the page and what counts how often it was asked for.
func (b *bed) server() (url string, asked *atomic.Int32) {
	b.t.Helper()
	asked = new(atomic.Int32)
	l, err := net.Listen("tcp4", net.JoinHostPort(b.address(), "0"))
	if err != nil {
		b.t.Fatal(err)
	}
	pages := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/green.html" {
			asked.Add(1)
			fmt.Fprint(w, greenPage)
		}
	})}
	done := make(chan struct{})
	go func() { pages.Serve(l); close(done) }()
	b.t.Cleanup(func() { pages.Close(); <-done })
	return "http://" + l.Addr().String() + "/green.html", asked
}

// address is one of this machine's that is not its loopback.
func (b *bed) address() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	need.Missing(b.t, "wanted an address of this machine beside the loopback, got none")
	return ""
}

// end checks that nothing is left of the session, and removes it.
func (b *bed) end() {
	for end := time.Now().Add(5 * time.Second); len(b.processes()) > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	for _, pid := range b.processes() {
		line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		b.t.Errorf("process %d is left: %q", pid, line)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Error(err)
	}
}

// processes are those that have the session's home.
func (b *bed) processes() (list []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		env, _ := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if strings.Contains("\x00"+string(env), "\x00HOME="+b.home+"\x00") {
			list = append(list, pid)
		}
	}
	return list
}

func (b *bed) poll(what string, ok func() bool, failed ...func()) {
	b.t.Helper()
	for end := time.Now().Add(40 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			for _, tell := range failed {
				tell()
			}
			b.t.Fatalf("after 40 seconds still not: %s", what)
		}
	}
}

// snug is the program under test: the built one, as a user gets it.
func snug(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/snug")
	if err != nil {
		t.Fatal(err)
	}
	if !exists(path) {
		t.Fatal("build it first: make build")
	}
	return path
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read gives what is in a file, or "" if there is none.
func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
