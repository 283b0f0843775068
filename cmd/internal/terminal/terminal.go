// Package terminal connects the terminal that a person sits at with one inside a sandbox.
//
// The one default call is [Open], then [Terminal.Relay]. The person's terminal is put into raw
// mode, so that every key, Ctrl-C and Ctrl-Z too, reaches the line discipline inside; what the
// sandbox writes comes out here. The sandbox never holds the person's terminal: it cannot push
// characters into it (TIOCSTI), and cannot change its settings.
//
// What the sandbox prints is not filtered: it can set colours and titles, as any program can.
package terminal

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is the person's terminal.
type Terminal struct {
	in, out *os.File // in is nil where standard input is something else: no keys go in
	saved   unix.Termios
	mu      sync.Mutex
	raw     bool
}

// Is reports whether a descriptor is a terminal.
func Is(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// Open takes the terminal on the standard files. Keys come from standard input, if that is a
// terminal; what comes out is written to the first of standard output, error and input that is one.
// It gives nil if none is: an app that were given the person's terminal as its output alone could
// read what is typed there, and change its settings.
func Open() *Terminal {
	t := new(Terminal)
	if saved, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		t.in, t.out, t.saved = os.Stdin, os.Stdin, *saved
	}
	for _, f := range []*os.File{os.Stderr, os.Stdout} {
		if Is(int(f.Fd())) {
			t.out = f
		}
	}
	if t.out == nil {
		return nil
	}
	return t
}

// Size is the size of the terminal in characters.
func (t *Terminal) Size() (rows, cols uint16) {
	w, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return w.Row, w.Col
}

// Raw makes every key go through as it is (cfmakeraw(3)).
func (t *Terminal) Raw() error {
	if t.in == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	mode := t.saved
	mode.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	mode.Oflag &^= unix.OPOST
	mode.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	mode.Cflag = mode.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(0, unix.TCSETS, &mode); err != nil {
		return os.NewSyscallError("ioctl TCSETS", err)
	}
	t.raw = true
	return nil
}

// Restore gives the terminal its own settings back.
func (t *Terminal) Restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.raw {
		unix.IoctlSetTermios(0, unix.TCSETSW, &t.saved)
		t.raw = false
	}
}

// lastWords is how long output is waited for when the app has ended.
const lastWords = 200 * time.Millisecond

// Relay carries bytes and size changes between the person's terminal and the master of one in a
// sandbox, until drain is called: when the app has ended, drain writes out what it has printed,
// and returns. Reading keys ends with the program.
func (t *Terminal) Relay(master *os.File) (drain func(), err error) {
	if err := t.Raw(); err != nil {
		return nil, err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	go func() {
		for range resized {
			if w, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ); err == nil {
				unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, w)
			}
		}
	}()
	if t.in != nil {
		go io.Copy(master, t.in)
	} else if mode, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS); err == nil {
		mode.Oflag &^= unix.OPOST // the person's terminal is not raw, and does that itself
		unix.IoctlSetTermios(int(master.Fd()), unix.TCSETS, mode)
	}
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		// EIO is how a master says that nobody holds the other end any more.
		if _, err := io.Copy(t.out, master); err != nil && !errors.Is(err, unix.EIO) {
			return
		}
	}()
	return func() {
		select {
		case <-printed:
		case <-time.After(lastWords): // somebody else inside still holds the terminal
		}
		signal.Stop(resized)
		close(resized)
		t.Restore()
	}, nil
}
