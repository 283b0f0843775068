package decisions_test

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// watched is a log that a loop serves; tell runs in its goroutine.
type watched struct {
	*decisions.Log
	loop *relay.Loop
	path string
}

func newWatched(t *testing.T, file *strings.Builder) *watched {
	t.Helper()
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{loop: loop, path: t.TempDir() + "/watch"}
	advise := func(broker, grant string) string { return "grant " + broker + " " + grant }
	if file != nil {
		w.Log = decisions.New(file, advise)
	} else {
		w.Log = decisions.New(nil, advise)
	}
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: w.path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Watch(loop, f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	l.SetUnlinkOnClose(false)
	l.Close()
	t.Cleanup(func() { w.Close(); loop.Close() })
	return w
}

// serve lets the loop do what waits.
func (w *watched) serve(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w.loop.After(5*time.Millisecond, stop)
	if err := w.loop.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) dial(t *testing.T) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: w.path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	w.serve(t)
	return c
}

func (w *watched) refuse(what string, serial uint64) {
	n := w.Begin("test", 1, true)
	n.Number("serial", serial)
	n.String("what", what)
	n.Refuse("refuse", "key="+what)
}

// lines reads what waits.
func lines(t *testing.T, c *net.UnixConn) (list []map[string]any) {
	t.Helper()
	b := make([]byte, 64<<10)
	for {
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := c.Read(b)
		if err != nil || n == 0 {
			return list
		}
		var m map[string]any
		if err := json.Unmarshal(b[:n], &m); err != nil {
			t.Fatalf("%v: %q", err, b[:n])
		}
		if m["kept"] != nil {
			continue
		}
		list = append(list, m)
	}
}

func TestWatch(t *testing.T) {
	w := newWatched(t, nil)
	if w.Begin("test", 1, false) != nil {
		t.Error("a line for nobody")
	}
	for serial := range uint64(5) {
		w.refuse("a", serial)
	}
	w.refuse("b", 9)
	c := w.dial(t)
	got := lines(t, c)
	if len(got) != 2 || got[0]["what"] != "a" || got[0]["count"] != 5.0 || got[1]["what"] != "b" || got[1]["advice"] != "grant test key=b" {
		t.Fatalf("refused so far: %v", got)
	}
	n := w.Begin("test", 2, false)
	n.String("what", "\x1b[2J\u202e"+strings.Repeat("x", 1<<20))
	n.Tell("pass")
	got = lines(t, c)
	if len(got) != 1 || len(got[0]["what"].(string)) > 500 || got[0]["decision"] != "pass" {
		t.Fatalf("live: %v", got)
	}
	c.Close()
	w.refuse("c", 1)
	if w.Begin("test", 1, false) != nil {
		t.Error("who has gone is still told")
	}
}

// TestSlow: who does not read holds up nobody, and hears how much was missed.
func TestSlow(t *testing.T) {
	w := newWatched(t, nil)
	c := w.dial(t)
	lines(t, c)
	const all = 20000
	for range all {
		n := w.Begin("test", 1, false)
		n.String("what", "x")
		n.Tell("pass")
	}
	got := lines(t, c)
	n := w.Begin("test", 1, false)
	n.Tell("last")
	after := lines(t, c)
	if len(got) == all || len(after) != 2 || after[0]["missed"] != float64(all-len(got)) || after[1]["decision"] != "last" {
		t.Errorf("%d lines, then %v", len(got), after)
	}
}

// TestGreetingArrives: an app that fills the room for refusals with the longest ones does not keep who comes
// later, and reads only then, from the end of them.
func TestGreetingArrives(t *testing.T) {
	w := newWatched(t, nil)
	for i := range 64 {
		n := w.Begin("test", 1, true)
		for _, key := range []string{"what", "path", "member", "destination"} {
			n.String(key, strconv.Itoa(i)+strings.Repeat("\x1b", 1000))
		}
		n.Refuse("refuse", "")
	}
	c := w.dial(t)
	packet := make([]byte, 64<<10)
	c.SetReadDeadline(time.Now().Add(time.Second))
	for told := 0; ; told++ {
		n, err := c.Read(packet)
		if err != nil {
			t.Fatalf("%d refusals, and then %v", told, err)
		}
		if string(packet[:n]) == `{"kept":`+strconv.Itoa(told)+"}\n" && told > 4 {
			return
		}
	}
}

func TestWatchersAreBounded(t *testing.T) {
	w := newWatched(t, nil)
	for range 8 {
		w.dial(t)
	}
	if _, err := w.dial(t).Read(make([]byte, 1)); err == nil {
		t.Error("a ninth watcher")
	}
}

func TestFile(t *testing.T) {
	var out strings.Builder
	w := newWatched(t, &out)
	w.refuse(`a"\`+"\n", 3)
	var m map[string]any
	if err := json.Unmarshal([]byte(out.String()), &m); err != nil || m["allow"] != "key=a\"\\\n" || m["broker"] != "test" {
		t.Errorf("%v in %s", err, out.String())
	}
	var none *decisions.Log
	if none.Begin("test", 1, true) != nil {
		t.Error("a nil log is not silent")
	}
}
