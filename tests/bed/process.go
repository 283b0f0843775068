package bed

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Processes finds all that belong to the session: its folder stands in their environment or command
// line, or in that of one above them, since a sandbox's first process has neither. Zombies do not
// count.
func (b *Bed) Processes() (found []int) {
	parents, ours := map[int]int{}, map[int]bool{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !Alive(pid) {
			continue
		}
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		parents[pid], ours[pid] = Parent(pid), strings.Contains(string(env), b.Dir) || strings.Contains(CommandLine(pid), b.Dir)
	}
	for pid := range parents {
		for p := pid; p > 1 && p != os.Getpid(); p = parents[p] {
			if ours[p] {
				found = append(found, pid)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// CommandLine is that of a process, with spaces between the words.
func CommandLine(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ")
}

// Alive reports whether a process goes on, as opposed to one that is gone or a zombie.
func Alive(pid int) bool { return Parent(pid) >= 0 }

// Parent is the parent of a process that is alive, and otherwise -1.
func Parent(pid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+1:])) // the name before may hold anything
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return -1
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// Resident is the memory of a process in KiB, or 0 where none runs.
func Resident(pid int) (kib int) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fmt.Sscan(rest, &kib)
	return kib
}
