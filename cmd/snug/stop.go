package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/instances"
)

func stopFlags(f *pflag.FlagSet) {
	f.String("signal", "TERM", "first ask with this `SIGNAL`, TERM if not given")
	f.Float64("time", 10, "wait `SEC` seconds (10; a system 90), and end the rest")
	f.Bool("all", false, "all that run")
	f.Bool("reboot", false, "have a booted system start anew, and wait for it")
}

// killFlags are what is left of them for kill.
func killFlags(f *pflag.FlagSet) { f.Bool("all", false, "all that run") }

func runKill(c *console, args []string) error {
	return runStop(c, append([]string{"--signal=KILL", "--time=0"}, args...))
}

func runStop(c *console, args []string) error {
	f := c.newFlags()
	stopFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if err := c.misplaced(f, words); err != nil {
		return err
	}
	name, _ := f.GetString("signal")
	sig, err := parseSignal(name)
	if err != nil {
		return err
	}
	seconds, _ := f.GetFloat64("time")
	if !(seconds >= 0 && seconds <= 1e6) {
		return &hinted{"--time " + strconv.FormatFloat(seconds, 'g', -1, 64) + ": not a time to wait", "a number of seconds, such as 10"}
	}
	var list []*instances.Record
	all, _ := f.GetBool("all")
	switch {
	case all && len(words) > 0:
		return &hinted{"--all and names together", "either one or the other"}
	case all:
		dir, err := openInstances()
		if err != nil {
			return err
		}
		if list, err = dir.List(); err != nil {
			return err
		}
	case len(words) == 0:
		return &hinted{"which instance?", "snug ps lists them; --all means all"}
	}
	for _, w := range words {
		r, err := findInstance(w)
		if err != nil {
			return &failure{status: exitNo, err: err}
		}
		list = append(list, r)
	}
	if reboot, _ := f.GetBool("reboot"); reboot {
		patience := machinePatience
		if f.Changed("time") {
			patience = time.Duration(seconds * float64(time.Second))
		}
		return rebootAll(list, patience)
	}
	deadline, short := time.Now().Add(time.Duration(seconds*float64(time.Second))), !f.Changed("time")
	return c.stopAll(list, sig, func(r *instances.Record) time.Time {
		if r.Machine != nil && short {
			return time.Now().Add(machinePatience)
		}
		return deadline
	})
}

// stopAll stops instances, and says of systems that were to become images whether they have: who has started them
// may have nobody to say it to.
func (c *console) stopAll(list []*instances.Record, sig unix.Signal, deadline func(*instances.Record) time.Time) error {
	var failed *hinted
	for _, r := range list {
		if err := stop(r, sig, deadline(r)); err != nil {
			return err
		}
		if r.Machine == nil || r.Machine.Changes == "" {
			continue
		}
		if p := boot.ReadPending(filepath.Dir(r.Machine.Changes)); p != nil {
			if failed != nil {
				c.say(failed.what, failed.hint)
			}
			failed = notMade(p, r.Machine.Changes, r.Machine.Image)
		}
	}
	if failed != nil {
		return failed
	}
	return nil
}

// stop signals the supervisor, which passes the signal on to the app: that is the process that
// knows it. What is not gone at the deadline is ended by ending the sandbox's first process,
// which the kernel answers by ending all others. A system whose first process has ended may be about to
// start again: only its supervisor knows.
func stop(r *instances.Record, sig unix.Signal, deadline time.Time) error {
	init, err := r.State.Open()
	if err == os.ErrProcessDone && r.Machine == nil {
		return nil
	}
	if err != nil && err != os.ErrProcessDone {
		return err
	}
	first := -1
	if err == nil {
		defer init.Close()
		first = int(init.Fd())
	}
	fd, err := unix.PidfdOpen(r.Supervisor, 0)
	switch {
	case err == nil:
		defer unix.Close(fd)
	case first < 0:
		return nil
	default: // it has just died, and its sandbox is about to
		fd = first
	}
	if sig != unix.SIGKILL {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && err != unix.ESRCH {
			return os.NewSyscallError("pidfd_send_signal", err)
		}
		if gone(fd, time.Until(deadline)) {
			return nil
		}
		if r.Machine != nil && gone(int(init.Fd()), 0) { // it has ended, and becomes an image (snug boot --commit)
			for !gone(fd, time.Hour) {
			}
			return nil
		}
	}
	if first >= 0 {
		if err := unix.PidfdSendSignal(first, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
			return os.NewSyscallError("pidfd_send_signal", err)
		}
	}
	// A supervisor that is stopped itself could not see the end.
	unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0)
	if r.Machine != nil && !gone(fd, time.Second) { // it has started the system again: with it ends what it has started
		unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
	if !gone(fd, 5*time.Second) {
		return &hinted{"instance " + quote(r.Name) + " does not end", "a process in it hangs in the kernel; see its state in ps -o pid,stat,wchan"}
	}
	return nil
}

// gone waits for the end of a process: its pidfd becomes readable (pidfd_open(2)).
func gone(pidfd int, wait time.Duration) bool {
	end := time.Now().Add(wait)
	for {
		left := max(time.Until(end), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if n > 0 || left == 0 {
			return n > 0
		}
	}
}

// parseSignal reads TERM, SIGTERM or 15.
func parseSignal(name string) (unix.Signal, error) {
	if n, err := strconv.Atoi(name); err == nil && n > 0 && n <= 64 {
		return unix.Signal(n), nil
	}
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "SIG") {
		upper = "SIG" + upper
	}
	if sig := unix.SignalNum(upper); sig != 0 {
		return sig, nil
	}
	return 0, &hinted{"--signal " + quote(name) + ": no such signal", "a name or number as in kill -l, such as TERM or 15"}
}
