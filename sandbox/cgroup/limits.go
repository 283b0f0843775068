package cgroup

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits bound what runs in a group. Zero is no limit.
type Limits struct {
	Memory uint64  // bytes; swap is none beside
	Tasks  uint64  // processes and threads
	CPUs   float64 // of one processor's time
}

// NoController says that a controller which a limit needs is not delegated to the caller.
type NoController struct {
	Name string // memory, pids or cpu
	At   string // the group in which it is missing
}

func (e *NoController) Error() string {
	return fmt.Sprintf("the controller %q is not delegated in %q", e.Name, e.At)
}

// period is the cpu controller's default, in microseconds (cpu.max in the kernel's cgroup-v2.rst).
const period = 100000

// Limit sets limits, and enables their controllers in the group above, which must hold no process itself.
// One that cannot be set is a *NoController or an error of the kernel, and those before it stay.
func (g *Group) Limit(l Limits) error {
	for _, set := range []struct {
		controller, file, value string
		wanted                  bool
	}{
		{"memory", "memory.max", strconv.FormatUint(l.Memory, 10), l.Memory > 0},
		{"memory", "memory.swap.max", "0", l.Memory > 0},
		{"pids", "pids.max", strconv.FormatUint(l.Tasks, 10), l.Tasks > 0},
		{"cpu", "cpu.max", strconv.FormatUint(uint64(l.CPUs*period), 10) + " " + strconv.Itoa(period), l.CPUs > 0},
	} {
		if !set.wanted {
			continue
		}
		if err := g.enable(set.controller); err != nil {
			return err
		}
		if err := g.write(set.file, set.value); err != nil && !(gone(err) && set.file == "memory.swap.max") { // a kernel without swap accounting
			return err
		}
	}
	return nil
}

// enable gives the group a controller.
func (g *Group) enable(controller string) error {
	above, err := Open(filepath.Dir(g.path))
	if err != nil {
		return err
	}
	defer above.Close()
	enabled, err := above.read("cgroup.subtree_control")
	if err != nil || slices.Contains(strings.Fields(enabled), controller) {
		return err
	}
	there, err := above.read("cgroup.controllers")
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(there), controller) {
		return &NoController{controller, above.path}
	}
	return above.write("cgroup.subtree_control", "+"+controller)
}

// Delegate hands the controllers that a group has on to the groups in it, so that who manages those can
// bound its own. What cannot be handed on, as while the group holds processes, is left out: a limit that
// needs it says so.
func (g *Group) Delegate() {
	there, err := g.read("cgroup.controllers")
	if err != nil {
		return
	}
	for _, controller := range strings.Fields(there) {
		g.write("cgroup.subtree_control", "+"+controller)
	}
}
