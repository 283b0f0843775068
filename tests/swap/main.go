// Command swap is an app that exchanges a folder of its own for a link to the host, over and over, and
// looks for what comes by meanwhile.
//
//	swap FOLDER NAME VICTIM
//
// In FOLDER it makes NAME, a folder, and a link to VICTIM, and exchanges the two until its standard
// input ends. It prints a line for each process that it sees beside itself and PID 1, once, for each
// descriptor that it has and did not open, and at the end how often it has exchanged them.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	folder, name, victim := os.Args[1], os.Args[2], os.Args[3]
	real, link := filepath.Join(folder, name), filepath.Join(folder, ".link")
	if err := os.MkdirAll(real, 0o755); err != nil {
		panic(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		panic(err)
	}
	done := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(done) }()
	fmt.Println("up")
	seen, open := map[string]bool{}, 1<<10 // the runtime opens some of its own at first
	for n := 0; ; n++ {
		select {
		case <-done:
			fmt.Println("swaps", n)
			return
		default:
		}
		unix.Renameat2(unix.AT_FDCWD, real, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
		lookForProcesses(seen)
		if now := descriptors(); n == 20 {
			open = now
		} else if now > open {
			fmt.Println("descriptors", now)
			open = now
		}
		time.Sleep(time.Duration(n%20) * 100 * time.Microsecond)
	}
}

// lookForProcesses prints those that are neither PID 1 nor this one.
func lookForProcesses(seen map[string]bool) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == 1 || pid == os.Getpid() || seen[e.Name()] {
			continue
		}
		seen[e.Name()] = true
		fmt.Println("process", pid)
	}
}

func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
