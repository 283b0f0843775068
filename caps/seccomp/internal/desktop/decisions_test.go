package desktop_test

import (
	"testing"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/desktop"
)

const (
	allow           = seccomp.Allow
	eperm           = seccomp.Errno | 1
	enosys          = seccomp.Errno | 38
	eprotonosupport = seccomp.Errno | 93
	eafnosupport    = seccomp.Errno | 97
)

// entry is a way into the kernel with the numbers that the rows below use,
// copied by hand from the kernel's tables.
type entry struct {
	name    string
	arch    seccomp.Arch
	audit   uint32
	numbers map[string]uint32
}

func native() []entry {
	return []entry{
		{"x86-64", seccomp.AMD64, 0xc000003e, map[string]uint32{
			"ioctl": 16, "socket": 41, "socketpair": 53, "clone": 56, "clone3": 435, "unshare": 272, "setns": 308,
			"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "move_mount": 429,
			"fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467,
			"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
			"perf_event_open": 298, "personality": 135, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
			"add_key": 248, "request_key": 249, "keyctl": 250, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239, "migrate_pages": 256, "move_pages": 279,
			"open_by_handle_at": 304, "name_to_handle_at": 303, "init_module": 175, "kexec_load": 246, "reboot": 169,
			"swapon": 167, "syslog": 103, "acct": 163, "quotactl": 179, "settimeofday": 164, "sethostname": 170,
			"execve": 59, "write": 1, "close": 3, "exit_group": 231, "prctl": 157, "seccomp": 317, "unlisted": 999,
			"modify_ldt": 154}},
		{"arm64", seccomp.ARM64, 0xc00000b7, map[string]uint32{
			"ioctl": 29, "socket": 198, "socketpair": 199, "clone": 220, "clone3": 435, "unshare": 97, "setns": 268,
			"mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "open_tree": 428, "move_mount": 429,
			"fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467,
			"ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
			"perf_event_open": 241, "personality": 92, "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425,
			"add_key": 217, "request_key": 218, "keyctl": 219, "mbind": 235, "get_mempolicy": 236, "set_mempolicy": 237, "migrate_pages": 238, "move_pages": 239,
			"open_by_handle_at": 265, "name_to_handle_at": 264, "init_module": 105, "kexec_load": 104, "reboot": 142,
			"swapon": 224, "syslog": 116, "acct": 89, "quotactl": 60, "settimeofday": 170, "sethostname": 161,
			"execve": 221, "write": 64, "close": 57, "exit_group": 94, "prctl": 167, "seccomp": 277, "unlisted": 999}},
	}
}

func compat() []entry {
	return []entry{
		{"i386", seccomp.AMD64, 0x40000003, map[string]uint32{
			"ioctl": 54, "socket": 359, "socketpair": 360, "socketcall": 102, "clone": 120, "clone3": 435, "unshare": 310,
			"mount": 21, "umount": 22, "umount2": 52, "ptrace": 26, "personality": 136, "vm86": 166, "bpf": 357,
			"write": 4, "ipc": 117, "io_uring_setup": 425, "stime": 25, "modify_ldt": 123, "execve": 11, "unlisted": 999}},
		{"arm", seccomp.ARM64, 0x40000028, map[string]uint32{
			"ioctl": 54, "socket": 281, "socketpair": 288, "clone": 120, "clone3": 435, "unshare": 337,
			"mount": 21, "umount2": 52, "ptrace": 26, "personality": 136, "bpf": 386,
			"write": 4, "io_uring_setup": 425, "execve": 11, "set_tls": 0xf0005, "unlisted": 999}},
	}
}

// row is a call and the answers of the strict filter and of one with a switch.
type row struct {
	name, call string
	args       [6]uint64
	want       seccomp.Action
	nested     seccomp.Action // 0: as want
	debug      seccomp.Action // 0: as want
}

func rows() []row {
	const garbage = 1 << 32
	const thread = 0x3d0f00 // what pthread_create asks of clone
	return []row{
		{"CVE-2017-5226 TIOCSTI", "ioctl", [6]uint64{0, 0x5412}, eperm, 0, 0},
		{"CVE-2019-10063 -7303 TIOCSTI with an upper half", "ioctl", [6]uint64{0, garbage | 0x5412}, eperm, 0, 0},
		{"CVE-2023-28100 -1523 TIOCLINUX", "ioctl", [6]uint64{0, 0x541c}, eperm, 0, 0},
		{"TIOCLINUX with an upper half", "ioctl", [6]uint64{0, 0xffffffff_0000541c}, eperm, 0, 0},
		{"TIOCSETD", "ioctl", [6]uint64{0, 0x5423}, eperm, 0, 0},
		{"control: TIOCGWINSZ", "ioctl", [6]uint64{0, 0x5413}, allow, 0, 0},
		{"control: TCGETS", "ioctl", [6]uint64{0, 0x5401}, allow, 0, 0},
		{"CVE-2021-41133 clone3", "clone3", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 open_tree", "open_tree", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 move_mount", "move_mount", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 fsopen", "fsopen", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 fsconfig", "fsconfig", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 fsmount", "fsmount", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 fspick", "fspick", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 mount_setattr", "mount_setattr", [6]uint64{}, enosys, allow, 0},
		{"open_tree_attr", "open_tree_attr", [6]uint64{}, enosys, allow, 0},
		{"CVE-2021-41133 unknown number", "unlisted", [6]uint64{}, enosys, 0, 0},
		{"CVE-2018-18955 unshare(NEWUSER)", "unshare", [6]uint64{0x10000000}, eperm, allow, 0},
		{"clone(NEWUSER)", "clone", [6]uint64{0x10000011}, eperm, allow, 0},
		{"clone(NEWNS)", "clone", [6]uint64{0x20011}, eperm, allow, 0},
		{"clone(NEWNET) with an upper half", "clone", [6]uint64{garbage | 0x40000011}, eperm, allow, 0},
		{"control: clone of a thread", "clone", [6]uint64{thread}, allow, 0, 0},
		{"control: clone with an upper half", "clone", [6]uint64{garbage | 0x11}, allow, 0, 0},
		{"setns", "setns", [6]uint64{}, eperm, allow, 0},
		{"mount", "mount", [6]uint64{}, eperm, allow, 0},
		{"umount2", "umount2", [6]uint64{}, eperm, allow, 0},
		{"pivot_root", "pivot_root", [6]uint64{}, eperm, allow, 0},
		{"chroot", "chroot", [6]uint64{}, eperm, allow, 0},
		{"sethostname", "sethostname", [6]uint64{}, eperm, allow, 0},
		{"control: AF_UNIX", "socket", [6]uint64{1, 1}, allow, 0, 0},
		{"control: AF_INET", "socket", [6]uint64{2, 1}, allow, 0, 0},
		{"control: AF_INET6 datagrams, close on exec", "socket", [6]uint64{10, 0o2000002}, allow, 0, 0},
		{"control: family with an upper half", "socket", [6]uint64{garbage | 2, 1}, allow, 0, 0},
		{"AF_UNSPEC", "socket", [6]uint64{0, 1}, eafnosupport, 0, 0},
		{"AF_INET with SOCK_PACKET", "socket", [6]uint64{2, 10}, eafnosupport, 0, 0},
		{"AF_INET with SOCK_PACKET and flags", "socket", [6]uint64{2, garbage | 0o2004000 | 10}, eafnosupport, 0, 0},
		{"AF_PACKET", "socket", [6]uint64{17, 3}, eafnosupport, 0, 0},
		{"AF_PACKET with an upper half", "socket", [6]uint64{garbage | 17, 3}, eafnosupport, 0, 0},
		{"AF_CAN", "socket", [6]uint64{29, 3}, eafnosupport, 0, 0},
		{"AF_BLUETOOTH", "socket", [6]uint64{31, 3}, eafnosupport, 0, 0},
		{"AF_ALG", "socket", [6]uint64{38, 5}, eafnosupport, 0, 0},
		{"AF_VSOCK", "socket", [6]uint64{40, 1}, eafnosupport, 0, 0},
		{"AF_XDP", "socket", [6]uint64{44, 3}, eafnosupport, 0, 0},
		{"control: NETLINK_ROUTE", "socket", [6]uint64{16, 3, 0}, allow, 0, 0},
		{"control: NETLINK_KOBJECT_UEVENT", "socket", [6]uint64{16, 3, 15}, allow, 0, 0},
		{"NETLINK_XFRM", "socket", [6]uint64{16, 3, 6}, eprotonosupport, 0, 0},
		{"NETLINK_AUDIT", "socket", [6]uint64{16, 3, 9}, eprotonosupport, 0, 0},
		{"NETLINK_NETFILTER", "socket", [6]uint64{16, 3, 12}, eprotonosupport, 0, 0},
		{"NETLINK_NETFILTER with an upper half", "socket", [6]uint64{16, 3, garbage | 12}, eprotonosupport, 0, 0},
		{"NETLINK_GENERIC", "socket", [6]uint64{16, 3, 16}, eprotonosupport, 0, 0},
		{"NETLINK_CRYPTO", "socket", [6]uint64{16, 3, 21}, eprotonosupport, 0, 0},
		{"control: pair of AF_UNIX", "socketpair", [6]uint64{1, 1}, allow, 0, 0},
		{"pair of AF_TIPC", "socketpair", [6]uint64{30, 1}, eafnosupport, 0, 0},
		{"ptrace", "ptrace", [6]uint64{}, eperm, 0, allow},
		{"process_vm_readv", "process_vm_readv", [6]uint64{}, eperm, 0, allow},
		{"process_vm_writev", "process_vm_writev", [6]uint64{}, eperm, 0, allow},
		{"kcmp of memory", "kcmp", [6]uint64{1, 1, 1}, eperm, 0, allow},
		{"control: kcmp of files", "kcmp", [6]uint64{1, 1, 0}, allow, 0, 0},
		{"pidfd_getfd", "pidfd_getfd", [6]uint64{}, eperm, 0, 0},
		{"perf_event_open", "perf_event_open", [6]uint64{}, eperm, 0, 0},
		{"personality ADDR_NO_RANDOMIZE", "personality", [6]uint64{0x40000}, eperm, 0, allow},
		{"personality READ_IMPLIES_EXEC", "personality", [6]uint64{0x400000}, eperm, 0, 0},
		{"control: personality 0", "personality", [6]uint64{0}, allow, 0, 0},
		{"control: personality UNAME26", "personality", [6]uint64{0x20000}, allow, 0, 0},
		{"control: personality asked", "personality", [6]uint64{0xffffffff}, allow, 0, 0},
		{"control: personality asked in 64 bits", "personality", [6]uint64{^uint64(0)}, allow, 0, 0},
		{"bpf", "bpf", [6]uint64{}, eperm, 0, 0},
		{"userfaultfd", "userfaultfd", [6]uint64{}, eperm, 0, 0},
		{"io_uring_setup", "io_uring_setup", [6]uint64{}, enosys, 0, 0},
		{"add_key", "add_key", [6]uint64{}, eperm, 0, 0},
		{"request_key", "request_key", [6]uint64{}, eperm, 0, 0},
		{"keyctl", "keyctl", [6]uint64{}, eperm, 0, 0},
		{"mbind", "mbind", [6]uint64{}, enosys, 0, 0},
		{"get_mempolicy", "get_mempolicy", [6]uint64{}, enosys, 0, 0},
		{"set_mempolicy", "set_mempolicy", [6]uint64{}, enosys, 0, 0},
		{"migrate_pages", "migrate_pages", [6]uint64{}, enosys, 0, 0},
		{"move_pages", "move_pages", [6]uint64{}, enosys, 0, 0},
		{"open_by_handle_at", "open_by_handle_at", [6]uint64{}, eperm, 0, 0},
		{"name_to_handle_at", "name_to_handle_at", [6]uint64{}, enosys, 0, 0},
		{"init_module", "init_module", [6]uint64{}, eperm, 0, 0},
		{"kexec_load", "kexec_load", [6]uint64{}, eperm, 0, 0},
		{"reboot", "reboot", [6]uint64{}, eperm, 0, 0},
		{"swapon", "swapon", [6]uint64{}, eperm, 0, 0},
		{"syslog", "syslog", [6]uint64{}, eperm, 0, 0},
		{"acct", "acct", [6]uint64{}, eperm, 0, 0},
		{"quotactl", "quotactl", [6]uint64{}, eperm, 0, 0},
		{"settimeofday", "settimeofday", [6]uint64{}, eperm, 0, 0},
		{"launcher: execve", "execve", [6]uint64{}, allow, 0, 0},
		{"launcher: write", "write", [6]uint64{}, allow, 0, 0},
		{"launcher: close", "close", [6]uint64{}, allow, 0, 0},
		{"launcher: exit_group", "exit_group", [6]uint64{}, allow, 0, 0},
		{"launcher: prctl", "prctl", [6]uint64{}, allow, 0, 0},
		{"launcher: a second filter", "seccomp", [6]uint64{}, allow, 0, 0},
	}
}

// expected returns what a row says for a variant.
func (r row) expected(o seccomp.Options) seccomp.Action {
	if o.Nested && r.nested != 0 {
		return r.nested
	}
	if o.Debug && r.debug != 0 {
		return r.debug
	}
	return r.want
}

// TestDecisions asks every row of every variant on both machines, and of the
// compat ABIs where the row's call has a number there.
func TestDecisions(t *testing.T) {
	for n := range seccomp.Variants {
		o := seccomp.Variant(n)
		entries := native()
		if o.ABI32 {
			entries = append(entries, compat()...)
		}
		for _, e := range entries {
			f, err := desktop.Compile(e.arch, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows() {
				nr, ok := e.numbers[r.call]
				if !ok && e.audit>>31 == 0 {
					continue
				}
				if !ok {
					t.Fatalf("%s: no number for %q", e.name, r.call)
				}
				args := r.args
				if e.audit>>31 == 0 { // a 32-bit ABI
					for i := range args {
						args[i] = uint64(uint32(args[i]))
					}
				}
				got, err := f.Run(seccomp.Data{Nr: nr, Arch: e.audit, Args: args})
				if err != nil {
					t.Fatal(err)
				}
				if want := r.expected(o); got != want {
					t.Errorf("%+v %s %s: got %v, want %v", o, e.name, r.name, got, want)
				}
			}
		}
	}
}

// TestForeignEntries: without ABI32 no call comes in by 32-bit numbers, and by
// x32 numbers never: not those of the terminal CVEs, and no other.
func TestForeignEntries(t *testing.T) {
	for n := range seccomp.Variants {
		o := seccomp.Variant(n)
		f, err := desktop.Compile(seccomp.AMD64, o)
		if err != nil {
			t.Fatal(err)
		}
		for nr := range uint32(600) {
			for _, d := range []seccomp.Data{
				{Nr: 0x40000000 | nr, Arch: 0xc000003e, Args: [6]uint64{0, 0x5412}},
				{Nr: nr, Arch: 0x40000003, Args: [6]uint64{0, 0x541c}},
			} {
				if o.ABI32 && d.Arch == 0x40000003 {
					continue
				}
				if got, err := f.Run(d); got != enosys || err != nil {
					t.Fatalf("%+v %+v: got %v, %v", o, d, got, err)
				}
			}
		}
	}
}

// TestABI32 has the rows that only 32-bit programs meet.
func TestABI32(t *testing.T) {
	tests := []struct {
		name, call string
		args       [6]uint64
		want       seccomp.Action
	}{
		{"socketcall(socket)", "socketcall", [6]uint64{1}, enosys},
		{"socketcall(socketpair)", "socketcall", [6]uint64{8}, enosys},
		{"control: socketcall(connect)", "socketcall", [6]uint64{3}, allow},
		{"control: ipc", "ipc", [6]uint64{23}, allow},
		{"umount", "umount", [6]uint64{}, eperm},
		{"vm86", "vm86", [6]uint64{}, enosys},
		{"stime", "stime", [6]uint64{}, eperm},
		{"control: modify_ldt", "modify_ldt", [6]uint64{}, allow},
		{"control: set_tls", "set_tls", [6]uint64{}, allow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range compat() {
				nr, ok := e.numbers[tt.call]
				if !ok {
					continue
				}
				f, err := desktop.Compile(e.arch, seccomp.Options{ABI32: true})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := f.Run(seccomp.Data{Nr: nr, Arch: e.audit, Args: tt.args}); got != tt.want || err != nil {
					t.Errorf("%s: got %v, %v, want %v", e.name, got, err, tt.want)
				}
			}
		})
	}
	strict, err := desktop.Compile(seccomp.AMD64, seccomp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := strict.Run(seccomp.Data{Nr: 154, Arch: 0xc000003e}); got != enosys || err != nil {
		t.Errorf("modify_ldt without ABI32: got %v, %v", got, err)
	}
}
