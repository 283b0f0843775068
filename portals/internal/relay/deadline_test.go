package relay

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// all passes on everything, and never has been greeted.
type all struct{ closed chan error }

func (j all) Judge(k *Link, from Side, in []byte) (int, error) {
	k.Pass(from, in, 0)
	if string(in) == "hello" {
		k.Established()
	}
	return len(in), nil
}

func (j all) Closed(err error) { j.closed <- err }

// joined is a running link and the far ends of its sockets.
func joined(t *testing.T) (app, host int, closed chan error) {
	t.Helper()
	l, err := NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	l.greeting, l.draining = 50*time.Millisecond, 50*time.Millisecond
	var pairs [2][2]int
	for i := range pairs {
		if pairs[i], err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			t.Fatal(err)
		}
	}
	closed = make(chan error, 1)
	if _, err := l.Join(pairs[0][0], pairs[1][0], all{closed}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		l.Close()
		unix.Close(pairs[0][1])
		unix.Close(pairs[1][1])
	})
	return pairs[0][1], pairs[1][1], closed
}

func wait(t *testing.T, closed chan error, want string) {
	t.Helper()
	select {
	case err := <-closed:
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the link does not end")
	}
}

func TestNoGreeting(t *testing.T) {
	app, _, closed := joined(t)
	unix.Write(app, []byte("hell"))
	wait(t, closed, "greeting")
}

func TestGreeted(t *testing.T) {
	app, _, closed := joined(t)
	unix.Write(app, []byte("hello"))
	select {
	case err := <-closed:
		t.Errorf("a silent link has ended: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
}

// An app that has ended does not hold a link for ever to a host that does not read.
func TestStalledEnd(t *testing.T) {
	app, _, closed := joined(t)
	unix.Write(app, []byte("hello"))
	time.Sleep(10 * time.Millisecond)
	b := make([]byte, 64<<10)
	for range 5 {
		for {
			if _, err := unix.Write(app, b); err != nil {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	unix.Shutdown(app, unix.SHUT_RDWR)
	wait(t, closed, "does not read")
}
