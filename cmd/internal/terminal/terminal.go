// Package terminal connects the terminal that a person sits at with one inside a sandbox.
//
// The one default call is [Open], then [Terminal.Relay]. The person's terminal is put into raw
// mode, so that every key, Ctrl-C and Ctrl-Z too, reaches the line discipline inside; what the
// sandbox writes comes out here. The sandbox never holds the person's terminal: it cannot push
// characters into it (TIOCSTI), and cannot change its settings.
//
// A terminal is shared: with the shell, which takes it back when it stops snug or puts it into the
// background, and with the other programs of a pipeline. So it is looked at anew before each use:
//
//   - In the background nothing is read and no setting is touched; output goes out, as for any
//     program. What was missed, keys, size, a redraw, is made good in the foreground. An app that asks
//     for single keys there is stopped, as the kernel would have done, with this program. Another
//     session's terminal ("su -c", setsid(1)) is in the foreground for us while the nearest
//     ancestor that sits at it is.
//   - Keys are read at once where nobody else would: standard input is the terminal and standard
//     output is no pipe. Behind or before a pipe, where another may want them ("git log | less"),
//     they are only taken while the terminal edits and shows lines, so nobody outside has asked
//     for single keys or a password: whole lines, or every key once the app inside asks for that.
//     Another that waits when something is typed has it, and no line goes in before those inside
//     have read the last one.
//   - Only the bits that were changed are put back, so that two that end in any order leave the
//     terminal as it was.
//
// What the sandbox prints is not filtered, as that of any program: it can set colours and titles, and
// query the terminal, whose answer is input of whoever reads next, be it the shell.
package terminal

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is the person's terminal.
type Terminal struct {
	in, out int  // descriptors; keys come from in
	keys    int  // where they are read: in itself, or another opening of it
	lines   bool // standard input is the terminal
	always  bool // keys are the app's whenever snug is in the foreground
	alone   bool // all that comes out comes through us

	master *os.File     // of the terminal inside
	redraw func()       // tells the app to draw again
	watch  func([]byte) // is shown the keys that go in
	stays  bool         // the terminal inside outlives the person's
	woken  chan struct{}

	printing sync.Mutex // held while output is being written
	ending   atomic.Bool

	mu     sync.Mutex
	paused bool // nothing is to be changed any more, or until Resume
	front  bool // snug was in the foreground when last looked at
	raw    bool // every key goes in
	single bool // the app asked for single keys or no echo, in the foreground
	strip  bool // the carriage returns that both terminals would add are taken out
	taken  unix.Termios

	pressed map[unix.Signal]time.Time // when its key went in
}

// Watch has f see every key that goes in, before Relay. It must not wait.
func (t *Terminal) Watch(f func(keys []byte)) { t.watch = f }

// Stay lets the terminal inside outlive the person's, before Relay: what is printed there goes nowhere then. It is for a
// system, which waits a second for each line that it cannot print on its console.
func (t *Terminal) Stay() { t.stays = true }

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
	t := &Terminal{in: -1, out: -1, woken: make(chan struct{}, 1), pressed: make(map[unix.Signal]time.Time)}
	is := [3]bool{Is(0), Is(1), Is(2)}
	for _, fd := range []int{0, 2, 1} {
		if is[fd] {
			t.out = fd
		}
	}
	if t.out < 0 {
		return nil
	}
	t.in = t.out
	if is[0] {
		t.in, t.lines = 0, true
	}
	// The kernel does not keep us off a terminal that is not the session's own ("su -c"): another
	// may want what is typed there.
	_, err := unix.IoctlGetUint32(t.in, unix.TIOCGPGRP)
	t.always = is[0] && !isPipe(1) && err == nil
	t.alone = t.always && is[1] && is[2]
	return t
}

// reopen opens a terminal again for reading without waiting: when another has taken what was typed,
// a read that waits would get what is typed next, perhaps for that one. The person may have no right
// to open it, as under "su -c"; then it is the old one, and [courtesy] has to do.
func reopen(fd int) int {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if again, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags, 0); err == nil {
		return again
	}
	if _, err := unix.IoctlGetUint32(fd, unix.TIOCGPGRP); err == nil { // it is the session's own
		if again, err := unix.Open("/dev/tty", flags, 0); err == nil {
			return again
		}
	}
	return fd
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && (st.Mode&unix.S_IFMT == unix.S_IFIFO || st.Mode&unix.S_IFMT == unix.S_IFSOCK)
}

// Size is the size of the terminal in characters.
func (t *Terminal) Size() (rows, cols uint16) {
	w, err := unix.IoctlGetWinsize(t.out, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return w.Row, w.Col
}

// Settings are those of the terminal, with the person's keys for erasing and interrupting, and
// whether it speaks UTF-8. nil: another program has it, and they are that one's.
func (t *Terminal) Settings() *unix.Termios {
	now, err := unix.IoctlGetTermios(t.in, unix.TCGETS)
	if err != nil || now.Lflag&unix.ICANON == 0 || !t.foreground() {
		return nil
	}
	return now
}

// The flags that are off in raw mode (cfmakeraw(3)). Those of the line stay: they say how it is wired.
const (
	rawInput  = unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	rawOutput = unix.OPOST
	rawLocal  = unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
)

// without gives the settings that the terminal would have if this program had changed nothing.
func (t *Terminal) without(now *unix.Termios) unix.Termios {
	mode := *now
	mode.Iflag |= t.taken.Iflag
	mode.Oflag |= t.taken.Oflag
	mode.Lflag |= t.taken.Lflag
	if t.raw {
		mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = t.taken.Cc[unix.VMIN], t.taken.Cc[unix.VTIME]
	}
	return mode
}

// setLocked makes every key come through as it is, or every byte go out as it is, or takes that
// back, and keeps account of the bits that it has changed. now are the settings.
func (t *Terminal) setLocked(now *unix.Termios, keys, bytes bool) {
	own := t.without(now)
	mode := own
	if keys {
		mode.Iflag &^= rawInput
		mode.Lflag &^= rawLocal
		mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	}
	if bytes {
		mode.Oflag &^= rawOutput
	}
	// Should the shell have taken the terminal back just now, the kernel stops this program here,
	// and the change is made when it is continued in the foreground.
	if mode != *now && unix.IoctlSetTermios(t.in, unix.TCSETSW, &mode) != nil {
		return
	}
	t.raw = keys
	t.taken.Iflag, t.taken.Oflag, t.taken.Lflag = own.Iflag&^mode.Iflag, own.Oflag&^mode.Oflag, own.Lflag&^mode.Lflag
	t.taken.Cc = own.Cc
}

// Release gives the terminal its own settings back and keeps them until Resume, when what the app
// has printed is out.
func (t *Terminal) Release() {
	t.flush()
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, err := unix.IoctlGetTermios(t.in, unix.TCGETS); err == nil && !t.paused && t.foreground() {
		t.setLocked(now, false, false)
	}
	t.paused = true
}

// Resume takes the terminal again, if snug is in its foreground, after it was stopped.
func (t *Terminal) Resume() {
	t.mu.Lock()
	t.paused, t.front = false, false
	t.mu.Unlock()
	t.settle()
}
