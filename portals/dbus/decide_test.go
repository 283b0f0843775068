package dbus

import (
	"encoding/json"
	"strings"
	"testing"

	"snug/portals/decisions"
	"snug/tests/bus"
)

// bed is a state with one peer of each kind:
//
//	:1.1  us            :1.5  owns com.see     :1.8  owns com.rules
//	:1.2  a stranger    :1.6  owns com.talk    :1.9  has called us
//	:1.10 owns com.take-1
func bed(t *testing.T) *state {
	t.Helper()
	p, err := compile(Policy{
		See: []string{"com.see"}, Talk: []string{"com.talk", "com.tree.*"}, Own: []string{"com.own.*"}, Take: []string{"com.take-*"},
		Call:      []NameRule{{"com.rules", "a.b.Do@/x/*"}, {"com.rules", "a.c.*"}},
		Broadcast: []NameRule{{"com.rules", "a.b.Changed"}},
		Emit:      []string{"a.b.Mine@/own/*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newState(p, newFamily(nil), nil)
	s.self = ":1.1"
	for owner, name := range map[string]string{":1.2": "com.hidden", ":1.5": "com.see", ":1.6": "com.talk", ":1.8": "com.rules", ":1.10": "com.take-1"} {
		s.owns([]byte(owner), []byte(name))
	}
	s.deliver([]byte(":1.9"), 77)
	return s
}

// parsed gives the header and body of a message.
func parsed(t *testing.T, m bus.Message) (*header, []byte) {
	t.Helper()
	var h header
	b := m.Bytes()
	if whole, err := h.parse(b); !whole || err != nil {
		t.Fatalf("%+v: %v, %v", m, whole, err)
	}
	return &h, b[h.size:]
}

func plea(to, method string) bus.Message {
	m := bus.Message{Type: bus.Call, Serial: 5, Destination: to, Path: "/x/y"}
	if i := strings.LastIndexByte(method, '.'); i > 0 {
		m.Interface, method = method[:i], method[i+1:]
	}
	m.Member = method
	return m
}

func with(m bus.Message, do func(*bus.Message)) bus.Message {
	do(&m)
	return m
}

// Every row of the table of what an app may send.
func TestOutgoing(t *testing.T) {
	noReply := func(m *bus.Message) { m.Flags = noReplyExpected }
	noStart := func(m *bus.Message) { m.Flags = noAutoStart }
	asSignal := func(m *bus.Message) { m.Type = bus.Signal }
	asReply := func(m *bus.Message) { m.ReplySerial = 77 }
	toBus := func(words ...string) bus.Message { return bus.ToBus(words[0], 5, words[1:]...) }
	const pass, drop, access, unknown, noOwner, no = "pass", "drop", "AccessDenied", "ServiceUnknown", "NameHasNoOwner", "false"
	for _, c := range []struct {
		name string
		bus.Message
		want, allow string
	}{
		{"hidden", plea("com.hidden", "a.b.M"), unknown, "call=com.hidden=a.b.M@/x/y"},
		{"hidden, not to be started", with(plea("com.hidden", "a.b.M"), noStart), noOwner, "call=com.hidden=a.b.M@/x/y"},
		{"hidden, unique", plea(":1.2", "a.b.M"), noOwner, ""},
		{"nobody, unique", plea(":1.99", "a.b.M"), noOwner, ""},
		{"hidden, no answer wanted", with(plea("com.hidden", "a.b.M"), noReply), drop, "call=com.hidden=a.b.M@/x/y"},
		{"hidden, a signal", with(plea("com.hidden", "a.b.M"), asSignal), drop, "call=com.hidden=a.b.M@/x/y"},
		{"own, to be taken", toBus("RequestName", "com.take-2", "u4"), pass, ""},
		{"another's, that could be taken", plea("com.take-1", "a.b.M"), access, "call=com.take-1=a.b.M@/x/y"},
		{"another's, that could be taken, unique", plea(":1.10", "a.b.M"), access, ""},
		{"another's, that could be taken, is there", toBus("NameHasOwner", "com.take-1"), pass, ""},
		{"visible", plea("com.see", "a.b.M"), access, "call=com.see=a.b.M@/x/y"},
		{"visible, unique", plea(":1.5", "a.b.M"), access, ""},
		{"visible, has called us", plea(":1.9", "a.b.M"), access, ""},
		{"visible, a signal", with(plea("com.see", "a.b.M"), asSignal), drop, "call=com.see=a.b.M@/x/y"},
		{"talk", plea("com.talk", "a.b.M"), pass, ""},
		{"talk, no interface", plea("com.talk", "M"), pass, ""},
		{"talk, unique", plea(":1.6", "a.b.M"), pass, ""},
		{"talk, a signal", with(plea("com.talk", "a.b.M"), asSignal), pass, ""},
		{"talk, a tree", plea("com.tree.x", "a.b.M"), pass, ""},
		{"talk, beside a tree", plea("com.treex", "a.b.M"), unknown, "call=com.treex=a.b.M@/x/y"},
		{"own", plea("com.own.x", "a.b.M"), pass, ""},
		{"ourselves", plea(":1.1", "a.b.M"), pass, ""},
		{"a rule", plea("com.rules", "a.b.Do"), pass, ""},
		{"a rule, unique", plea(":1.8", "a.b.Do"), pass, ""},
		{"a rule for an interface", plea("com.rules", "a.c.X"), pass, ""},
		{"a rule, another member", plea("com.rules", "a.b.Undo"), access, "call=com.rules=a.b.Undo@/x/y"},
		{"a rule, another path", with(plea("com.rules", "a.b.Do"), func(m *bus.Message) { m.Path = "/xy" }), access, "call=com.rules=a.b.Do@/xy"},
		{"a rule, no interface", plea("com.rules", "Do"), access, "call=com.rules=@/x/y"},

		{"CVE-2026-94422: a hidden call with the serial of a reply", with(plea("com.hidden", "a.b.M"), asReply), unknown, "call=com.hidden=a.b.M@/x/y"},
		{"the same to who waits for a reply", with(plea(":1.9", "a.b.M"), asReply), access, ""},
		{"a signal with it", with(with(plea(":1.9", "a.b.M"), asSignal), asReply), drop, ""},
		{"a reply that is due", bus.Message{Type: bus.Return, Serial: 5, ReplySerial: 77, Destination: ":1.9"}, pass, ""},
		{"an error that is due", bus.Message{Type: bus.Error, Serial: 5, ReplySerial: 77, Destination: ":1.9", Error: "a.b"}, pass, ""},
		{"to another", bus.Message{Type: bus.Return, Serial: 5, ReplySerial: 77, Destination: ":1.2"}, drop, ""},
		{"with another serial", bus.Message{Type: bus.Return, Serial: 5, ReplySerial: 78, Destination: ":1.9"}, drop, ""},
		{"to nobody", bus.Message{Type: bus.Return, Serial: 5, ReplySerial: 77}, drop, ""},
		{"to the bus", bus.Message{Type: bus.Return, Serial: 5, ReplySerial: 77, Destination: bus.Name}, drop, ""},

		{"a broadcast", with(plea("", "a.b.M"), asSignal), drop, "emit=a.b.M@/x/y"},
		{"a broadcast of ours", bus.Message{Type: bus.Signal, Serial: 5, Path: "/own/x", Interface: "a.b", Member: "Mine"}, pass, ""},
		{"a call to nobody", plea("", "a.b.M"), access, ""},

		{"Hello", toBus("Hello"), pass, ""},
		{"RemoveMatch", toBus("RemoveMatch", "x"), pass, ""},
		{"GetId", toBus("GetId"), pass, ""},
		{"Introspect", plea(bus.Name, "org.freedesktop.DBus.Introspectable.Introspect"), pass, ""},
		{"AddMatch", toBus("AddMatch", "type='signal'"), pass, ""},
		{"AddMatch eavesdrop", toBus("AddMatch", "eavesdrop=true"), access, ""},
		{"AddMatch eavesdrop with a space", toBus("AddMatch", "type='signal', eavesdrop  ='true'"), access, ""},
		{"AddMatch eavesdrop with a tab", toBus("AddMatch", "eavesdrop\t=true"), access, ""},
		{"AddMatch of no string", toBus("AddMatch"), access, ""},
		{"RequestName", toBus("RequestName", "com.own.x"), pass, ""},
		{"RequestName of what we talk to", toBus("RequestName", "com.talk"), access, "own=com.talk"},
		{"RequestName of the hidden", toBus("RequestName", "com.hidden"), unknown, "own=com.hidden"},
		{"ReleaseName", toBus("ReleaseName", "com.hidden"), unknown, "own=com.hidden"},
		{"ListQueuedOwners", toBus("ListQueuedOwners", "com.see"), access, "own=com.see"},
		{"NameHasOwner", toBus("NameHasOwner", "com.see"), pass, ""},
		{"NameHasOwner of the hidden", toBus("NameHasOwner", "com.hidden"), no, "see=com.hidden"},
		{"NameHasOwner of a hidden unique", toBus("NameHasOwner", ":1.2"), no, ""},
		{"GetNameOwner", toBus("GetNameOwner", "com.see"), pass, ""},
		{"GetNameOwner of the bus", toBus("GetNameOwner", bus.Name), pass, ""},
		{"GetNameOwner of the hidden", toBus("GetNameOwner", "com.hidden"), noOwner, "see=com.hidden"},
		{"GetConnectionUnixProcessID", toBus("GetConnectionUnixProcessID", "com.hidden"), unknown, "see=com.hidden"},
		{"GetConnectionCredentials", toBus("GetConnectionCredentials", ":1.2"), unknown, ""},
		{"GetConnectionUnixUser", toBus("GetConnectionUnixUser", ":1.5"), pass, ""},
		{"GetConnectionSELinuxSecurityContext", toBus("GetConnectionSELinuxSecurityContext", "com.x"), unknown, "see=com.x"},
		{"GetAdtAuditSessionData", toBus("GetAdtAuditSessionData", "com.x"), unknown, "see=com.x"},
		{"StartServiceByName", toBus("StartServiceByName", "com.talk"), pass, ""},
		{"StartServiceByName of the visible", toBus("StartServiceByName", "com.see"), access, "talk=com.see"},
		{"StartServiceByName of the hidden", toBus("StartServiceByName", "com.hidden"), unknown, "talk=com.hidden"},
		{"ListNames", toBus("ListNames"), pass, ""},
		{"ListActivatableNames", toBus("ListActivatableNames"), pass, ""},
		{"ListNames, no answer wanted", with(toBus("ListNames"), noReply), drop, ""},
		{"UpdateActivationEnvironment", toBus("UpdateActivationEnvironment"), access, ""},
		{"BecomeMonitor", plea(bus.Name, "org.freedesktop.DBus.Monitoring.BecomeMonitor"), access, ""},
		{"Properties", plea(bus.Name, "org.freedesktop.DBus.Properties.Get"), access, ""},
		{"Peer", plea(bus.Name, "org.freedesktop.DBus.Peer.GetMachineId"), access, ""},
		{"no interface", plea(bus.Name, "ListNames"), access, ""},
		{"what nobody has thought of", toBus("GetEverything"), access, ""},
		{"a signal to the bus", with(toBus("ListNames"), asSignal), drop, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, body := parsed(t, c.Message)
			v := bed(t).outgoing(h, body)
			got := v.action.String()
			if v.action == refuse {
				got = v.answer.err[strings.LastIndexByte(v.answer.err, '.')+1:]
				if v.answer.kind == becomesNot {
					got = no
				}
			}
			if got != c.want {
				t.Errorf("want %s, got %s", c.want, got)
			}
			if got := allow(v.key, string(v.name), h); got != c.allow {
				t.Errorf("want the rule %q, got %q", c.allow, got)
			}
		})
	}
}

// Every row of the table of what an app is sent.
func TestIncoming(t *testing.T) {
	from := func(sender, method string) bus.Message {
		m := plea("", method)
		m.Type, m.Sender = bus.Signal, sender
		return m
	}
	news := func(name, owner string) bus.Message {
		m := bus.ToBus("NameOwnerChanged", 5, name, "", owner)
		m.Type, m.Sender, m.Destination = bus.Signal, bus.Name, ""
		return m
	}
	toUs := func(m *bus.Message) { m.Destination = ":1.1" }
	for _, c := range []struct {
		name string
		bus.Message
		want bool
	}{
		{"a call", with(with(from(":1.2", "a.b.M"), toUs), func(m *bus.Message) { m.Type = bus.Call }), true},
		{"a signal for us alone", with(from(":1.2", "a.b.M"), toUs), true},
		{"a broadcast of a stranger", from(":1.2", "a.b.M"), false},
		{"a broadcast of the visible", from(":1.5", "a.b.M"), false},
		{"a broadcast by talk", from(":1.6", "a.b.M"), true},
		{"a broadcast by a rule", from(":1.8", "a.b.Changed"), true},
		{"a broadcast by no rule", from(":1.8", "a.b.Else"), false},
		{"a broadcast of a call's rule", from(":1.8", "a.b.Do"), false},
		{"our own broadcast", from(":1.1", "a.b.M"), true},
		{"the bus's broadcast", from(bus.Name, "org.freedesktop.DBus.ActivatableServicesChanged"), true},
		{"news of the visible", news("com.see", ":1.7"), true},
		{"news of the hidden", news("com.hidden", ":1.7"), false},
		{"news of a unique name", news(":1.2", ":1.2"), false},
		{"news of a visible unique name", news(":1.9", ":1.9"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, body := parsed(t, c.Message)
			k := &conn{state: bed(t)}
			if got := k.incoming(h, body); got != c.want {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
}

func TestSloppyNames(t *testing.T) {
	k := &conn{state: bed(t)}
	k.unique = true
	m := bus.ToBus("NameOwnerChanged", 5, ":1.2", "", ":1.2")
	m.Type, m.Sender, m.Destination = bus.Signal, bus.Name, ""
	if h, body := parsed(t, m); !k.incoming(h, body) {
		t.Error("news of a unique name does not arrive")
	}
}

// Each reply passes once, grants stay with who had them, and what is remembered has an end.
func TestState(t *testing.T) {
	s := bed(t)
	s.answer([]byte(":1.9"), 77)
	if s.mayAnswer([]byte(":1.9"), 77) {
		t.Error("a second reply passes")
	}
	s.owns([]byte(":1.6"), []byte("com.see"))
	if s.levelOf([]byte(":1.6")) != talk {
		t.Error("a lesser name took a grant away")
	}
	if err := s.ask(9, answer{}); err != nil {
		t.Fatal(err)
	}
	if s.ask(9, answer{}) == nil {
		t.Error("a serial is used again before its answer")
	}
	if _, ok := s.answered(9); !ok {
		t.Error("no answer is expected")
	}
	if _, ok := s.answered(9); ok {
		t.Error("a second answer is expected")
	}
	for i := range maxOpen {
		s.asked[uint32(i)+100] = answer{}
	}
	if s.ask(1, answer{}) == nil {
		t.Error("the number of open calls has no end")
	}
	for i := range 3 * maxPeers {
		s.meet([]byte(":2." + strings.Repeat("1", 1+i%5) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))))
	}
	if len(s.peers) > maxPeers {
		t.Errorf("%d peers", len(s.peers))
	}
	if s.levelOf([]byte(":1.6")) != talk {
		t.Error("a granted peer was forgotten")
	}
	for i := range 2 * maxOpen {
		s.deliver([]byte(":1.9"), uint32(i)+1)
	}
	if len(s.delivered) > maxOpen {
		t.Errorf("%d calls", len(s.delivered))
	}
}

func TestPolicyErrors(t *testing.T) {
	for _, c := range []struct {
		p    Policy
		want string
	}{
		{Policy{See: []string{":1.2"}}, `see: ":1.2" is a unique name`},
		{Policy{Talk: []string{"a"}}, `talk: "a" is not a name`},
		{Policy{Own: []string{"*"}}, `own: "*" is not a name`},
		{Policy{Take: []string{":1.1"}}, `take: ":1.1" is a unique name`},
		{Policy{Call: []NameRule{{"a.b", "M"}}}, `call: "M" is not a rule`},
		{Policy{Broadcast: []NameRule{{"a", "*"}}}, `broadcast: "a" is not a name`},
		{Policy{Emit: []string{"@x"}}, `emit: "@x" is not a rule`},
	} {
		if err := c.p.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"unix:path=/run/user/1000/bus":             "/run/user/1000/bus",
		"unix:path=/a%20b,guid=00":                 "/a b",
		"unix:abstract=/tmp/x":                     "@/tmp/x",
		"tcp:host=x;unix:path=/a;unix:abstract=/b": "/a @/b",
		"unix:path=/a%2":                           "",
		"unix:path=":                               "",
		"unix:path=/a%00b":                         "",
		"tcp:host=x":                               "",
		"":                                         "",
	} {
		list, err := Sockets(address)
		if got := strings.Join(list, " "); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: want %q, got %q, %v", address, want, got, err)
		}
	}
}

func TestLogIsJSON(t *testing.T) {
	var out strings.Builder
	l := &log{decisions.New(&out, nil), "a \"b\"\n\x80"}
	h, body := parsed(t, plea("com.hidden", "a.b.M"))
	l.outgoing(3, h, bed(t).outgoing(h, body))
	l.incoming(3, h, drop, "com.see")
	l.closed(3, errHeader)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("%v in %s", err, line)
		}
	}
	want := `"serial":5,"from":"app","type":"call","destination":"com.hidden","path":"/x/y","interface":"a.b","member":"M","what":"call a.b.M to com.hidden","decision":"refuse","allow":"call=com.hidden=a.b.M@/x/y","refused":true}`
	if len(lines) != 3 || !strings.HasSuffix(lines[0], want) {
		t.Errorf("got\n%s", out.String())
	}
}

// Deciding costs no memory.
func TestNoAllocation(t *testing.T) {
	s := bed(t)
	b := plea("com.rules", "a.b.Do").Bytes()
	var h header
	if n := testing.AllocsPerRun(1000, func() {
		h.parse(b)
		if s.outgoing(&h, b[h.size:]).action != pass {
			t.Fatal("refused")
		}
		s.ask(h.serial, answer{})
		s.answered(h.serial)
		s.deliver([]byte(":1.9"), 5)
		s.answer([]byte(":1.9"), 5)
	}); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}
