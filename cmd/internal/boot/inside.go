package boot

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// maxOutput bounds what a command in a system may say.
const maxOutput = 8 << 10

// Pipe is a pipe that a program of others writes to. By Go's own it would not wait until there is room, and most
// programs lose what they write then. The caller closes both ends.
func Pipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(int(w.Fd()), false); err != nil {
		r.Close()
		w.Close()
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return r, w, nil
}

// Output runs a command in a system, as its root, and gives what it prints; what it has printed, if it has
// not ended in time.
func Output(st *sandbox.State, argv []string, patience time.Duration) (string, error) {
	r, w, err := Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		w.Close()
		return "", err
	}
	defer null.Close()
	spec, done, err := Enter(st, sandbox.Process{Argv: argv, Programs: []string{"/usr/bin/" + argv[0], "/bin/" + argv[0]},
		Env:   []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"},
		Files: []sandbox.File{{Number: 0, Source: null}, {Number: 1, Source: w}, {Number: 2, Source: w}}})
	if err != nil {
		w.Close()
		return "", err
	}
	defer done()
	in, err := sandbox.Run(spec)
	w.Close()
	if err != nil {
		return "", err
	}
	defer in.Close()
	r.SetReadDeadline(time.Now().Add(patience))
	var out bytes.Buffer
	io.Copy(&out, io.LimitReader(r, maxOutput))
	return out.String(), nil
}

// Notifies reports whether a PID 1 says when its system is up.
func Notifies(pid int) bool { return initKind(pid) == "systemd" }

// Failed says what has gone wrong in a system: its failed units, or jobs that wait, and the last lines of
// its journal. It is "" for a system that runs without failures.
func Failed(st *sandbox.State) string {
	const patience = 5 * time.Second
	states := []string{"initializing", "starting", "running", "degraded", "maintenance", "stopping"} // systemctl(1)
	state, err := Output(st, []string{"systemctl", "is-system-running"}, patience)
	state = strings.TrimSpace(state)
	if err != nil || state == "running" || !slices.Contains(states, state) { // else it has no bus yet that could be asked
		return ""
	}
	var out strings.Builder
	for _, argv := range [][]string{
		{"systemctl", "--failed", "--no-legend", "--plain", "--no-pager"},
		{"systemctl", "list-jobs", "--no-legend", "--no-pager"},
		{"journalctl", "--boot", "--no-pager", "--lines=15", "--priority=warning", "--output=short"},
	} {
		if said, err := Output(st, argv, patience); err == nil && !strings.HasPrefix(said, "No journal files were found") {
			out.WriteString(said)
		}
	}
	if out.Len() == 0 {
		return "the system is " + state + "\n"
	}
	return out.String()
}
