package broker_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/broker"
	"snug/tests/need"
)

// TestGenerated fails when the policy or the compiler changed and go generate was not run.
func TestGenerated(t *testing.T) {
	for _, arch := range []seccomp.Arch{seccomp.AMD64, seccomp.ARM64} {
		want, err := broker.Source(arch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", broker.File(arch)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s is stale: run go generate in caps/seccomp", broker.File(arch))
		}
	}
}

// TestNames: amd64 has every call that the policy names, so none is misspelt.
func TestNames(t *testing.T) {
	_, report, err := seccomp.Compile(broker.Policy(), seccomp.AMD64)
	if err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}

// TestDecisions asks the filter of this machine.
func TestDecisions(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		need.Elsewhere(t, "wanted amd64, whose numbers these are; got "+runtime.GOARCH)
	}
	f, err := seccomp.Parse(seccomp.Broker())
	if err != nil {
		t.Fatal(err)
	}
	const cloneThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	tests := []struct {
		name string
		call uint32
		args [6]uint64
		pass bool
	}{
		{"a unix socket", unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM}, true},
		{"an inet socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM}, false},
		{"an inet socket, upper half set", unix.SYS_SOCKET, [6]uint64{1<<32 | unix.AF_INET}, false},
		{"a netlink socket", unix.SYS_SOCKET, [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW}, false},
		{"a thread", unix.SYS_CLONE, [6]uint64{cloneThread}, true},
		{"a process", unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}, false},
		{"a process by fork", unix.SYS_FORK, [6]uint64{}, false},
		{"a user namespace", unix.SYS_UNSHARE, [6]uint64{unix.CLONE_NEWUSER}, false},
		{"reading a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_RDONLY | unix.O_CLOEXEC}, true},
		{"writing a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_WRONLY}, false},
		{"making a file", unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_RDONLY | unix.O_CREAT}, false},
		{"making a file by its old call", unix.SYS_CREAT, [6]uint64{}, false},
		{"removing a file", unix.SYS_UNLINKAT, [6]uint64{}, false},
		{"a mount", unix.SYS_MOUNT, [6]uint64{}, false},
		{"tracing", unix.SYS_PTRACE, [6]uint64{}, false},
		{"a ring", unix.SYS_IO_URING_SETUP, [6]uint64{}, false},
		{"an address of the kernel's choice", unix.SYS_BIND, [6]uint64{3, 0, 2}, true},
		{"a socket with a name", unix.SYS_BIND, [6]uint64{3, 0, 110}, false},
		{"a socket with a name of no bytes", unix.SYS_BIND, [6]uint64{3, 0, 3}, false},
		{"another process's signal", unix.SYS_KILL, [6]uint64{}, false},
		{"carrying", unix.SYS_SENDMSG, [6]uint64{}, true},
	}
	for _, tt := range tests {
		got, err := f.Run(seccomp.Data{Nr: tt.call, Arch: unix.AUDIT_ARCH_X86_64, Args: tt.args})
		if err != nil {
			t.Fatal(err)
		}
		if pass := got == seccomp.Allow; pass != tt.pass {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
