package relay_test

import (
	"context"
	"net"
	"testing"
	"time"

	"snug/portals/internal/relay"
)

// shy is a judge that is established by the first byte.
type shy struct{ lines }

func (j *shy) Judge(k *relay.Link, from relay.Side, in []byte) (int, error) {
	k.Established()
	return j.lines.Judge(k, from, in)
}

// As many links as may be come in, and as many before their greeting; who waits comes in when one of
// them has ended, or has been greeted.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	host := listen(t, dir+"/host")
	l, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	f, err := listen(t, dir+"/app").File()
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (int, error) { return relay.Dial(dir + "/host") }
	if err := l.Listen(f, relay.Limits{Links: 3, Greeting: 2}, dial, func() relay.Judge { return &shy{} }); err != nil {
		t.Fatal(err)
	}
	f.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	defer func() {
		stop()
		<-ended
		l.Close()
	}()
	var apps []*net.UnixConn
	for range 6 {
		app, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: dir + "/app", Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer app.Close()
		apps = append(apps, app)
	}
	keep := make([]*net.UnixConn, 0, 6)
	// accept takes at the host what comes in, until nobody has come for a while.
	accept := func() (n int) {
		for {
			host.SetDeadline(time.Now().Add(300 * time.Millisecond))
			c, err := host.AcceptUnix()
			if err != nil {
				return n
			}
			keep = append(keep, c)
			n++
		}
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"two may be greeted at a time", func() {}, 2},
		{"one is greeted, so a third comes", func() { apps[0].Write([]byte("x\n")) }, 1},
		{"another is greeted, but three is all", func() { apps[1].Write([]byte("x\n")) }, 0},
		{"one ends", func() { apps[0].Close() }, 1},
		{"and another, before its greeting", func() { apps[2].Close() }, 1},
	} {
		step.do()
		if got := accept(); got != step.want {
			t.Errorf("%s: %d came, want %d", step.name, got, step.want)
		}
	}
	for _, c := range keep {
		c.Close()
	}
}

// Where there is no greeting, silence ends nothing, and all come in that may.
func TestNoGreetingAskedFor(t *testing.T) {
	dir := t.TempDir()
	host := listen(t, dir+"/host")
	l, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	f, err := listen(t, dir+"/app").File()
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (int, error) { return relay.Dial(dir + "/host") }
	if err := l.Listen(f, relay.Limits{Links: 3}, dial, func() relay.Judge { return &lines{} }); err != nil {
		t.Fatal(err)
	}
	f.Close()
	closed := 0
	l.Closing(func() { closed = l.Links() })
	for range 4 {
		app, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: dir + "/app", Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer app.Close()
	}
	ctx, stop := context.WithCancel(context.Background())
	l.After(50*time.Millisecond, stop)
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if l.Links() != 3 {
		t.Errorf("want 3 of 4, got %d", l.Links())
	}
	host.Close()
	if l.Close(); closed != 3 {
		t.Errorf("want the loop's end told first, with 3 links, got %d", closed)
	}
}
