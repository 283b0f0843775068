package main

import (
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/terminal"
	"snug/sandbox"
)

// Job control: how the signals of the person's shell and keyboard reach the app, and what happens to
// the app comes back, so that snug behaves as the app itself would.
//
//	                  person's session                 sandbox: a session of its own
//	shell ── its jobs: snug, others of a pipeline      [reaper] ── the app's process group
//	                    │  ▲
//	  signals ──────────┘──┼──► once to the app, or to what is in the foreground inside
//	  app stopped, killed ─┘    snug stops, ends as the app has
//
// The app is always in a session of its own, with a terminal and without: what is sent to snug's
// process group, by the keyboard, kill or timeout(1), reaches snug alone, and is passed on. In the
// caller's group the app would get it twice, and could signal what else is in there.
//
// While the keys of the person's terminal go in as they are, its Ctrl-C and Ctrl-Z reach the inside
// alone. What is in snug's group, a make or the script that called it, then learns from snug what the
// kernel would have told it; but only of a key that was pressed: an app that signals itself must not
// reach others by that.

// jobControl is what connects one app.
type jobControl struct {
	tty     *terminal.Terminal // nil: none
	in      *sandbox.Instance
	signals chan os.Signal
	asked   atomic.Bool // the app is being stopped because snug was asked to stop
}

// newJobControl collects the signals that are meant for the app from now on, but for those that end
// programs: until the app runs they end snug, as nobody passes them on while a start waits for a file
// system that does not answer. What has been made of the sandbox dies with snug.
func newJobControl(tty *terminal.Terminal) *jobControl {
	j := &jobControl{tty: tty, signals: make(chan os.Signal, 16)}
	signal.Notify(j.signals, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP)
	return j
}

// started collects the others, too.
func (j *jobControl) started() {
	signal.Notify(j.signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
}

// attach passes them to the app. The terminal is to be connected before: an app that has stopped
// itself already stops snug here.
func (j *jobControl) attach(in *sandbox.Instance) {
	j.in = in
	go j.pass()
	in.Stops(j.stopped)
}

// together is within what time two equal signals are one. timeout(1) and some shells send each to
// the process and to its group; the kernel makes one of them for a program that has not run in
// between, but snug is quicker than that.
const together = 10 * time.Millisecond

func (j *jobControl) pass() {
	var last os.Signal
	var when time.Time
	for s := range j.signals {
		now := time.Now()
		if s == last && now.Sub(when) < together && s != unix.SIGUSR1 && s != unix.SIGUSR2 {
			continue
		}
		last, when = s, now
		j.tell(s.(unix.Signal))
	}
}

// tell sends a signal to those inside whom it would have reached outside. The keyboard's go to a
// process group, and whether one comes from there cannot be seen.
func (j *jobControl) tell(s unix.Signal) {
	switch s {
	case unix.SIGTSTP:
		if j.tty != nil {
			j.keyboard(s)
			return
		}
		// Without a terminal the app leads its session, and the kernel ignores SIGTSTP for it.
		j.asked.Store(true)
		j.in.SignalGroup(unix.SIGSTOP)
	case unix.SIGINT, unix.SIGQUIT:
		j.keyboard(s)
	case unix.SIGHUP:
		j.in.SignalGroup(s)
		j.in.SignalGroup(unix.SIGCONT) // as the kernel does: what is stopped could not act on it
	default:
		j.in.Signal(s)
	}
}

// keyboard sends a signal to what is in the foreground of the terminal inside.
func (j *jobControl) keyboard(s unix.Signal) {
	if t := j.in.Terminal(); t != nil && unix.IoctlSetInt(int(t.Fd()), unix.TIOCSIG, int(s)) == nil {
		return
	}
	j.in.SignalGroup(s)
}

// stopped stops snug as its app was stopped, so that the person's shell gets its turn, and lets
// the app go on when the person continues snug. Without a terminal nobody may be there to do that,
// so it needs to have been asked for.
func (j *jobControl) stopped(ws unix.WaitStatus) {
	if !j.asked.Swap(false) && j.tty == nil {
		return
	}
	s := unix.SIGTSTP
	if ws.StopSignal() == unix.SIGSTOP && j.tty != nil {
		s = unix.SIGSTOP
	}
	if j.tty != nil {
		j.tty.Release()
	}
	if j.tty != nil && s == unix.SIGTSTP && j.tty.Pressed(s) {
		others(s)
	}
	raise(s)
	if j.tty != nil {
		j.tty.Resume()
	}
	j.in.SignalGroup(unix.SIGCONT)
}

// others sends a signal to snug's process group but not to snug.
func others(s unix.Signal) {
	handler := setAction(s, action{handler: ignored})
	unix.Kill(0, s)
	setAction(s, handler)
}

// raise lets a signal have its own effect on this process, now: a signal that a thread sends to
// itself is acted upon before the call returns. So when it does, the program was stopped and
// continued, or the kernel has ignored the signal, as nobody is there to continue the program
// (setpgid(2), "orphaned process group").
func raise(s unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	handler := setAction(s, action{})
	unix.Tgkill(os.Getpid(), unix.Gettid(), s)
	setAction(s, handler)
}

// killed says which signal ended the app.
type killed struct {
	by      unix.Signal
	pressed bool // its key was, and went to the app alone
}

// follow ends snug as its app was ended, if that was by the keyboard: then a shell ends its loop
// too, and make its recipe, which an exit status would not make them do. All other signals become
// the documented status: the shell would report that snug itself was killed or has crashed.
func (k *killed) follow() {
	if k.by != unix.SIGINT && k.by != unix.SIGQUIT {
		return
	}
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // no core file of snug; a pipe of core(5) has no limit
	if k.pressed {
		others(k.by)
	}
	raise(k.by)
}
