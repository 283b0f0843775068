package portals

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAutostart(t *testing.T) {
	for _, want := range []Autostart{{}, {On: true}, {On: true, Command: []string{"app"}, Asked: 1 << 40}, {Command: []string{"app", "", "--x y"}}} {
		packet, err := want.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseAutostart(packet)
		if err != nil {
			t.Errorf("%q: %v", packet, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", packet, diff)
		}
	}
	for _, bad := range []Autostart{{Command: []string{"a\x00b"}}, {Command: make([]string, maxWords+1)}, {Command: []string{strings.Repeat("x", maxAutostart)}}} {
		if packet, err := bad.encode(); err == nil {
			t.Errorf("encoded as %d bytes", len(packet))
		}
	}
	for _, bad := range []string{"", "2", "1x", "x", "1" + strings.Repeat("\x00", maxWords+1), "1\x00" + strings.Repeat("x", maxAutostart)} {
		if got, err := ParseAutostart([]byte("\x00\x00\x00\x00\x00\x00\x00\x00" + bad)); err == nil {
			t.Errorf("%.20q: %v", bad, got)
		}
	}
}

// FuzzParseAutostart: what a supervisor reads is spelled so that it is read alike.
func FuzzParseAutostart(f *testing.F) {
	f.Add([]byte("12345678" + "1\x00app\x00--x"))
	f.Add([]byte("123456780"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		a, err := ParseAutostart(packet)
		if err != nil {
			return
		}
		again, err := a.encode()
		if err != nil || string(again) != string(packet) {
			t.Fatalf("%q: %q, %v", packet, again, err)
		}
	})
}
