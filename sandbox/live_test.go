package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// TestGoldenLive compares the programs that change a running sandbox.
func TestGoldenLive(t *testing.T) {
	h := machine()
	st := &sandbox.State{Pid: 7, UID: 1000, GID: 1000, Namespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	sealed := []sandbox.Place{{Path: "/data", Folder: true, Mode: 0o555, Sealed: true}, {Path: "/data/f", Mode: 0o444, Sealed: true}}
	open := []sandbox.Place{{Path: "/home/u/a", Folder: true, Mode: 0o755, ID: sandbox.FileID{Dev: 0x2d, Ino: 9}}, {Path: "/home/u/a/b", Folder: true, Mode: 0o755}}
	bind := &sandbox.Bind{Source: "/srv/f", Dest: "/data/f", NoSymlinks: true, Origin: "argument 2"}
	src := sandbox.Sources{"/srv/f": sandbox.NotFolder, "/srv/d": sandbox.Folder}
	for name, g := range map[string]*sandbox.Grant{
		"grant-file":   {Dest: "/data/f", Steps: []sandbox.Step{bind}, Places: sealed, Origin: "argument 2"},
		"grant-folder": {Dest: "/home/u/a/b", Steps: []sandbox.Step{&sandbox.Bind{Source: "/srv/d", Dest: "/home/u/a/b", Writable: true}, &sandbox.Mask{Dest: "/home/u/a/b/.git"}}, Places: open},
		"grant-placed": {Dest: "/usr/f", Steps: []sandbox.Step{&sandbox.Bind{Source: "/srv/f", Dest: "/usr/f", Writable: true}}},
	} {
		text, err := sandbox.GrantProgram(st, g, &h, src, os.Stdin)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
		dir := os.Stdout
		if name == "grant-placed" {
			dir = nil
		}
		text, err = sandbox.RevokeProgram(st, &sandbox.Granted{Dest: g.Dest, Mount: 77, Places: g.Places}, dir, "f", &h, os.Stdin)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "revoke"+strings.TrimPrefix(name, "grant"), text)
	}
}

// box is a running sandbox with a read-only root, a folder of its own and one of the host's.
func box(t *testing.T, host string) (*sandbox.Instance, *sandbox.Live) {
	t.Helper()
	s := strict("/bin/sleep", "1000")
	s.Root = append(s.Root, &sandbox.Tmpfs{Dest: "/home/user/own"}, &sandbox.Bind{Source: host, Dest: "/home/user/kept", Writable: true}, &sandbox.ReadOnly{Dest: "/"})
	in := start(t, s)
	st := in.State()
	l, err := st.Live("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return in, l
}

// give shows a file or folder of the host at a path inside.
func give(l *sandbox.Live, source, dest string, folder, write bool) (sandbox.Granted, error) {
	sight, err := l.Look(dest, folder)
	if err != nil {
		return sandbox.Granted{}, err
	}
	return l.Grant(&sandbox.Grant{Dest: dest, Places: sight.Missing, Origin: "test",
		Steps: []sandbox.Step{&sandbox.Bind{Source: source, Dest: dest, Writable: write, NoSymlinks: true, Origin: "test"}}})
}

func TestLive(t *testing.T) {
	for _, tt := range []struct {
		name, dest    string
		folder, write bool
		script, want  string
	}{
		{"folder on the sealed root", "/data/deep/x", true, false, "cat f; touch new; touch ../y; mkdir /data/z; stat -c %a /data", "hello555"},
		{"file on the sealed root", "/data/f", false, false, "cat f; echo more >>f; stat -c %a /data", "hello555"},
		{"writable folder", "/data/x", true, true, "cat f; echo -n made >made; cat made; rm made", "hellomade"},
		{"file to write", "/home/user/own/deep/f", false, true, "echo -n hello >f; cat f; stat -c %a .; touch new", "hello555"},
		{"folder in the app's own", "/home/user/own/a/b", true, false, "cat f; stat -c %a ..", "hello555"},
		{"folder in one of the host's", "/home/user/kept/a/b", true, false, "cat f; touch new", "hello"},
		{"nested mounts", "/home/user/own/dev", true, false, "ls -d shm; touch shm/snug-test", "shm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, kept := tree(t, "f", "hello"), tree(t)
			in, l := box(t, kept)
			from := source
			switch {
			case strings.HasSuffix(tt.dest, "/dev"):
				from = "/dev"
			case !tt.folder:
				from += "/f"
			}
			done, err := give(l, from, tt.dest, tt.folder, tt.write)
			if err != nil {
				t.Fatal(err)
			}
			cd := tt.dest
			if !tt.folder {
				cd += "/.."
			}
			script := "cd $(realpath -m " + cd + ") && { " + tt.script + "; } 2>/dev/null; true"
			if got, _ := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", script}}); strings.ReplaceAll(got, "\n", "") != tt.want {
				t.Errorf("inside: want %q, got %q", tt.want, got)
			}
			if got := listing(source); got != "f -rw-r--r-- hello\n" {
				t.Errorf("the source has become %q", got)
			}
			if err := l.Revoke(done); err != nil {
				t.Fatal(err)
			}
			if sight, err := l.Look(tt.dest, tt.folder); err != nil || sight.Type != 0 {
				t.Errorf("revoked: want nothing there, got %+v, %v", sight, err)
			}
			if got := listing(kept); got != "" {
				t.Errorf("left in the host's folder: %q", got)
			}
			if got, _ := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", "ls -A /home/user/own; ls -d /data 2>/dev/null"}}); got != "" {
				t.Errorf("left inside: %q", got)
			}
		})
	}
	if err := os.WriteFile("/dev/shm/snug-test", nil, 0o600); err != nil {
		t.Errorf("control: outside the nested mount can be written to: %v", err)
	}
	os.Remove("/dev/shm/snug-test")
}

// TestLiveRefused looks for what must not come to be, and for the sentences.
func TestLiveRefused(t *testing.T) {
	source, kept := tree(t, "f", "hello", "d/x", ""), tree(t, "real/keep", "x")
	os.Symlink("/usr", kept+"/link")
	in, l := box(t, kept)
	for _, tt := range []struct {
		name, source, dest string
		folder             bool
		want               string
	}{
		{"a folder of the host's that is read-only inside", source, "/usr/share/snug-test", true, `make a place for "/usr/share/snug-test": read-only file system (test)`},
		{"through a link", source, "/home/user/kept/link/snug-test", true, `look at "/home/user/kept/link/snug-test": too many levels of symbolic links`},
		{"a link itself", source, "/home/user/kept/link", true, `look at "/home/user/kept/link": too many levels of symbolic links`},
		{"below a file", source, "/usr/bin/env/x", true, `look at "/usr/bin/env/x": not a directory`},
		{"a file on a folder", source + "/f", "/home/user/kept/real", false, `show "/home/user/kept/real": invalid argument (test)`},
		{"a source that is gone", source + "/none", "/home/user/own/x", true, `bind "` + source + `/none": no such file or directory (test)`},
	} {
		if _, err := give(l, tt.source, tt.dest, tt.folder, true); err == nil || err.Error() != tt.want {
			t.Errorf("%s: want %s, got %v", tt.name, tt.want, err)
		}
	}
	if _, err := os.Stat("/usr/share/snug-test"); err == nil {
		t.Error("a folder was made in the host's /usr")
	}
	if got := listing(kept + "/real"); got != "keep -rw-r--r-- x\n" {
		t.Errorf("the app's folder has become %q", got)
	}
	in.Kill()
	in.Wait()
	if _, err := give(l, source, "/home/user/own/x", true, true); !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.ENOENT) {
		t.Errorf("after the end: %v", err)
	}
	st := in.State()
	if _, err := st.Live(""); !errors.Is(err, unix.ESRCH) {
		t.Errorf("opened after the end: %v", err)
	}
}

// TestLivePlaces leaves alone what is not what was made.
func TestLivePlaces(t *testing.T) {
	source, kept := tree(t, "f", "hello"), tree(t)
	_, l := box(t, kept)
	done, err := give(l, source+"/f", "/home/user/kept/a/b/f", false, false)
	if err != nil {
		t.Fatal(err)
	}
	// From outside the app's folders can be moved at any time: another instance of the app is there.
	os.Chmod(kept+"/a", 0o755)
	os.WriteFile(kept+"/a/own", []byte("x"), 0o644)
	if err := os.Rename(kept+"/a", kept+"/elsewhere"); err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(kept+"/a/b", 0o755)
	os.WriteFile(kept+"/a/b/f", nil, 0o644)
	if err := l.Revoke(done); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(kept+"/elsewhere/b", 0o755) })
	for _, name := range []string{"/a/b/f", "/elsewhere/own"} {
		if _, err := os.Stat(kept + name); err != nil {
			t.Errorf("%s, which was not made for the grant, was removed", name)
		}
	}
	if sight, err := l.Look("/home/user/kept/elsewhere/b/f", false); err != nil || !sight.Empty {
		t.Errorf("want the empty place uncovered where it was moved to, got %+v, %v", sight, err)
	}
}

// TestSwappedLive grants and revokes while folders on the way are exchanged for links to the host.
func TestSwappedLive(t *testing.T) {
	root, victim := hostile(t)
	source := tree(t, "f", "hello")
	os.Mkdir(root+"/home/real", 0o755)
	t.Cleanup(func() { // a place whose folder was away when it was to be removed
		os.Chmod(root+"/home/real/a", 0o755)
		os.Chmod(root+"/home/absolute/a", 0o755)
	})
	_, l := box(t, root+"/home")
	stop, swaps := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				swaps <- n
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, root+"/home/real", unix.AT_FDCWD, root+"/home/absolute", unix.RENAME_EXCHANGE)
				n++
				time.Sleep(time.Duration(n%10) * 200 * time.Microsecond) // a grant takes about one millisecond
			}
		}
	}()
	shown, refused := 0, map[string]int{}
	for end := time.Now().Add(limit); shown < 200 && time.Now().Before(end); {
		done, err := give(l, source, "/home/user/kept/real/a/b", true, false)
		if err == nil {
			shown++
			if err := l.Revoke(done); err != nil {
				t.Errorf("revoke: %v", err)
			}
		} else {
			refused[err.Error()]++
		}
		if got := listing(victim); got != "keep -rw-r--r-- precious\n" {
			t.Fatalf("the host was reached: %q", got)
		}
	}
	close(stop)
	n := <-swaps
	if t.Logf("%d swaps, shown %d times, refused: %v", n, shown, refused); n < 100 || shown < 200 || len(refused) < 2 {
		t.Errorf("control: %d swaps, shown %d times, refused: %v", n, shown, refused)
	}
	if mounts, _ := os.ReadFile("/proc/self/mountinfo"); strings.Contains(string(mounts), source) || strings.Contains(string(mounts), root) {
		t.Errorf("mounts of the host have changed:\n%s", mounts)
	}
	if text, _ := os.ReadFile(source + "/f"); string(text) != "hello" {
		t.Errorf("the source has become %q", text)
	}
}
