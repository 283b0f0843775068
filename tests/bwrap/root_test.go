package bwrap_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/tests/need"
)

func root(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		need.Elsewhere(t, "wanted root, got an ordinary user")
	}
}

// TestRootSame compares the programs for root, who needs no user namespace and keeps its capabilities.
func TestRootSame(t *testing.T) {
	root(t)
	ours, theirs := programs(t)
	full := []string{"--bind", "/", "/", "--proc", "/proc", "--dev", "/dev"}
	for _, words := range []string{
		"", "--unshare-pid", "--unshare-all", "--unshare-user", "--unshare-user --uid 5 --gid 6", "--unshare-user-try --unshare-pid", "--cap-drop ALL", "--cap-drop CAP_KILL --cap-drop CAP_CHOWN",
		"--cap-drop ALL --cap-add CAP_NET_RAW", "--cap-add CAP_SYS_ADMIN", "--unshare-user --cap-drop CAP_KILL", "--uid 5", "--unshare-user --disable-userns", "--unshare-net --unshare-ipc --mqueue /tmp",
		"--unshare-uts --hostname box", "--new-session --die-with-parent", "--unshare-pid --as-pid-1",
	} {
		c := command{args: append(append(full[:len(full):len(full)], strings.Fields(words)...), "/bin/sh", "-c", probe)}
		want, got := c.do(t, theirs), c.do(t, ours)
		// Root can write what is in /proc/sys, though not the folder, by which bubblewrap judges.
		stricter := regexp.MustCompile(`(?m)^/proc/sys ro,.*\n`)
		if want.status == 0 && !stricter.MatchString(got.stdout) {
			t.Errorf("%s: /proc/sys can be written", words)
		}
		// What is dropped leaves the bounding set as well, and message queues get flags that cost nothing.
		alike := func(s string) string {
			s = strings.ReplaceAll(stricter.ReplaceAllString(s, ""), "/tmp rw,nosuid,nodev,noexec,relatime  mqueue", "/tmp rw,relatime  mqueue")
			if strings.Contains(words, "--cap-drop") {
				s = regexp.MustCompile(`CapBnd:.*`).ReplaceAllString(s, "CapBnd")
			}
			return known(normal(t, s))
		}
		if diff := cmp.Diff(alike(want.stdout), alike(got.stdout)); diff != "" || got.status != want.status {
			t.Errorf("%s: exit status %d, want %d\n%s\n(-bubblewrap +snug):\n%s", words, got.status, want.status, got.stderr, diff)
		}
	}
}

// TestRootSlave mounts on the host afterwards: both show it in what they have bound.
func TestRootSlave(t *testing.T) {
	root(t)
	ours, theirs := programs(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		need.Elsewhere(t, "wanted to mount, got: "+err.Error())
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	later := filepath.Join(dir, "later")
	if err := os.Mkdir(later, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{ours, theirs} {
		for _, words := range []string{"", "--unshare-user"} {
			h := hold(t, program, append(append(append(system[:len(system):len(system)], "--bind", dir, "/x"), strings.Fields(words)...), "--unshare-pid")...)
			if err := unix.Mount("tmpfs", later, "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			app := descendants(h.pid)[0]
			text, err := os.ReadFile("/proc/" + strconv.Itoa(app) + "/mountinfo")
			if !strings.Contains(string(text), " /x/later ") {
				t.Errorf("%s %s: want what the host has mounted later, got %v\n%s", filepath.Base(program), words, err, text)
			}
			unix.Unmount(later, unix.MNT_DETACH)
			end(t, h.cmd)
		}
	}
}

// TestRootSetuid refuses to run with another user's rights, and does nothing before.
func TestRootSetuid(t *testing.T) {
	root(t)
	ours, _ := programs(t)
	dir, err := os.MkdirTemp("/var/tmp", "snug-setuid-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	run := func(mode os.FileMode) (string, int) {
		file := filepath.Join(dir, "bwrap")
		os.Remove(file)
		if err := os.WriteFile(file, code, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(file, "--ro-bind", "/", "/", "/bin/echo", "ran")
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, _ := combined(t, cmd)
		return out, cmd.ProcessState.ExitCode()
	}
	const want = "bwrap: setuid is not supported, and not needed: remove the set-user-ID bit of this program\n"
	for _, mode := range []os.FileMode{0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid} {
		if out, status := run(mode); out != want || status != 1 {
			t.Errorf("%v: got %q and %d", mode, out, status)
		}
	}
	if out, status := run(0o755); out != "ran\n" || status != 0 {
		t.Errorf("control: got %q and %d", out, status)
	}
}
