package boot

import (
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
	"snug/sandbox/cgroup"
)

// KeeperVerb is the first word by which a program of snug is the keeper, and calls Keep.
const KeeperVerb = "__keep"

// noGroup stands for a group where there are only folders to remove.
const noGroup = "/"

// settleWord stands before a folder of changes whose marks are to become the kernel's.
const settleWord = "+"

// patience is how long what was killed may take to be gone. A process in a disk's or a network file
// system's wait ends late.
const patience = 30 * time.Second

// keeper is the process that cleans up.
type keeper struct {
	in   *sandbox.Instance
	pipe *os.File // its other end is the keeper's standard input; the kernel closes it with snug
}

// startKeeper starts the keeper of a group, and of folders that go with it, or behind settleWord stay. It has the held files for as long as
// it lives.
func startKeeper(users sandbox.Users, group string, folders []string, held []*os.File) (*keeper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		w.Close()
		return nil, err
	}
	defer null.Close()
	shared := sandbox.Namespace{Shared: true}
	rights := caps.DACOverride | caps.DACReadSearch | caps.Fowner
	spec := &sandbox.Spec{
		Users: users, Mount: shared, PID: shared, IPC: shared, UTS: shared, Net: shared, Cgroup: shared,
		Process: sandbox.Process{
			Argv: append([]string{"snug-keeper", KeeperVerb, group}, folders...), Programs: []string{self}, Env: []string{"GOMAXPROCS=1"},
			Files:        []sandbox.File{{Number: 0, Source: r}, {Number: 1, Source: null}, {Number: 2, Source: null}},
			Withheld:     []*os.File{w},
			Capabilities: caps.Sets{Bounding: rights, Permitted: rights, Effective: rights, Inheritable: rights, Ambient: rights},
			Outlive:      true,
			Rlimits:      []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}},
		},
	}
	for _, f := range held {
		spec.Process.Files = append(spec.Process.Files, sandbox.File{Number: len(spec.Process.Files), Source: f})
	}
	in, err := sandbox.Run(spec)
	if err != nil {
		w.Close()
		return nil, err
	}
	return &keeper{in, w}, nil
}

// finish lets the keeper clean up now, and waits for it.
func (k *keeper) finish() error {
	defer k.in.Close()
	k.pipe.Close()
	ws := k.in.Wait()
	if ws.Exited() && ws.ExitStatus() == 0 {
		return nil
	}
	return errors.New("the keeper of the system has ended early")
}

// Keep is the keeper: it waits for the end of who has started it, ends the group and removes it, and the
// folders, or settles them. It gives an exit status.
func Keep(args []string) int {
	for _, word := range args {
		if !strings.HasPrefix(strings.TrimPrefix(word, settleWord), "/") {
			return 2
		}
	}
	if len(args) == 0 {
		return 2
	}
	unix.SetNonblock(0, false) // package os has set it
	for {                      // nothing is ever written
		n, err := unix.Read(0, make([]byte, 1))
		if err != unix.EINTR && (n == 0 || err != nil) {
			break
		}
	}
	status := 0
	g, err := cgroup.Open(args[0]) // which noGroup is none of
	if err == nil {
		err = g.Remove(patience)
		g.Close()
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) && args[0] != noGroup {
		status = 1
	}
	for _, folder := range args[1:] {
		changes, isChanges := strings.CutPrefix(folder, settleWord)
		if isChanges && settle(changes) != nil || !isChanges && os.RemoveAll(folder) != nil {
			status = 1
		}
	}
	return status
}
