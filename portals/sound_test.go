package portals

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSound serves a policy as a command line has it, up to the advice in the log.
func TestSound(t *testing.T) {
	dir := t.TempDir()
	listen := func(name string) (*net.UnixListener, int) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd, err := unix.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return l, fd
	}
	host, unused := listen("host")
	defer host.Close()
	unix.Close(unused)
	app, fd := listen("app")
	defer app.Close()
	open := func(name, text string) int {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	c := NewConfig(Endpoint{Name: "sound", Listen: fd, Socket: filepath.Join(dir, "host"), Protocol: &Sound{}, With: open("cookie", strings.Repeat("c", 256))})
	c.App, c.Log = "a.b", open("log", "")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, c) }()
	client, err := net.Dial("unix", filepath.Join(dir, "app"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	head := "\xff\xff\xff\xff" + strings.Repeat("\x00", 12)
	client.Write([]byte("\x00\x00\x01\x14" + head + "L\x00\x00\x00\x08L\x00\x00\x00\x01L\x00\x00\x00\x23x\x00\x00\x01\x00" + strings.Repeat("a", 256)))
	host.SetDeadline(time.Now().Add(10 * time.Second))
	server, err := host.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := make([]byte, 1000)
	n, _ := server.Read(b)
	if !strings.HasSuffix(string(b[:n]), strings.Repeat("c", 256)) {
		t.Errorf("want the server's cookie, got %q", b[:n])
	}
	server.Write([]byte("\x00\x00\x00\x0f" + head + "L\x00\x00\x00\x02" + string(b[25:30]) + "L\x00\x00\x00\x23"))
	client.Read(b)
	client.Write([]byte("\x00\x00\x00\x0a" + head + "L\x00\x00\x00\x05L\x00\x00\x00\x02"))
	server.Read(b)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "log"))
	var line struct{ Advice, Allow string }
	first, _, _ := strings.Cut(string(text), "\n")
	if err := json.Unmarshal([]byte(first), &line); err != nil || line.Allow != "sound.record=ask" || line.Advice != "snug grant a.b 'sound.record=ask' --keep" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestShortCookie(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.Close(pipe[1])
	listen, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := NewConfig(Endpoint{Name: "sound", Listen: listen, Socket: "/nowhere", Protocol: &Sound{}, With: pipe[0]})
	if err := Serve(context.Background(), c); err != errCookie {
		t.Errorf("got %v", err)
	}
}
