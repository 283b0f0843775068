package terminal

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// foreground reports whether the terminal is ours to change and to read.
func (t *Terminal) foreground() bool {
	group, err := unix.IoctlGetUint32(t.in, unix.TIOCGPGRP)
	if err == unix.ENOTTY {
		return lent(t.in)
	}
	return err == nil && int(group) == unix.Getpgrp()
}

// lent reports whether a terminal that is not our session's is ours for now: the nearest ancestor
// that sits at it is in its foreground, as su(1) is that waits for its command. One that has gone to
// a session of its own in the background ("setsid app &") could otherwise read what is typed into
// the shell, as the kernel stops only readers of the same session.
func lent(fd int) bool {
	tty, err := unix.IoctlGetUint32(fd, unix.TIOCGDEV)
	if err != nil {
		return false
	}
	for pid := os.Getppid(); pid > 0; {
		a, ok := sits(pid)
		if !ok {
			return false
		}
		if uint32(a.tty) == tty {
			return a.group == a.front
		}
		pid = a.parent
	}
	return false
}

// seat is where a process sits: proc_pid_stat(5). front is the process group in the foreground of
// its terminal, or -1.
type seat struct{ parent, group, tty, front int }

func sits(pid int) (s seat, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil { // another user's, hidden (proc(5), hidepid)
		return s, false
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name before may hold anything
	var n [5]int                                                         // ppid, pgrp, session, tty_nr, tpgid
	if len(f) <= len(n) {
		return s, false
	}
	for i := range n {
		if n[i], err = strconv.Atoi(f[i+1]); err != nil {
			return s, false
		}
	}
	return seat{parent: n[0], group: n[1], tty: n[3], front: n[4]}, true
}
