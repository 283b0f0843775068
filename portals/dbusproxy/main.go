package dbusproxy

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
	"snug/portals/decisions"
)

// dialect is the version of xdg-dbus-proxy whose command line this is.
const dialect = "0.1.7"

// failed is the exit status of every failure.
const failed = 1

//go:embed usage.txt
var usage string

// Main does what a program with this command line does, and gives its exit status.
func Main(words []string, stdout, stderr io.Writer) int {
	l, err := Parse(words, readAll)
	switch {
	case err == errUsage:
		io.WriteString(stderr, usage)
		return failed
	case err != nil:
	case l.Help:
		io.WriteString(stdout, usage)
		return 0
	case l.Version:
		io.WriteString(stdout, "xdg-dbus-proxy "+dialect+"\n")
		return 0
	default:
		err = l.serve(stdout, stderr)
	}
	if err != nil {
		io.WriteString(stderr, printable(err.Error())+"\n")
		return failed
	}
	return 0
}

func readAll(fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "--args")
	if f == nil {
		return nil, syscall.EBADF
	}
	defer f.Close()
	return io.ReadAll(f)
}

// serve listens, says so, and serves until the descriptor of --fd hangs up.
func (l *Line) serve(stdout, stderr io.Writer) error {
	var buses []dbus.Bus
	defer func() {
		for _, b := range buses {
			b.Listener.Close()
			os.Remove(b.Name)
		}
	}()
	for _, p := range l.Proxies {
		f, err := listen(p.Path)
		if err != nil {
			return message("Failed to start proxy for " + p.Address + ": Error binding to address (GUnixSocketAddress): " + spell(err))
		}
		b := dbus.Bus{Listener: f, Address: p.Address, Policy: p.Policy, Name: p.Path}
		if p.Log {
			b.Log = decisions.New(stdout, nil)
		}
		buses = append(buses, b)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if l.FD >= 0 {
		if _, err := unix.Write(l.FD, []byte{'x'}); err != nil {
			io.WriteString(stderr, "Can't write to sync socket\n")
		}
		end, err := whenClosed(l.FD, stop)
		if err != nil {
			return err
		}
		defer end()
	}
	return dbus.Serve(ctx, buses...)
}

// listen makes a socket at a path, in place of what was there.
func listen(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	unix.Unlink(path)
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, 4096)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// whenClosed calls do when nobody holds the other end of fd any more. end stops that and waits.
func whenClosed(fd int, do func()) (end func(), err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fds := []unix.PollFd{{Fd: int32(fd)}, {Fd: int32(pipe[0])}}
		for {
			_, err := unix.Poll(fds, -1)
			switch {
			case err == unix.EINTR:
				continue
			case fds[0].Revents&unix.POLLNVAL != 0: // never was open: serve until killed, as the peer does
				fds[0].Fd = -1
				continue
			case fds[0].Revents != 0:
				do()
			}
			return
		}
	}()
	return func() {
		unix.Close(pipe[1])
		<-done
		unix.Close(pipe[0])
	}, nil
}

// spell gives the text of an errno as strerror(3) does, which differs from Go's in its first letter.
func spell(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// printable keeps control characters in names from reaching a terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, s)
}
