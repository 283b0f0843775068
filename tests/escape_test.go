package tests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
)

// attempts are what tests/escape tries: what it may get inside, and what it must get outside,
// so that the refusal inside is the sandbox's doing. Outside it runs twice: as the ordinary user,
// and with "root:" as root of a user namespace with a network and mounts of its own. An empty
// outside means that no unprivileged control exists; the reason is in the table.
var attempts = []struct {
	name    string
	inside  string // alternatives, by |
	outside string
}{
	{"kill", "ESRCH", "ok"},
	{"proc entry", "ENOENT", "ok"},
	{"environ", "ENOENT", "ok"},
	{"mem", "ENOENT", "ok"},
	{"root", "ENOENT", "ok"},
	{"fd", "ENOENT", "ok"},
	{"ptrace", "EPERM|ESRCH", "ok"},
	{"process_vm_readv", "EPERM|ESRCH|ENOSYS", "ok"},
	{"pidfd_getfd", "EPERM|ESRCH|ENOSYS", "ok"},

	{"stat secret", "ENOENT", "ok"},
	{"stat /root", "ENOENT", "ok"},
	{"stat /etc/shadow", "ENOENT", "ok"},
	{"stat /boot", "ENOENT", "ok"},
	{"stat /sys/kernel", "ENOENT", "ok"},
	{"stat /var/lib/dpkg", "ENOENT", "ok"},
	{"stat /var/log", "ENOENT", "ok"},
	{"stat /mnt", "ENOENT", "ok"},
	{"stat /dev/kmsg", "ENOENT", "ok"},
	{"stat /proc/1/root/HOME", "ENOENT|EACCES", ""}, // outside, PID 1 is another's as well

	{"create in /usr", "EROFS|EACCES", ""}, // outside an ordinary user may not either; TestReadOnly looks at the mounts
	{"create in /etc", "EROFS|EACCES", ""},
	{"create in /", "EROFS|EACCES", ""},
	{"create in /dev", "EROFS|EACCES", ""},
	{"create in /opt", "EROFS|EACCES", ""},
	{"write /etc/passwd", "EROFS|EACCES", ""},
	{"write /usr/bin/env", "EROFS|EACCES", ""},
	{"write /proc/sys/kernel/core_pattern", "EROFS|EACCES", ""},
	{"write /proc/sysrq-trigger", "EROFS|EACCES|EPERM|ENOENT", ""},
	{"write /proc/self/exe", "EROFS|ETXTBSY|EACCES", ""},
	{"mknod", "EPERM", ""}, // nor outside, not even in a user namespace

	{"unix socket", "ENOENT", "ok"},
	{"abstract socket", "ECONNREFUSED", "ok"},
	{"sockets found", "0", "*"}, // in /run, and beside our own: a bare machine has none in /run
	{"unix sockets seen", "0", "*"},

	{"mount", "EPERM", "root:ok"},
	{"umount2", "EPERM", "root:ok"},
	{"fsopen", "EPERM|ENOSYS", "root:ok"},
	{"open_tree", "EPERM|ENOSYS", "root:ok"},
	{"move_mount", "EPERM|ENOSYS", "root:ENOENT"},
	{"mount_setattr", "EPERM|ENOSYS", "root:ENOENT"},
	{"pivot_root", "EPERM", "root:ENOENT"},
	{"chroot", "EPERM", "root:ok"},
	{"bpf", "EPERM|ENOSYS", ""}, // kernel.unprivileged_bpf_disabled
	{"perf_event_open", "EPERM|ENOSYS", ""},
	{"io_uring_setup", "EPERM|ENOSYS", "ok"},
	{"userfaultfd", "EPERM|ENOSYS", "ok"},
	{"keyctl", "EPERM|ENOSYS", "ok"},
	{"add_key", "EPERM|ENOSYS", "ok"},
	{"kexec_load", "EPERM|ENOSYS", ""},
	{"init_module", "EPERM|ENOSYS", ""},
	{"clone3", "ENOSYS", "EINVAL"},
	{"unknown", "ENOSYS", "ENOSYS"},
	{"TIOCSTI", "EPERM", "ENOTTY"},
	{"TIOCSTI high", "EPERM", "ENOTTY"},
	{"TIOCLINUX", "EPERM", "ENOTTY"},
	{"personality", "EPERM", "ok"},
	{"personality back", "ok", "ok"},
	{"setns", "EPERM|ENOSYS", "root:ok"},
	{"unshare user", "EPERM|ENOSYS|ENOSPC", "ok"},
	{"unshare mount", "EPERM|ENOSYS", "root:ok"},
	{"clone user", "EPERM|ENOSYS|ENOSPC", "ok"},

	{"AF_PACKET", "EAFNOSUPPORT|EPERM", "root:ok"},
	{"AF_ALG", "EAFNOSUPPORT|EPERM", ""}, // a module of the kernel that may not be there, as the next three
	{"AF_VSOCK", "EAFNOSUPPORT|EPERM", ""},
	{"AF_KEY", "EAFNOSUPPORT|EPERM", ""},
	{"AF_BLUETOOTH", "EAFNOSUPPORT|EPERM", ""},
	{"NETLINK_NETFILTER", "EAFNOSUPPORT|EPERM|EPROTONOSUPPORT", "root:ok"},
	{"NETLINK_XFRM", "EAFNOSUPPORT|EPERM|EPROTONOSUPPORT", ""},
	{"SOCK_RAW", "EPERM|EAFNOSUPPORT", "root:ok"},
	{"AF_INET", "ok", "ok"},
	{"AF_UNIX", "ok", "ok"},

	{"CapInh", "0000000000000000", ""},
	{"CapPrm", "0000000000000000", "root:*"},
	{"CapEff", "0000000000000000", "root:*"},
	{"CapBnd", "0000000000000000", "*"},
	{"CapAmb", "0000000000000000", ""},
	{"NoNewPrivs", "1", "0"},
	{"Seccomp", "2", "0"},
	{"dev", "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero", "*"},
	{"fds", "0 1 2", ""},
}

// host is a session with what an app must not reach: a private key, a process, sockets.
type host struct {
	*bed.Bed
	program string   // escape
	args    []string // what it tries to reach
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{Bed: bed.New(t)}
	h.program = filepath.Join(h.Dir, "tool", "escape")
	run(t, "..", "go", "build", "-o", h.program, "./tests/escape")
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { victim.Process.Kill(); victim.Wait() })
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = h.Dir
	}
	socket := filepath.Join(runtime, "snug-test-"+strconv.Itoa(os.Getpid()))
	abstract := "snug-test-" + strconv.Itoa(os.Getpid())
	for _, address := range []string{socket, "@" + abstract} {
		l, err := net.Listen("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	h.args = []string{strconv.Itoa(victim.Process.Pid), h.Home + "/.ssh/id_ed25519", socket, abstract}
	return h
}

// report runs escape behind other words and gives what it printed, by name.
func (h *host) report(before ...string) map[string]string {
	h.Helper()
	cmd := h.Command(slices.Concat(before, []string{h.program}, h.args)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		h.Fatalf("%q: %v\n%s%s", before, err, out, errs.String())
	}
	m := map[string]string{}
	for l := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		m[name] = value
	}
	return m
}

func TestEscapes(t *testing.T) {
	h := newHost(t)
	tool := filepath.Dir(h.program)
	outside := h.report("env", "-i")
	root := h.report("unshare", "--user", "--map-root-user", "--net", "--mount")
	inside := h.report("snug", "run", "--read", tool, "--")
	h.judge(t, "run", inside, outside, root)

	h.Must("snug", "run", "--detach", "--name", "box", "--read", tool, "--", "sleep", "1000")
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	entered := h.report("snug", "exec", "box", "--")
	h.judge(t, "exec", entered, outside, root)
	// Who enters has what the app has: namespaces, the root, filters. An early exec landed in the
	// host's root, with the host's files before it.
	app := h.report("snug", "exec", "box", "--")
	for _, key := range []string{"ns cgroup", "ns ipc", "ns mnt", "ns net", "ns pid", "ns user", "ns uts", "root inode", "Seccomp_filters", "fds"} {
		if diff := cmp.Diff(app[key], entered[key]); diff != "" {
			t.Errorf("exec, %s: %s", key, diff)
		}
		if strings.HasPrefix(key, "ns ") && (entered[key] == outside[key] || entered[key] == "") {
			t.Errorf("exec, %s: want one of the sandbox's own, got %q, the host's", key, entered[key])
		}
	}
	if inside["Seccomp_filters"] != entered["Seccomp_filters"] {
		t.Errorf("filters: run has %s, exec %s", inside["Seccomp_filters"], entered["Seccomp_filters"])
	}
	if entered["root inode"] == outside["root inode"] {
		t.Errorf("exec: the root is the host's: %s", entered["root inode"])
	}
}

func (h *host) judge(t *testing.T, by string, inside, outside, root map[string]string) {
	t.Helper()
	for _, a := range attempts {
		got, ok := inside[a.name]
		if !ok || !slices.Contains(strings.Split(a.inside, "|"), got) {
			t.Errorf("%s: %s: want %s, got %q", by, a.name, a.inside, got)
		}
		where, want := outside, a.outside
		if rest, found := strings.CutPrefix(want, "root:"); found {
			where, want = root, rest
		}
		switch control := where[a.name]; {
		case want == "":
		case want == "*" && (control == got || control == ""):
			t.Errorf("%s: control: want something else than inside, got %q", a.name, control)
		case want != "*" && control != want:
			t.Errorf("%s: control: want %s outside, got %q", a.name, want, control)
		}
	}
}

// PID 1 of a sandbox is snug's own process and must not be the app's way out: its memory was the
// parent's, with the parent's environment and command line.
func TestPIDOne(t *testing.T) {
	h := newHost(t)
	h.args[0] = "1"
	h.Env = append(h.Env, "SECRET_TOKEN=abc")
	inside := h.report("snug", "run", "--read", filepath.Dir(h.program), "--")
	for name, want := range map[string]string{
		"mem": "EACCES|EPERM", "root": "EACCES|EPERM", "fd": "EACCES|EPERM", "ptrace": "EPERM",
		"process_vm_readv": "EPERM|ENOSYS", "pidfd_getfd": "EPERM|ENOSYS",
	} {
		if !slices.Contains(strings.Split(want, "|"), inside[name]) {
			t.Errorf("%s of PID 1: want %s, got %q", name, want, inside[name])
		}
	}
	out, _ := h.Command("snug", "run", "--", "sh", "-c", "cat /proc/1/environ /proc/1/cmdline; cat /proc/1/maps; true").CombinedOutput()
	for _, leak := range []string{"SECRET_TOKEN", h.Dir, "--read"} {
		if strings.Contains(string(out), leak) {
			t.Errorf("PID 1 shows %q:\n%s", leak, out)
		}
	}
	if out, _ := h.Command("sh", "-c", "tr '\\0' '\\n' </proc/self/environ").Output(); !strings.Contains(string(out), "SECRET_TOKEN") {
		t.Errorf("control: want the token outside, got %s", out)
	}
}

// Everything of the host's is read-only, mount by mount, and nothing has devices or setuid.
func TestReadOnly(t *testing.T) {
	h := newHost(t)
	out, err := h.Command("snug", "run", "--", "cat", "/proc/self/mountinfo").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for l := range strings.Lines(string(out)) {
		fields := strings.Fields(l)
		point, options := fields[4], strings.Split(fields[5], ",")
		_, kind, _ := strings.Cut(l, " - ")
		kind, _, _ = strings.Cut(kind, " ")
		has := func(o string) bool { return slices.Contains(options, o) }
		if !has("nosuid") {
			t.Errorf("%s is mounted without nosuid: %s", point, fields[5])
		}
		if !has("nodev") && !strings.HasPrefix(point, "/dev/") && kind != "devpts" {
			t.Errorf("%s is mounted without nodev: %s", point, fields[5])
		}
		if kind != "tmpfs" && kind != "proc" && kind != "devpts" && kind != "mqueue" && kind != "devtmpfs" && !has("ro") {
			t.Errorf("%s, of the host's, is mounted read-write: %s", point, l)
		}
		if point == "/usr" {
			seen++
		}
	}
	if seen != 1 {
		t.Errorf("want /usr mounted once, got %d:\n%s", seen, out)
	}
	if out, _ := h.Command("grep", "-c", " rw", "/proc/self/mountinfo").Output(); strings.TrimSpace(string(out)) == "0" {
		t.Error("control: want something read-write outside")
	}
}

// An app that is traced from outside by its owner is no escape; one that survives its supervisor is.
func TestForgedInstance(t *testing.T) {
	h := newHost(t)
	h.Must("snug", "run", "--detach", "--name", "box", "--", "sleep", "1000")
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	file := filepath.Join(h.Runtime, "snug", "box")
	record := bed.Read(t, file)
	victim := h.args[0]
	var forged []string
	for l := range strings.Lines(record) {
		if rest, ok := strings.CutPrefix(l, `process "`); ok {
			_, rest, _ = strings.Cut(rest, " ")
			l = `process "` + victim + " " + rest
		}
		forged = append(forged, l)
	}
	// The supervisor holds the lock, so the file counts; but the process it names is not the one.
	bed.Write(t, file, strings.Join(forged, ""))
	out, err := h.Command("snug", "exec", "box", "true").CombinedOutput()
	if err == nil {
		t.Errorf("exec entered a process that is no sandbox (CVE-2022-31214)")
	}
	if h.Command("snug", "kill", "box").Run(); h.Command("kill", "-0", victim).Run() != nil {
		t.Errorf("kill of a forged instance ended a process that is no sandbox; exec had said: %s", out)
	}
	bed.Write(t, file, record)
	bed.Poll(t, "control: the true record can be entered", 5*time.Second, func() bool { return h.Command("snug", "exec", "box", "true").Run() == nil })
}
