package boot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// userManager starts the tester's service manager, in a group of its own.
func (s *session) userManager() {
	s.Helper()
	manager := "/lib/systemd/systemd"
	if !bed.Exists(manager) {
		need.Missing(s, "wanted systemd to have a user manager, got no "+manager)
	}
	group := filepath.Join(s.group, "manager")
	if err := os.MkdirAll(group, 0o755); err != nil {
		s.Fatal(err)
	}
	s.Start("sh", "-c", `echo $$ >"$1/cgroup.procs"; exec "$2" --user --unit=basic.target`, "sh", group, manager)
	s.Cleanup(func() { s.Outside("systemctl", "--user", "exit") })
	bed.Poll(s, "the user manager", 20*time.Second, func() bool {
		return strings.Contains("running degraded", strings.TrimSpace(s.Outside("systemctl", "--user", "is-system-running")))
	})
}

// property asks the manager about a unit.
func (s *session) property(unit, name string) string {
	s.Helper()
	return strings.TrimSpace(s.Must("systemctl", "--user", "show", "--value", "--property="+name, unit))
}

// A system is a service: the manager knows when it is up, stops it in order, and starts it again.
func TestUnit(t *testing.T) {
	s := newSession(t)
	s.userManager()
	dir := system(t, "bookworm")
	const unit = "snug-sys.service"
	said := s.Must("snug", "unit", "--install", "--name", "sys", "--restart", "on-failure", dir)
	if !strings.Contains(said, "systemctl --user enable --now "+unit) {
		s.Errorf("want to be told how it is started, got %s", said)
	}
	s.Must("systemctl", "--user", "daemon-reload")
	s.Must("systemctl", "--user", "start", unit)
	s.want("sys", "systemctl is-system-running", "running\n")
	if status := s.property(unit, "StatusText"); status == "" {
		s.Error("want the system's own status, got none")
	}
	s.logs("sys", "Startup finished")

	main := s.property(unit, "MainPID")
	s.Must("kill", "-KILL", main)
	bed.Poll(s, "the service to be up again", 60*time.Second, func() bool {
		pid := s.property(unit, "MainPID") // 0 for a moment
		return s.property(unit, "ActiveState") == "active" && pid != main && pid != "0"
	})
	s.want("sys", "systemctl is-system-running", "running\n")

	s.Must("systemctl", "--user", "stop", unit)
	if result := s.property(unit, "Result") + " " + s.property(unit, "ExecMainStatus"); result != "success 0" {
		s.Errorf("stopped: want success, got %s", result)
	}
	s.logs("sys", "Journal stopped")
	if left := s.Outside("snug", "ps", "-q"); left != "" {
		s.Errorf("left: %s", left)
	}
}

// A word of a command is that word when the manager has started it.
func TestUnitWords(t *testing.T) {
	s := newSession(t)
	s.userManager()
	words := []string{"a b", "", "100%u %%", "$HOME ${HOME} $$", ";", `\n"'`, "line\nTwo=2", "\t\x01\x7f", "ü", "-x", "@y"}
	said := s.Dir + "/said"
	if err := os.Mkdir(said, 0o700); err != nil {
		s.Fatal(err)
	}
	bed.Write(s, s.Home+"/.config/snug/apps/org.example.Say.toml", fmt.Sprintf(`schema = 1
id = "org.example.Say"
command = ["sh", "-c", "for w; do printf '<%%s>' \"$w\"; done >%[1]s/words", "sh"]
[files]
write = [%[1]q]
`, said))
	s.Must(append([]string{"snug", "unit", "--install", "org.example.Say"}, words...)...)
	s.Must("systemctl", "--user", "daemon-reload")
	s.Must("systemctl", "--user", "start", "snug-Say.service")
	want := "<" + strings.Join(words, "><") + ">"
	bed.Poll(s, "what it was given", 10*time.Second, func() bool { return bed.Exists(said+"/words") && bed.Read(s, said+"/words") == want })
}

// An app that a unit runs ends as the manager wants.
func TestUnitOfApp(t *testing.T) {
	s := newSession(t)
	s.userManager()
	bed.Write(s, s.Home+"/.config/snug/apps/org.example.Sleep.toml", "schema = 1\nid = \"org.example.Sleep\"\ncommand = [\"sleep\", \"1000\"]\n")
	s.Must("snug", "unit", "--install", "org.example.Sleep")
	s.Must("systemctl", "--user", "daemon-reload")
	s.Must("systemctl", "--user", "start", "snug-Sleep.service")
	bed.Poll(s, "the app", 20*time.Second, func() bool { return strings.Contains(s.Outside("snug", "ps", "-q"), "Sleep") })
	s.Must("systemctl", "--user", "stop", "snug-Sleep.service")
	if result := s.property("snug-Sleep.service", "Result"); result != "success" {
		s.Errorf("stopped: want success, got %s", result)
	}
}
