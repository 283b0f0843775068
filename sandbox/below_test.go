package sandbox_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"snug/caps"
	"snug/sandbox"
	"snug/tests/need"
)

// TestBelow gives an app all capabilities. Where they hold in the namespace that owns the limit, it
// raises that again; in one below they do not, and neither over the mounts.
func TestBelow(t *testing.T) {
	if os.Getuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user; got root, for whom /proc/sys is read-only inside")
	}
	const script = `echo 100 >/proc/sys/user/max_user_namespaces; unshare -U true && echo nested
		mount -t tmpfs x /tmp && echo mounted; cat /proc/self/uid_map; grep CapEff /proc/self/status`
	all := caps.UpTo(40)
	for _, c := range []struct {
		name  string
		below bool
		want  bool
	}{{"in its own", false, true}, {"below", true, false}} {
		t.Run(c.name, func(t *testing.T) {
			s := shell("{ " + script + "; } 2>/dev/null")
			s.Users.UID, s.Users.GID, s.Users.Below = 0, 0, c.below
			s.Process.Capabilities = caps.Sets{Bounding: all, Permitted: all, Effective: all, Inheritable: all, Ambient: all}
			out, _ := output(t, s)
			if got := strings.Contains(out, "nested"); got != c.want {
				t.Errorf("made a user namespace: %v, want %v\n%s", got, c.want, out)
			}
			if got := strings.Contains(out, "mounted"); got != c.want {
				t.Errorf("mounted: %v, want %v\n%s", got, c.want, out)
			}
			if !strings.Contains(out, "CapEff:\t000001ffffffffff") {
				t.Errorf("want all capabilities in its own namespace, got\n%s", out)
			}
		})
	}
}

// TestAfter joins a user namespace below that of the sandbox.
func TestAfter(t *testing.T) {
	outer := shell("exec unshare -U sleep 100")
	outer.Users.Nested = true
	first := "/proc/" + strconv.Itoa(start(t, outer).Pid())
	upper, err := os.Open(first + "/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	defer upper.Close()
	lower := below(t, first)
	defer lower.Close()

	s := shell("readlink /proc/self/ns/user")
	s.Users.Namespace = sandbox.Namespace{Join: upper}
	s.Users.Nested, s.Users.After = true, lower
	want, err := os.Readlink(lower.Name())
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := output(t, s); strings.TrimSpace(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// below waits for a child of a process that is in another user namespace, and gives that.
func below(t *testing.T, process string) *os.File {
	t.Helper()
	mine, _ := os.Readlink(process + "/ns/user")
	for range 500 {
		children, _ := os.ReadFile(process + "/task/" + filepath.Base(process) + "/children")
		name := "/proc/" + strings.TrimSpace(string(children)) + "/ns/user"
		if got, err := os.Readlink(name); err == nil && got != mine {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no child in another user namespace")
	return nil
}

func TestSealed(t *testing.T) {
	s := shell("exit 0")
	s.Users.Sealed = true
	if _, status := output(t, s); status != 0 {
		t.Errorf("exit status %d where no user namespaces can be made", status)
	}
	s.Users.Nested = true
	if in, err := sandbox.Run(s); err == nil {
		in.Close()
		t.Error("started where user namespaces can be made")
	}
}

// TestFolderModes makes what front ends with dialects of their own ask for.
func TestFolderModes(t *testing.T) {
	s := shell("cd /tmp; stat -c '%a %n' a a/b c c/d e f/g; cat f/g")
	s.Root = append(s.Root, &sandbox.Tmpfs{Dest: "/tmp"},
		&sandbox.Parents{Mode: 0o700}, &sandbox.Dir{Dest: "/tmp/a/b"},
		&sandbox.Parents{}, &sandbox.Dir{Dest: "/tmp/c/d", Mode: 0o1741},
		&sandbox.Dir{Dest: "/tmp/e", Mode: sandbox.NoAccess},
		&sandbox.Data{Dest: "/tmp/f/g", Content: []byte("longer"), Mode: 0o640, Replace: true},
		&sandbox.Data{Dest: "/tmp/f/g", Content: []byte("new"), Mode: 0o600, Replace: true})
	const want = "700 a\n755 a/b\n755 c\n1741 c/d\n0 e\n640 f/g\nnew"
	if out, _ := output(t, s); out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}

	dir := tree(t, "old", "long text", "real", "")
	os.Symlink("/mnt/real", dir+"/link")
	s = shell("cat /mnt/old /mnt/real; test -L /mnt/link")
	s.Root = append(s.Root, &sandbox.Bind{Source: dir, Dest: "/mnt", Writable: true},
		&sandbox.Data{Dest: "/mnt/old", Content: []byte("x"), Replace: true}, &sandbox.Data{Dest: "/mnt/link", Content: []byte("y"), Replace: true})
	if out, status := output(t, s); out != "xy" || status != 0 {
		t.Errorf("got %q, exit status %d", out, status)
	}
}
