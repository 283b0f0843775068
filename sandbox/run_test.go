package sandbox_test

import (
	"fmt"
	"os"
	"testing"

	"snug/sandbox"
)

func plain(argv ...string) *sandbox.Spec {
	return &sandbox.Spec{
		Users: sandbox.Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Nested: true},
		Root: []sandbox.Step{
			&sandbox.Bind{Source: "/", Dest: "/"},
			&sandbox.Proc{Dest: "/proc"},
			&sandbox.Dev{Dest: "/dev"},
		},
		Process: sandbox.Process{Argv: argv, Env: os.Environ()},
	}
}

func TestPlain(t *testing.T) {
	s := plain("/bin/sh", "-c", "id; cat /proc/self/status | grep -E 'Sig|Cap|Secc|NoNew'; ls -la /proc/1/ | head -5; cat /proc/1/maps; cat /proc/1/environ; ls /proc | grep '^[0-9]'; ls -l /proc/self/fd /dev; cat /proc/1/status; cat /proc/self/mountinfo; exit 3")
	h, _ := sandbox.Probe()
	p, err := sandbox.Compile(s, &h, sandbox.Look(s))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(p)
	in, err := sandbox.Start(p)
	if err != nil {
		t.Fatal(err)
	}
	if ws := in.Wait(); ws.ExitStatus() != 3 {
		t.Errorf("got %#x", ws)
	}
	in.Close()
}
