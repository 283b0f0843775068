// Command launch is the smallest front of package sandbox: the whole root read-only, /proc, /dev, and
// as many binds more as it is told, with nothing shared. It is what bench compares with
// bwrap --ro-bind / / --proc /proc --dev /dev --unshare-all.
//
//	launch BINDS COMMAND [ARG...]
//	launch gc COMMAND [ARG...]     collect garbage once the command runs
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"snug/sandbox"
)

func main() {
	binds, _ := strconv.Atoi(os.Args[1])
	s := &sandbox.Spec{
		Users: sandbox.Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Nested: true}, // as in bubblewrap
		Root: []sandbox.Step{
			&sandbox.Bind{Source: "/", Dest: "/"},
			&sandbox.Proc{Dest: "/proc"},
			&sandbox.Dev{Dest: "/dev"},
		},
		Process: sandbox.Process{Argv: os.Args[2:], Env: os.Environ()},
	}
	if binds > 0 {
		s.Root = append(s.Root, &sandbox.Tmpfs{Dest: "/tmp"})
	}
	for i := range binds {
		s.Root = append(s.Root, &sandbox.Bind{Source: "/usr", Dest: "/tmp/" + strconv.Itoa(i)})
	}
	h, err := sandbox.Probe()
	if err != nil {
		fail(err)
	}
	p, err := sandbox.Compile(s, &h, sandbox.Look(s))
	if err != nil {
		fail(err)
	}
	ws, err := sandbox.Supervise(p, func(*sandbox.Instance) error {
		if os.Args[1] == "gc" {
			runtime.GC()
			debug.FreeOSMemory()
		}
		return nil
	})
	if err != nil {
		fail(err)
	}
	os.Exit(ws.ExitStatus())
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "launch:", err)
	os.Exit(1)
}
