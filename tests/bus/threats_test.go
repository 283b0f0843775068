package bus_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"snug/portals/dbus"
	"snug/portals/decisions"
	"snug/tests/bed"
	"snug/tests/bus"
)

// serveOurs stands before the bus in this process, with a policy, and gives the socket.
func (w *world) serveOurs(p dbus.Policy) string {
	w.Helper()
	path := w.Dir + "/" + strings.ReplaceAll(time.Now().Format("150405.000000000"), ".", "")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		w.Fatal(err)
	}
	f, err := l.File()
	if err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- dbus.Serve(ctx, dbus.Bus{Listener: f, Address: "unix:path=" + w.bus, Policy: p, Log: decisions.New(io.Discard, nil), Name: "test"})
	}()
	w.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.Error(err)
		}
		f.Close()
		l.Close()
	})
	return path
}

// What programs on the session bus would do for an app, if they could be reached. Each is refused
// through the filter, and the same bytes without it reach who is meant.
func TestThreats(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"org.freedesktop.Flatpak", "org.freedesktop.systemd1", "ca.desrt.dconf", "org.a11y.atspi.Registry"} {
		w.named(name)
	}
	call := func(name, path, method string) bus.Message {
		i := strings.LastIndexByte(method, '.')
		return bus.Message{Type: bus.Call, Destination: name, Path: path, Interface: method[:i], Member: method[i+1:]}
	}
	path := w.serveOurs(dbus.Policy{Talk: []string{"com.example.Talk"}, See: []string{"com.example.See"}})
	for _, c := range []struct {
		name string
		bus.Message
		want string
	}{
		{"D1 a command on the host", call("org.freedesktop.Flatpak", "/org/freedesktop/Flatpak/Development", "org.freedesktop.Flatpak.Development.HostCommand"), "ServiceUnknown"},
		{"D2 a unit of systemd", call("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager.StartTransientUnit"), "ServiceUnknown"},
		{"D3 settings", call("ca.desrt.dconf", "/ca/desrt/dconf/Writer/user", "ca.desrt.dconf.Writer.Change"), "ServiceUnknown"},
		{"D4 eavesdropping", bus.ToBus("AddMatch", 0, "eavesdrop=true"), "AccessDenied"},
		{"D4 with white space", bus.ToBus("AddMatch", 0, "eavesdrop  =true"), "AccessDenied"},
		{"D4 a monitor", monitor(), "AccessDenied"},
		{"D5 the environment of services", environment(), "AccessDenied"},
		{"D6 other programs' widgets", call("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root", "org.a11y.atspi.Accessible.GetChildren"), "ServiceUnknown"},
		{"D8 another's name", bus.RequestName("org.freedesktop.Notifications", 0), "ServiceUnknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := w.once(path, c.Message)
			if err != nil || m.Type != bus.Error || !strings.HasSuffix(m.Error, c.want) {
				t.Errorf("want %s, got %+v, %v", c.want, m, err)
			}
			if m, err := w.once(w.bus, c.Message); err != nil || m.Type != bus.Return {
				t.Errorf("without the filter, want success, got %+v, %v", m, err)
			}
		})
	}
}

// named is a service with any name.
func (w *world) named(name string) {
	w.Helper()
	s := w.serve("X" + strings.ReplaceAll(name, ".", ""))
	if m := w.ask(w.tester, bus.ToBus("GetNameOwner", 0, name)); m.Type == bus.Return {
		w.Fatalf("%s has an owner", name)
	}
	// The service's own connection is read elsewhere: the request's answer is not waited for.
	m := bus.RequestName(name, 0)
	m.Flags, m.Serial = 1, 900
	if err := s.Send(m); err != nil {
		w.Fatal(err)
	}
	for range 100 {
		if m := w.ask(w.tester, bus.ToBus("GetNameOwner", 0, name)); m.Type == bus.Return {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.Fatalf("%s has no owner", name)
}

// once sends one message on a connection of its own.
func (w *world) once(path string, m bus.Message) (bus.Message, error) {
	c, err := bus.Dial(path)
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	return c.Ask(m)
}

func monitor() bus.Message {
	m := bus.ToBus("BecomeMonitor", 0)
	m.Interface = "org.freedesktop.DBus.Monitoring"
	m.Signature, m.Body = "asu", "\x00\x00\x00\x00\x00\x00\x00\x00"
	return m
}

func environment() bus.Message {
	m := bus.ToBus("UpdateActivationEnvironment", 0)
	m.Signature, m.Body = "a{ss}", "\x00\x00\x00\x00\x00\x00\x00\x00"
	return m
}

// D7: signals for all leave by rule only.
func TestOutgoingBroadcast(t *testing.T) {
	w := newWorld(t)
	shout := bus.Message{Type: bus.Signal, Path: "/x", Interface: "a.b", Member: "Shout", Serial: 50}
	for _, c := range []struct {
		name, path string
		want       bool
	}{
		{"without the filter", w.bus, true},
		{"without a rule", w.serveOurs(dbus.Policy{Talk: []string{"com.example.Talk"}}), false},
		{"with a rule", w.serveOurs(dbus.Policy{Emit: []string{"a.b.Shout@/x/*"}}), true},
		{"with another path's rule", w.serveOurs(dbus.Policy{Emit: []string{"a.b.Shout@/y/*"}}), false},
		{"with xdg-dbus-proxy's words", w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus, "--filter"), true},
	} {
		if got := strings.Contains(w.outcome(c.path, shout), "Talk heard signal a.b.Shout"); got != c.want {
			t.Errorf("%s: heard %v", c.name, got)
		}
	}
}

// Broadcasts arrive by rule: a rule for one signal does not let others in, as it does in 0.1.6 and
// 0.1.7 of the peer; and only once their sender is known to own the name.
func TestIncomingBroadcast(t *testing.T) {
	w := newWorld(t)
	direct, c := w.Dial(w.bus), w.Dial(w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus, options...))
	for _, conn := range []*bus.Conn{direct, c} {
		w.ask(conn, bus.ToBus("AddMatch", 0, "type='signal'"))
	}
	for i, name := range []string{"Talk", "Rules", "See", "Hidden"} {
		for _, member := range []string{"Changed", "Other"} {
			w.services[name].Send(bus.Message{Type: bus.Signal, Serial: uint32(500 + i), Path: "/x/y", Interface: "a.b", Member: member})
		}
	}
	for _, s := range w.services { // what they sent before has passed the bus when these are answered
		w.ask(w.tester, bus.Message{Type: bus.Call, Path: "/", Member: "Flush", Destination: s.Unique})
	}
	if got := w.signals(direct); got != "Talk.Changed Talk.Other Rules.Changed Rules.Other See.Changed See.Other Hidden.Changed Hidden.Other" {
		t.Errorf("without the filter: %s", got)
	}
	if got := w.signals(c); got != "Talk.Changed Talk.Other Rules.Changed" {
		t.Errorf("with it: %s", got)
	}
}

// signals gives the broadcasts that have arrived, by the names of their senders.
func (w *world) signals(c *bus.Conn) string {
	w.Helper()
	c.Serial++
	if err := c.Send(bus.ToBus("GetId", c.Serial)); err != nil {
		w.Fatal(err)
	}
	got := map[string][]string{}
	for {
		m, err := c.Next()
		if err != nil {
			w.Fatal(err)
		}
		if m.ReplySerial == c.Serial {
			break
		}
		for name, s := range w.services {
			if m.Sender == s.Unique && m.Type == bus.Signal {
				got[name] = append(got[name], name+"."+m.Member)
			}
		}
	}
	var list []string
	for _, name := range []string{"Talk", "Rules", "See", "Hidden"} {
		list = append(list, got[name]...)
	}
	return strings.Join(list, " ")
}

// An owner that comes later is known, and one that gave its name up stays so.
func TestOwnersComeAndGo(t *testing.T) {
	w := newWorld(t)
	c, peer := w.Dial(w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus, options...)), w.Dial(w.bus)
	denied := func() bool {
		w.ask(c, bus.ToBus("GetId", 0)) // news that the bus has sent before has been read now
		m := bus.ToBus("GetConnectionUnixUser", 0, peer.Unique)
		return w.ask(c, m).Type == bus.Error
	}
	if !denied() {
		t.Error("a stranger is visible")
	}
	w.ask(peer, bus.RequestName("com.example.Tree.later", 0))
	if denied() {
		t.Error("a new owner is not visible")
	}
	w.ask(peer, bus.ToBus("ReleaseName", 0, "com.example.Tree.later"))
	if denied() {
		t.Error("who gave the name up is hidden again: messages may still be under way to it")
	}
}
