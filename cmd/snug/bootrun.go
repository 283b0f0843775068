package main

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/instances"
	"snug/cmd/internal/terminal"
	"snug/sandbox"
	"snug/sandbox/cgroup"
	"snug/systemdimg"
)

// A system that runs, in prose.
//
// It is in the account as any instance is, and its snug waits for it. SIGTERM, SIGINT and SIGHUP to that
// snug power it off in order, a second one at once. At a terminal its console is the person's; three times
// Ctrl-] power it off as these signals do, and kill one of which nothing is kept. SIGUSR1 has it reboot. A
// system that has been powered off, or left so, is a success.
//
// A service manager that runs snug, by a unit as snug unit writes it, is told what the system says of itself.

const rebootSignal = unix.SIGUSR1

// run boots the system and waits for its end.
func (b *booting) run() (err error) {
	m := &b.machine
	if m.Parent, err = groupFor("snug boot " + m.Name); err != nil {
		return err
	}
	dir, err := openInstances()
	if err != nil {
		return err
	}
	claim, err := dir.Claim(m.Name, b.exact || b.changes != nil)
	if errors.Is(err, instances.ErrTaken) {
		return &hinted{"an instance named " + quote(m.Name) + " is running", "choose another --name, or end it: snug stop " + m.Name}
	}
	if err != nil {
		return unaccounted(err)
	}
	defer claim.Release()
	m.Name = claim.Name
	folder, err := claim.Folder()
	if err != nil {
		return unaccounted(err)
	}
	m.Socket, m.Remove = boot.SocketIn(folder), []string{folder}
	if b.changes != nil {
		commit, _ := b.flags.GetString("commit")
		if err := b.changes.Pend(commit); err != nil {
			return err
		}
	}
	watch := b.watch(claim)
	ws, err := m.Run()
	watch.stop()
	b.up = watch.isUp()
	switch {
	case watch.failed() != nil:
		return watch.failed()
	case err != nil:
		return bootFailure(err)
	case ws.Signaled() && (ws.Signal() == unix.SIGINT || ws.Signal() == unix.SIGHUP || watch.left):
		return b.commit()
	}
	return exitStatus(ws, false)
}

// bootFailure is startFailure, with what to do about limits.
func bootFailure(err error) error {
	var no *cgroup.NoController
	if errors.As(err, &no) {
		return &hinted{err.Error(), "leave the limit out, or have your service manager delegate it: systemctl edit user@.service, Delegate=yes"}
	}
	return startFailure(err)
}

// bootWatch is what stands around a system that runs.
type bootWatch struct {
	b        *booting
	requests chan boot.Request
	signals  chan os.Signal
	done     chan struct{}
	tty      *terminal.Terminal
	keys     escapes
	claim    *instances.Claim
	since    int64 // when it was booted, in seconds

	mu      sync.Mutex
	asked   bool // to power off
	left    bool // the person has
	ready   bool
	problem error
	state   sandbox.State
	record  *instances.Record // in the account, of the boot that goes on
	timer   *time.Timer

	told time.Time // when a status was handed on; of the one goroutine that hears them
}

// watch connects a system with the person and the account.
func (b *booting) watch(claim *instances.Claim) *bootWatch {
	w := &bootWatch{b: b, requests: make(chan boot.Request, 8), signals: make(chan os.Signal, 4), done: make(chan struct{})}
	if b.ready < 0 {
		w.tty = terminal.Open()
	}
	signal.Notify(w.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, rebootSignal)
	go func() {
		for s := range w.signals {
			if s == rebootSignal {
				w.ask(boot.Reboot)
			} else {
				w.end()
			}
		}
	}()
	m := &b.machine
	m.Requests = w.requests
	m.Said = w.said
	m.Served = w.served
	m.Console = boot.Discard(os.Stdout)
	if b.ready >= 0 {
		m.Console = boot.Discard(nothing{})
	}
	if w.tty != nil {
		b.c.say(quote(m.Name)+" has this terminal now; three times Ctrl-] within a second end it", "")
		w.tty.Stay()
		w.tty.Watch(func(keys []byte) {
			if w.keys.found(keys, time.Now()) {
				w.leave()
			}
		})
		m.Console = func(master *os.File) func() { return w.tty.Relay(master, func() {}) }
	}
	w.claim, w.since = claim, time.Now().Unix()
	m.Started = w.started
	m.Ended = func(again bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stageLocked(map[bool]string{true: instances.Reboots, false: instances.Ends}[again])
	}
	if seconds, _ := b.flags.GetFloat64("wait"); seconds > 0 {
		w.timer = time.AfterFunc(time.Duration(seconds*float64(time.Second)), w.late)
	}
	return w
}

// served says that the root is not the kernel's overlay.
func (w *bootWatch) served(refused error, lists bool) {
	lacks := "without O_TMPFILE"
	if !lists {
		lacks += " and access lists, which the file system of its changes does not have"
	}
	w.b.c.say("the kernel makes no overlay of these folders (" + refused.Error() + "): fuse-overlayfs serves the root of " +
		quote(w.b.machine.Name) + ", slower, " + lacks)
}

// started accounts for a system that has begun to boot.
func (w *bootWatch) started(in *sandbox.Instance) error {
	b, m := w.b, &w.b.machine
	r := &instances.Record{Supervisor: os.Getpid(), Since: w.since, State: in.State(), Env: machineEnv(), Dirs: []string{"/root", "/"},
		Machine: &instances.Machine{Image: b.image}}
	if r.Command = m.System.Init; r.Command == nil {
		r.Command = []string{systemdimg.DefaultInit}
	}
	if b.changes != nil {
		r.Machine.Changes = b.changes.Upper()
	}
	w.mu.Lock()
	w.state, w.record = in.State(), r
	err := w.stageLocked(instances.Starts)
	w.mu.Unlock()
	if err != nil {
		return unaccounted(err)
	}
	if !boot.Notifies(in.Pid()) {
		if b.flags.Changed("wait") {
			b.c.say("the init of "+quote(m.Name)+" is not systemd, and does not say when it is up: it has started", "")
		}
		w.up()
	}
	return nil
}

// stageLocked notes in the account how far the system is.
func (w *bootWatch) stageLocked(stage string) error {
	if w.record == nil || w.record.Machine.Stage == stage {
		return nil
	}
	w.record.Machine.Stage = stage
	return w.claim.Write(w.record)
}

// nothing takes what a console prints that nobody sits at.
type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

// machineEnv is what commands in a system begin with.
func machineEnv() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8", "container=snug"}
}

// end powers the system off, or kills it if it was asked before.
func (w *bootWatch) end() {
	w.mu.Lock()
	request := boot.PowerOff
	if w.asked {
		request = boot.Kill
	}
	w.asked = true
	w.mu.Unlock()
	boot.Tell("STOPPING=1", "STATUS=powers off")
	w.ask(request)
}

// leave ends the system for who sits at its console: at once, if nothing of it is kept.
func (w *bootWatch) leave() {
	if w.b.changes == nil {
		w.mu.Lock()
		w.left = true
		w.mu.Unlock()
		w.ask(boot.Kill)
		return
	}
	w.end()
}

// ask hands a request on, unless there are some already.
func (w *bootWatch) ask(request boot.Request) {
	select {
	case w.requests <- request:
	default:
	}
}

// said takes what the init says.
func (w *bootWatch) said(n systemdimg.Notice) {
	if n.Status != "" && time.Since(w.told) > time.Second/5 { // a system could say more than a service manager should hear
		w.told = time.Now()
		boot.Tell("STATUS=" + line(cut(n.Status, 200)))
	}
	if n.Ready {
		w.up()
		return
	}
	w.progress(n.Status)
}

// progress shows a person who waits what the system does.
func (w *bootWatch) progress(status string) {
	if w.b.ready < 0 || status == "" || !terminal.Is(2) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ready {
		os.Stderr.WriteString("\r\x1b[K" + cut(clean(strings.ReplaceAll(status, "\n", " ")), 78))
	}
}

func cut(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}

// up notes that the system is up, and tells who waits for it.
func (w *bootWatch) up() {
	w.mu.Lock()
	was, st := w.ready, w.state
	w.ready = true
	w.stageLocked(instances.Up) // who waits for it gives up some time if it cannot be written
	w.mu.Unlock()
	if was {
		return
	}
	if w.b.ready >= 0 && terminal.Is(2) {
		os.Stderr.WriteString("\r\x1b[K")
	}
	if w.timer != nil {
		w.timer.Stop()
		if failed := boot.Failed(&st); failed != "" {
			w.fail(&hinted{quote(w.b.machine.Name) + " is up, but with failures, and was ended", "without --wait it goes on"}, failed)
			return
		}
	}
	boot.Tell("READY=1")
	if w.b.ready >= 0 {
		sayReady(w.b.ready, w.b.machine.Name)
	}
}

func (w *bootWatch) isUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ready
}

// late gives up waiting.
func (w *bootWatch) late() {
	w.mu.Lock()
	ready, st := w.ready, w.state
	w.mu.Unlock()
	if ready {
		return
	}
	said := ""
	if st.Pid != 0 {
		said = boot.Failed(&st)
	}
	seconds, _ := w.b.flags.GetFloat64("wait")
	w.fail(&hinted{quote(w.b.machine.Name) + " is not up after " + strconv.FormatFloat(seconds, 'g', -1, 64) + " seconds", "look at its console: without --detach and --wait"}, said)
}

// fail ends a system that did not come up, with what it says of itself.
func (w *bootWatch) fail(err error, said string) {
	w.mu.Lock()
	w.problem, w.asked = err, true
	w.mu.Unlock()
	if said != "" {
		os.Stderr.WriteString(clean(said))
	}
	w.requests <- boot.Kill
}

func (w *bootWatch) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.problem
}

func (w *bootWatch) stop() {
	signal.Stop(w.signals)
	close(w.signals)
	if w.timer != nil {
		w.timer.Stop()
	}
}
