package boot_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/sandbox/cgroup"
	"snug/tests/bed"
	"snug/tests/need"
)

// session is a bed in which systems boot.
type session struct {
	*bed.Bed
	group string // below which their groups are made
}

func newSession(t *testing.T) *session {
	t.Helper()
	need.Time(t)
	if os.Getuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user, got root")
	}
	group, err := cgroup.Delegated()
	if err != nil {
		need.Missing(t, "wanted a delegated control group, got: "+err.Error())
	}
	s := &session{bed.New(t), group}
	t.Cleanup(func() {
		s.Outside("snug", "stop", "--all")
		s.nothingLeft()
		inNamespace("rm", "-rf", s.Home+"/.local/share/snug").Run()
	})
	return s
}

// inNamespace is a command as root of a user namespace with the tester's ids, as systems have.
func inNamespace(words ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{"--user", "--map-auto", "--map-root-user"}, words...)...)
}

// nothingLeft looks for what systems that have ended may have left.
func (s *session) nothingLeft() {
	s.Helper()
	for _, pattern := range []string{s.Runtime + "/snug/*", s.Runtime + "/snug/.[a-z]*", s.group + "/*/boot-*"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			s.Errorf("left: %q", found)
		}
	}
}

// system is the folder of an unpacked image, which tests only read.
func system(t *testing.T, name string) string {
	t.Helper()
	tar := filepath.Join(os.Getenv("IMAGES"), name+".tar")
	stat, err := os.Stat(tar)
	if os.Getenv("IMAGES") == "" || err != nil {
		need.Missing(t, "wanted the image "+name+", which tests/run.sh makes as root; got IMAGES="+os.Getenv("IMAGES"))
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "systems", fmt.Sprintf("%s-%d-%d", name, stat.Size(), stat.ModTime().Unix()))
	if bed.Exists(dir) {
		return dir
	}
	if err := os.MkdirAll(dir+".part", 0o755); err != nil {
		t.Fatal(err)
	}
	// It cannot make devices, and says so.
	out, _ := inNamespace("tar", "-C", dir+".part", "-xpf", tar, "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--exclude=./dev/*").CombinedOutput()
	if !bed.Exists(dir + ".part/usr/bin/env") {
		t.Fatalf("unpacking %s: %s", tar, out)
	}
	if err := os.Rename(dir+".part", dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// boot boots a system and waits until it is up. It gives what it is called.
func (s *session) boot(words ...string) string {
	s.Helper()
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("it says: %s", s.Outside("snug", "ps"))
		}
	})
	return strings.TrimSpace(s.Must(append([]string{"snug", "boot", "--detach", "--wait", "60"}, words...)...))
}

// inside runs a shell line as the system's root.
func (s *session) inside(name, line string) string {
	s.Helper()
	return s.Outside("snug", "exec", name, "--", "sh", "-c", line)
}

// want runs a shell line inside and compares what it prints with a pattern.
func (s *session) want(name, line, pattern string) {
	s.Helper()
	if out := s.inside(name, line); !regexp.MustCompile("(?s)^(" + pattern + ")$").MatchString(out) {
		s.Errorf("%s\nwant %s\ngot  %s", line, pattern, out)
	}
}

// listing is a digest of all that a folder holds, by name, type, mode, owner, time and content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	out, err := inNamespace("sh", "-c", `cd "$1" && find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum`, "sh", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(out))
}

// ended waits until no instance of a name runs.
func (s *session) ended(name string) {
	s.Helper()
	bed.Poll(s, name+" has ended", 30*time.Second, func() bool { return !strings.Contains(s.Outside("snug", "ps", "-q"), name) })
}
