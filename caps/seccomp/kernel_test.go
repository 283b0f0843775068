package seccomp_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/caps/seccomp"
	"snug/tests/need"
)

// childKey names the environment variable that turns the test binary into a
// child that installs a filter and makes calls.
const childKey = "SNUG_SECCOMP_CHILD"

// order is what the child is told.
type order struct {
	Filter []byte
	Calls  [][]uintptr // number and arguments
	Exec   []string    // instead of Calls
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childKey); text != "" {
		child(text)
	}
	os.Exit(m.Run())
}

// child obeys and exits. It prints one line a call: the errno, 0 for success.
func child(text string) {
	runtime.LockOSThread()
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if o.Filter != nil {
		if err := install(o.Filter, 0); err != nil {
			fmt.Printf("install: %v\n", err)
			os.Exit(1)
		}
	}
	if o.Exec != nil {
		err := unix.Exec(o.Exec[0], o.Exec, []string{"PATH=/usr/bin:/bin"})
		fmt.Printf("exec: %v\n", err)
		os.Exit(1)
	}
	for _, call := range o.Calls {
		var c [7]uintptr
		copy(c[:], call)
		_, _, errno := unix.RawSyscall6(c[0], c[1], c[2], c[3], c[4], c[5], c[6])
		fmt.Println(int(errno))
	}
	os.Exit(0)
}

// obey runs a child and returns what it printed.
func obey(t *testing.T, o order) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childKey+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	return string(out)
}

// TestKernelTakesDefaults: the kernel installs each variant, and an ordinary
// program then runs to its end.
func TestKernelTakesDefaults(t *testing.T) {
	for n := range seccomp.Variants {
		o := seccomp.Variant(n)
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			got := obey(t, order{Filter: seccomp.Default(o), Exec: []string{"/bin/sh", "-c", "echo $(cat /proc/self/status | grep ^Seccomp:)"}})
			if want := "Seccomp: 2\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestKernelAgrees asks the kernel about the programs of TestValidate.
func TestKernelAgrees(t *testing.T) {
	for _, tt := range programs() {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.filter) == 0 {
				need.Elsewhere(t, "wanted a program, got the empty one, which install cannot point to")
			}
			text, err := json.Marshal(order{Filter: append(tt.filter.Bytes(), 0)[:len(tt.filter)*8]})
			if err != nil {
				t.Fatal(err)
			}
			got := kernelTakes(t, text)
			if want := tt.want == ""; got != want {
				t.Errorf("the kernel takes it: %v, Validate: %q", got, tt.want)
			}
		})
	}
}

// kernelTakes reports whether a child could install its filter. A filter that
// kills has been installed too.
func kernelTakes(t *testing.T, text []byte) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100_000 {
		need.Missingf(t, "wanted a program that fits into an environment variable, got %d bytes", len(text))
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childKey+"="+string(text))
	out, _ := cmd.CombinedOutput()
	return !strings.Contains(string(out), "install: invalid argument")
}

// realCalls are calls that do no harm when they pass, with what the bare kernel
// answers an ordinary user. -1 stands for anything but what the filter answers.
func realCalls() []struct {
	name                string
	call                []uintptr
	bare, want, wantNew int
} {
	const badFD = ^uintptr(0)
	type row = struct {
		name                string
		call                []uintptr
		bare, want, wantNew int
	}
	const ebadf, efault, einval, eperm, enosys = 9, 14, 22, 1, 38
	return []row{
		{"getpid", []uintptr{unix.SYS_GETPID}, 0, 0, 0},
		{"TIOCSTI", []uintptr{unix.SYS_IOCTL, badFD, 0x5412}, ebadf, eperm, eperm},
		{"TIOCSTI with an upper half", []uintptr{unix.SYS_IOCTL, badFD, 1<<32 | 0x5412}, ebadf, eperm, eperm},
		{"TIOCLINUX", []uintptr{unix.SYS_IOCTL, badFD, 0x541c}, ebadf, eperm, eperm},
		{"TCGETS", []uintptr{unix.SYS_IOCTL, badFD, 0x5401}, ebadf, ebadf, ebadf},
		{"clone3", []uintptr{unix.SYS_CLONE3, 0, 0}, einval, enosys, einval},
		{"unshare nothing", []uintptr{unix.SYS_UNSHARE, 0}, 0, eperm, 0},
		{"setns", []uintptr{unix.SYS_SETNS, badFD, 0}, ebadf, eperm, ebadf},
		{"clone into a user namespace with a thread's flags", []uintptr{unix.SYS_CLONE, 0x10000000 | 0x10000 | 0x800 | 0x100}, einval, eperm, einval},
		{"fsopen", []uintptr{unix.SYS_FSOPEN, 0, 0xffff}, -1, enosys, -1},
		{"open_tree", []uintptr{unix.SYS_OPEN_TREE, badFD, 0, 0xffff0000}, einval, enosys, einval},
		{"AF_UNIX", []uintptr{unix.SYS_SOCKET, 1, 1, 0}, 0, 0, 0},
		{"AF_ALG of no type", []uintptr{unix.SYS_SOCKET, 38, 99, 0}, einval, 97, 97},
		{"AF_VSOCK of no type", []uintptr{unix.SYS_SOCKET, 40, 99, 0}, einval, 97, 97},
		{"AF_PACKET of no type", []uintptr{unix.SYS_SOCKET, 17, 99, 0}, einval, 97, 97},
		{"NETLINK_ROUTE", []uintptr{unix.SYS_SOCKET, 16, 3, 0}, 0, 0, 0},
		{"NETLINK_NETFILTER of no type", []uintptr{unix.SYS_SOCKET, 16, 15, 12}, -1, 93, 93},
		{"AF_INET with SOCK_PACKET", []uintptr{unix.SYS_SOCKET, 2, 10, 0}, -1, 97, 97},
		{"keyctl of no kind", []uintptr{unix.SYS_KEYCTL, 9999}, -1, eperm, eperm},
		{"bpf of no kind", []uintptr{unix.SYS_BPF, 9999, 0, 0}, -1, eperm, eperm},
		{"io_uring", []uintptr{unix.SYS_IO_URING_SETUP, 1, 0}, efault, enosys, enosys},
		{"personality 0xffffffff", []uintptr{unix.SYS_PERSONALITY, 0xffffffff}, 0, 0, 0},
		{"personality READ_IMPLIES_EXEC", []uintptr{unix.SYS_PERSONALITY, 0x400000}, 0, eperm, eperm},
		{"pidfd_getfd", []uintptr{unix.SYS_PIDFD_GETFD, badFD, 0, 0}, ebadf, eperm, eperm},
		{"a number of no call", []uintptr{999}, enosys, enosys, enosys},
	}
}

// TestRealCalls makes real calls under the strict and the nested filter, and
// without one as the control.
func TestRealCalls(t *testing.T) {
	rows := realCalls()
	var calls [][]uintptr
	for _, r := range rows {
		calls = append(calls, r.call)
	}
	answers := func(filter []byte) []string {
		return strings.Fields(obey(t, order{Filter: filter, Calls: calls}))
	}
	bare := answers(nil)
	strict := answers(seccomp.Default(seccomp.Options{}))
	nested := answers(seccomp.Default(seccomp.Options{Nested: true}))
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			check(t, "without a filter", bare[i], r.bare, r.want)
			check(t, "strict", strict[i], r.want, 0)
			check(t, "nested", nested[i], r.wantNew, r.want)
		})
	}
}

// check compares an errno; want -1 is anything but other.
func check(t *testing.T, where, got string, want, other int) {
	t.Helper()
	if want == -1 && got != fmt.Sprint(other) {
		return
	}
	if got != fmt.Sprint(want) {
		t.Errorf("%s: errno %s, want %d", where, got, want)
	}
}

// foreignProgram makes calls by i386 and x32 numbers from a 64-bit program.
const foreignProgram = `
#include <stdio.h>
static long i386(long nr, long a, long b, long c) {
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}
static long x64(long nr, long a, long b, long c) {
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "memory", "rcx", "r11");
	return r;
}
int main(void) {
	printf("getpid %d\n", i386(20, 0, 0, 0) > 0);
	printf("ioctl TIOCSTI %ld\n", i386(54, -1, 0x5412, 0));
	printf("ioctl TIOCLINUX %ld\n", i386(54, -1, 0x541c, 0));
	printf("ioctl TCGETS %ld\n", i386(54, -1, 0x5401, 0));
	printf("socket AF_ALG %ld\n", i386(359, 38, 99, 0));
	printf("socketcall socket %ld\n", i386(102, 1, 0, 0));
	printf("socketcall connect %ld\n", i386(102, 3, 0, 0));
	printf("x32 getpid %d\n", x64(0x40000000 | 39, 0, 0, 0) > 0);
	printf("x32 ioctl TIOCSTI %ld\n", x64(0x40000000 | 514, -1, 0x5412, 0));
	return 0;
}
`

// TestForeignABIs enters the kernel by int $0x80 and by x32 numbers.
func TestForeignABIs(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		need.Missingf(t, "wanted amd64 for its i386 entry, got %s", runtime.GOARCH)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		need.Missingf(t, "wanted gcc for a program that calls int $0x80, got: %v", err)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "foreign.c"), filepath.Join(dir, "foreign")
	if err := os.WriteFile(source, []byte(foreignProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-w", "-O1", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	if bare := obey(t, order{Exec: []string{binary}}); !strings.HasPrefix(bare, "getpid 1\nioctl TIOCSTI -9\n") {
		need.Missingf(t, "wanted a kernel with an i386 entry, got:\n%s", bare)
	}
	strict := "getpid 0\nioctl TIOCSTI -38\nioctl TIOCLINUX -38\nioctl TCGETS -38\nsocket AF_ALG -38\n" +
		"socketcall socket -38\nsocketcall connect -38\nx32 getpid 0\nx32 ioctl TIOCSTI -38\n"
	abi32 := "getpid 1\nioctl TIOCSTI -1\nioctl TIOCLINUX -1\nioctl TCGETS -9\nsocket AF_ALG -97\n" +
		"socketcall socket -38\nsocketcall connect -14\nx32 getpid 0\nx32 ioctl TIOCSTI -38\n"
	tests := []struct {
		name    string
		options seccomp.Options
		want    string
	}{
		{"strict", seccomp.Options{}, strict},
		{"32-bit programs", seccomp.Options{ABI32: true}, abi32},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := obey(t, order{Filter: seccomp.Default(tt.options), Exec: []string{binary}})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
