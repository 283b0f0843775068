package sandbox

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// Run looks at the machine, compiles the Spec and starts the sandbox.
func Run(s *Spec) (*Instance, error) {
	h, err := Probe()
	if err != nil {
		return nil, err
	}
	p, err := Compile(s, &h, Look(s))
	if err != nil {
		return nil, err
	}
	return Start(p)
}

// Start makes the sandbox and returns when its command has been executed, or has failed to be:
// then the error is an *[Error] and nothing is left of the sandbox.
//
// The child's parent-death signal is bound to a thread (prctl(2)), so every Instance has a
// goroutine that owns one, makes the child, and serves it until it has ended.
func Start(p *Program) (*Instance, error) {
	in := newInstance(p)
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		k := keeper{p: p, in: in, errs: -1, status: -1}
		k.run(func(err error) { failed <- err })
		in.reap()
	}()
	if err := <-failed; err != nil {
		<-in.done
		return nil, err
	}
	return in, nil
}

// Supervise is Start and Wait on the calling goroutine and its thread. started is called when the
// command has been executed; it must return for the sandbox to be served, and its error ends it. A
// program that runs one sandbox saves the threads that Start would need, some tenths of a
// millisecond; one that goes on afterwards closes the Instance that started was given.
func Supervise(p *Program, started func(*Instance) error) (unix.WaitStatus, error) {
	in := newInstance(p)
	k := keeper{p: p, in: in, errs: -1, status: -1, alone: true}
	var failed error
	k.run(func(err error) {
		if failed = err; failed != nil {
			return
		}
		if failed = started(in); failed != nil {
			in.Kill()
		}
	})
	if k.locked {
		runtime.UnlockOSThread()
	}
	return in.Wait(), failed
}

// keeper is the parent's side of one child.
//
//	clone ──► serve messages until the error pipe ends ──► started ──► serve until the end ──► reap
type keeper struct {
	p  *Program
	in *Instance

	errs   int // read end of the error pipe, -1 when it has ended
	status int // our end of the status socket, -1 when it has ended

	alone  bool // this process makes no other children that need its memory
	locked bool // to a thread, as this was not the main one

	failure *program.Failure
	abort   error     // why the parent ended the child
	until   time.Time // when what enters must have done so; zero: there is time
	ready   bool      // the child has set everything up
	served  bool      // it has handed over its Fuse
	exited  bool      // the app's wait status has arrived
}

// patience is how long entering a running sandbox may take, some milliseconds as a rule. Who is in its PID
// namespace may stop what enters (SIGSTOP), and so would keep whoever waits for that.
const patience = 10 * time.Second

// run makes the child and serves it to its end. started is called once: with nil when the command
// has been executed, with an error when nothing is left of the sandbox.
func (k *keeper) run(started func(error)) {
	defer close(k.in.done)
	if err := k.clone(); err != nil {
		started(err)
		return
	}
	runtime.KeepAlive(k.p)
	if e := k.p.spec.Enter; e != nil && e.Namespaces&unix.CLONE_NEWPID != 0 {
		k.until = time.Now().Add(patience)
	}
	k.serve(func() bool { return k.errs < 0 })
	k.until = time.Time{}
	ok := k.ready && k.abort == nil && k.failure == nil
	if ok {
		started(nil)
	} else {
		k.in.kill()
		sendSignal(k.in.app, unix.SIGKILL) // without a PID namespace it would wait for its reaper for ever
	}
	k.serve(func() bool { return k.exited || k.status < 0 })
	if k.status >= 0 {
		unix.Close(k.status)
	}
	if !k.exited {
		k.in.reap()
	}
	if !ok {
		k.in.reap()
		k.in.closeAll()
		started(k.verdict())
	}
}

// verdict says why the child did not become the app.
func (k *keeper) verdict() error {
	switch {
	case k.abort != nil:
		return k.abort
	case k.failure != nil:
		return k.p.explain(k.failure)
	}
	how := "ended"
	if ws := k.in.status; ws.Signaled() {
		how = "killed by signal " + strconv.Itoa(int(ws.Signal()))
	}
	return &Error{What: "set up the sandbox: " + how, Hint: "something outside ended it: a signal, or the lack of memory"}
}

// clone makes the child with its ends of the error pipe and the status socket.
func (k *keeper) clone() error {
	if err := k.p.mayClone(); err != nil {
		return err
	}
	var l lender
	defer l.close()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	l.opened = append(l.opened, pipe[:]...)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	l.opened = append(l.opened, pair[:]...)
	// Our ends must not be the child's standard files, either.
	if k.errs, err = l.keep(pipe[0]); err == nil {
		k.status, err = l.keep(pair[0])
	}
	fail := func(err error) error {
		unix.Close(k.errs)
		unix.Close(k.status)
		return err
	}
	if err == nil {
		err = k.p.lend(&l, pipe[1], pair[1])
	}
	if err == nil && k.p.spec.CgroupDir != nil && k.p.spec.Enter == nil {
		k.in.cgroup, err = duplicate(k.p.spec.CgroupDir)
	}
	if err != nil {
		return fail(err)
	}
	withheld, err := k.p.fillWithheld(&l, k.errs, k.status)
	if err != nil {
		return fail(err)
	}
	im, err := k.p.prog.Load(slices.Concat(l.cells, k.p.fillGaps(l.numbers), withheld))
	if err != nil {
		return fail(err)
	}
	defer im.Close()
	im.SetCells(k.p.fillUnmap(im))
	if k.alone {
		im.Withhold(addressEnd)
	}
	pid, pidfd, err := im.Clone(k.p.flags, k.p.host.Clone3, k.alone)
	if err == program.ErrThread {
		runtime.LockOSThread()
		k.locked = true
		pid, pidfd, err = im.Clone(k.p.flags, k.p.host.Clone3, false)
	}
	if err != nil {
		f := &program.Failure{Errno: err.(unix.Errno), Note: program.Note{Verb: verbClone}}
		return fail(k.p.explain(f))
	}
	k.in.pid, k.in.pidfd = pid, pidfd
	return nil
}

// serve answers the child until done, or until there is nothing left to wait for.
func (k *keeper) serve(done func() bool) {
	for !done() && (k.errs >= 0 || k.status >= 0) {
		fds := []unix.PollFd{{Fd: int32(k.errs), Events: unix.POLLIN}, {Fd: int32(k.status), Events: unix.POLLIN}}
		if k.errs >= 0 && !k.p.asks {
			fds[1].Fd = -1 // there is time for what it says until it is the app
		}
		n, err := unix.Poll(fds, k.timeout())
		if err != nil {
			continue // EINTR; the runtime's own signals arrive on any thread
		}
		if n == 0 {
			k.giveUp()
		}
		if fds[1].Revents != 0 {
			k.receive(0)
		}
		if fds[0].Revents != 0 {
			k.readFailure()
		}
	}
}

// giveUp ends what has not entered the sandbox in time.
func (k *keeper) giveUp() {
	k.until = time.Time{}
	k.receiveAll() // who it is by now
	k.stop(&Error{What: verbEnter + ": nothing has come of that for " + patience.String(), Origin: k.p.spec.Process.Origin,
		Hint: "something in the sandbox may have stopped it; to end the sandbox: snug stop", Err: unix.ETIMEDOUT})
	sendSignal(k.in.app, unix.SIGKILL)
}

// timeout is how long poll(2) may wait, in milliseconds.
func (k *keeper) timeout() int {
	if k.until.IsZero() {
		return -1
	}
	return int(max(0, time.Until(k.until)/time.Millisecond) + 1)
}

// readFailure takes the failure record, or the end of the pipe: the command was executed. What
// the child said before that is waiting in the socket.
func (k *keeper) readFailure() {
	var record [program.RecordLen]byte
	n, err := unix.Read(k.errs, record[:])
	if err == unix.EINTR {
		return
	}
	if n == len(record) {
		k.failure = k.p.prog.Failure(record)
	}
	k.receiveAll()
	unix.Close(k.errs)
	k.errs = -1
}

// receiveAll takes the messages that are there.
func (k *keeper) receiveAll() {
	for k.status >= 0 && k.receive(unix.MSG_DONTWAIT) {
	}
}

// receive takes one message of the child and reports whether there was one.
func (k *keeper) receive(flags int) bool {
	var buf [8]byte
	var oob [64]byte
	n, oobn, _, _, err := unix.Recvmsg(k.status, buf[:], oob[:], unix.MSG_CMSG_CLOEXEC|flags)
	switch {
	case err == unix.EINTR:
		return true
	case err == unix.EAGAIN:
		return false
	case err != nil || n != len(buf):
		unix.Close(k.status)
		k.status = -1
		return false
	}
	k.handle(message(word(buf[:4])), word(buf[4:]), rights(oob[:oobn]))
	return true
}

// handle acts on a message. fd, if not -1, is ours.
func (k *keeper) handle(kind message, value uint32, fd int) {
	in := k.in
	if !k.expects(kind) {
		k.stop(&Error{What: "the first process of the sandbox does not keep to its part", Hint: "something in the sandbox has taken it over"})
		if fd >= 0 {
			unix.Close(fd)
		}
		return
	}
	switch kind {
	case msgPlace:
		k.answer(k.place())
		return
	case msgMade:
		k.answer(k.p.spec.Handover.Made(in.pid))
		return
	case msgFuse:
		k.answer(k.serveFuse(fd))
		return
	case msgMain:
		// The first child has handed over to a sibling, and ends by itself.
		waitPidfd(in.pidfd, nil)
		unix.Close(in.pidfd)
		in.pidfd = fd
		in.pid = pidOf(fd)
		return
	case msgApp:
		in.app = fd
		return
	case msgTerminal:
		unix.SetNonblock(fd, true) // so that reading has a deadline, and ends by Close
		in.terminal = os.NewFile(uintptr(fd), "/dev/ptmx")
		return
	case msgTree:
		in.tree = os.NewFile(uintptr(fd), "mount")
		return
	case msgReady:
		k.ready = true
	case msgListener:
		if got, err := unix.PidfdGetfd(in.speaker(), int(value), 0); err == nil {
			in.listener = os.NewFile(uintptr(got), "seccomp")
		} else {
			k.stop(os.NewSyscallError("pidfd_getfd", err))
		}
		unix.Write(k.status, []byte{1})
	case msgStatus:
		in.report(unix.WaitStatus(value))
		k.exited = !unix.WaitStatus(value).Stopped()
	}
	if fd >= 0 {
		unix.Close(fd)
	}
}

// expects reports whether the child may say this at all: what its program has. An app with
// capabilities enough can take PID 1 over and speak in its place. The order is not judged: two
// processes speak.
func (k *keeper) expects(kind message) bool {
	s := k.p.spec
	switch kind {
	case msgApp:
		return k.in.app < 0
	case msgListener:
		return k.in.listener == nil && slices.ContainsFunc(s.Process.Filters, func(f Filter) bool { return f.Listen })
	case msgMade:
		return s.Handover.Made != nil
	case msgFuse:
		return s.Handover.Serve != nil && !k.served
	case msgTerminal:
		return s.Process.Terminal != nil && k.in.terminal == nil
	case msgTree:
		return k.p.grants && k.in.tree == nil
	}
	return true
}

// place lets the parent do its part while the child waits: id maps, and what the caller wants.
func (k *keeper) place() error {
	err := k.p.writeMaps(k.in.pid)
	if oom := k.p.spec.Process.OOM; err == nil && oom != nil {
		// Lowering it takes a capability that the child has lost with its user namespace.
		if e := os.WriteFile("/proc/"+strconv.Itoa(k.in.pid)+"/oom_score_adj", []byte(strconv.Itoa(*oom)), 0); e != nil {
			err = k.p.explain(&program.Failure{Errno: errnoOf(e), Note: program.Note{
				Verb: verbOOM, Object: strconv.Itoa(*oom), Origin: string(k.p.spec.Process.Origin)}})
		}
	}
	if placed := k.p.spec.Handover.Placed; err == nil && placed != nil {
		err = placed(k.in.pid)
	}
	return err
}

// answer lets the child that has asked go on, unless the parent could not do its part.
func (k *keeper) answer(err error) {
	if err != nil {
		k.stop(err)
		return
	}
	unix.Write(k.status, []byte{1})
}

// errnoOf gives the error of the kernel in err.
func errnoOf(err error) unix.Errno {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		errno = unix.EIO
	}
	return errno
}

// stop ends the child because the parent could not do its part.
func (k *keeper) stop(err error) {
	if k.abort == nil {
		k.abort = err
	}
	k.in.kill()
}
