package bwrap_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
)

// TestFlatpakFilter lets Flatpak start snug-dbus-proxy where it starts xdg-dbus-proxy, in the sandbox
// that it makes for it, by bubblewrap and by snug-bwrap.
func TestFlatpakFilter(t *testing.T) {
	ours, theirs := programs(t)
	f := newFlatpak(t)
	f.buildApp(t, theirs)
	filter := bed.Built(t, "snug-dbus-proxy")
	for _, c := range flatpakCases("/nowhere", "1") {
		if !c.bus {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			line := words([]string{"flatpak", "run", "--user", "--no-a11y-bus", "--command=sh"}, strings.Fields(c.options), []string{appID, "-c", c.script})
			session := []string{"dbus-run-session", "--config-file=" + f.bus, "--"}
			want := f.do(t, theirs, c.stdin, words(session, line)...)
			if want.status != c.status || !strings.HasPrefix(want.stdout, c.stdout) {
				t.Fatalf("xdg-dbus-proxy does not do this: exit status %d, want %d\n%s%s", want.status, c.status, want.stdout, want.stderr)
			}
			for _, launcher := range []string{theirs, ours} {
				used := filepath.Join(t.TempDir(), "used")
				wrapper := used + ".sh"
				bed.Write(t, wrapper, "#!/bin/sh\necho yes >"+used+"\nexec "+filter+" \"$@\"\n")
				got := f.do(t, launcher, c.stdin, words(session, []string{"env", "FLATPAK_DBUSPROXY=" + wrapper}, line)...)
				if got.status != want.status {
					t.Errorf("%s: exit status: got %d, want %d\n%s", filepath.Base(launcher), got.status, want.status, got.stderr)
				}
				if diff := cmp.Diff(want.stdout, got.stdout); diff != "" && c.name != "spawned with less" { // that lists the sandbox's own numbers
					t.Errorf("%s: standard output (-xdg-dbus-proxy +snug):\n%s", filepath.Base(launcher), diff)
				}
				if !bed.Exists(used) && c.name != "whole bus" {
					t.Errorf("%s: Flatpak did not start the filter", filepath.Base(launcher))
				}
			}
		})
	}
}
