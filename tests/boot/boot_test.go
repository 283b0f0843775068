package boot_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// Debian 12 and 13 come up without a failed unit, and do what a system does.
func TestBoot(t *testing.T) {
	for _, name := range []string{"bookworm", "trixie"} {
		t.Run(name, func(t *testing.T) { newSession(t).works(name) })
	}
}

func (s *session) works(name string) {
	dir := system(s.TB.(*testing.T), name)
	before := listing(s.TB.(*testing.T), dir)
	snug := bed.Built(s, "snug")
	s.boot("--name", "sys", "--ro-bind", snug+":/usr/local/bin/snug", dir)
	s.want("sys", "systemctl is-system-running", "running\n")
	s.want("sys", "systemctl --failed --no-legend", "")
	s.want("sys", "id -u; cat /proc/1/comm", "0\nsystemd\n")

	// users, their sessions and their managers
	s.want("sys", "useradd -m -s /bin/bash joe && passwd -d joe >/dev/null", "")
	login := s.Outside("snug", "shell", "--login", "joe", "--command", "id -un; loginctl --no-legend | grep -c joe >/dev/null && echo session; systemctl --user is-system-running; grep CapBnd /proc/self/status; tail -n1 /proc/self/cgroup; pwd", "sys")
	for _, want := range []string{"joe\nsession\nrunning\n", "session-", "/home/joe\n"} {
		if !strings.Contains(login, want) {
			s.Errorf("a session of joe: want %q, got %s", want, login)
		}
	}
	s.want("sys", "su joe -c 'id -un; cat /etc/shadow' 2>&1; true", "joe\n.*Permission denied\n")
	s.want("sys", "echo 'joe ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/joe; su joe -c 'sudo id -u'", "(sudo: unable to resolve.*\n)?0\n")

	// services as hardened as they come
	for _, properties := range []string{"-p DynamicUser=yes -p PrivateTmp=yes", "-p ProtectSystem=strict -p PrivateNetwork=yes", "-p PrivateUsers=yes", "-p ProtectProc=invisible -p PrivateDevices=yes"} {
		s.want("sys", "systemd-run -q --wait "+properties+" true && echo started", "started\n")
	}
	s.want("sys", "hostnamectl hostname other && hostnamectl hostname", "other\n")

	// sandboxes inside
	s.want("sys", "su joe -c 'bwrap --ro-bind / / --proc /proc --unshare-all id -u'", "1000\n")
	s.want("sys", "su joe -c 'XDG_RUNTIME_DIR= snug run -- id -u'", "1000\n")

	// devices are managed elsewhere: udev does not ask for their events, and does not complain of each
	s.want("sys", "touch /sys/x 2>&1; journalctl --boot --no-pager | grep uevent; true", ".*Read-only file system\n")
	s.want("sys", "unshare -Urnm sh -c 'mount -t sysfs none /sys && echo mounted'", "mounted\n")

	// what is the machine's stays as it is
	s.want("sys", "cat /proc/sys/kernel/random/boot_id", "[0-9a-f-]{36}\n")
	if id := s.inside("sys", "cat /proc/sys/kernel/random/boot_id"); id == bed.Read(s, "/proc/sys/kernel/random/boot_id") {
		s.Error("the system has the machine's boot id")
	}
	s.want("sys", "date -s @0 2>&1 >/dev/null; echo 1 2>&1 >/proc/sys/kernel/core_pattern; dmesg 2>&1; ls /dev/vda /dev/sda 2>&1; true",
		".*Operation not permitted\n.*Permission denied\n.*Operation not permitted\n.*No such file.*No such file.*")

	began := time.Now()
	s.Must("snug", "stop", "sys")
	s.Logf("it stopped in %v", time.Since(began))
	if journal := s.journal("sys"); !strings.Contains(journal, "Reached target") {
		s.Errorf("want the journal readable from outside, got %.300q", journal)
	}
	if after := listing(s.TB.(*testing.T), dir); after != before {
		s.Error("the image has changed")
	}
}

// journal reads that of a system which has ended, as its owner.
func (s *session) journal(name string) string {
	s.Helper()
	return s.Outside("journalctl", "--no-pager", "-D", filepath.Join(s.Home, ".local/share/snug/machines", name, "upper/var/log/journal"))
}

// What a system has changed is there at its next boot, unless it is to be thrown away.
func TestKept(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	s.boot("--name", "kept", dir)
	machine := s.inside("kept", "cat /etc/machine-id")
	s.want("kept", "echo mine >/root/mark; rm /etc/motd", "")
	s.Must("snug", "stop", "kept")
	s.boot("--name", "kept", dir)
	s.want("kept", "cat /root/mark; ls /etc/motd 2>&1; cat /etc/machine-id", "mine\n.*No such file.*\n"+machine)
	if out := s.Outside("snug", "boot", "--name", "kept", dir); !strings.Contains(out, `system "kept" is running`) {
		t.Errorf("want no second one of the same changes, got %s", out)
	}
	s.Must("snug", "stop", "kept")
	if out := s.Outside("snug", "boot", "--name", "kept", system(t, "trixie")); !strings.Contains(out, `system "kept" has changed another image`) {
		t.Errorf("want no other image under the changes, got %s", out)
	}
	if out := s.Must("snug", "data", "ls"); !strings.Contains(out, "system of "+dir) {
		t.Errorf("want what is kept listed, got %s", out)
	}
	s.Must("snug", "data", "rm", "--yes", "kept")
	if left, _ := os.ReadDir(s.Home + "/.local/share/snug/machines"); len(left) > 0 {
		t.Errorf("want nothing kept any more, got %v", left)
	}
	s.boot("--name", "gone", "--ephemeral", dir)
	s.want("gone", "echo mine >/root/mark", "")
	s.Must("snug", "stop", "gone")
	s.boot("--name", "gone", "--ephemeral", dir)
	s.want("gone", "cat /root/mark 2>&1; true", ".*No such file.*\n")
	if bed.Exists(s.Home + "/.local/share/snug/machines/gone") {
		t.Error("a system whose changes are thrown away has a folder for them")
	}
}

// How a system ends is how snug ends.
func TestEnds(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	for _, tt := range []struct{ name, inside, want string }{
		{"power off", "systemctl poweroff", ""},
		{"halt", "systemctl halt", ""},
		{"exit", "systemctl exit 7", "(exit status 7)"},
	} {
		p := s.Start("snug", "boot", "--name", "end", "--ephemeral", dir)
		s.Poll("it is up", func() bool { return strings.Contains(s.inside("end", "systemctl is-system-running"), "running") })
		s.inside("end", tt.inside)
		status := ""
		if err := p.Wait(); err != nil {
			status = "(" + err.Error() + ")"
		}
		if status != tt.want {
			t.Errorf("%s: want %q, got %q", tt.name, tt.want, status)
		}
		s.ended("end")
	}
}

// A reboot, from inside and outside, is a new boot of the same system.
func TestReboot(t *testing.T) {
	s := newSession(t)
	name := s.boot("--name", "again", "--ephemeral", system(t, "bookworm"))
	id := s.inside(name, "cat /proc/sys/kernel/random/boot_id")
	s.inside(name, "systemctl reboot")
	next := ""
	s.Poll("it is up again", func() bool {
		next = s.inside(name, "systemctl is-system-running >/dev/null && cat /proc/sys/kernel/random/boot_id")
		return len(next) == len(id) && next != id
	})
	stopped := make(chan string)
	go func() { stopped <- s.Outside("snug", "stop", "--reboot", name) }()
	said := ""
	for waits := true; waits; {
		select {
		case out := <-stopped:
			waits = false
			if out != "" {
				t.Errorf("want it up again, got %s", out)
			}
		default:
			said += s.inside(name, "true")
			time.Sleep(50 * time.Millisecond)
		}
	}
	if now := s.inside(name, "systemctl is-active basic.target; cat /proc/sys/kernel/random/boot_id"); now != "active\n"+strings.TrimPrefix(now, "active\n") || strings.HasSuffix(now, next) {
		t.Errorf("want it up when stop has ended, got %s", now)
	}
	if strings.Contains(said, "no such process") || strings.Contains(said, "sandbox has ended") || strings.Contains(said, "/proc/") {
		t.Errorf("want to be told that it reboots, got %s", said)
	}
	s.Must("snug", "stop", name)
}

// Many systems of one image boot at once.
func TestTenAtOnce(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	before := listing(t, dir)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if out := s.Outside("snug", "boot", "--detach", "--wait", "120", "--ephemeral", dir); strings.Contains(out, "(") {
				t.Errorf("want it up, got %s", out)
			}
		})
	}
	all.Wait()
	if n := strings.Count(s.Outside("snug", "ps", "-q"), "\n"); n != 10 {
		t.Errorf("want ten systems, got %d", n)
	}
	s.Must("snug", "stop", "--all")
	if listing(t, dir) != before {
		t.Error("the image has changed")
	}
}

// Whatever is killed, nothing stays.
func TestKilled(t *testing.T) {
	for _, tt := range []struct{ name, match string }{
		{"snug", "boot --ready-fd"},
		{"the keeper", "__keep"},
		{"the system", "/sbin/init"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t)
			name := s.boot("--name", "victim", "--network", "user", system(t, "bookworm"))
			s.want(name, "useradd -m joe", "")
			s.Outside("snug", "shell", "--login", "joe", "--command", "systemctl --user is-system-running", name) // groups that are another id's
			killed := 0
			for _, pid := range s.Processes() {
				if strings.Contains(bed.CommandLine(pid), tt.match) {
					p, _ := os.FindProcess(pid)
					p.Kill()
					killed++
					break
				}
			}
			if killed == 0 {
				t.Fatalf("control: no process of %q", tt.match)
			}
			if tt.name == "the keeper" {
				s.Must("snug", "stop", name)
			}
			bed.Poll(t, "all of it has ended", 60*time.Second, func() bool { return len(s.Processes()) == 0 })
			s.ended(name)
			s.nothingLeft()
		})
	}
}

// The machine's own system boots without an image, in a copy that is thrown away.
func TestOwn(t *testing.T) {
	if !bed.Exists("/lib/systemd/systemd") {
		need.Missing(t, "wanted systemd on this machine")
	}
	s := newSession(t)
	name := s.boot("/")
	if name != "own" {
		t.Errorf("want it called own, got %q", name)
	}
	s.want(name, "systemctl is-system-running; systemctl --failed --no-legend", "running\n")
	s.want(name, "touch /usr/x 2>&1; true", ".*Read-only file system\n")
	s.want(name, "cat /root/.ssh/* /home/*/.ssh/* 2>&1; ls -A /home /srv /opt", ".*No such file.*/home:\n\n/opt:\n\n/srv:\n")
	s.want(name, "echo x >>/etc/hosts && tail -n1 /etc/hosts", "x\n")
	if strings.HasSuffix(bed.Read(t, "/etc/hosts"), "x\n") {
		t.Error("the machine's own /etc has changed")
	}
	s.Must("snug", "stop", name)
}

// Without subordinate ids a system runs in a mode that says what it is.
func TestSingle(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	one := filepath.Join(s.Dir, "one")
	if out, err := inNamespace("cp", "-a", dir, one).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { inNamespace("rm", "-rf", one).Run() })
	if out, err := inNamespace("chown", "-R", "0:0", one).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out := s.Must("snug", "boot", "--detach", "--wait", "60", "--ephemeral", "--map", "single", one)
	if !strings.Contains(out, "all users of the system are one") {
		t.Errorf("want it said aloud, got %s", out)
	}
	s.want("one", "systemctl --failed --no-legend; cat /proc/self/uid_map", ` +0 +\d+ +1\n`)
	s.Must("snug", "stop", "one")
}

// What a system is given: files, credentials, a host name, capabilities.
func TestGiven(t *testing.T) {
	s := newSession(t)
	bed.Write(t, s.Home+"/letters/a", "letter\n")
	bed.Write(t, s.Home+"/secret", "from a file\n")
	name := s.boot("--ephemeral", "--name", "given", "--hostname", "house", "--bind", s.Home+"/letters:/letters", "--ro-bind", s.Home+"/letters:/read",
		"--credential", "word=value", "--credential", "file=@"+s.Home+"/secret", "--cap-drop", "sys_ptrace,net_raw", system(t, "bookworm"))
	s.want(name, "hostname; cat /letters/a; echo more >>/letters/a; echo x >>/read/a", "house\nletter\n.*Read-only file system\n.*")
	if bed.Read(t, s.Home+"/letters/a") != "letter\nmore\n" {
		t.Errorf("want the file changed outside, got %q", bed.Read(t, s.Home+"/letters/a"))
	}
	s.want(name, "systemd-run -q --wait --pipe -p LoadCredential=word -p LoadCredential=file sh -c 'cat $CREDENTIALS_DIRECTORY/word; echo; cat $CREDENTIALS_DIRECTORY/file'", "value\nfrom a file\n")
	s.want(name, "capsh --decode=$(grep CapBnd /proc/1/status | cut -f2) 2>/dev/null || grep CapBnd /proc/1/status", ".*")
	s.want(name, "grep CapBnd /proc/1/status /proc/self/status | cut -f2 | uniq | wc -l", "1\n")
	s.Must("snug", "stop", name)
}

// A network in user space, with a port of this machine.
func TestNetwork(t *testing.T) {
	s := newSession(t)
	name := s.boot("--ephemeral", "--network", "user", "--publish", "48080:80", "--name", "net", system(t, "bookworm"))
	s.want(name, "ip -o -4 addr show scope global | wc -l", "1\n")
	s.want(name, "systemd-run -q --unit=web python3 -m http.server 80 2>&1 || true; systemd-socket-activate --version >/dev/null; echo done", ".*done\n")
	s.want(name, `systemd-run -q --unit=echo /usr/lib/systemd/systemd-socket-proxyd --help >/dev/null; ss -V 2>&1 | head -c2`, "ss")
	s.Must("snug", "stop", name)
	off := s.boot("--ephemeral", "--name", "off", system(t, "bookworm"))
	s.want(off, "ip -o addr show scope global | wc -l", "0\n")
	s.Must("snug", "stop", off)
}

// The network in user space answers for names at one address, which is what programs read, whoever wrote their
// resolv.conf. The image keeps its own.
func TestNameServer(t *testing.T) {
	s := newSession(t)
	for _, root := range []string{"/", system(t, "openrc")} {
		name := strings.TrimSpace(s.Must("snug", "boot", "--detach", "--network", "user", "--name", "names", root))
		s.want(name, "grep -c nameserver /etc/resolv.conf; grep nameserver /etc/resolv.conf", "1\nnameserver 10.0.2.3\n")
		s.Must("snug", "stop", "--time", "40", name)
	}
	if bed.Exists(s.Home + "/.local/share/snug/machines/names/upper/etc/resolv.conf") {
		t.Error("want the image's own file as it was")
	}
}

// What cannot be booted gets one error, and nothing is left.
func TestRefusals(t *testing.T) {
	s := newSession(t)
	os.Mkdir(s.Home+"/empty", 0o755)
	bed.Write(t, s.Home+"/x.tar", "an archive\n")
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{}, "which system?"},
		{[]string{"./empty"}, "has no /sbin/init"},
		{[]string{"./missing"}, "no such file"},
		{[]string{"nothing-of-that-name"}, `there is no image "nothing-of-that-name"`},
		{[]string{"--network", "filtered", "/"}, "not a network for a system"},
		{[]string{"--publish", "80:80", "/"}, "without --network user"},
		{[]string{"--cap-add", "all,-sys_rawoi", "/"}, "sys_rawo"},
		{[]string{"--memory", "2X", "/"}, "not a size"},
		{[]string{"--credential", "../x=y", "/"}, "name of a credential"},
		{[]string{"--bind", "/nothing/there", "/"}, "no such file"},
		{[]string{"--map", "many", "/"}, "not a way to map ids"},
		{[]string{"--hostname", "a b", "/"}, "not the name of a host"},
		{[]string{"--map", "single", "--commit", "x", "/"}, "--commit needs an image"},
		{[]string{"--replace", "/"}, "--replace without --commit"},
		{[]string{"/usr"}, "sudo tar -C /usr --one-file-system -c . | snug image import - NAME"},
		{[]string{"debian:12"}, "snug image pull debian:12 fetches one"},
		{[]string{"x.tar"}, "snug image import x.tar NAME"},
		{[]string{"/", "init=/bin/sh"}, "words for the init stand behind --"},
		{[]string{"--memory", "1G", "--ephemeral", system(t, "bookworm")}, `controller "memory" is not delegated`},
	} {
		out := s.Outside(append([]string{"snug", "boot"}, tt.words...)...)
		if !strings.Contains(out, tt.want) || !strings.Contains(out, "(exit status 125)") || strings.Contains(out, "warning") {
			t.Errorf("%q: want %q and 125, got %s", tt.words, tt.want, out)
		}
	}
	early := s.Outside("snug", "boot", "--detach", "--wait", "0.05", "/")
	if !strings.HasPrefix(early, `snug: "own" is not up after 0.05 seconds`) {
		t.Errorf("want no words of programs that could not know yet, got %s", early)
	}
	if bed.Exists(s.Home + "/.local/share/snug/machines/empty") {
		t.Error("a refused boot has left a folder")
	}
}
