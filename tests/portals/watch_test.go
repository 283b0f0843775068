package portals_test

import (
	"encoding/json"
	"strings"
	"testing"

	"snug/tests/bed"
)

// held starts an app of a manifest that waits until the test ends, and calls a name that it may not.
func (d *desk) held(id string) {
	d.Helper()
	call := strings.Join(gdbus("com.example.Hidden", "/x", "com.example.Host.Do"), " ")
	talk := strings.Join(gdbus("com.example.Talk", "/x", "com.example.Host.Do"), " ")
	d.manifest(id, `command = ["sh", "-c", "`+call+`; `+call+`; touch $HOME/called; while :; do `+talk+`; sleep 0.1; done"]`+"\n",
		"[home]\nmode = \"private\"\n[bus.session]\ntalk = [\"com.example.Talk\"]\n")
	d.Outside("snug", "run", "--detach", id)
	d.Cleanup(func() { d.Outside("snug", "kill", id) })
	d.Poll("the app has called", func() bool { return strings.Contains(d.Outside("snug", "exec", id, "--", "ls", d.Home), "called") })
}

// Who watches hears what was refused before, once each, and what is decided from then on.
func TestWatch(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk", "com.example.Hidden")
	const id = "org.example.App"
	d.held(id)
	out := d.Outside("snug", "watch", "--once", id)
	if strings.Count(out, "com.example.Host.Do to com.example.Hidden") != 1 || !strings.Contains(out, "(2 times)\n") {
		t.Errorf("refused so far:\n%s", out)
	}
	_, grant, _ := strings.Cut(out, "to allow it: snug grant org.example.App 'bus.session.call=com.example.Hidden=com.example.Host.Do@/x' --keep")
	if grant == "" {
		t.Errorf("no grant to paste in:\n%s", out)
	}
	var line map[string]any
	for l := range strings.Lines(d.Outside("snug", "watch", "--once", "--json", "--refused", id)) {
		if err := json.Unmarshal([]byte(l), &line); err != nil || line["refused"] != true || line["broker"] != "session" {
			t.Errorf("%v in %s", err, l)
		}
	}
	live := d.Outside("timeout", "2", "snug", "watch", id)
	if strings.Count(live, "session  pass    call com.example.Host.Do to com.example.Talk") < 2 {
		t.Errorf("live:\n%s", live)
	}
	if quiet := d.Outside("timeout", "1", "snug", "watch", "--refused", id); strings.Contains(quiet, "com.example.Talk") {
		t.Errorf("only what is refused:\n%s", quiet)
	}
}

// A watch ends with its app, one that does not read holds up nobody, and what has no broker says so.
func TestWatchEnds(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk", "com.example.Hidden")
	const id = "org.example.App"
	d.held(id)
	d.Start("sh", "-c", "snug watch "+id+" | sleep 1000")
	d.Start("sh", "-c", "snug watch "+id+" >/dev/null; touch "+d.Dir+"/ended; exec sleep 1000")
	d.Outside("snug", "stop", id)
	d.Poll("the watch has ended", func() bool { return bed.Exists(d.Dir + "/ended") })
	d.Outside("snug", "run", "--detach", "--name", "bare", "--", "sleep", "1000")
	d.Cleanup(func() { d.Outside("snug", "kill", "bare") })
	if out := d.Outside("snug", "watch", "bare"); !strings.Contains(out, `"bare" has no broker, so there is nothing to watch`) {
		t.Error(out)
	}
}
