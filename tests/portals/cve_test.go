package portals_test

import (
	"strconv"
	"strings"
	"testing"
)

// What was published of others' filters, sent through a running sandbox. Each has its control: the
// same program outside, where nothing filters, or the part of it that is allowed.
func TestPublishedHoles(t *testing.T) {
	d := newDesk(t)
	hidden := d.peer(d.Socket(), nil, "com.example.Hidden")
	rules := d.peer(d.Socket(), nil, "com.example.Rules")
	d.peer(d.Socket(), nil, "com.example.Talk")
	flags := granted + " --bus-session-call com.example.Rules=com.example.Host.*@/x " + canRead(t)

	t.Run("CVE-2018-6560 white space after BEGIN", func(t *testing.T) {
		out := d.inside(flags, probe(t), "begin")
		if hidden.heard("Secret") || strings.Contains(out, "did Secret") || !strings.HasSuffix(out, "refused\n") {
			t.Errorf("want every spelling cut or refused, and the last, right one refused, got\n%s", out)
		}
		if out := d.Outside(probe(t), "begin"); !hidden.heard("Secret") || !strings.HasSuffix(out, "did Secret\n") {
			t.Errorf("control: outside want the right spelling to get through, got\n%s", out)
		}
	})
	t.Run("CVE-2026-94422 a call that looks like a reply", func(t *testing.T) {
		out := d.inside(flags, probe(t), "reply")
		if hidden.heard("Secret") || strings.Contains(out, "did Secret") {
			t.Errorf("it was heard:\n%s", out)
		}
		if out := d.Outside(probe(t), "reply"); !hidden.heard("Secret") || !strings.Contains(out, "return did Flush") {
			t.Errorf("control: outside want it heard, got\n%s", out)
		}
	})
	t.Run("xdg-dbus-proxy dea3530 a path of 259 bytes", func(t *testing.T) {
		out := d.inside(flags, probe(t), "path")
		if rules.heard("Secret") || !strings.Contains(out, "AccessDenied") {
			t.Errorf("want the path refused, got\n%s", out)
		}
		if out := d.inside(flags, probe(t), "path"); !rules.heard("Allowed") || !strings.Contains(out, "return did Allowed") {
			t.Errorf("control: want the rule to hold for its own path, got\n%s", out)
		}
		if out := d.Outside(probe(t), "path"); !rules.heard("Secret") {
			t.Errorf("control: outside want it heard, got\n%s", out)
		}
	})
}

// The two buses do not agree on what BEGIN and a word is. Where the bus goes on reading lines, a message
// that the filter lets through could hold lines, and behind them everything.
func TestSmuggledBegin(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *desk{"dbus-daemon": newDesk, "dbus-broker": newBrokerDesk} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			hidden := d.peer(d.Socket(), nil, "com.example.Hidden")
			for _, word := range []string{" foo", " ", " \\t", ""} {
				out := d.inside(granted+" "+canRead(t), probe(t), "smuggle", word)
				if hidden.heard("Secret") || strings.Contains(out, "did Secret") {
					t.Errorf("BEGIN%q: it was heard: %s", word, out)
				}
			}
			if name != "dbus-broker" {
				return
			}
			if out := d.Outside(probe(t), "smuggle", " foo"); !hidden.heard("Secret") {
				t.Errorf("control: outside want it heard, got %s", out)
			}
		})
	}
}

// One app cannot take the bus from others: not by names, of which every program is told, nor by
// connections, of which a person has so many.
func TestNoAppTakesTheBus(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk")
	var names []string
	for i := range 700 {
		names = append(names, "org.mpris.MediaPlayer2.org.example.App."+strings.Repeat("x", 200)+strconv.Itoa(i))
	}
	d.peer(d.Socket(), nil, names[:350]...) // outside, where only the bus counts
	d.peer(d.Socket(), nil, names[350:]...)
	if out := d.inside(app+"Settings "+granted+" "+canRead(t), probe(t), "hello"); !strings.Contains(out, ":1.") {
		t.Errorf("with 700 long names on the bus: %s", out)
	}
}
