package boot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
	"snug/tests/need"
)

// importImage imports an image that tests/run.sh has made.
func (s *session) importImage(image, name string, flags ...string) {
	s.Helper()
	tar := filepath.Join(os.Getenv("IMAGES"), image+".tar")
	if !bed.Exists(tar) {
		need.Missing(s, "wanted the image "+image+", which tests/run.sh makes as root; got IMAGES="+os.Getenv("IMAGES"))
	}
	s.Must(append(append([]string{"snug", "image", "import"}, flags...), tar, name)...)
}

// tells expects a command to print all of some words.
func (s *session) tells(words []string, want ...string) {
	s.Helper()
	out := s.Outside(words...)
	for _, w := range want {
		if !strings.Contains(out, w) {
			s.Errorf("%q: want %q, got %s", words, w, out)
		}
	}
}

// In a --storage lies all that belongs to its systems; what is to be pasted finds it there.
func TestStorage(t *testing.T) {
	s := newSession(t)
	big := s.Home + "/big"
	t.Cleanup(func() { inNamespace("rm", "-rf", big, s.Home+"/more").Run() })
	s.importImage("trixie", "debian:13", "--storage", big)
	s.tells([]string{"snug", "image", "import", "--storage", s.Home + "/more", filepath.Join(os.Getenv("IMAGES"), "openrc.tar"), "rc"}, "device nodes were left out, which a user namespace cannot have\n")
	s.boot("--storage", big, "--name", "sys", "debian:13")
	s.tells([]string{"snug", "image", "rm", "--storage", big, "debian:13"}, `"debian:13" is in use by system "sys"`, "hint: snug stop sys; ", "snug data rm --storage "+big+" sys", "(exit status 1)")
	s.inside("sys", "head -c 5M /dev/urandom >/srv/much; chmod 700 /srv; chown 7 /srv; journalctl --sync")
	s.Must("snug", "stop", "sys")
	if !bed.Exists(big+"/machines/sys/upper") || bed.Exists(s.Home+"/.local/share/snug/machines") {
		t.Error("want the changes in the storage, and nothing in the home")
	}
	s.tells([]string{"snug", "logs", "--storage", big, "sys"}, "Journal stopped")
	if out := s.Must("snug", "data", "ls", "--storage", big, "--size"); !strings.Contains(out, "MB") || !strings.Contains(out, "system of debian:13") {
		t.Errorf("want its size and the name of its image, got %s", out)
	}
	s.tells([]string{"snug", "image", "rm", "--storage", big, "debian:13"}, "hint: snug data rm --storage "+big+" sys")
	s.tells([]string{"snug", "boot", "--storage", big, "debian:14"}, "hint: snug image ls --storage "+big+" ")
	s.Must("snug", "data", "rm", "--storage", big, "--yes", "sys")
	s.Must("snug", "image", "rm", "--storage", big, "debian:13")
}

// A system that never was one leaves nothing. One that has been, or says why it was none, stays.
func TestNeverUp(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	for _, words := range [][]string{
		{"--memory", "1G"},
		{"--network", "user", "--publish", "1:1"},
		{"--cap-drop", "sys_admin,dac_override"},
	} {
		out := s.Outside(append(append([]string{"snug", "boot", "--wait", "10", "--name", "never"}, words...), dir, "--", "--no-such-flag")...)
		if !strings.Contains(out, "(exit status") {
			t.Errorf("%q: want it to fail, got %s", words, out)
		}
		if left := s.Outside("snug", "data", "ls"); left != "" {
			t.Errorf("%q: want nothing kept, got %s", words, left)
		}
	}
	s.boot("--name", "once", dir)
	s.Must("snug", "stop", "once")
	s.tells([]string{"snug", "boot", "--memory", "1G", "--name", "once", dir}, "not delegated")
	s.tells([]string{"snug", "data", "ls"}, "once")
}

// An image of what a system has changed is there when snug has ended, or not at all.
func TestCommit(t *testing.T) {
	s := newSession(t)
	s.importImage("trixie", "debian:13")
	s.boot("--name", "sys", "--commit", "mine:1", "debian:13")
	s.inside("sys", "echo mine >/srv/mine")
	s.Must("snug", "stop", "sys")
	s.tells([]string{"snug", "image", "ls"}, "mine:1")
	s.Must("snug", "data", "rm", "--yes", "sys")
	name := s.boot("--ephemeral", "mine:1")
	s.want(name, "cat /srv/mine", "mine\n")
	s.Must("snug", "stop", name)
	s.tells([]string{"snug", "boot", "--commit", "No", "debian:13"}, "not the name of an image")

	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGKILL} {
		p := s.Start("snug", "boot", "--name", "cut", "--commit", "cut:1", "debian:13")
		s.Poll("it is up", func() bool { return strings.Contains(s.inside("cut", "systemctl is-system-running"), "running") })
		s.inside("cut", "head -c 200M /dev/urandom >/srv/much; systemctl poweroff")
		bed.Poll(t, "an image is being made", 30*time.Second, func() bool { return strings.Contains(p.Said(), `image "cut:1" is being made`) })
		time.Sleep(50 * time.Millisecond)
		p.Process.Signal(sig)
		p.Wait()
		if said := p.Said(); sig != unix.SIGKILL && !strings.Contains(said, `the image "cut:1" was not made: interrupted`) {
			t.Errorf("%v: want to be told what has become of it, got %s", sig, said[max(0, len(said)-500):])
		}
		bed.Poll(t, "its helpers have ended", 10*time.Second, func() bool { return len(s.Processes()) == 0 })
		if out := s.Must("snug", "image", "ls"); strings.Contains(out, "cut:1") {
			t.Errorf("%v: want no image, got %s", sig, out)
		}
	}
	s.tells([]string{"snug", "data", "ls"}, "image cut:1 was not made of it")
	s.tells([]string{"snug", "boot", "--detach", "--wait", "60", "--name", "cut", "debian:13"}, `when system "cut" ended last, the image "cut:1" was not made`)
	s.want("cut", "stat -c %s /srv/much", "209715200\n")
	s.Must("snug", "stop", "cut")
	if left, _ := os.ReadDir(s.Home + "/.local/share/snug/images/tmp"); len(left) > 1 { // of the one that was killed, until the next import
		t.Errorf("want nothing left, got %v", left)
	}
}

// Who stops a system learns that it has not become an image, also if it runs by itself; and whoever looks later.
func TestCommitFails(t *testing.T) {
	s := newSession(t)
	s.importImage("trixie", "debian:13")
	s.tells([]string{"snug", "boot", "--commit", "debian:13", "debian:13"}, `another image has the name "debian:13" already`, "--replace", "(exit status 125)")
	s.boot("--name", "sys", "--commit", "debian:13", "--replace", "debian:13")
	work := s.Home + "/.local/share/snug/images/tmp"
	os.Chmod(work, 0o500) // as if its disk were full
	s.tells([]string{"snug", "stop", "sys"}, `the image "debian:13" was not made: `, "permission denied", "hint: what the system has changed is kept", "(exit status 2)")
	os.Chmod(work, 0o700)
	s.tells([]string{"snug", "data", "ls"}, "image debian:13 was not made of it")
	s.boot("--name", "sys", "--commit", "mine", "debian:13")
	s.Must("snug", "stop", "sys")
	if out := s.Must("snug", "data", "ls"); strings.Contains(out, "not made") {
		t.Errorf("want it forgotten, got %s", out)
	}
}

// Systems without systemd are spoken of in other words than its own.
func TestWordsOfOthers(t *testing.T) {
	s := newSession(t)
	s.importImage("openrc", "openrc")
	s.tells([]string{"snug", "boot", "--detach", "--wait", "30", "--name", "sys", "openrc"}, "is not systemd, and does not say when it is up", "sys\n")
	s.tells([]string{"snug", "logs", "sys"}, `"sys" has another init than systemd, and no journal`, "hint: what its services log is in files: snug exec sys -- ls /var/log", "(exit status 1)")
	s.tells([]string{"snug", "logs", "-u", "ssh", "sys"}, "another init than systemd")
	s.tells([]string{"snug", "shell", "--login", "root", "sys"}, "another init than systemd")
	s.Must("snug", "stop", "sys")
	s.tells([]string{"snug", "logs", "sys"}, "what others log is in files: ", "/upper/var/log")
}

// What is handed over by the credentials that help and documents name has an effect.
func TestCredentialsOfUse(t *testing.T) {
	s := newSession(t)
	bed.Write(t, s.Home+"/key.pub", "ssh-ed25519 AAAA me\n")
	for _, image := range []string{"bookworm", "trixie"} {
		name := s.boot("--ephemeral", "--name", image, "--credential", "ssh.authorized_keys.root=@"+s.Home+"/key.pub", system(t, image))
		s.want(name, "cat /root/.ssh/authorized_keys; stat -c %a /root/.ssh", "ssh-ed25519 AAAA me\n700\n")
		s.Must("snug", "stop", name)
	}
	s.tells([]string{"snug", "boot", "--credential", "passwd.plaintext-password.root=x", "--memory", "1G", system(t, "bookworm")}, "gives that to users that it makes", "snug exec NAME -- passwd")
}
