package bwrap_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/tests/need"
)

// TestUpstream runs bubblewrap's own tests with both programs. They are fetched, and none of them is
// in this tree:
//
//	UPSTREAM=1 sh tests/run.sh go test ./tests/bwrap -run Upstream -v
//
// What the installed bubblewrap passes, ours passes too, and more of a newer one's.
func TestUpstream(t *testing.T) {
	if os.Getenv("UPSTREAM") == "" {
		need.Elsewhere(t, "wanted UPSTREAM=1, to fetch bubblewrap's tests over the network; got a run without")
	}
	ours, theirs := programs(t)
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, ".cache", "snug-upstream") // what is below /tmp their tests hide
	if out, err := combinedFor(10*time.Minute, exec.Command("sh", "upstream.sh", dir)); err != nil {
		need.Missingf(t, "wanted bubblewrap's tests from deb.debian.org, got %v: %.2000s", err, out)
	}
	for _, suite := range []string{"bookworm", "trixie"} {
		version, _ := os.ReadFile(filepath.Join(dir, suite, "version"))
		for _, script := range []string{"test-run.sh", "test-seccomp.py", "test-specifying-userns.sh", "test-specifying-pidns.sh", "test-sandbox.py"} {
			path := filepath.Join(dir, suite, "tests", script)
			if _, err := os.Stat(path); err != nil {
				continue // the older has fewer
			}
			want, got := tap(t, dir, path, theirs), tap(t, dir, path, ours)
			t.Logf("%s of %s: bubblewrap %s, snug %s", script, strings.TrimSpace(string(version)), want, got)
			for _, name := range slices.Sorted(maps.Keys(want.passed)) {
				if !got.passed[name] {
					t.Errorf("%s: bubblewrap passes %q, snug does not\n%s", script, name, got.tail)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got.failed)) {
				t.Logf("not passed: %s", name)
			}
		}
	}
}

// points are the results of one script (testanything.org).
type points struct {
	passed, failed map[string]bool
	skipped        int
	tail           string
}

func (p points) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", len(p.passed), len(p.failed), p.skipped)
}

// tap runs a script with a program in its place. A script that ends early fails in one more point.
func tap(t *testing.T, dir, path, program string) points {
	t.Helper()
	interpreter := "/bin/bash"
	if strings.HasSuffix(path, ".py") {
		interpreter = "/usr/bin/python3"
	}
	cmd := exec.Command(interpreter, path)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(os.Environ(), "BWRAP="+program, "BWRAP_MUST_WORK=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+dir+"/python/usr/lib/python3/dist-packages", "G_TEST_SRCDIR="+filepath.Dir(cmd.Dir), "G_TEST_BUILDDIR="+filepath.Dir(cmd.Dir))
	out, err := combinedFor(3*time.Minute, cmd)
	p := points{map[string]bool{}, map[string]bool{}, 0, out[max(0, len(out)-1500):]}
	for _, m := range regexp.MustCompile(`(?m)^(not )?ok\b(?: *(\d+))?[ -]*(.*)$`).FindAllStringSubmatch(out, -1) {
		name := strings.TrimSpace(m[3])
		switch {
		case strings.Contains(name, "# SKIP"):
			p.skipped++
		case m[1] != "":
			p.failed[name] = true
		default:
			p.passed[name] = true
		}
	}
	if err != nil && len(p.failed) == 0 {
		p.failed["the rest"] = true
	}
	return p
}
