package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"snug/cmd/internal/brokers"
	"snug/sandbox/cgroup"
)

// Where a system's control group is made: in the unit that snug runs as, if its service manager has
// delegated that; else in a scope that the manager makes for it; else in a group that is the caller's own,
// as an administrator may have made it. Never in one that a manager has of its own.

// groupFor gives the folder in which a group may be made.
func groupFor(what string) (string, error) {
	own, err := cgroup.Of(os.Getpid())
	if err != nil {
		return "", &hinted{err.Error(), "mount it, or start the machine with systemd.unified_cgroup_hierarchy=1"}
	}
	if cgroup.IsUnit(own) {
		return cgroup.StepAside()
	}
	if hasManager() {
		if err := makeScope(what); err != nil {
			return "", err
		}
		return cgroup.StepAside()
	}
	dir, err := cgroup.Delegated()
	if err != nil {
		return "", &hinted{err.Error(), "log in by a session of systemd, or have an administrator make a group of yours: chown " + shellWord(os.Getenv("USER")) + " GROUP GROUP/cgroup.procs GROUP/cgroup.subtree_control, with your shell in a group below it"}
	}
	return dir, nil
}

// reachGroup sees to it that this process may be moved to where another is.
func reachGroup(pid int) error {
	own, err := cgroup.Of(os.Getpid())
	if err != nil {
		return err
	}
	to, err := cgroup.Of(pid)
	if err != nil || cgroup.CanMove(own, to) {
		return err
	}
	if !hasManager() {
		return &hinted{"the system's control group cannot be entered from here: " + own + " is not yours", "run this where snug boot was run"}
	}
	return makeScope("snug exec")
}

// hasManager reports whether the caller has a service manager of its own: systemd --user.
func hasManager() bool {
	_, err := os.Lstat(managerSocket())
	return err == nil && os.Getenv("XDG_RUNTIME_DIR") != ""
}

func managerSocket() string { return filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/private") }

// makeScope has the service manager put this process into a scope of its own.
func makeScope(what string) error {
	f, err := brokers.Program("snug-scope")
	if err != nil {
		return &hinted{"snug-scope is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer f.Close()
	pid := strconv.Itoa(os.Getpid())
	cmd := exec.Command(f.Name(), "snug-"+pid+".scope", what, pid)
	cmd.Env = []string{"XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR")}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		text, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return &hinted{"a control group: " + line(strings.TrimPrefix(text, "snug-scope: ")), "systemctl --user status says how the service manager is"}
	}
	return nil
}
