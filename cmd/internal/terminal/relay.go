package terminal

import (
	"bytes"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// keys is what is to be done with what the person types.
type keys int

const (
	keysElsewhere keys = iota // they are not ours
	keysLines                 // whole lines, which the person's terminal has edited and shown
	keysRaw                   // every key
	keysGone                  // there is no terminal any more
)

const (
	// lastWords is how long output is waited for when the app has ended and another inside still
	// holds the terminal; lastBytes is more than the kernel keeps of what was printed before that.
	lastWords = 300 * time.Millisecond
	lastBytes = 64 << 10
	// glance is how often the terminal is looked at while its keys are not ours: a shell that puts
	// a running job into the foreground does not say so (bash sends no SIGCONT).
	glance = 200 * time.Millisecond
	// courtesy is how long keys that others may want are left to them: who waits in read(2) when
	// they are typed has them before we look again.
	courtesy = 5 * time.Millisecond
)

// Relay carries bytes and size changes between the person's terminal and the master of one in a
// sandbox, until drain is called: when the app has ended, drain gives the keys back, writes out what
// the app has printed, and gives the terminal back. redraw is called when the app should draw its screen again. Reading
// keys ends with the program. The master must not block, and is closed when the person's terminal
// is gone, unless it stays. After drain it may be called again, for another master: a system that reboots gets a new one.
func (t *Terminal) Relay(master *os.File, redraw func()) (drain func()) {
	t.mu.Lock()
	first := t.master == nil
	t.master, t.redraw = master, redraw
	t.front = t.foreground() // the app has just started, with the size of now
	t.paused, t.single = false, false
	t.ending.Store(false)
	t.mu.Unlock()
	if first {
		t.keys = t.in
		if !t.always {
			t.keys = reopen(t.in)
		}
		t.ahead()
		go t.typed()
	}
	t.settle()
	changed := make(chan os.Signal, 2)
	signal.Notify(changed, unix.SIGWINCH, unix.SIGCONT)
	go t.follow(changed)
	t.wake()
	printed := make(chan struct{})
	go func() {
		t.print()
		close(printed)
	}()
	return func() {
		t.ending.Store(true)
		t.settle()
		master.SetReadDeadline(time.Now().Add(lastWords))
		<-printed
		signal.Stop(changed)
		close(changed)
		t.Release()
	}
}

// ahead passes on lines that were typed before the app started. In raw mode the kernel would make
// a zero byte of a Ctrl-D among them.
func (t *Terminal) ahead() {
	buf := make([]byte, 4096) // the longest line
	for t.always && t.foreground() {
		now, err := unix.IoctlGetTermios(t.in, unix.TCGETS)
		if err != nil || now.Lflag&unix.ICANON == 0 {
			return
		}
		fds := []unix.PollFd{{Fd: int32(t.in), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); n == 0 || err != nil || fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		n, err := unix.Read(t.in, buf)
		if err != nil {
			return
		}
		t.sendLine(buf[:n])
		if n == 0 {
			return // the end of the file may be the terminal's own
		}
	}
}

// follow acts on changes of the terminal that are announced by signals.
func (t *Terminal) follow(changed <-chan os.Signal) {
	for s := range changed {
		if s == unix.SIGCONT { // the terminal was another's, of another size perhaps
			t.mu.Lock()
			t.front = false
			t.mu.Unlock()
		}
		t.settle()
	}
}

// settle looks at both terminals, sets the person's as it should be now, and says what is to be
// done with keys. It touches nothing in the background.
func (t *Terminal) settle() keys {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.paused {
		return keysElsewhere
	}
	inside, e := unix.IoctlGetTermios(int(t.master.Fd()), unix.TCGETS)
	if e == nil {
		t.stopBehind(inside.Lflag)
	}
	now, err := unix.IoctlGetTermios(t.in, unix.TCGETS)
	if err == unix.EIO {
		return keysGone
	}
	if err != nil || e != nil {
		return keysElsewhere
	}
	const newlines = unix.OPOST | unix.ONLCR
	cooked := inside.Oflag&newlines == newlines
	own := t.without(now)
	t.strip = !t.alone && cooked && own.Oflag&newlines == newlines
	if !t.foreground() {
		t.front = false
		return keysElsewhere
	}
	what, before := t.wanted(own.Lflag, inside.Lflag), t.raw
	t.setLocked(now, what == keysRaw, t.alone || !cooked)
	if t.raw != before {
		t.wake()
	}
	if w, err := unix.IoctlGetWinsize(t.out, unix.TIOCGWINSZ); err == nil {
		unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, w)
	}
	if !t.front {
		t.front = true
		t.redraw()
	}
	return what
}

// stopBehind stops this program if the app, in the background, has just asked its terminal for single
// keys or no echo: the kernel would have stopped it there by SIGTTOU (tcsetattr(3)), and it would wait
// in vain and paint over what the person does meanwhile. One that had asked in the foreground goes on.
func (t *Terminal) stopBehind(inside uint32) {
	single := inside&ordinary != ordinary
	if single && !t.single && !t.ending.Load() && !t.foreground() {
		t.front = false
		runtime.LockOSThread()
		unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTTOU) // acted upon before it returns
		runtime.UnlockOSThread()
	}
	if !single || t.foreground() {
		t.single = single
	}
}

// ordinary are the local flags of a terminal that edits whole lines and shows them.
const ordinary = unix.ICANON | unix.ECHO

// wanted decides about the keys by the local flags of both terminals; the person's without what
// this program has changed.
func (t *Terminal) wanted(own, inside uint32) keys {
	switch {
	case t.ending.Load():
		return keysElsewhere
	case t.always:
		return keysRaw
	case own&ordinary != ordinary:
		return keysElsewhere // a pager's that reads what the app prints, or for a password
	case inside&ordinary != ordinary:
		return keysRaw
	case t.lines:
		return keysLines
	}
	return keysElsewhere
}

func (t *Terminal) wake() {
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// theirs is the terminal inside, for who reads keys.
func (t *Terminal) theirs() *os.File {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.master
}

// typed carries keys in.
func (t *Terminal) typed() {
	buf := make([]byte, 64<<10)
	pause := time.Millisecond
	for {
		what := t.settle()
		if what == keysElsewhere || what == keysLines && t.unread() {
			select {
			case <-t.woken:
			case <-time.After(pause):
			}
			pause = min(2*pause, glance)
			continue
		}
		if what != keysGone && !t.ready() {
			continue
		}
		pause = time.Millisecond
		// It may have become another's meanwhile: reading in the background stops the program.
		if what = t.settle(); what == keysRaw || what == keysLines {
			what = t.take(what, buf)
		}
		if what == keysGone {
			t.mu.Lock()
			front := t.front
			t.mu.Unlock()
			if front && !t.stays { // in the background a program may outlive its terminal
				t.theirs().Close() // the kernel tells those inside, as those outside
			}
			return
		}
	}
}

// ready waits for keys, and reports whether there are some that no other program has taken.
func (t *Terminal) ready() bool {
	fds := []unix.PollFd{{Fd: int32(t.keys), Events: unix.POLLIN}}
	if t.always { // none but a signal takes the terminal from us, and it ends this wait
		n, err := unix.Poll(fds, -1)
		return n > 0 && err == nil
	}
	if n, err := unix.Poll(fds, int(glance/time.Millisecond)); n == 0 || err != nil {
		return false
	}
	time.Sleep(courtesy)
	n, err := unix.Poll(fds, 0)
	return n > 0 && err == nil
}

// take reads what was typed and passes it on.
func (t *Terminal) take(what keys, buf []byte) keys {
	n, err := unix.Read(t.keys, buf)
	switch {
	case n > 0 && what == keysRaw:
		if t.watch != nil {
			t.watch(buf[:n])
		}
		t.note(buf[:n])
		t.theirs().Write(buf[:n])
	case n >= 0 && err == nil && what == keysLines && Is(t.in):
		t.sendLine(buf[:n])
	case err == unix.EINTR || err == unix.EAGAIN:
	case err == unix.EBADF: // opened for writing only
		return keysGone
	case !Is(t.in):
		return keysGone
	default:
		time.Sleep(glance)
	}
	return what
}

// lately is for how long a signal counts as the keyboard's: a program may clean up before it ends by it.
const lately = 3 * time.Second

// note remembers which of the person's keys for signals go in as they are.
func (t *Terminal) note(keys []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, at := range map[unix.Signal]int{unix.SIGINT: unix.VINTR, unix.SIGQUIT: unix.VQUIT, unix.SIGTSTP: unix.VSUSP} {
		if key := t.taken.Cc[at]; key != 0 && bytes.IndexByte(keys, key) >= 0 {
			t.pressed[s] = time.Now()
		}
	}
}

// Pressed reports whether a signal's key has been pressed lately and gone in. Then the kernel has
// told nobody outside of it. One key gives one signal.
func (t *Terminal) Pressed(s unix.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer delete(t.pressed, s)
	return time.Since(t.pressed[s]) < lately
}

// sendLine writes a line that the person's terminal has shown already, so the one inside must not
// show it again. An empty line is the end of the file, Ctrl-D; so is one without an end of its own,
// which Ctrl-D has sent off.
func (t *Terminal) sendLine(line []byte) {
	master := int(t.theirs().Fd())
	mode, err := unix.IoctlGetTermios(master, unix.TCGETS)
	if err != nil {
		return
	}
	if n := len(line); n == 0 || line[n-1] != '\n' && line[n-1] != mode.Cc[unix.VEOL] {
		line = append(line, mode.Cc[unix.VEOF])
	}
	echo := mode.Lflag & unix.ECHO
	mode.Lflag &^= unix.ECHO
	unix.IoctlSetTermios(master, unix.TCSETS, mode)
	t.deliver(line)
	if mode, err = unix.IoctlGetTermios(master, unix.TCGETS); err == nil {
		mode.Lflag |= echo
		unix.IoctlSetTermios(master, unix.TCSETS, mode)
	}
}

// deliver writes a line and waits until the line discipline inside has taken it, which the kernel
// lets it do a little later, or when somebody at the other end finds nothing to read.
func (t *Terminal) deliver(line []byte) {
	peer, err := t.peer()
	if err != nil {
		return
	}
	defer unix.Close(peer)
	before, _ := unix.IoctlGetInt(peer, unix.TIOCINQ)
	t.theirs().Write(line)
	for range 20 {
		unix.Poll([]unix.PollFd{{Fd: int32(peer), Events: unix.POLLIN}}, 0)
		if n, err := unix.IoctlGetInt(peer, unix.TIOCINQ); before == 0 || n != before || err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// unread reports whether those inside have left what went in before. Then the next line stays where
// it is: it may be for the shell, or for another program, if the app does not read at all. That they
// wait for one cannot be seen, so one line goes in ahead.
func (t *Terminal) unread() bool {
	peer, err := t.peer()
	if err != nil {
		return false
	}
	defer unix.Close(peer)
	fds := []unix.PollFd{{Fd: int32(peer), Events: unix.POLLIN}}
	_, err = unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&unix.POLLIN != 0
}

// peer opens the terminal inside, for a moment: as long as it is open its end is not seen.
func (t *Terminal) peer() (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, t.theirs().Fd(), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// print carries output out, until nobody inside holds the terminal, which EIO says, or the time that
// drain gives is over: others inside may go on printing for ever.
func (t *Terminal) print() {
	buf := make([]byte, 64<<10)
	var err error
	for err == nil {
		var n int
		n, err = t.master.Read(buf)
		t.say(buf[:n])
	}
	if !os.IsTimeout(err) {
		return
	}
	// The person's terminal may have been slow, and what the app printed is still with the kernel.
	for left := lastBytes; left > 0; {
		n, err := unix.Read(int(t.master.Fd()), buf[:min(left, len(buf))])
		if n <= 0 || err != nil {
			return
		}
		t.say(buf[:n])
		left -= n
	}
}

func (t *Terminal) say(p []byte) {
	t.printing.Lock()
	defer t.printing.Unlock()
	t.write(p)
}

// write puts out all that it is given. If the person's terminal is gone it goes nowhere.
func (t *Terminal) write(p []byte) {
	t.mu.Lock()
	watch := !t.alone || !t.front
	t.mu.Unlock()
	if watch {
		t.settle() // the app changes its terminal's settings before it prints what asks for a key
		t.mu.Lock()
		if t.strip {
			p = bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n"))
		}
		t.mu.Unlock()
	}
	for len(p) > 0 {
		n, err := unix.Write(t.out, p)
		switch {
		case n > 0:
			p = p[n:]
		case err == unix.EINTR:
		case err == unix.EAGAIN: // somebody has made the terminal that does not wait
			unix.Poll([]unix.PollFd{{Fd: int32(t.out), Events: unix.POLLOUT}}, -1)
		default:
			return
		}
	}
}

// flush waits until what the app has printed so far is out, for a moment at most.
func (t *Terminal) flush() {
	for range 20 {
		if t.ending.Load() {
			return
		}
		time.Sleep(5 * time.Millisecond) // the kernel hands output over a little later
		t.printing.Lock()
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(t.master.Fd()), Events: unix.POLLIN}}, 0)
		t.printing.Unlock()
		if n == 0 || err != nil {
			return
		}
	}
}
