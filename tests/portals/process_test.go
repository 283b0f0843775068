package portals_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// processes finds all that belong to the session: its folder stands in their environment or
// command line, or in that of one above them. Zombies do not count.
func (b *bed) processes() []int {
	type process struct {
		parent int
		ours   bool
	}
	list := map[int]process{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fields := stat(pid)
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		env, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		list[pid] = process{parent, strings.Contains(string(env), b.dir) || strings.Contains(commandLine(pid), b.dir)}
	}
	var found []int
	for pid := range list {
		for p := pid; p > 1 && p != os.Getpid(); p = list[p].parent {
			if list[p].ours {
				found = append(found, pid)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// stat gives the state, the parent and so on of a process.
func stat(pid int) []string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	at := strings.LastIndex(string(text), ") ")
	if at < 0 {
		return nil
	}
	return strings.Fields(string(text)[at+2:])
}

func commandLine(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ")
}

// alive reports whether a process runs.
func alive(pid int) bool {
	fields := stat(pid)
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}

// brokers finds the programs of that name in the session.
func (b *bed) brokers() []int {
	var list []int
	for _, pid := range b.processes() {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if strings.TrimSpace(string(name)) == "snug-broker" {
			list = append(list, pid)
		}
	}
	return list
}

// resident is the memory of a process in KiB.
func resident(pid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return kib
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
