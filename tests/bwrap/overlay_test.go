package bwrap_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the installed bubblewrap may be too old for is tested by what it does, as the manual of
// 0.11.1 says.

// behaves runs a command with snug-bwrap and compares its standard output.
func behaves(t *testing.T, c command, want string) {
	t.Helper()
	ours, _ := programs(t)
	got := c.do(t, ours)
	if got.status != 0 || got.stdout != want {
		t.Errorf("%q: exit status %d, got %q, want %q\n%s", c.args, got.status, got.stdout, want, got.stderr)
	}
}

// fails runs a command that must fail with a message, and leave nothing behind on standard output.
func fails(t *testing.T, c command, want string) {
	t.Helper()
	ours, _ := programs(t)
	got := c.do(t, ours)
	if got.status != 1 || got.stdout != "" || !strings.Contains(got.stderr, want) {
		t.Errorf("%q: exit status %d, got %q, want %q", c.args, got.status, got.stdout+got.stderr, want)
	}
}

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestOverlay(t *testing.T) {
	for _, name := range []string{"plain", `":,\ `, "a:b,c=d", "x\ny", "lowerdir=/,", `\`, "ü\xff", strings.Repeat("n", 250)} {
		dir := folder(t)
		made := func(part, file, text string) string {
			path := filepath.Join(dir, part, name)
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			if file != "" {
				os.WriteFile(filepath.Join(path, file), []byte(text), 0o644)
			}
			return path
		}
		low, high := made("low", "a", "low"), made("high", "a", "high")
		os.WriteFile(low+"/b", []byte("b"), 0o644)
		up, work := made("up", "c", "up"), made("work", "", "")
		run := func(words []string, script string) command {
			return command{args: append(append(system[:len(system):len(system)], words...), shell(script)...)}
		}
		layers := []string{"--overlay-src", low, "--overlay-src", high}
		// The later a layer is named, the higher it is.
		behaves(t, run(append(layers, "--overlay", up, work, "/o/x"), "cat /o/x/a /o/x/b /o/x/c; echo new >/o/x/a; rm /o/x/b; cat /o/x/a; ls /o/x"), "highbup"+"new\na\nc\n")
		if text, _ := os.ReadFile(up + "/a"); string(text) != "new\n" {
			t.Errorf("%q: the change is not in the upper folder: %q", name, text)
		}
		if text, _ := os.ReadFile(low + "/b"); string(text) != "b" {
			t.Errorf("%q: the lower folder has changed: %q", name, text)
		}
		behaves(t, run(append(layers, "--tmp-overlay", "/o"), "cat /o/a /o/b; echo new >/o/a; cat /o/a; ls /o"), "highb"+"new\na\nb\n")
		if text, _ := os.ReadFile(high + "/a"); string(text) != "high" {
			t.Errorf("%q: a change was not lost: %q", name, text)
		}
		behaves(t, run(append(layers, "--ro-overlay", "/o"), "cat /o/a /o/b; { echo new >/o/a; } 2>/dev/null || echo refused"), "highbrefused\n")
	}
}

func TestOverlaysTogether(t *testing.T) {
	dir := folder(t, "low/a", "1", "other/a", "2", "up/.keep", "", "work/.keep", "")
	os.Remove(dir + "/work/.keep")
	words := append(system[:len(system):len(system)], "--overlay-src", dir+"/low", "--tmp-overlay", "/x", "--overlay-src", dir+"/other", "--tmp-overlay", "/y", "--ro-bind", dir+"/other/a", "/x/b")
	behaves(t, command{args: append(words, shell("cat /x/a /y/a /x/b; echo 3 >/x/a; cat /x/a /y/a; ls /x")...)}, "1223\n2a\nb\n")
	// The root itself as an overlay of the caller's folders, relative names from the working directory.
	root := folder(t, "bin/x", "")
	behaves(t, command{dir: dir, args: append([]string{"--overlay-src", root, "--overlay-src", "low", "--tmp-overlay", "/", "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/lib64", "/lib64", "--ro-bind", "/lib", "/lib", "--ro-bind", "/bin", "/bin"}, shell("cat /a")...)}, "1")
	fails(t, command{args: append(system[:len(system):len(system)], "--overlay-src", dir+"/none", "--tmp-overlay", "/x", "true")}, "bwrap: Can't find source path "+dir+"/none: No such file or directory")
	fails(t, command{args: append(system[:len(system):len(system)], "--overlay-src", dir+"/low/a", "--tmp-overlay", "/x", "true")}, "bwrap: Can't make overlay mount on /newroot/x")
	fails(t, command{args: append(system[:len(system):len(system)], "--overlay-src", dir+"/low", "--overlay", dir+"/up", dir+"/none", "/x", "true")}, "Can't find source path "+dir+"/none")
}

// TestNewer are the other options that came after 0.8.
func TestNewer(t *testing.T) {
	with := func(words ...string) command {
		return command{args: append(system[:len(system):len(system)], words...)}
	}
	behaves(t, with("--argv0", "right", "sh", "-c", "echo $0"), "right\n")
	behaves(t, with("--proc", "/proc", "--argv0", "", "/bin/sh", "-c", "head -c 3 /proc/$$/cmdline | tr '\\0' '|'"), "|-c")
	behaves(t, with("--symlink", "a", "/l", "--symlink", "a", "/l", "readlink", "/l"), "a\n")
	fails(t, with("--symlink", "a", "/l", "--symlink", "b", "/l", "true"), "bwrap: Can't make symlink at /l: existing destination is a (")
	fails(t, with("--dir", "/l", "--symlink", "b", "/l", "true"), "bwrap: Can't make symlink at /l: destination exists and is not a symlink (")
	dir := folder(t, "file", "")
	if err := os.Symlink("target", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	fails(t, with("--bind", dir, "/x", "--symlink", "b", "/x/link", "true"), "existing destination is target (")
	fails(t, with("--bind", dir, "/x", "--symlink", "b", "/x/file", "true"), "destination exists and is not a symlink (")
	fails(t, with("--level-prefix", "--dir", "/usr/x", "true"), "<3>bwrap: Can't mkdir /usr/x: Read-only file system (--dir, argument ")
	fails(t, with("--ro-bind", "/etc/passwd", "/f", "--dir", "/f", "true"), "Can't mkdir /f: Not a directory")
	fails(t, with("--file", "0", "/f", "--dir", "/f/", "true"), "Can't mkdir /f/: Not a directory")
}
