// Command escape tries what an app in a sandbox should not be able to do, and prints a line for
// each: its name, a tab, and ok or the error. It changes nothing that matters where it succeeds,
// so that it also runs outside, as the control.
//
//	escape PID SECRET SOCKET ABSTRACT
//
// PID is a process that it may trace where tracing is allowed; SECRET a file of the person's;
// SOCKET and ABSTRACT are listening sockets of the host.
//
// The file is named for what it holds: raw system calls with pointers into buffers of its own,
// which live until the call has returned.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	runtime.LockOSThread()
	pid, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	secret, socket, abstract := os.Args[2], os.Args[3], os.Args[4]

	processes(pid)
	files(secret)
	sockets(socket, abstract)
	calls()
	families()
	facts()
}

func say(name string, err error) {
	text := "ok"
	var errno unix.Errno
	switch {
	case errors.As(err, &errno):
		text = unix.ErrnoName(errno)
	case err != nil:
		text = err.Error()
	}
	fmt.Printf("%s\t%s\n", name, text)
}

func closing(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func processes(pid int) {
	say("kill", unix.Kill(pid, 0))
	proc := "/proc/" + strconv.Itoa(pid)
	_, err := os.Stat(proc)
	say("proc entry", err)
	_, err = os.ReadFile(proc + "/environ")
	say("environ", err)
	fd, err := unix.Open(proc+"/mem", unix.O_RDWR, 0)
	say("mem", closing(fd, err))
	_, err = os.ReadDir(proc + "/root")
	say("root", err)
	say("fd", descriptors(proc+"/fd"))

	err = unix.PtraceAttach(pid)
	say("ptrace", err)
	if err == nil {
		var ws unix.WaitStatus
		unix.Wait4(pid, &ws, unix.WALL, nil)
		unix.PtraceDetach(pid)
	}
	buf := make([]byte, 1)
	local := unix.Iovec{Base: &buf[0], Len: 1}
	remote := unix.RemoteIovec{Base: 0, Len: 1}
	_, err = unix.ProcessVMReadv(pid, []unix.Iovec{local}, []unix.RemoteIovec{remote}, 0)
	if err == unix.EFAULT { // it may read, only not at address 0
		err = nil
	}
	say("process_vm_readv", err)
	fd, err = unix.PidfdOpen(pid, 0)
	if err == nil {
		_, err = unix.PidfdGetfd(fd, 0, 0)
	}
	say("pidfd_getfd", err)
}

// descriptors tries to read where any descriptor of a process leads.
func descriptors(dir string) error {
	list, err := os.ReadDir(dir)
	for _, e := range list {
		if _, err = os.Readlink(dir + "/" + e.Name()); err == nil {
			return nil
		}
	}
	return err
}

func files(secret string) {
	for name, path := range map[string]string{
		"secret": secret, "/root": "/root", "/etc/shadow": "/etc/shadow", "/etc/sudoers.d": "/etc/sudoers.d",
		"/boot": "/boot", "/sys/kernel": "/sys/kernel", "/var/lib/dpkg": "/var/lib/dpkg", "/var/log": "/var/log", "/mnt": "/mnt",
		"/dev/kmsg": "/dev/kmsg", "/dev/mem": "/dev/mem", "/proc/1/root" + filepath.Dir(secret): "/proc/1/root" + filepath.Dir(secret),
	} {
		_, err := os.Stat(path)
		say("stat "+strings.ReplaceAll(name, filepath.Dir(secret), "/HOME"), err)
	}
	for _, path := range []string{"/usr/x", "/etc/x", "/x", "/dev/x", "/opt/x"} {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
		if err == nil {
			os.Remove(path)
		}
		say("create in "+filepath.Dir(path), closing(fd, err))
	}
	for _, path := range []string{"/etc/passwd", "/usr/bin/env", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/exe"} {
		fd, err := unix.Open(path, unix.O_WRONLY, 0)
		say("write "+path, closing(fd, err))
	}
	node := filepath.Join(os.TempDir(), "node")
	err := unix.Mknod(node, unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0)))
	os.Remove(node)
	say("mknod", err)
}

func sockets(socket, abstract string) {
	c, err := net.Dial("unix", socket)
	if err == nil {
		c.Close()
	}
	say("unix socket", err)
	c, err = net.Dial("unix", "@"+abstract)
	if err == nil {
		c.Close()
	}
	say("abstract socket", err)
	count := 0
	for _, folder := range []string{"/run", filepath.Dir(socket)} {
		filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type()&os.ModeSocket != 0 {
				count++
			}
			return nil
		})
	}
	fmt.Printf("sockets found\t%d\n", count)
	names, _ := os.ReadFile("/proc/net/unix")
	fmt.Printf("unix sockets seen\t%d\n", strings.Count(string(names), "\n")-1)
}

// call makes a system call and drops what it makes.
func call(name string, number uintptr, a ...uintptr) {
	a = append(a, 0, 0, 0, 0, 0, 0)
	r, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		say(name, errno)
		return
	}
	if r > 2 {
		unix.Close(int(r))
	}
	say(name, nil)
}

func text(s string) uintptr {
	b := append([]byte(s), 0)
	keep = append(keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

func zeros(n int) uintptr {
	b := make([]byte, n)
	keep = append(keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

// keep holds every buffer that a system call was given.
var keep [][]byte

func calls() {
	const cwd = ^uintptr(99) // AT_FDCWD
	call("mount", unix.SYS_MOUNT, text("x"), text("/tmp"), text("tmpfs"), 0, 0)
	call("umount2", unix.SYS_UMOUNT2, text("/tmp"), 0)
	call("fsopen", unix.SYS_FSOPEN, text("tmpfs"), 0)
	call("open_tree", unix.SYS_OPEN_TREE, cwd, text("/tmp"), unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE)
	call("move_mount", unix.SYS_MOVE_MOUNT, cwd, text("/nowhere"), cwd, text("/nowhere"), 0)
	call("mount_setattr", unix.SYS_MOUNT_SETATTR, cwd, text("/nowhere"), 0, text("\x01\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 24)), 32) // MOUNT_ATTR_RDONLY
	call("pivot_root", unix.SYS_PIVOT_ROOT, text("/nowhere"), text("/nowhere"))
	call("chroot", unix.SYS_CHROOT, text("/"))
	call("bpf", unix.SYS_BPF, 9999, zeros(128), 128)
	call("perf_event_open", unix.SYS_PERF_EVENT_OPEN, zeros(128), 0, ^uintptr(0), ^uintptr(0), 0)
	call("io_uring_setup", unix.SYS_IO_URING_SETUP, 1, zeros(120))
	call("userfaultfd", unix.SYS_USERFAULTFD, 1) // UFFD_USER_MODE_ONLY
	call("keyctl", unix.SYS_KEYCTL, 0, ^uintptr(2), 0)
	call("add_key", unix.SYS_ADD_KEY, text("user"), text("snug-test"), text("x"), 1, ^uintptr(2))
	call("kexec_load", unix.SYS_KEXEC_LOAD, 0, 0, 0, 0)
	call("init_module", unix.SYS_INIT_MODULE, zeros(8), 0, text(""))
	call("clone3", unix.SYS_CLONE3, zeros(88), 0) // size 0 is EINVAL where it is there
	call("unknown", 9999)
	call("TIOCSTI", unix.SYS_IOCTL, 0, unix.TIOCSTI, text("x"))
	call("TIOCSTI high", unix.SYS_IOCTL, 0, 1<<32|unix.TIOCSTI, text("x"))
	call("TIOCLINUX", unix.SYS_IOCTL, 0, unix.TIOCLINUX, text("\x02"))
	call("personality", unix.SYS_PERSONALITY, 0x0400000) // READ_IMPLIES_EXEC
	call("personality back", unix.SYS_PERSONALITY, 0)
	fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		say("setns", err)
	} else {
		child("setns", unix.SYS_SETNS, uintptr(fd))
		unix.Close(fd)
	}
	child("unshare user", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
	child("unshare mount", unix.SYS_UNSHARE, unix.CLONE_NEWNS)
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	if errno != 0 {
		say("clone user", errno)
	} else {
		unix.Wait4(int(pid), nil, 0, nil)
		say("clone user", nil)
	}
}

// child makes a system call in a forked child: unshare(2) refuses processes with threads.
func child(name string, number, arg uintptr) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, errno = unix.RawSyscall(number, arg, 0, 0)
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
	var ws unix.WaitStatus
	if errno == 0 {
		unix.Wait4(int(pid), &ws, 0, nil)
		errno = unix.Errno(ws.ExitStatus())
	}
	if errno != 0 {
		say(name, errno)
		return
	}
	say(name, nil)
}

func families() {
	for _, s := range []struct {
		name                string
		domain, kind, proto int
	}{
		{"AF_PACKET", unix.AF_PACKET, unix.SOCK_RAW, 0},
		{"AF_ALG", unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		{"AF_VSOCK", unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		{"AF_KEY", unix.AF_KEY, unix.SOCK_RAW, 2},
		{"AF_BLUETOOTH", unix.AF_BLUETOOTH, unix.SOCK_RAW, 1},
		{"NETLINK_NETFILTER", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER},
		{"NETLINK_XFRM", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM},
		{"SOCK_RAW", unix.AF_INET, unix.SOCK_RAW, 1},
		{"AF_INET", unix.AF_INET, unix.SOCK_STREAM, 0},
		{"AF_UNIX", unix.AF_UNIX, unix.SOCK_STREAM, 0},
	} {
		fd, err := unix.Socket(s.domain, s.kind|unix.SOCK_CLOEXEC, s.proto)
		say(s.name, closing(fd, err))
	}
}

// facts prints what the kernel says of this process, and what is in /dev.
func facts() {
	status, _ := os.ReadFile("/proc/self/status")
	for l := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(l, ":")
		switch key {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters":
			fmt.Printf("%s\t%s\n", key, strings.TrimSpace(value))
		}
	}
	entries, _ := os.ReadDir("/dev")
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	fmt.Printf("dev\t%s\n", strings.Join(names, " "))
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		link, _ := os.Readlink("/proc/self/ns/" + ns)
		fmt.Printf("ns %s\t%s\n", ns, link)
	}
	var st unix.Stat_t
	unix.Stat("/", &st)
	fmt.Printf("root inode\t%d:%d\n", st.Dev, st.Ino)
	fds, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, f := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && !strings.HasPrefix(target, "anon_inode:[event") {
			open = append(open, f.Name())
		}
	}
	fmt.Printf("fds\t%s\n", strings.Join(open, " "))
}
