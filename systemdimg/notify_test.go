package systemdimg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Whoever can reach the socket can send descriptors with what is said. None is ever ours, be the message heard or
// not.
func TestListenerTakesNoFiles(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "notify"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.set(unix.SO_PASSRIGHTS, 1); err != nil && err != unix.ENOPROTOOPT { // as before Linux 6.16
		t.Fatal(err)
	}
	conn, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(conn)
	to := &unix.SockaddrUnix{Name: l.Path()}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var many []int
	for range 100 {
		many = append(many, int(null.Fd()))
	}
	before := descriptors(t)
	for _, text := range []string{"READY=0", strings.Repeat("x", 2*maxNotice)} {
		for _, files := range [][]int{many[:1], many[:40], many} {
			if err := unix.Sendmsg(conn, []byte(text), unix.UnixRights(files...), to, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := unix.Sendto(conn, []byte("STATUS=last"), 0, to); err != nil {
		t.Fatal(err)
	}
	for n := (Notice{}); n.Status != "last"; {
		if n, err = l.Next(os.Getpid(), time.Now().Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if l.set(unix.SO_PASSRIGHTS, 0) == nil {
		if err := unix.Sendmsg(conn, nil, unix.UnixRights(many[0]), to, 0); err != unix.EPERM {
			t.Errorf("want a file refused where the kernel can, got %v", err)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("want %d descriptors as before, got %d", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
