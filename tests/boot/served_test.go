package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// keeps are options of a file system that keeps all that Linux keeps of a file.
const keeps = "fakeroot,default_permissions"

// onFuse puts the changes of systems on a file system by FUSE, ext4 in a file, of which the kernel makes no
// overlay for changes.
func (s *session) onFuse(options string) (machines string) {
	s.Helper()
	need.Program(s, "fuse-overlayfs")
	serve := need.Program(s, "fuse2fs")
	machines = s.Home + "/.local/share/snug/machines"
	if err := os.MkdirAll(machines, 0o700); err != nil {
		s.Fatal(err)
	}
	for _, words := range [][]string{
		{"truncate", "-s", "1G", "image"},
		{"mke2fs", "-q", "-t", "ext4", "-E", "root_owner", "image"},
		{serve, "-o", options, "image", "machines"},
		{"chmod", "700", "machines"},
	} {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = filepath.Dir(machines), os.Environ() // by these it is no process of the session
		if out, err := cmd.CombinedOutput(); err != nil {
			need.Missingf(s, "wanted a file system by FUSE, got of %q: %v: %s", words, err, out)
		}
	}
	s.Cleanup(func() {
		s.Outside("snug", "stop", "--all")
		exec.Command("fusermount3", "-uz", machines).Run()
	})
	return machines
}

// bootServed boots a system whose root is to be served, which is said once.
func (s *session) bootServed(name string, words ...string) {
	s.Helper()
	out := s.Outside(append([]string{"snug", "boot", "--detach", "--wait", "120", "--name", name}, words...)...)
	if !strings.Contains(out, "fuse-overlayfs serves the root of \""+name+"\", slower, without O_TMPFILE and access lists, ") || !strings.HasSuffix(out, "\n"+name+"\n") || strings.Count(out, "\n") != 2 {
		s.Fatalf("want it booted, and one line about how, got %s", out)
	}
}

// find gives the processes of snug's with a word in their command lines.
func (s *session) find(word string) (found []int) {
	for _, pid := range s.Processes() {
		if strings.Contains(bed.CommandLine(pid), word) {
			found = append(found, pid)
		}
	}
	return found
}

// Where the kernel makes no overlay, fuse-overlayfs serves the root, and all in it is as it is with the kernel's.
func TestServed(t *testing.T) {
	s := newSession(t)
	machines := s.onFuse(keeps)
	dir := system(t, "bookworm")
	before := listing(t, dir)
	s.bootServed("sys", dir)
	s.want("sys", "systemctl is-system-running; systemctl --failed --no-legend", "running\n")
	s.want("sys", "stat -f -c %T /; findmnt -n -o FSTYPE /", "fuseblk\nfuse.fuse-overlayfs\n")

	s.want("sys", "useradd -m -s /bin/bash joe; echo 'joe ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/joe; su joe -c 'sudo id -u'", "(sudo: unable to resolve.*\n)?0\n")
	s.want("sys", "su joe -c 'id -un; cat /etc/shadow' 2>&1; true", "joe\n.*Permission denied\n")
	s.want("sys", "cp /usr/bin/id /srv/id; chown 12:13 /srv/id; chmod 6755 /srv/id; su joe -c '/srv/id -u; /srv/id -g'; stat -c '%u:%g %a' /srv/id", "12\n13\n12:13 6755\n")
	s.want("sys", "cp /bin/cat /srv/cat; setcap cap_dac_read_search+ep /srv/cat; getcap /srv/cat; su joe -c '/srv/cat /etc/shadow | grep -c root'", "/srv/cat cap_dac_read_search=ep\n1\n")
	s.want("sys", "echo x >/srv/list; chmod 600 /srv/list; echo 'a /srv/list - - - - u:joe:r' >/etc/tmpfiles.d/list.conf; systemd-tmpfiles --create /etc/tmpfiles.d/list.conf; su joe -c 'cat /srv/list' 2>&1; true", ".*Permission denied\n") // fuse2fs keeps none, which was said
	s.want("sys", "mknod /srv/null c 1 3 2>&1; true", ".*Operation not permitted\n")                                                                                                                                                           // as with the kernel's
	s.want("sys", "mkfifo /srv/fifo && ln /srv/fifo /srv/also && stat -c %h /srv/also", "2\n")
	s.want("sys", "cd /srv && echo x >a && ln a b && mv a c && cat b c && echo y >>b && cat c", "x\nx\nx\ny\n")

	s.want("sys", "echo mine >/root/mark; rm /etc/motd; rm -r /etc/cron.daily; mkdir /etc/cron.daily; echo new >/etc/cron.daily/new", "")
	s.Must("snug", "stop", "sys")
	if found := s.find(""); len(found) > 0 {
		t.Errorf("left: %d processes, %q", len(found), bed.CommandLine(found[0]))
	}
	if out, _ := inNamespace("stat", "-c", "%F %t:%T", machines+"/sys/upper/etc/motd").CombinedOutput(); string(out) != "character special file 0:0\n" {
		t.Errorf("what was removed: want the kernel's mark, got %s", out)
	}
	if out, _ := inNamespace("find", machines+"/sys/upper", "-name", ".wh.*").CombinedOutput(); len(out) > 0 || bed.Exists(machines+"/sys/served") {
		t.Errorf("want the kernel's marks alone, got %s", out)
	}
	s.bootServed("sys", "--network", "user", dir)
	s.want("sys", "ip -o addr show scope global | grep -c inet", "[1-9]\n") // its helper has taken part in both tries
	s.want("sys", "cat /root/mark; ls /etc/motd 2>&1; ls -A /etc/cron.daily; getcap /srv/cat; stat -c '%u:%g %a' /srv/id", "mine\n.*No such file.*\nnew\n/srv/cat.*=ep\n12:13 6755\n")
	s.Must("snug", "stop", "--reboot", "sys")
	s.Poll("it is up again", func() bool {
		return s.inside("sys", "systemctl is-system-running; cat /root/mark") == "running\nmine\n"
	})
	s.Must("snug", "stop", "sys")
	if listing(t, dir) != before {
		t.Error("the image has changed")
	}
}

// Layers hide what is below them, as they do in the kernel's overlay; and an image of the changes is what was seen.
func TestServedLayers(t *testing.T) {
	s := newSession(t)
	machines := s.onFuse(keeps)
	base, err := os.ReadFile(filepath.Join(os.Getenv("IMAGES"), "bookworm.tar"))
	if err != nil {
		need.Missing(t, "wanted the image bookworm: "+err.Error())
	}
	l := newLayout(t, s.Home+"/layout")
	l.layer(base)
	l.layer(files(t, map[string]string{"srv/one": "1", "srv/two": "2", "opt/a/below": "x", "opt/b/below": "x"}))
	l.layer(files(t, map[string]string{"srv/.wh.one": "", "opt/a/.wh..wh..opq": "", "opt/a/above": "x"}))
	l.done()
	s.Must("snug", "image", "import", "oci:"+s.Home+"/layout", "stack")
	s.bootServed("sys", "--commit", "mine:1", "stack")
	s.want("sys", "ls /srv /opt/a", "/opt/a:\nabove\n\n/srv:\ntwo\n")
	s.want("sys", "rm -r /opt/b; mkdir /opt/b; rm /srv/two; echo 3 >/srv/three", "")
	s.Must("snug", "stop", "sys")
	s.Must("snug", "image", "export", "--changes", machines+"/sys/upper", "stack", s.Home+"/merged.tar")
	if out := s.Must("tar", "-tf", s.Home+"/merged.tar", "--wildcards", "*opt/*", "*srv/*"); strings.Contains(out, "below") || strings.Contains(out, "two") || !strings.Contains(out, "above") || !strings.Contains(out, "three") {
		t.Errorf("an archive of what was seen: got %s", out)
	}
	name := s.boot("--ephemeral", "mine:1") // the kernel's, in memory
	s.want(name, "ls -A /srv /opt/a /opt/b; findmnt -n -o FSTYPE /", "/opt/a:\nabove\n\n/opt/b:\n\n/srv:\nthree\noverlay\n")
	s.Must("snug", "stop", name)
}

// Whatever is killed, nothing stays; and without its server no system goes on.
func TestServedKilled(t *testing.T) {
	for _, match := range []string{"fuse-overlayfs\x00-f", "boot --ready-fd", "__keep", "/sbin/init"} {
		t.Run(match, func(t *testing.T) {
			s := newSession(t)
			machines := s.onFuse(keeps)
			s.bootServed("victim", system(t, "bookworm"))
			s.want("victim", "rm /etc/motd; echo mine >/root/mark", "")
			found := s.find(strings.ReplaceAll(match, "\x00", " "))
			if len(found) == 0 {
				t.Fatalf("control: no process of %q", match)
			}
			p, _ := os.FindProcess(found[0])
			p.Kill()
			if match == "__keep" {
				s.Must("snug", "stop", "victim")
			}
			bed.Poll(t, "all of it has ended", 60*time.Second, func() bool { return len(s.Processes()) == 0 })
			s.ended("victim")
			s.nothingLeft()
			if groups, _ := filepath.Glob(s.group + "/snug-victim"); len(groups) > 0 {
				t.Errorf("left: %q", groups)
			}
			if mounts := bed.Read(t, "/proc/self/mountinfo"); strings.Contains(mounts, "fuse-overlayfs") {
				t.Errorf("left a mount: %s", mounts)
			}
			if out, _ := inNamespace("cat", machines+"/victim/upper/root/mark").CombinedOutput(); string(out) != "mine\n" {
				t.Errorf("want what was written kept, got %q", out)
			}
			if bed.Exists(machines + "/victim/served") {
				t.Error("want the marks settled")
			}
		})
	}
}

// Why a system was ended is said.
func TestServerEnds(t *testing.T) {
	s := newSession(t)
	s.onFuse(keeps)
	p := s.Start("snug", "boot", "--name", "sys", system(t, "bookworm"))
	s.Poll("it is up", func() bool { return s.inside("sys", "systemctl is-system-running") == "running\n" })
	for _, pid := range s.find("fuse-overlayfs -f") {
		server, _ := os.FindProcess(pid)
		server.Kill()
	}
	if p.Wait() == nil || !strings.Contains(p.Said(), "snug: fuse-overlayfs, which served the root of the system, has ended, and so it was ended, too") {
		said := p.Said()
		t.Errorf("want to be told, got %s", said[max(0, len(said)-500):])
	}
}

// Where fuse-overlayfs is not installed, or ends at once, a boot is refused.
func TestNotServed(t *testing.T) {
	s := newSession(t)
	s.onFuse(keeps)
	path := t.TempDir()
	for _, name := range []string{"newuidmap", "newgidmap"} {
		os.Symlink(need.Program(t, name), filepath.Join(path, name))
	}
	s.tells([]string{need.Program(t, "env"), "PATH=" + path, bed.Built(t, "snug"), "boot", system(t, "bookworm")},
		"mount an overlay on", "hint: ", "or install fuse-overlayfs", "(exit status")
	os.Symlink(need.Program(t, "false"), filepath.Join(path, "fuse-overlayfs"))
	s.tells([]string{need.Program(t, "env"), "PATH=" + path, bed.Built(t, "snug"), "boot", system(t, "bookworm")},
		"fuse-overlayfs, which served the root of the system, has ended", "(exit status")
	if left := s.Outside("snug", "data", "ls"); left != "" {
		t.Errorf("want nothing kept, got %s", left)
	}
}

// A file system that would lose something is found out by trying it.
func TestLosesOwners(t *testing.T) {
	s := newSession(t)
	machines := s.onFuse("default_permissions") // and changes of owners are refused
	s.tells([]string{"snug", "boot", "--name", "sys", system(t, "bookworm")},
		`the file system of "`+machines+`/sys" keeps no files of subordinate ids, and the kernel makes no overlay there`, "hint: keep changes on ext4", "(exit status")
	if bed.Exists(machines + "/sys") {
		t.Error("want nothing kept")
	}
}
