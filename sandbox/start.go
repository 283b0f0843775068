package sandbox

import (
	"os"
	"runtime"
	"slices"

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
	in := &Instance{pidfd: -1, app: -1, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		k := keeper{p: p, in: in, started: started, errs: -1, status: -1}
		k.run()
	}()
	if err := <-started; err != nil {
		<-in.done
		return nil, err
	}
	return in, nil
}

// keeper is the parent's side of one child.
//
//	clone ──► serve messages until the error pipe ends ──► started ──► serve until the end ──► reap
type keeper struct {
	p       *Program
	in      *Instance
	started chan<- error

	errs   int // read end of the error pipe, -1 when it has ended
	status int // our end of the status socket, -1 when it has ended
	pid    int // of the first child, 0 when it was reaped

	failure *program.Failure
	abort   error // why the parent ended the child
	exited  bool  // the app's wait status has arrived
}

func (k *keeper) run() {
	defer close(k.in.done)
	if err := k.clone(); err != nil {
		k.started <- err
		return
	}
	runtime.KeepAlive(k.p)
	k.serve(func() bool { return k.errs < 0 })
	err := k.verdict()
	if err != nil {
		k.in.kill()
	}
	if err == nil {
		k.started <- nil
	}
	k.serve(func() bool { return k.status < 0 })
	k.reap()
	if err != nil {
		k.in.closeAll()
		k.started <- err
	}
}

// verdict says why the child did not become the app, or nil.
func (k *keeper) verdict() error {
	switch {
	case k.abort != nil:
		return k.abort
	case k.failure != nil:
		return k.p.explain(k.failure)
	}
	return nil
}

// clone makes the child with its ends of the error pipe and the status socket.
func (k *keeper) clone() error {
	above := 2
	for _, f := range k.p.files {
		above = max(above, f.number)
	}
	var opened []int
	defer func() {
		for _, fd := range opened {
			unix.Close(fd)
		}
	}()
	var pipe, pair [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	k.errs = pipe[0]
	opened = append(opened, pipe[1])
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		unix.Close(k.errs)
		return os.NewSyscallError("socketpair", err)
	}
	k.status = pair[0]
	opened = append(opened, pair[1])

	fail := func(err error) error {
		unix.Close(k.errs)
		unix.Close(k.status)
		return err
	}
	cells := make([]program.Value, 0, 32)
	var kept []uint64
	pass := func(cell program.Cell, fd, number int) error {
		if fd <= above && fd != number { // the app's numbers are not to be trodden on
			high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, above+1)
			if err != nil {
				return os.NewSyscallError("fcntl", err)
			}
			opened = append(opened, high)
			fd = high
		}
		cells = append(cells, program.Value{Cell: cell, Word: uint64(fd)})
		kept = append(kept, uint64(fd))
		return nil
	}
	for _, f := range append([]fileCell{{cell: program.ErrorFd, number: pipe[1]}, {cell: k.p.status, number: pair[1]}}, k.p.files...) {
		fd, number := f.number, -1
		if f.file != nil {
			fd, number = int(f.file.Fd()), f.number
		}
		if err := pass(f.cell, fd, number); err != nil {
			return fail(err)
		}
	}
	status := kept[1]
	cells = append(cells, k.p.fillGaps(kept, status)...)

	im, err := k.p.prog.Load(cells)
	if err != nil {
		return fail(err)
	}
	defer im.Close()
	im.SetCells(k.p.fillUnmap(im.Keep()))
	pid, pidfd, err := im.Clone(k.p.flags, k.p.host.Clone3)
	if err != nil {
		f := &program.Failure{Errno: err.(unix.Errno), Note: program.Note{Verb: verbClone}}
		return fail(k.p.explain(f))
	}
	k.pid, k.in.pid, k.in.pidfd = pid, pid, pidfd
	return nil
}

// fillGaps gives the ranges of descriptors to close: all but 0, 1, 2 and those kept. Pairs of
// cells that are left over get an empty range, which close_range refuses with EINVAL.
func (p *Program) fillGaps(kept []uint64, status uint64) []program.Value {
	const last = 1<<32 - 1
	slices.Sort(kept)
	var gaps [][2]uint64
	from := uint64(3)
	for _, fd := range kept {
		if fd >= from {
			gaps = append(gaps, [2]uint64{from, fd - 1})
			from = fd + 1
		}
	}
	gaps = append(gaps, [2]uint64{from, last})
	var cells []program.Value
	for i := 0; i+1 < len(p.gaps); i += 2 {
		gap := [2]uint64{last, 0}
		if i/2 < len(gaps) && gaps[i/2][0] <= gaps[i/2][1] {
			gap = gaps[i/2]
		}
		cells = append(cells, program.Value{Cell: p.gaps[i], Word: gap[0]}, program.Value{Cell: p.gaps[i+1], Word: gap[1]})
	}
	if len(p.alone) == 2 {
		cells = append(cells, program.Value{Cell: p.alone[0], Word: status - 1}, program.Value{Cell: p.alone[1], Word: status + 1})
	}
	return cells
}

// fillUnmap gives the ranges of addresses that a reaper does not need.
func (p *Program) fillUnmap(keep [2][2]uint64) []program.Value {
	if len(p.unmap) == 0 {
		return nil
	}
	var cells []program.Value
	from := uint64(0)
	for i, to := range []uint64{keep[0][0], keep[1][0], addressEnd} {
		cells = append(cells, program.Value{Cell: p.unmap[2*i], Word: from}, program.Value{Cell: p.unmap[2*i+1], Word: to - from})
		if i < 2 {
			from = keep[i][1]
		}
	}
	return cells
}

// serve answers the child until done, or until there is nothing left to wait for.
func (k *keeper) serve(done func() bool) {
	for !done() && (k.errs >= 0 || k.status >= 0) {
		fds := []unix.PollFd{{Fd: int32(k.errs), Events: unix.POLLIN}, {Fd: int32(k.status), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil {
			continue // EINTR; the runtime's own signals arrive on any thread
		}
		if fds[1].Revents != 0 {
			k.receive()
		}
		if fds[0].Revents != 0 {
			k.readFailure()
		}
	}
}

// readFailure takes the failure record, or the end of the pipe: the command was executed.
func (k *keeper) readFailure() {
	var record [program.RecordLen]byte
	n, err := unix.Read(k.errs, record[:])
	if err == unix.EINTR {
		return
	}
	if n == len(record) {
		k.failure = k.p.prog.Failure(record)
	}
	unix.Close(k.errs)
	k.errs = -1
}

// receive takes one message of the child.
func (k *keeper) receive() {
	var buf [8]byte
	var oob [64]byte
	n, oobn, _, _, err := unix.Recvmsg(k.status, buf[:], oob[:], unix.MSG_CMSG_CLOEXEC)
	if err == unix.EINTR {
		return
	}
	if err != nil || n != len(buf) {
		unix.Close(k.status)
		k.status = -1
		return
	}
	k.handle(message(word(buf[:4])), word(buf[4:]), rights(oob[:oobn]))
}

// handle acts on a message. fd, if not -1, is ours.
func (k *keeper) handle(kind message, value uint32, fd int) {
	in := k.in
	switch kind {
	case msgPlace:
		k.place()
	case msgMain:
		// The first child has handed over to a sibling, and ends by itself.
		k.waitPid()
		unix.Close(in.pidfd)
		in.pidfd = fd
		in.pid = pidOf(fd)
	case msgApp:
		in.app = fd
	case msgTerminal:
		in.terminal = os.NewFile(uintptr(fd), "/dev/ptmx")
	case msgListener:
		if got, err := unix.PidfdGetfd(in.speaker(), int(value), 0); err == nil {
			in.listener = os.NewFile(uintptr(got), "seccomp")
		} else {
			k.stop(os.NewSyscallError("pidfd_getfd", err))
		}
		unix.Write(k.status, []byte{1})
	case msgStatus:
		in.report(unix.WaitStatus(value))
		k.exited = k.exited || !unix.WaitStatus(value).Stopped()
	}
}

// place lets the parent do its part while the child waits: id maps, and what the caller wants.
func (k *keeper) place() {
	err := k.p.writeMaps(k.in.pid)
	if placed := k.p.spec.Handover.Placed; err == nil && placed != nil {
		err = placed(k.in.pid)
	}
	if err != nil {
		k.stop(err)
		return
	}
	unix.Write(k.status, []byte{1})
}

// stop ends the child because the parent could not do its part.
func (k *keeper) stop(err error) {
	if k.abort == nil {
		k.abort = err
	}
	k.in.kill()
}

// reap waits for the end of the first process of the sandbox and settles the exit status.
func (k *keeper) reap() {
	var ws unix.WaitStatus
	var err error
	if k.pid != 0 {
		ws, err = k.waitPid()
	} else {
		ws, err = waitPidfd(k.in.pidfd)
	}
	if !k.exited && err == nil {
		k.in.report(ws)
	}
}

// waitPid reaps the first child; its stops are reported as they come.
func (k *keeper) waitPid() (unix.WaitStatus, error) {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(k.pid, &ws, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err == nil && ws.Stopped():
			k.in.report(ws)
		default:
			k.pid = 0
			return ws, err
		}
	}
}
