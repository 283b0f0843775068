package portals

import (
	"os"
	"strconv"
	"strings"

	"snug/portals/dbus"
	"snug/portals/internal/relay"
)

// Bus is a message bus: its endpoint is called "session", "system" or "a11y".
type Bus struct{ dbus.Policy }

// systemConnections bounds the connections to the bus of the system, which has 256 for a user.
const systemConnections = 64

func (b *Bus) kind() string { return "bus" }

// list is a part of a policy that consists of words.
type list struct {
	key string
	get func(*dbus.Policy) []string
	add func(*dbus.Policy, string) bool // reports whether the word is well formed
}

var lists = [...]list{
	{"see", func(p *dbus.Policy) []string { return p.See }, func(p *dbus.Policy, v string) bool { p.See = append(p.See, v); return true }},
	{"talk", func(p *dbus.Policy) []string { return p.Talk }, func(p *dbus.Policy, v string) bool { p.Talk = append(p.Talk, v); return true }},
	{"own", func(p *dbus.Policy) []string { return p.Own }, func(p *dbus.Policy, v string) bool { p.Own = append(p.Own, v); return true }},
	{"take", func(p *dbus.Policy) []string { return p.Take }, func(p *dbus.Policy, v string) bool { p.Take = append(p.Take, v); return true }},
	{"private", func(p *dbus.Policy) []string { return p.Private }, func(p *dbus.Policy, v string) bool { p.Private = append(p.Private, v); return true }},
	{"call", func(p *dbus.Policy) []string { return spell(p.Call) }, func(p *dbus.Policy, v string) bool { return addRule(&p.Call, v) }},
	{"broadcast", func(p *dbus.Policy) []string { return spell(p.Broadcast) }, func(p *dbus.Policy, v string) bool { return addRule(&p.Broadcast, v) }},
	{"emit", func(p *dbus.Policy) []string { return p.Emit }, func(p *dbus.Policy, v string) bool { p.Emit = append(p.Emit, v); return true }},
}

func spell(rules []dbus.NameRule) (words []string) {
	for _, r := range rules {
		words = append(words, r.Name+"="+r.Rule)
	}
	return words
}

func addRule(to *[]dbus.NameRule, word string) bool {
	name, rule, ok := strings.Cut(word, "=")
	*to = append(*to, dbus.NameRule{Name: name, Rule: rule})
	return ok
}

func (b *Bus) words() (words []string) {
	for _, l := range lists {
		for _, value := range l.get(&b.Policy) {
			words = append(words, "--"+l.key+"="+value)
		}
	}
	if b.UniqueNames {
		words = append(words, "--unique-names=yes")
	}
	return words
}

func (b *Bus) word(key, value string) error {
	if key == "unique-names" && value == "yes" {
		b.UniqueNames = true
		return nil
	}
	for _, l := range lists {
		if l.key != key {
			continue
		}
		if !l.add(&b.Policy, value) {
			return errRule
		}
		return nil
	}
	return errWord
}

func (b *Bus) listen(loop *relay.Loop, e *Endpoint, s *shared) error {
	d := dbus.Bus{Listener: os.NewFile(uintptr(e.Listen), e.Name), Address: busAddress(e.Socket), Policy: b.Policy, Log: s.log, Name: e.Name}
	defer d.Listener.Close()
	if e.Name == "system" {
		d.Connections = systemConnections
	}
	if s.background >= 0 {
		d.Stands = []dbus.Stand{background(s.background)}
	}
	if s.refused != nil {
		d.Refused = s.refused.on(e.Name)
	}
	return d.Listen(loop)
}

func (b *Bus) advise(bus, rule string) (key, value string) {
	key, value, _ = strings.Cut(rule, "=")
	if key == "emit" || bus != "session" && bus != "system" {
		return "", "" // follows from other keys
	}
	if name, ok := portalOf(rule); ok && bus == "session" {
		return "portals.allow", name
	}
	switch value { // their names are never granted as names
	case Desktop:
		return "portals.allow", "FileChooser"
	case Documents:
		return "portals.documents", "true"
	}
	return "bus." + bus + "." + key, value
}

// portalOf gives the portal that a call asks for: of "call=NAME=org.freedesktop.portal.Settings.Read@/…"
// that is Settings.
func portalOf(rule string) (name string, ok bool) {
	method, ok := strings.CutPrefix(rule, "call="+Desktop+"=org.freedesktop.portal.")
	if !ok {
		return "", false
	}
	name, _, ok = strings.Cut(method, ".")
	return name, ok && !strings.ContainsAny(name, "@/*")
}

// busAddress spells the address of a bus (D-Bus specification, "Server Addresses").
func busAddress(socket string) string {
	prefix := "unix:path="
	if name, ok := strings.CutPrefix(socket, "@"); ok {
		prefix, socket = "unix:abstract=", name
	}
	s := []byte(prefix)
	for i := range len(socket) {
		c := socket[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_/.*", c) >= 0 {
			s = append(s, c)
			continue
		}
		s = append(append(s, '%'), strconv.FormatUint(uint64(c)|0x100, 16)[1:]...)
	}
	return string(s)
}
