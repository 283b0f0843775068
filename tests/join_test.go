package tests

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/tests/bed"
)

// joining writes the manifest of an app that further starts join, with a kept home and a program.
func (h *host) joining(t *testing.T, program string) (home string) {
	t.Helper()
	bed.Write(t, filepath.Join(h.Home, "app.sh"), program)
	bed.Write(t, filepath.Join(h.Home, ".config/snug/apps/org.example.Join.toml"), `command = ["sh", "-c", '. "$HOME/app.sh" "$@"', "app"]
instances = "join"
[home]
mode = "private"
[files]
arguments = "read"
read = ["~/app.sh"]
`)
	return filepath.Join(h.Home, ".local/share/snug/home/org.example.Join")
}

// Of twenty starts at once one makes the sandbox and the others join it: each with its own file, and
// each runs once. The control starts them with instances = "many", in as many sandboxes.
func TestJoinRace(t *testing.T) {
	const starts = 20
	for _, test := range []struct {
		mode string
		want int
	}{{"join", 1}, {"many", starts}} {
		t.Run(test.mode, func(t *testing.T) {
			h := newHost(t)
			// The namespace tells sandboxes apart. All wait for all, so that none ends before.
			kept := h.joining(t, `mkdir ~/first 2>/dev/null && first=1
readlink /proc/self/ns/pid >>~/sandboxes
cat "$1" >>~/log
i=0
until [ "$(wc -l <~/log)" -ge 20 ] || [ $i -ge 300 ]; do sleep 0.1; i=$((i + 1)); done
[ -z "$first" ] || sleep 2
exit 0
`)
			t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
			var wait sync.WaitGroup
			for i := range starts {
				file := filepath.Join(h.Home, "file"+strconv.Itoa(i))
				bed.Write(t, file, "start "+strconv.Itoa(i)+"\n")
				wait.Go(func() {
					if out, err := h.Command("snug", "run", "--instances", test.mode, "Join", file).CombinedOutput(); err != nil {
						t.Errorf("start %d: %v\n%s", i, err, out)
					}
				})
			}
			wait.Wait()
			seen, sandboxes := map[string]bool{}, map[string]bool{}
			lines := strings.Fields(strings.ReplaceAll(bed.Read(t, kept+"/log"), "start ", ""))
			for _, l := range lines {
				seen[l] = true
			}
			for _, l := range strings.Fields(bed.Read(t, kept+"/sandboxes")) {
				sandboxes[l] = true
			}
			if len(lines) != starts || len(seen) != starts || len(sandboxes) != test.want {
				t.Errorf("want %d runs in %d sandboxes, got %d of %d in %d", starts, test.want, len(lines), len(seen), len(sandboxes))
			}
		})
	}
}

// The running one ends at the very moment of the next start, again and again: that start either runs in
// it, or in a new one; it never fails for want of a sandbox.
func TestJoinEnd(t *testing.T) {
	h := newHost(t)
	kept := h.joining(t, `echo "$1" >>~/log
[ "$1" = second ] || sleep 0.0"$1"
exit 0
`)
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	end := time.Now().Add(20 * time.Second)
	again := 0
	for i := 0; i < 150 && time.Now().Before(end); i++ {
		first := h.Command("snug", "run", "Join", strconv.Itoa(i%30))
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%20) * time.Millisecond)
		out, err := h.Command("snug", "run", "Join", "second").CombinedOutput()
		if err != nil && !strings.Contains(string(out), "has ended, and what had joined") {
			t.Errorf("round %d: %v\n%s", i, err, out)
		}
		if err == nil {
			again++
		}
		first.Wait()
	}
	if n := strings.Count(bed.Read(t, kept+"/log"), "second"); n < again {
		t.Errorf("%d starts have run, and %d have said so", again, n)
	}
	t.Logf("%d ran to their end", again)
}

// An app that stops whatever enters its sandbox does not hang those who want to join it, nor what waits for
// them; and it can be ended.
func TestJoinStopped(t *testing.T) {
	h := newHost(t)
	h.joining(t, `mkdir ~/first 2>/dev/null || exec echo joined
exec perl -e 'while (1) { for my $p ($$ + 1 .. $$ + 40) { kill "STOP", $p } }'
`)
	t.Cleanup(func() { h.Command("snug", "kill", "--all").Run() })
	h.Must("snug", "run", "--detach", "Join")
	held := 0
	for round := 0; held < 2 && round < 5; round++ { // one may be faster, and be stopped when it runs
		cmd := h.Command("snug", "run", "Join")
		var text strings.Builder
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &text, &text, time.Second // the stopped one has them open
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(15*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		if late.Stop() && !cmd.ProcessState.Success() {
			held++
			if !strings.Contains(text.String(), "lets nothing join it") || !strings.Contains(text.String(), "hint: end it: snug stop Join") {
				t.Errorf("%v: %s", cmd.ProcessState, text.String())
			}
		}
	}
	if held == 0 {
		t.Error("no start was told that it cannot join")
	}
	h.Must("snug", "stop", "Join")
}
