package bus_test

import (
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

type sameCase struct {
	name string
	bus.Message
	differs string // why ours does something else on purpose
	ours    string // what ours does then
}

// same are messages that go through both programs.
func same(w *world) []sameCase {
	var all []sameCase
	add := func(name string, m bus.Message, differs ...string) {
		if m.Serial == 0 {
			m.Serial = 10
		}
		c := sameCase{name: name, Message: m}
		if len(differs) > 0 {
			c.differs, c.ours = differs[0], differs[1]
		}
		all = append(all, c)
	}
	call := func(to, member string) bus.Message {
		return bus.Message{Type: bus.Call, Path: "/x/y", Interface: "a.b", Member: member, Destination: to}
	}
	flags := func(m bus.Message, flags byte) bus.Message { m.Flags = flags; return m }
	kind := func(m bus.Message, kind byte) bus.Message { m.Type = kind; return m }
	at := func(m bus.Message, path string) bus.Message { m.Path = path; return m }
	iface := func(m bus.Message, iface string) bus.Message { m.Interface = iface; return m }

	for _, name := range []string{"See", "Talk", "Rules", "Hidden", "Nobody", "Tree.x", "Own.x"} {
		to := "com.example." + name
		add("call "+name, call(to, "Do"))
		add("call without an interface "+name, iface(call(to, "Do"), ""))
		add("call without start "+name, flags(call(to, "Do"), 2))
		add("call without answer "+name, flags(call(to, "Do"), 1))
		add("signal "+name, kind(call(to, "Do"), bus.Signal))
		if s := w.services[name]; s != nil {
			add("call unique "+name, call(s.Unique, "Do"))
			add("signal unique "+name, kind(call(s.Unique, "Do"), bus.Signal))
		}
		for _, member := range []string{"NameHasOwner", "GetNameOwner", "ReleaseName", "ListQueuedOwners", "GetConnectionUnixUser", "GetConnectionUnixProcessID"} {
			if member == "GetConnectionUnixProcessID" && w.services[name] != nil {
				continue
			}
			add(member+" "+name, bus.ToBus(member, 0, to))
		}
		add("RequestName "+name, bus.RequestName(to, 0))
	}
	add("call by rule, another path", at(call("com.example.Rules", "Do"), "/xy"))
	add("call by rule, the path itself", at(call("com.example.Rules", "Do"), "/x"))
	add("call by rule, another member", call("com.example.Rules", "Undo"))
	add("call by rule, an interface", iface(call("com.example.Rules", "Any"), "a.c"))
	add("GetConnectionCredentials", bus.ToBus("GetConnectionCredentials", 0, "com.example.Hidden"))
	add("GetConnectionSELinuxSecurityContext", bus.ToBus("GetConnectionSELinuxSecurityContext", 0, "com.example.Hidden"))
	add("GetAdtAuditSessionData", bus.ToBus("GetAdtAuditSessionData", 0, "com.example.See"))
	add("ListNames", bus.ToBus("ListNames", 0))
	add("ListActivatableNames", bus.ToBus("ListActivatableNames", 0))
	add("GetId without answer", flags(bus.ToBus("GetId", 0), 1))
	add("AddMatch", bus.ToBus("AddMatch", 0, "type='signal'"))
	add("AddMatch eavesdrop", bus.ToBus("AddMatch", 0, "eavesdrop='true'"))
	add("AddMatch eavesdrop with white space", bus.ToBus("AddMatch", 0, "eavesdrop \t='true'"),
		"CVE-2026-34080: before its fix it passed", "error AccessDenied")
	add("AddMatch of a value that is called so", bus.ToBus("AddMatch", 0, "arg0='eavesdrop'"),
		"buses differ in what they skip, so the word is refused anywhere", "error AccessDenied")
	for _, m := range []string{"Properties.GetAll", "Peer.Ping", "Peer.GetMachineId", "Monitoring.BecomeMonitor", "Introspectable.Introspect", "Nonsense.Do"} {
		i, member, _ := strings.Cut(m, ".")
		if m == "Introspectable.Introspect" {
			continue // the answer has many lines, the same as without a filter
		}
		add(m, iface(bus.ToBus(member, 0), "org.freedesktop.DBus."+i))
	}
	add("UpdateActivationEnvironment", bus.ToBus("UpdateActivationEnvironment", 0))
	add("ReloadConfig", bus.ToBus("ReloadConfig", 0))
	add("no interface", iface(bus.ToBus("ListNames", 0), ""))
	add("broadcast", kind(call("", "Do"), bus.Signal))
	add("a call to nobody", call("", "Do"),
		"a bus has no use for it; with an error the caller need not wait for ever", "error AccessDenied")
	add("a reply to nothing", bus.Message{Type: bus.Return, ReplySerial: 3, Destination: "com.example.Talk"})
	add("an error to nothing", bus.Message{Type: bus.Error, ReplySerial: 3, Error: "a.b", Destination: w.services["Talk"].Unique})
	for _, name := range []string{"Hidden", "See", "Rules"} {
		m := call("com.example."+name, "Undo")
		m.ReplySerial = 3
		differs := []string{"CVE-2026-94422: up to 0.1.7 it passed", "error AccessDenied"}
		if name == "Hidden" {
			differs[1] = "error ServiceUnknown"
		}
		add("a call with the serial of a reply "+name, m, differs...)
	}
	big := call("com.example.Talk", "Do")
	big.Big = true
	add("big endian", big)
	big.Destination = "com.example.Hidden"
	add("big endian, hidden", big)
	add("a path of 259 bytes", at(call("com.example.Rules", "Do"), "/x/"+strings.Repeat("y", 256)),
		"0.1.4 reads the length of a path as one byte", "return did Do; Rules heard call a.b.Do")
	add("a serial near the end", bus.Message{Serial: 1<<32 - 200, Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Talk"},
		"there are no serials that an app may not use", "return did Do; Talk heard call .Do")

	faulty := func(name string, do func(*bus.Message)) {
		m := call("com.example.Talk", "Do")
		do(&m)
		add(name, m)
	}
	faulty("a path that is none", func(m *bus.Message) { m.Path = "x" })
	faulty("no member", func(m *bus.Message) { m.Member = "" })
	faulty("type 5", func(m *bus.Message) { m.Type = 5 })
	faulty("the local interface", func(m *bus.Message) { m.Type, m.Interface = bus.Signal, "org.freedesktop.DBus.Local" })
	faulty("descriptors that are not there", func(m *bus.Message) { m.Count = 2 })
	return all
}

// TestSame sends the same messages through both programs.
func TestSame(t *testing.T) {
	w := newWorld(t)
	theirs := need.Program(t, "xdg-dbus-proxy")
	ourPath, theirPath := w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus, options...), w.filter(theirs, w.bus, options...)
	for _, c := range same(w) {
		t.Run(c.name, func(t *testing.T) {
			want, got := w.outcome(theirPath, c.Message), w.outcome(ourPath, c.Message)
			if c.differs != "" {
				if got != c.ours {
					t.Errorf("%s:\nwant %s\ngot  %s", c.differs, c.ours, got)
				}
				if want == got {
					t.Logf("this xdg-dbus-proxy does the same, other versions do not: %s", c.differs)
				}
				return
			}
			if got != want {
				t.Errorf("\nxdg-dbus-proxy: %s\nours:           %s", want, got)
			}
		})
	}
}
