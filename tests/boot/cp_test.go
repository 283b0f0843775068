package boot_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
)

// Files of any user of a system are copied out as the caller's own, and into it as root's.
func TestCopy(t *testing.T) {
	s := newSession(t)
	s.boot("--name", "sys", "--ephemeral", system(t, "bookworm"))
	s.inside("sys", "useradd -m joe && cd /home/joe && echo joe >letter && chmod 600 letter && chown joe: letter && cp /bin/true ./su && chmod 4755 su && touch -d @978307200 letter")
	s.Must("snug", "cp", "sys:/home/joe", s.Home+"/joe")
	if got := bed.Read(s, s.Home+"/joe/letter"); got != "joe\n" {
		s.Errorf("got %q", got)
	}
	for _, path := range []string{s.Home + "/joe", s.Home + "/joe/letter", s.Home + "/joe/su"} {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Uid != uint32(os.Getuid()) || st.Mode&0o7000 != 0 {
			s.Errorf("%s: want it the caller's, without set-id, got %d, %o, %v", path, st.Uid, st.Mode, err)
		}
	}
	s.Must("snug", "cp", "--archive", "sys:/home/joe/letter", s.Home)
	if st, err := os.Stat(s.Home + "/letter"); err != nil || st.ModTime().Unix() != 978307200 || st.Mode() != 0o600 {
		s.Errorf("--archive: got %v, %v", st, err)
	}
	if err := os.Chmod(s.Home+"/joe/su", 0o755|os.ModeSetuid); err != nil {
		s.Fatal(err)
	}
	s.Must("snug", "cp", s.Home+"/joe", "sys:/opt")
	s.want("sys", "stat -c '%n %u %a' /opt/joe/*", "/opt/joe/letter 0 600\n/opt/joe/su 0 755\n")
	s.Must("snug", "cp", "--archive", s.Home+"/joe/su", "sys:/opt/kept")
	s.want("sys", "stat -c '%u %a' /opt/kept", "0 4755\n")

	// owners are those that the system sees
	if out, err := inNamespace("chown", "7:8", s.Home+"/joe/su").CombinedOutput(); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	s.Must("snug", "cp", "--archive", s.Home+"/joe", "sys:/opt/owned")
	s.want("sys", "stat -c '%n %u:%g' /opt/owned/*", "/opt/owned/letter 0:0\n/opt/owned/su 7:8\n")
	s.Must("snug", "cp", s.Home+"/joe/su", "sys:/opt/su")
	s.want("sys", "stat -c %u:%g /opt/su", "0:0\n")

	// those of an archive are the system's, to whichever side it goes
	s.Must("sh", "-c", "snug cp sys:/opt/owned - >owned.tar")
	if out := s.Must("tar", "-tvf", "owned.tar", "--numeric-owner"); !strings.Contains(out, " 7/8 ") || !strings.Contains(out, " owned/su\n") {
		s.Errorf("want the ids of the system, got %s", out)
	}
	s.inside("sys", "mkdir /srv/kept /srv/plain")
	s.Must("sh", "-c", "snug cp --archive - sys:/srv/kept <owned.tar && snug cp - sys:/srv/plain <owned.tar")
	s.want("sys", "stat -c %u:%g:%a /srv/kept/owned/su /srv/plain/owned/su", "7:8:755\n0:0:755\n")
}
