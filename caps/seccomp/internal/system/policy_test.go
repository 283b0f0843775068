package system_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/system"
	"snug/tests/need"
)

// TestGenerated fails when the policy or the compiler changed and go generate was not run.
func TestGenerated(t *testing.T) {
	for _, arch := range []seccomp.Arch{seccomp.AMD64, seccomp.ARM64} {
		want, err := system.Source(arch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", system.File(arch)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s is stale: run go generate in caps/seccomp", system.File(arch))
		}
	}
}

func TestDecisions(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		need.Elsewhere(t, "wanted amd64, whose numbers these are; got "+runtime.GOARCH)
	}
	errno := func(n int) seccomp.Action { return seccomp.Errno | seccomp.Action(n) }
	tests := []struct {
		name         string
		call         uint32
		first        uint64
		many, single seccomp.Action
	}{
		{"a mount", unix.SYS_MOUNT, 0, seccomp.Allow, seccomp.Allow},
		{"a user namespace", unix.SYS_UNSHARE, unix.CLONE_NEWUSER, seccomp.Allow, seccomp.Allow},
		{"reboot", unix.SYS_REBOOT, 0, seccomp.Allow, seccomp.Allow},
		{"a key", unix.SYS_KEYCTL, 0, errno(38), errno(38)},
		{"a ring", unix.SYS_IO_URING_SETUP, 0, errno(38), errno(38)},
		{"a module", unix.SYS_FINIT_MODULE, 0, errno(1), errno(1)},
		{"a unix socket", unix.SYS_SOCKET, unix.AF_UNIX, seccomp.Allow, seccomp.Allow},
		{"a netlink socket", unix.SYS_SOCKET, unix.AF_NETLINK, seccomp.Allow, seccomp.Allow},
		{"a packet socket", unix.SYS_SOCKET, unix.AF_PACKET, seccomp.Allow, seccomp.Allow},
		{"a vsock", unix.SYS_SOCKET, unix.AF_VSOCK, errno(97), errno(97)},
		{"a vsock, upper half set", unix.SYS_SOCKET, 1<<32 | unix.AF_VSOCK, errno(97), errno(97)},
		{"another owner", unix.SYS_FCHOWNAT, 0, seccomp.Allow, errno(0)},
		{"another user", unix.SYS_SETRESUID, 1000, seccomp.Allow, errno(0)},
	}
	for _, single := range []bool{false, true} {
		f, err := seccomp.Parse(seccomp.System(single))
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			want := tt.many
			if single {
				want = tt.single
			}
			got, err := f.Run(seccomp.Data{Nr: tt.call, Arch: unix.AUDIT_ARCH_X86_64, Args: [6]uint64{tt.first}})
			if err != nil || got != want {
				t.Errorf("%s, single %v: want %v, got %v, %v", tt.name, single, want, got, err)
			}
		}
	}
}
