package sandbox

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Instance is a running sandbox. It holds descriptors; Close gives them back.
type Instance struct {
	spec   *Spec
	pid    int // of the first process, as the host counts
	pidfd  int // of the first process: the reaper, or the app itself
	app    int // of the app below a reaper, or -1
	cgroup int // the sandbox's own cgroup, or -1

	terminal *os.File
	listener *os.File
	tree     *os.File // what a Grant has mounted

	done   chan struct{} // closed when the status of the app is known
	reaped sync.Once

	open sync.Mutex // held while a descriptor is used, and to close them

	mu     sync.Mutex
	ended  bool
	status unix.WaitStatus // once ended
	stops  func(unix.WaitStatus)
	missed unix.WaitStatus // the last stop before there was stops, or 0
}

func newInstance(p *Program) *Instance {
	return &Instance{spec: p.spec, pidfd: -1, app: -1, cgroup: -1, done: make(chan struct{})}
}

// Pid is the host's id of the first process of the sandbox: its PID 1 if it has a PID namespace.
func (in *Instance) Pid() int { return in.pid }

// Pidfd is a pidfd of the same process. It stays the Instance's.
func (in *Instance) Pidfd() int { return in.pidfd }

// Terminal is the other end of the terminal that Process.Terminal asked for, else nil. It
// belongs to the Instance; who closes it before hangs up those inside. The descriptor does not block.
func (in *Instance) Terminal() *os.File { return in.terminal }

// Listener is the notification descriptor of the filter with Listen set, else nil. It belongs
// to the Instance.
func (in *Instance) Listener() *os.File { return in.listener }

// Wait waits for the end of the sandbox and gives the wait status of its app (wait(2)). With a
// PID namespace nothing in the sandbox lives any more when Wait returns.
func (in *Instance) Wait() unix.WaitStatus {
	<-in.done
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.status
}

// Done is closed when Wait would return.
func (in *Instance) Done() <-chan struct{} { return in.done }

// Stops calls f, on the goroutine that serves the sandbox, whenever the app is stopped by a signal;
// and before it returns, if the app has been already and has not gone on.
func (in *Instance) Stops(f func(unix.WaitStatus)) {
	in.mu.Lock()
	missed := in.missed
	in.stops, in.missed = f, 0
	in.mu.Unlock()
	if missed != 0 && in.isStopped() {
		f(missed)
	}
}

// isStopped asks the kernel, as nobody reports that an app goes on.
func (in *Instance) isStopped() bool {
	in.open.Lock()
	defer in.open.Unlock()
	return in.speaker() >= 0 && statField(pidOf(in.speaker()), 3) == "T"
}

func (in *Instance) report(ws unix.WaitStatus) {
	in.mu.Lock()
	stops := in.stops
	switch {
	case !ws.Stopped() && !in.ended: // what a reaper says comes before its own end
		in.status, in.ended = ws, true
	case ws.Stopped() && stops == nil:
		in.missed = ws
	}
	in.mu.Unlock()
	if ws.Stopped() && stops != nil {
		stops(ws)
	}
}

// Signal sends a signal to the app. os.ErrProcessDone says that it has ended.
func (in *Instance) Signal(sig unix.Signal) error {
	in.open.Lock()
	defer in.open.Unlock()
	return sendSignal(in.speaker(), sig)
}

// SignalGroup sends a signal to the app's process group. Before Linux 6.9 only the app gets it.
func (in *Instance) SignalGroup(sig unix.Signal) error {
	in.open.Lock()
	defer in.open.Unlock()
	if in.speaker() >= 0 && unix.PidfdSendSignal(in.speaker(), sig, nil, pidfdSignalProcessGroup) == nil {
		return nil
	}
	return sendSignal(in.speaker(), sig)
}

const pidfdSignalProcessGroup = 1 << 2 // PIDFD_SIGNAL_PROCESS_GROUP

func sendSignal(pidfd int, sig unix.Signal) error {
	if pidfd < 0 {
		return os.ErrProcessDone
	}
	err := unix.PidfdSendSignal(pidfd, sig, nil, 0)
	if err == unix.ESRCH {
		return os.ErrProcessDone
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// speaker is the pidfd of the process that is or becomes the app.
func (in *Instance) speaker() int {
	if in.app >= 0 {
		return in.app
	}
	return in.pidfd
}

// Kill ends the first process, and with a PID namespace all others. It is no error if they have
// ended.
func (in *Instance) Kill() error {
	in.open.Lock()
	defer in.open.Unlock()
	return in.kill()
}

func (in *Instance) kill() error {
	if err := sendSignal(in.pidfd, unix.SIGKILL); err != os.ErrProcessDone {
		return err
	}
	return nil
}

// reap waits for the end of the first process.
func (in *Instance) reap() {
	in.reaped.Do(func() {
		if ws, err := waitPidfd(in.pidfd, in.report); err == nil {
			in.report(ws)
		}
	})
}

// Close ends the sandbox, waits for that, and gives its descriptors back.
func (in *Instance) Close() error {
	err := in.Kill()
	<-in.done
	in.reap()
	in.open.Lock()
	defer in.open.Unlock()
	if in.cgroup >= 0 { // whatever has left the PID namespace, or had none (Linux 5.14)
		if fd, e := unix.Openat(in.cgroup, "cgroup.kill", unix.O_WRONLY|unix.O_CLOEXEC, 0); e == nil {
			unix.Write(fd, []byte("1"))
			unix.Close(fd)
		}
	}
	in.closeAll()
	return err
}

func (in *Instance) closeAll() {
	for _, fd := range []*int{&in.pidfd, &in.app, &in.cgroup} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
	for _, f := range []*os.File{in.terminal, in.listener} {
		if f != nil {
			f.Close()
		}
	}
}

func word(p []byte) uint32 { return binary.NativeEndian.Uint32(p) }

// rights gives the one descriptor of a control message, or -1. More than one is not ours: closed.
func rights(oob []byte) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	got := -1
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if got >= 0 {
				unix.Close(fd)
				continue
			}
			got = fd
		}
	}
	return got
}

// pidOf reads the process id behind a pidfd from /proc/self/fdinfo; 0 if the process is gone.
func pidOf(pidfd int) int {
	text, _ := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if _, rest, ok := bytes.Cut(text, []byte("Pid:\t")); ok {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if pid, err := strconv.Atoi(string(line)); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}

// waitPidfd reaps a child by its pidfd; its stops are reported as they come.
func waitPidfd(pidfd int, stops func(unix.WaitStatus)) (unix.WaitStatus, error) {
	options := unix.WEXITED
	if stops != nil {
		options |= unix.WSTOPPED
	}
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PIDFD, pidfd, &info, options, nil)
		ws := waitStatus(&info)
		switch {
		case err == unix.EINTR:
		case err == nil && ws.Stopped():
			stops(ws)
		default:
			return ws, err
		}
	}
}
