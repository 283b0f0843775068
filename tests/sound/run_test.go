package sound_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"

	"snug/tests/bed"
)

// desktop answers what notifications ask.
type desktop struct {
	conn          *dbus.Conn
	press         string // the label of the action
	text          atomic.Value
	asked, closed atomic.Int32
}

func (d *desktop) GetCapabilities() ([]string, *dbus.Error) { return []string{"actions"}, nil }

func (d *desktop) Notify(app string, replaces uint32, icon, title, text string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	id := uint32(d.asked.Add(1))
	d.text.Store(text)
	if i := slices.Index(actions, d.press); i > 0 {
		go d.conn.Emit("/org/freedesktop/Notifications", "org.freedesktop.Notifications.ActionInvoked", id, actions[i-1])
	}
	return id, nil
}

func (d *desktop) CloseNotification(uint32) *dbus.Error { d.closed.Add(1); return nil }

// desktopOf shows notifications in a room, whose bus it starts.
func desktopOf(r *room, press string) *desktop {
	r.Helper()
	conn, err := dbus.Connect("unix:path=" + r.Socket())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	d := &desktop{conn: conn, press: press}
	conn.Export(d, "/org/freedesktop/Notifications", "org.freedesktop.Notifications")
	if _, err := conn.RequestName("org.freedesktop.Notifications", 0); err != nil {
		r.Fatal(err)
	}
	return d
}

// By snug itself: an app plays, does not record, and when it may ask, the person's answer is kept as a line of the
// app's manifest.
func TestRun(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		inside := r.at(r.server)
		play := r.tone(440, 0.5, 1)
		wantTone(t, inside.listen("nsink.monitor", func() { inside.Must("snug", "run", "--sound-play", "--read", play, "--", "paplay", play) }), 440, 0.5)
		if out := inside.Outside("snug", "run", "--sound-play", "--", "timeout", "10", "parec", "--device=vmic"); !strings.Contains(out, "Access denied") {
			t.Errorf("it records: %q", out[:min(len(out), 100)])
		}

		if !bed.Exists(r.Socket()) {
			r.Bus()
		}
		inside.Env = append(inside.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+r.Socket())
		const id = "org.example.Recorder"
		bed.Write(t, filepath.Join(r.Home, ".config/snug/apps", id+".toml"), "schema = 1\nid = \""+id+"\"\ncommand = [\"timeout\", \"2\", \"parec\", \"--device=vmic\", \"/dev/null\"]\n[sound]\nrecord = \"ask\"\n")
		d := desktopOf(r, "Always allow")
		for range 2 {
			if out := inside.Outside("snug", "run", id); strings.Contains(out, "Access denied") || d.asked.Load() != 1 {
				t.Errorf("asked %d times: %s", d.asked.Load(), out)
			}
		}
		if text, _ := d.text.Load().(string); text != id+" wants to record from the microphone." {
			t.Errorf("the question is %q", text)
		}
		if out := inside.Must("snug", "explain", id); !strings.Contains(out, "record from the microphone") || !strings.Contains(out, "50-local.toml") {
			t.Errorf("explain:\n%s", out)
		}
	})
}

// Nobody is there to be asked: it is told what a person can do.
func TestNobodyToAsk(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		out := r.at(r.server).Outside("snug", "run", "--sound-record", "ask", "--", "timeout", "10", "parec", "--device=vmic", "/dev/null")
		if !strings.Contains(out, "Access denied") || !strings.Contains(out, "nobody can be asked") || !strings.Contains(out, "hint: --sound-record allow") {
			t.Errorf("got %s", out)
		}
	})
}
