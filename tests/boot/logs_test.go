package boot_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
)

// A system's journal is read while it runs and when it has ended; one that is kept in memory for as long
// as the system runs.
func TestLogs(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	s.boot("--name", "kept", dir)
	s.inside("kept", "logger said in it; systemd-run -q --unit=hello.service --wait echo said by a unit")
	s.inside("kept", "journalctl --sync")
	s.logs("kept", "said in it")

	// more than fits into a pipe comes whole, however slowly it is read
	s.inside("kept", "seq 3000 | sed 's/$/ is a number of a long line/' | systemd-cat; journalctl --sync")
	if out := s.Outside("sh", "-c", "snug logs kept | (sleep 1; grep -c 'is a number')"); out != "3000\n" {
		s.Errorf("want 3000 lines, got %s", out)
	}

	if out := s.Must("snug", "logs", "-n", "2", "kept"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "3000 is a number") {
		s.Errorf("want the last two lines, got %s", out)
	}
	if out := s.Outside("snug", "logs", "--since", "now", "kept"); out != "" {
		s.Errorf("want nothing from now on, got %s", out)
	}
	if out := s.Outside("snug", "logs", "-u", "nope", "kept"); !strings.HasPrefix(out, `snug: the journal of "kept" has no lines of a unit "nope"`) || !strings.Contains(out, "(exit status 1)") {
		s.Errorf("want an unknown unit told, got %s", out)
	}

	following := s.Start("snug", "logs", "--follow", "kept")
	bed.Poll(s, "the end of the journal", 20*time.Second, func() bool { return strings.Contains(following.Said(), "a number") })
	s.inside("kept", "logger said meanwhile")
	bed.Poll(s, "what is said meanwhile", 20*time.Second, func() bool { return strings.Contains(following.Said(), "said meanwhile") })
	s.Must("snug", "stop", "kept")
	bed.Poll(s, "the end of who follows", 20*time.Second, func() bool { return len(s.following()) == 0 })

	s.logs("kept", "said in it")
	s.logs("kept", "Journal stopped")
	if unit := s.Must("snug", "logs", "-u", "hello.service", "kept"); !strings.Contains(unit, "said by a unit") || strings.Contains(unit, "said in it") {
		s.Errorf("want the unit's own lines, got %s", unit)
	}
	for line := range strings.Lines(s.Must("snug", "logs", "--json", "kept")) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["__CURSOR"] == nil {
			s.Fatalf("want an entry of the journal, got %q, %v", line, err)
		}
	}

	s.boot("--name", "fleeting", "--ephemeral", dir)
	s.inside("fleeting", "logger said in memory; journalctl --sync")
	s.logs("fleeting", "said in memory")
	s.Must("snug", "stop", "fleeting")
	out, err := s.Command("snug", "logs", "fleeting").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `hint: changes are kept of: kept`) {
		s.Errorf("want a hint at what is kept, got %s, %v", out, err)
	}
}

// logs expects a line in the journal of a system.
func (s *session) logs(name, line string) {
	s.Helper()
	if out := s.Must("snug", "logs", name); !strings.Contains(out, line) {
		s.Errorf("snug logs %s: want %q in %d bytes: %.300s", name, line, len(out), out)
	}
}

// following are the readers of journals that run.
func (s *session) following() (found []int) {
	for _, pid := range s.Processes() {
		if strings.Contains(bed.CommandLine(pid), "logs --follow") {
			found = append(found, pid)
		}
	}
	return found
}

// What a system has put in the place of its journal does not lead to files outside, and what it has logged
// does not reach a terminal as it is.
func TestLogsOfAttackers(t *testing.T) {
	s := newSession(t)
	dir := system(t, "bookworm")
	s.boot("--name", "sys", dir)
	s.inside("sys", `printf 'turn \033[31mred\033[m and \342\200\256back\n' | systemd-cat; journalctl --sync`)
	raw := s.Must("snug", "logs", "--json", "sys")
	if !strings.Contains(raw, "[116,117,114,110,32") { // "turn "
		s.Errorf("want the line, as journalctl escapes it, got %s", raw)
	}
	cmd := exec.Command("script", "-qec", "snug logs sys", "/dev/null")
	cmd.Env = s.Command("true").Env
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "red") || strings.ContainsAny(string(out), "\x1b\u202e") {
		s.Errorf("at a terminal: want no control characters, got %q, %v", out, err)
	}
	s.Must("snug", "stop", "sys")

	upper := filepath.Join(s.Home, ".local/share/snug/machines/sys/upper")
	journal := filepath.Join(upper, "var/log/journal")
	away := filepath.Join(s.Home, "private")
	if err := os.Rename(journal, away); err != nil {
		s.Fatal(err)
	}
	if err := os.Symlink(away, journal); err != nil {
		s.Fatal(err)
	}
	if out := s.Outside("snug", "logs", "sys"); !strings.Contains(out, "nothing is kept of the journal") {
		s.Errorf("a link to a journal outside: want it refused, got %.300s", out)
	}
	os.Remove(journal)
	if err := os.Rename(away, journal); err != nil {
		s.Fatal(err)
	}
	s.logs("sys", "red")
}

// A system's own journalctl may be anything. It is not waited for when it has ended, whoever has its files, and what
// it says is told, without what a terminal would obey.
func TestLogsOfForgedReader(t *testing.T) {
	s := newSession(t)
	s.boot("--name", "sys", "--ephemeral", system(t, "bookworm"))
	s.inside("sys", `rm /usr/bin/journalctl; printf '#!/bin/sh\nseq 20000\n(while :; do sleep 0.1; echo more; done) &\nprintf "\\033[31mforged\\n" >&2\nexit 3\n' >/usr/bin/journalctl; chmod 755 /usr/bin/journalctl`)
	began := time.Now()
	out := s.Outside("timeout", "60", "sh", "-c", "snug logs sys | (sleep 2; cat)")
	if !strings.Contains(out, "\n20000\n") || !strings.Contains(out, "journalctl: ?[31mforged") || time.Since(began) > 50*time.Second {
		t.Errorf("want all that was printed and the complaint, and an end, got %.300q after %v", out, time.Since(began))
	}
}
