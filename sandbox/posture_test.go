package sandbox_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"snug/sandbox"
)

// strict is what an ordinary app gets: its own everything, system folders of the host.
func strict(argv ...string) *sandbox.Spec {
	s := &sandbox.Spec{
		Users:    sandbox.Users{UID: 1000, GID: 1000},
		Hostname: "box",
		Root: []sandbox.Step{
			&sandbox.Proc{Dest: "/proc"}, &sandbox.Dev{Dest: "/dev"}, &sandbox.Tmpfs{Dest: "/tmp", Mode: 0o1777},
			&sandbox.Dir{Dest: "/home/user"},
		},
		Process: sandbox.Process{Argv: argv, Env: []string{"PATH=/usr/bin:/bin"}, Umask: 0o22, Filters: []sandbox.Filter{allowAll()}},
	}
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64"} {
		if target, err := os.Readlink(dir); err == nil {
			s.Root = append(s.Root, &sandbox.Symlink{Dest: dir, Target: target})
		} else if _, err := os.Stat(dir); err == nil {
			s.Root = append(s.Root, &sandbox.Bind{Source: dir, Dest: dir})
		}
	}
	return s
}

// allowAll is a filter of one instruction, to be counted.
func allowAll() sandbox.Filter {
	return sandbox.Filter{Name: "allow", Code: []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}} // BPF_RET, SECCOMP_RET_ALLOW
}

// TestPosture compares what a process in a sandbox sees of itself with all that it should see.
// Lines that depend on the machine are named one by one in normal.
func TestPosture(t *testing.T) {
	oom, _ := os.ReadFile("/proc/self/oom_score_adj")
	ownOOM := string(oom) // the caller's, unless the Spec says otherwise
	mounts := postureMounts
	if os.Getuid() == 0 { // /proc/sys obeys root's id, with capabilities or without
		const proc = "/ /proc rw,nosuid,nodev,noexec - proc\n"
		cover := proc
		for _, name := range []string{"sys", "sysrq-trigger", "irq", "bus"} {
			if _, err := os.Stat("/proc/" + name); err == nil {
				cover += "/" + name + " /proc/" + name + " ro,nosuid,nodev,noexec - proc\n"
			}
		}
		mounts = strings.Replace(mounts, proc, cover, 1)
	}
	for _, tt := range []struct {
		name string
		argv []string
		want string
	}{
		{"status", []string{"/bin/cat", "/proc/self/status"}, postureStatus},
		{"mounts", []string{"/bin/cat", "/proc/self/mountinfo"}, mounts},
		{"descriptors", []string{"/bin/ls", "/proc/self/fd"}, "0\n1\n2\n3\n"}, // 3 is the folder itself
		{"cgroup", []string{"/bin/sh", "-c", "cut -d: -f3 /proc/self/cgroup | sort -u"}, "/\n"},
		{"user map", []string{"/bin/cat", "/proc/self/uid_map"}, "      1000 N 1\n"},
		{"group map", []string{"/bin/cat", "/proc/self/gid_map"}, "      1000 N 1\n"},
		{"setgroups", []string{"/bin/cat", "/proc/self/setgroups"}, "deny\n"},
		{"nested user namespaces", []string{"/bin/cat", "/proc/sys/user/max_user_namespaces"}, "0\n"},
		{"interfaces", []string{"/bin/sh", "-c", "cut -d: -f1 /proc/net/dev | tail -n +3; cat /proc/net/route | wc -l; cat /sys/class/net/lo/flags 2>/dev/null || echo no sysfs"}, "    lo\n1\nno sysfs\n"},
		{"loopback", []string{"/bin/cat", "/proc/net/if_inet6", "/proc/net/fib_trie"}, postureLoopback},
		{"devices", []string{"/bin/ls", "-A", "/dev"}, "core\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"},
		{"root", []string{"/bin/sh", "-c", "ls -A / | grep -v lib | tr '\\n' ' '"}, "bin dev home proc sbin tmp usr "},
		{"root cannot be unmounted", []string{"/bin/sh", "-c", "ls -A /.. | grep -c oldroot"}, "0\n"},
		{"environment", []string{"/bin/cat", "/proc/self/environ"}, "PATH=/usr/bin:/bin\x00"},
		{"command line", []string{"/bin/cat", "/proc/self/cmdline"}, "/bin/cat\x00/proc/self/cmdline\x00"},
		{"OOM score", []string{"/bin/cat", "/proc/self/oom_score_adj"}, ownOOM},
		{"session", []string{"/bin/sh", "-c", "cut -d' ' -f5-8 /proc/$$/stat"}, "2 2 0 -1\n"},
		{"personality", []string{"/bin/cat", "/proc/self/personality"}, "00000000\n"},
		{"umask and folder", []string{"/bin/sh", "-c", "umask; pwd; uname -n"}, "0022\n/\nbox\n"},
		{"processes", []string{"/bin/sh", "-c", "cd /proc; echo [0-9]*; cat 1/comm"}, "1 2\nsnug-init\n"},
		{"writable root", []string{"/bin/sh", "-c", "touch /x /home/user/x && stat -c %u /x"}, "1000\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := output(t, strict(tt.argv...))
			if got = normal(got); got != tt.want {
				t.Errorf("seen in the sandbox:\n%s", lineDiff(tt.want, got))
			}
		})
	}
	for _, kind := range []string{"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"} {
		got, _ := output(t, strict("/bin/readlink", "/proc/self/ns/"+kind))
		if host, _ := os.Readlink("/proc/self/ns/" + kind); got == host+"\n" || got == "" {
			t.Errorf("namespace %s: got %q, the host's is %q", kind, got, host)
		}
	}
}

const postureStatus = `Name:	cat
Umask:	0022
State:	R (running)
Tgid:	2
Ngid:	0
Pid:	2
PPid:	1
TracerPid:	0
Uid:	1000	1000	1000	1000
Gid:	1000	1000	1000	1000
Groups:
NStgid:	2
NSpid:	2
NSpgid:	2
NSsid:	2
Kthread:	0
CoreDumping:	0
Threads:	1
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000000000000
SigCgt:	0000000000000000
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
`

const postureMounts = `/ / rw,nosuid,nodev - tmpfs
/ /proc rw,nosuid,nodev,noexec - proc
/ /dev rw,nosuid,nodev - tmpfs
/null /dev/null rw,nosuid,noexec - devtmpfs
/zero /dev/zero rw,nosuid,noexec - devtmpfs
/full /dev/full rw,nosuid,noexec - devtmpfs
/random /dev/random rw,nosuid,noexec - devtmpfs
/urandom /dev/urandom rw,nosuid,noexec - devtmpfs
/tty /dev/tty rw,nosuid,noexec - devtmpfs
/ /dev/pts rw,nosuid,noexec - devpts
/ /tmp rw,nosuid,nodev - tmpfs
/usr /usr ro,nosuid,nodev - FS
`

// The addresses of the loopback interface are given when it comes up.
const postureLoopback = `::1 lo
127.0.0.0/8 host LOCAL
127.0.0.1 host LOCAL
`

var (
	outOfStatus = regexp.MustCompile(`(?m)^(Vm|Rss|Hugetlb|FDSize|untag|Cpus|Mems|Spec|SigQ|voluntary|nonvoluntary|THP_|x86_|Seccomp_filters_).*\n`)
	mountLine   = regexp.MustCompile(`(?m)^\d+ \d+ \d+:\d+ (\S+) (\S+) (\S+) (?:\S+ )*?- (\S+) .*$`)
	ids         = regexp.MustCompile(`(?m)^ +1000 +\d+ +1$`)
	realFS      = regexp.MustCompile(`(?m)^(/\S*) /usr (\S+) - \S+$`)
	atime       = regexp.MustCompile(`,(relatime|noatime|nodiratime)`)
)

// normal leaves out what differs between machines.
func normal(s string) string {
	s = outOfStatus.ReplaceAllString(s, "")
	s = regexp.MustCompile(`(?m)^Groups:.*$`).ReplaceAllString(s, "Groups:") // the caller's, as nobody's
	s = mountLine.ReplaceAllString(s, "$1 $2 $3 - $4")
	s = atime.ReplaceAllString(s, "")
	s = realFS.ReplaceAllString(s, "/usr /usr $2 - FS")
	s = ids.ReplaceAllString(s, "      1000 N 1")
	if strings.Contains(s, "/32 host LOCAL") {
		s = loopback(s)
	}
	return s
}

// loopback makes of if_inet6 and fib_trie the addresses in them.
func loopback(s string) string {
	out := ""
	if strings.Contains(s, "00000000000000000000000000000001 01 80 10 80       lo") {
		out = "::1 lo\n"
	}
	if strings.Contains(s, "/8 host LOCAL") {
		out += "127.0.0.0/8 host LOCAL\n"
	}
	if strings.Contains(s, "|-- 127.0.0.1\n           /32 host LOCAL") {
		out += "127.0.0.1 host LOCAL\n"
	}
	return out
}

// lineDiff shows the lines of two texts that are in one of them only.
func lineDiff(want, got string) string {
	var out strings.Builder
	in := func(text string) map[string]bool {
		m := make(map[string]bool)
		for line := range strings.Lines(text) {
			m[line] = true
		}
		return m
	}
	w, g := in(want), in(got)
	for line := range strings.Lines(want) {
		if !g[line] {
			out.WriteString("- " + strconv.Quote(line) + "\n")
		}
	}
	for line := range strings.Lines(got) {
		if !w[line] {
			out.WriteString("+ " + strconv.Quote(line) + "\n")
		}
	}
	if out.Len() == 0 {
		return "the same lines in another order:\n" + got
	}
	return out.String()
}

// TestReaperIsClosed looks at PID 1 from inside, as the first thing that an app does.
func TestReaperIsClosed(t *testing.T) {
	os.Setenv("SNUG_TEST_SECRET", "hunter2")
	defer os.Unsetenv("SNUG_TEST_SECRET")
	const script = `for f in mem environ maps fd/0 auxv; do cat /proc/$P/$f >/dev/null 2>&1 && echo open $f; done
for f in cwd root exe ns/user; do readlink /proc/$P/$f >/dev/null 2>&1 && echo open $f; done
for f in /proc/$P/fd/*; do readlink $f && echo open $f; done; (echo x >/proc/$P/mem) 2>/dev/null && echo written
wc -c </proc/$P/cmdline; kill -9 $P 2>/dev/null; grep -E 'NoNewPrivs|Seccomp:|CapEff|CapAmb' /proc/$P/status | tr '\n' ' '`
	for range 20 {
		got, _ := output(t, plain("/bin/sh", "-c", strings.ReplaceAll(script, "$P", "1")))
		if maps, _ := os.ReadFile("/proc/self/maps"); strings.Contains(string(maps), "libc.so") {
			_, got, _ = strings.Cut(got, "\n") // built with cgo: the command line stays
			got = "0\n" + got
		}
		want := "0\nCapEff:\t0000000000000000 CapAmb:\t0000000000000000 NoNewPrivs:\t1 Seccomp:\t2 "
		if got != want {
			t.Fatalf("PID 1 seen from inside\n got %q\nwant %q", got, want)
		}
	}
	// The control: the same looks succeed at a process of its own.
	got, _ := output(t, plain("/bin/sh", "-c", "sleep 10 & P=$!; cat /proc/self/mem >/dev/null 2>&1; for f in environ maps; do cat /proc/$P/$f >/dev/null 2>&1 && echo open $f; done; kill -9 $P"))
	if want := "open environ\nopen maps\n"; got != want {
		t.Errorf("control: got %q, want %q", got, want)
	}
}
