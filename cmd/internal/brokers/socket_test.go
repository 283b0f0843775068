package brokers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Only a connection that was there at the start is taken for one that a compositor has made.
func TestConnected(t *testing.T) {
	opened := func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	pair := func(kind int) int {
		p, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
		opened(p[1], err)
		return p[0]
	}
	tcp := func() int {
		l := opened(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal("wanted a TCP address on lo, got", err)
		}
		unix.Listen(l, 1)
		at, _ := unix.Getsockname(l)
		fd := opened(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		if err := unix.Connect(fd, at); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	listening := func() int {
		fd := opened(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0))
		unix.Bind(fd, &unix.SockaddrUnix{})
		unix.Listen(fd, 1)
		return fd
	}
	for name, fd := range map[string]int{
		"nothing":      1 << 20,
		"a file":       opened(unix.Open("/proc/self/status", unix.O_RDONLY, 0)),
		"datagrams":    opened(pair(unix.SOCK_DGRAM), nil),
		"packets":      opened(pair(unix.SOCK_SEQPACKET), nil),
		"one of ours":  opened(pair(unix.SOCK_STREAM|unix.SOCK_CLOEXEC), nil),
		"unconnected":  opened(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)),
		"listening":    listening(),
		"over TCP":     tcp(),
		"standard":     int(os.Stdin.Fd()),
		"negative too": -1,
	} {
		if f := connected(fd); f != nil {
			t.Errorf("%s: is taken", name)
			f.Close()
		}
	}
	f := connected(pair(unix.SOCK_STREAM))
	if f == nil {
		t.Fatal("a connection is not taken")
	}
	defer f.Close()
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Error("the app would inherit it")
	}
}

// A broker is watched in whatever folder its socket lies.
func TestWatchInLongFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 50))
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	b := &Brokers{dir: dir}
	if err := b.openWatch(); err != nil {
		t.Fatal(err)
	}
	defer b.watch.Close()
	fd, err := DialWatch(path, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if fd, err := DialWatch(path, 1); err != unix.ENOENT {
		t.Errorf("got %d, %v", fd, err)
	}
}
