package bwrap_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// compared runs a line of a shell with each program in place of BWRAP, and compares what it prints
// and its exit status. It gives ours.
func compared(t *testing.T, line string) string {
	t.Helper()
	ours, theirs := programs(t)
	got := map[string]string{}
	for _, program := range []string{ours, theirs} {
		cmd := exec.Command("/bin/bash", "-c", line)
		cmd.Env, cmd.Dir = []string{"BWRAP=" + program, "PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C"}, "/"
		out, _ := combined(t, cmd)
		got[program] = messages(out) + strconv.Itoa(cmd.ProcessState.ExitCode())
	}
	if got[ours] != got[theirs] {
		t.Errorf("%s\n got %q\nwant %q", line, got[ours], got[theirs])
	}
	return got[ours]
}

// TestInherits is what a command has from its caller, whatever the Go runtime has made of it.
func TestInherits(t *testing.T) {
	for line, want := range map[string]string{
		"umask 0027; $BWRAP --bind / / /bin/sh -c umask":                                                                                       "0027\n0",
		"umask 0777; $BWRAP --bind / / --unshare-pid --tmpfs /tmp --dir /tmp/d /bin/sh -c 'umask; stat -c %a /tmp /tmp/d'":                     "0777\n755\n755\n0",
		"ulimit -n 100; $BWRAP --bind / / /bin/sh -c 'ulimit -Sn; ulimit -Hn'":                                                                 "100\n100\n0",
		"ulimit -Sn 64; $BWRAP --bind / / --unshare-pid /bin/sh -c 'ulimit -Sn'":                                                               "64\n0",
		"ulimit -c 0; ulimit -s 1024; ulimit -t 7; $BWRAP --bind / / /bin/sh -c 'ulimit -c; ulimit -s; ulimit -t'":                             "0\n1024\n7\n0",
		"nice -n 5 $BWRAP --bind / / nice":                                                                                                     "5\n0",
		"cd /usr/lib; $BWRAP --bind / / pwd":                                                                                                   "/usr/lib\n0",
		"cd /etc; $BWRAP --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --dir /root/x --setenv HOME /root /usr/bin/pwd": "/root\n0",
		"cd /etc; $BWRAP --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --setenv HOME /none /usr/bin/pwd":               "/\n0",
		"cd /etc; $BWRAP --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --chdir /none /usr/bin/pwd":                     "bwrap: Can't chdir to /none: No such file or directory\n1",
		"set -o pipefail; yes | $BWRAP --bind / / head -n 1":                                                                                   "y\n141",
		"$BWRAP --bind / / /bin/sh -c 'kill -9 $$'; echo $?":                                                                                   "137\n0",
	} {
		if got := compared(t, line); !strings.HasSuffix(got, want) {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
	// A working directory that is gone: bubblewrap goes on in HOME or "/".
	dir := filepath.Join(folder(t), "gone")
	for _, rest := range []string{"--bind / / /usr/bin/env pwd", "--bind . /x true", "--bind / / --chdir /usr pwd"} {
		compared(t, "mkdir "+dir+" && cd "+dir+" && rmdir "+dir+" && $BWRAP "+rest)
	}
	os.Symlink("/usr/lib", filepath.Dir(dir)+"/link") // $PWD is kept if it is right
	compared(t, "cd "+filepath.Dir(dir)+"/link && $BWRAP --bind / / /bin/sh -c 'echo $PWD; /usr/bin/env pwd'")
}

// TestNames are names of any bytes, inside and outside, in options and lists.
func TestNames(t *testing.T) {
	var every []byte
	for b := 1; b < 256; b++ {
		if b != '/' {
			every = append(every, byte(b))
		}
	}
	for _, name := range []string{string(every[:200]), string(every[200:]) + "x", " ", "-", "--bind", "\n", "\\040", "a b\tc", "*", strings.Repeat("é", 127)} {
		dir := folder(t)
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, name, "f"), []byte("text\n"), 0o644)
		args := append(system[:len(system):len(system)], "--bind", filepath.Join(dir, name), "/x/"+name, "--symlink", name, "/x/l", "--dir", "/y/"+name, "--setenv", "N", name, "/bin/sh", "-c", `cat "/x/$N/f" /x/l/f; test -d "/y/$N" && test "$(readlink /x/l; echo .)" = "$N
." && test "$1" = "$N"`, "sh", name)
		behaves(t, command{args: args}, "text\ntext\n")
		list := strings.Join(args[:len(args)-5], "\x00")
		behaves(t, command{files: map[int]string{3: list}, args: append([]string{"--args", "3"}, args[len(args)-5:]...)}, "text\ntext\n")
	}
}

// TestSizes are large command lines.
func TestSizes(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	behaves(t, command{args: append(system[:len(system):len(system)], "--setenv", "LONG", long, "/bin/sh", "-c", "echo ${#LONG} ${#1}", "sh", long)}, "102400 102400\n")
	behaves(t, command{files: map[int]string{3: "--setenv\x00LONG\x00" + long}, args: append(system[:len(system):len(system)], "--args", "3", "/bin/sh", "-c", "echo ${#LONG}")}, "102400\n")
	dir := folder(t, "f", "text\n")
	var binds, list []string
	for i := range 1000 {
		binds = append(binds, "--ro-bind", dir+"/f", fmt.Sprintf("/x/%d/f", i))
	}
	list = append(binds, "--proc", "/proc")
	behaves(t, command{args: append(append(system[:len(system):len(system)], list...), "/bin/sh", "-c", "grep -c /x/ /proc/self/mountinfo; cat /x/999/f")}, "1000\ntext\n")
	behaves(t, command{files: map[int]string{3: strings.Join(list, "\x00")}, args: append(system[:len(system):len(system)], "--args", "3", "/bin/sh", "-c", "grep -c /x/ /proc/self/mountinfo")}, "1000\n")
	data := strings.Repeat("0123456789abcdef", 1<<16)
	behaves(t, command{files: map[int]string{3: data}, args: append(system[:len(system):len(system)], "--file", "3", "/big", "/usr/bin/wc", "-c", "/big")}, "1048576 /big\n")
}

// TestNestedDeep runs each program in the other, and ours five deep.
func TestNestedDeep(t *testing.T) {
	ours, theirs := programs(t)
	for _, outer := range []string{ours, theirs} {
		for _, inner := range []string{ours, theirs} {
			for _, words := range [][]string{{}, {"--unshare-all"}, {"--unshare-user", "--unshare-pid", "--uid", "5", "--gid", "0"}} {
				layer := append([]string{"--bind", "/", "/", "--proc", "/proc", "--dev", "/dev"}, words...)
				args := append(append(layer[:len(layer):len(layer)], inner), append(layer, "/bin/sh", "-c", "id -u; exit 6")...)
				out, status := given(t, outer, nil, args...)
				want := strconv.Itoa(os.Getuid()) + "\n"
				if len(words) > 2 {
					want = "5\n"
				}
				if out != want || status != 6 {
					t.Errorf("%s in %s %q: got %q and %d", filepath.Base(inner), filepath.Base(outer), words, out, status)
				}
			}
		}
	}
	layer := []string{"--bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "--die-with-parent"}
	args := layer
	for range 4 {
		args = append(append(args[:len(args):len(args)], ours), layer...)
	}
	out, status := given(t, ours, nil, append(args, "/bin/sh", "-c", "grep -c . /proc/self/uid_map; ls -d /proc/[0-9]* | head -n 1; exit 6")...)
	if out != "1\n/proc/1\n" || status != 6 {
		t.Errorf("five deep: got %q and %d", out, status)
	}
}

// TestExplain writes the account of what is granted, and by which word.
func TestExplain(t *testing.T) {
	ours, _ := programs(t)
	file := folder(t) + "/account"
	cmd := exec.Command(ours, "--ro-bind", "/", "/", "--bind", "/tmp", "/tmp", "--tmpfs", "/run", "--unshare-pid", "--new-session", "--cap-add", "CAP_NET_RAW", "/usr/bin/env")
	cmd.Env, cmd.Dir = []string{"SNUG_EXPLAIN=" + file, "A=b"}, "/"
	out, err := combined(t, cmd)
	if out != "A=b\nPWD=/\n" || err != nil {
		t.Errorf("got %q and %v, want the environment without SNUG_EXPLAIN", out, err)
	}
	text, _ := os.ReadFile(file)
	for _, want := range []string{"read \"/\" at \"/\" (--ro-bind, argument 1)\n", "change \"/tmp\" at \"/tmp\" (--bind, argument 4)\n", "tmpfs \"/run\" (--tmpfs, argument 7)\n",
		"the caller's network, abstract sockets included\n", "every system call (no --seccomp)\n", "capabilities: "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	for _, no := range []string{"terminal", "signal the caller's processes"} {
		if strings.Contains(string(text), no) {
			t.Errorf("%q is not granted, and stands in\n%s", no, text)
		}
	}
	cmd = exec.Command(ours, "--ro-bind", "/", "/", "/bin/echo", "ran")
	cmd.Env = []string{"SNUG_EXPLAIN=/none/such"}
	if out, _ := combined(t, cmd); cmd.ProcessState.ExitCode() != 1 || out != "bwrap: Can't write /none/such: No such file or directory\n" {
		t.Errorf("got %q and %v", out, cmd.ProcessState)
	}
}

// The corners that docs/conformance.md lists.

func TestEmptySource(t *testing.T) {
	behaves(t, command{args: append(system[:len(system):len(system)], "--bind-try", "", "/x", "/bin/sh", "-c", "test -e /x || echo none")}, "none\n")
	fails(t, command{args: append(system[:len(system):len(system)], "--bind", "", "/x", "/bin/echo", "ran")}, "bwrap: Can't find source path : No such file or directory")
}

func TestDots(t *testing.T) {
	behaves(t, command{args: append(system[:len(system):len(system)], "--dir", "/x/../y", "/bin/sh", "-c", "test -e /x || ls -d /y")}, "/y\n")
	behaves(t, command{args: append(system[:len(system):len(system)], "--symlink", "a", "/x/l/", "/usr/bin/readlink", "/x/l")}, "a\n")
	fails(t, command{args: append(system[:len(system):len(system)], "--symlink", "none", "/l", "--dir", "/l", "/bin/echo", "ran")}, "bwrap: Can't mkdir parents for /l: No such file or directory")
	// A source is the kernel's: what is before ".." may be a link.
	dir := folder(t, "a/b/file", "right\n", "file", "wrong\n")
	if err := os.Symlink("a/b", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(dir+"/a/file", []byte("right\n"), 0o644)
	c := command{dir: dir, args: append(system[:len(system):len(system)], "--ro-bind", "link/../file", "/f", "/bin/cat", "/f")}
	behaves(t, c, "right\n")
	if _, theirs := programs(t); c.do(t, theirs).stdout != "right\n" {
		t.Error("control: bubblewrap finds another file")
	}
}

func TestNamespaceFile(t *testing.T) {
	behaves(t, command{args: append(system[:len(system):len(system)], "--ro-bind-try", "/proc/self/ns/user", "/run/.userns", "/bin/sh", "-c", "test -f /run/.userns && echo there")}, "there\n")
}

func TestUserMap(t *testing.T) {
	ours, _ := programs(t)
	for _, words := range []string{"", "--uid 0 --gid 0", "--uid 5", "--dev /dev --uid 5"} {
		out, status := given(t, ours, nil, append(append([]string{"--bind", "/", "/", "--proc", "/proc"}, strings.Fields(words)...), "/bin/sh", "-c", "[ $(wc -l </proc/self/uid_map) = 1 ] && read id rest </proc/self/uid_map && [ $id = $(id -u) ] && echo one")...)
		if out != "one\n" || status != 0 {
			t.Errorf("%s: got %q and %d", words, out, status)
		}
	}
}
