package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/tests/need"
)

// desktop is a session without a screen: a compositor or an X server, and what a person does
// there. Its home and runtime folder are its own.
type desktop struct {
	t    *testing.T
	env  []string
	home string
	shot func(file string) *exec.Cmd // a screenshot
	keys func(words ...string) *exec.Cmd
}

func newDesktop(t *testing.T) *desktop {
	home := folder(t)
	d := &desktop{t: t, home: filepath.Join(home, "home")}
	runtime := filepath.Join(home, "run")
	for _, dir := range []string{d.home, runtime, filepath.Join(d.home, ".ssh"), filepath.Join(d.home, "Downloads")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(d.home, ".ssh/id_ed25519"), "a private key")
	d.env = []string{"HOME=" + d.home, "XDG_RUNTIME_DIR=" + runtime, "LANG=C.UTF-8", "USER=" + os.Getenv("USER"),
		"PATH=" + filepath.Dir(snug(t)) + ":/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/sh"}
	return d
}

// sway starts a Wayland compositor that draws into memory.
func sway(t *testing.T) *desktop {
	for _, p := range []string{"sway", "grim", "wtype", "swaymsg"} {
		need.Program(t, p)
	}
	d := newDesktop(t)
	conf := filepath.Join(d.home, "sway.conf")
	write(t, conf, "output HEADLESS-1 resolution 1024x768\nxwayland disable\nexec sh -c 'echo $WAYLAND_DISPLAY $SWAYSOCK >"+d.home+"/up.new && mv "+d.home+"/up.new "+d.home+"/up'\n")
	d.background("WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman exec sway -c " + conf)
	d.poll("the compositor is up", func() bool { return exists(filepath.Join(d.home, "up")) })
	up := strings.Fields(read(t, filepath.Join(d.home, "up")))
	d.env = append(d.env, "WAYLAND_DISPLAY="+up[0], "SWAYSOCK="+up[1], "GSK_RENDERER=cairo")
	d.shot = func(file string) *exec.Cmd { return d.command("grim", file) }
	d.keys = func(words ...string) *exec.Cmd { return d.command("wtype", words...) }
	return d
}

// xvfb starts an X server that draws into memory. It chooses the display's number itself.
func xvfb(t *testing.T) *desktop {
	for _, p := range []string{"Xvfb", "xdotool", "xwd", "convert"} {
		need.Program(t, p)
	}
	d := newDesktop(t)
	number := filepath.Join(d.home, "display")
	d.background("exec Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp -noreset 3>" + number)
	d.poll("the X server is up", func() bool { return strings.HasSuffix(read(t, number), "\n") })
	d.env = append(d.env, "DISPLAY=:"+strings.TrimSpace(read(t, number)))
	d.shot = func(file string) *exec.Cmd {
		return d.command("sh", "-c", "xwd -root -silent | convert xwd:- \"$1\"", "sh", file)
	}
	d.keys = func(words ...string) *exec.Cmd { return d.command("xdotool", words...) }
	return d
}

func (d *desktop) command(name string, args ...string) *exec.Cmd {
	path := name
	for _, dir := range strings.Split(strings.TrimPrefix(d.env[4], "PATH="), ":") {
		if p := filepath.Join(dir, name); exists(p) {
			path = p
			break
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir = d.env, d.home
	return cmd
}

// background runs a shell line until the end of the test. Its output goes to a file, which is
// shown if the test fails.
func (d *desktop) background(line string) *exec.Cmd {
	d.t.Helper()
	out, err := os.CreateTemp(filepath.Dir(d.home), "log-")
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := d.command("sh", "-c", line)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(3 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
		if text := read(d.t, out.Name()); d.t.Failed() && text != "" {
			d.t.Logf("%s:\n%s", line, text)
		}
		out.Close()
	})
	return cmd
}

// screenshot takes one and keeps it below $ARTIFACTS if that is set.
func (d *desktop) screenshot(name string) []byte {
	d.t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = d.t.TempDir()
	}
	file := filepath.Join(dir, strings.ReplaceAll(d.t.Name(), "/", "-")+"-"+name+".png")
	if out, err := d.shot(file).CombinedOutput(); err != nil {
		d.t.Fatalf("screenshot: %v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// settle waits until two screenshots in a row are alike and not like before: a window has come
// and drawn what it had to.
func (d *desktop) settle(name string, before []byte) []byte {
	d.t.Helper()
	var last []byte
	d.poll("the screen shows something new", func() bool {
		now := d.screenshot(name)
		done := !bytes.Equal(now, before) && bytes.Equal(now, last)
		last = now
		if !done {
			time.Sleep(200 * time.Millisecond) // between two pictures that are compared
		}
		return done
	})
	return last
}

func (d *desktop) press(words ...string) {
	d.t.Helper()
	if out, err := d.keys(words...).CombinedOutput(); err != nil {
		d.t.Fatalf("keys %q: %v\n%s", words, err, out)
	}
}

func (d *desktop) poll(what string, ok func() bool) {
	d.t.Helper()
	poll(d.t, what, 30*time.Second, ok)
}

func poll(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
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

// read gives what is in a file, or "" if there is none yet.
func read(t testing.TB, file string) string {
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// output runs a command and gives what it prints, errors included.
func (d *desktop) output(name string, args ...string) string {
	out, err := d.command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s(%v)", out, err)
	}
	return string(out)
}
