package portals_test

import (
	"os"
	"strconv"
	"strings"
)

// brokers finds the programs of that name in the session.
func (d *desk) brokers() []int {
	var list []int
	for _, pid := range d.Processes() {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if strings.TrimSpace(string(name)) == "snug-broker" {
			list = append(list, pid)
		}
	}
	return list
}

// descriptors counts those of a process but for what the Go runtime makes for itself, at most once,
// when it first waits (an epoll set, an eventfd). It gives 0 where the kernel hides them.
func descriptors(pid int) (n int) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		if to, err := os.Readlink(dir + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode:") {
			n++
		}
	}
	return n
}
