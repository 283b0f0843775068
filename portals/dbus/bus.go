package dbus

import (
	"bytes"
	"strconv"
)

// Calls to the bus itself. What is not in this table is refused: UpdateActivationEnvironment would
// reach programs outside, BecomeMonitor sees everything, and properties and Peer tell of the bus's
// machine; the next release of a bus may have calls that nobody has thought of.

// need is what a call to the bus takes.
type need byte

const (
	refused  need = iota
	free          // nothing
	hello         // nothing, and the answer says who the app is
	listing       // nothing, and the answer loses hidden names
	matching      // a match rule that does not eavesdrop
	asking        // SEE, and else the name has no owner
	asking01      // SEE, and else the answer is false
	seeing        // SEE on the first argument
	talking       // TALK, or a rule for calls
	owning        // OWN
)

func needOf(member []byte) need {
	switch string(member) {
	case "Hello":
		return hello
	case "AddMatch":
		return matching
	case "RemoveMatch", "GetId":
		return free
	case "ListNames", "ListActivatableNames":
		return listing
	case "RequestName", "ReleaseName", "ListQueuedOwners":
		return owning
	case "NameHasOwner":
		return asking01
	case "GetNameOwner":
		return asking
	case "GetConnectionUnixProcessID", "GetConnectionCredentials", "GetConnectionUnixUser",
		"GetConnectionSELinuxSecurityContext", "GetAdtAuditSessionData":
		return seeing
	case "StartServiceByName":
		return talking
	}
	return refused
}

// toBus decides on a message to the bus.
func (s *state) toBus(h *header, body []byte) verdict {
	if h.kind != methodCall {
		return verdict{action: drop}
	}
	n := refused
	switch string(h.iface()) {
	case busName:
		n = needOf(h.member())
	case "org.freedesktop.DBus.Introspectable":
		n = free
	}
	switch n {
	case refused:
		return denied("", nil)
	case free:
		return verdict{}
	case hello:
		return verdict{answer: answer{kind: greeting}}
	case listing:
		return list(h)
	}
	first, ok := h.argument(body)
	switch {
	case !ok:
		return denied("", nil)
	case n == matching && bytes.Contains(first, []byte("eavesdrop")):
		// Wherever it stands: buses differ in what they skip around a key (CVE-2026-34080).
		return denied("", nil)
	case n == matching:
		return verdict{}
	}
	if s.isPrivate(first) {
		return s.aboutPrivate(n, h.member(), first)
	}
	v := s.aboutName(n, first)
	if v.action == pass && n == owning {
		return s.claims(h.member(), first)
	}
	return v
}

// list lets a list of names be asked for. Without a wish for an answer there is nothing to filter.
func list(h *header) verdict {
	if !h.wantsReply() {
		return verdict{action: drop}
	}
	return verdict{answer: answer{kind: names}}
}

// claims decides on a call about a name that the app may own.
func (s *state) claims(member, name []byte) verdict {
	_, again := s.claimed[string(name)]
	switch {
	case string(member) == "ReleaseName":
		return verdict{change: unclaim, name: name}
	case string(member) != "RequestName" || again:
		return verdict{}
	case len(s.claimed) >= maxOwned:
		return verdict{action: refuse, answer: answer{kind: becomes, err: limitsExceeded, text: "the sandbox's filter lets an app own " + strconv.Itoa(maxOwned) + " names"}}
	}
	return verdict{change: claim, name: name}
}

// mayStart reports whether the app may call a name at all: that starts it.
func (s *state) mayStart(name []byte) bool {
	return s.visit(name, func(g *grant) bool { return len(g.calls) > 0 })
}

// aboutName decides on a call about a name.
func (s *state) aboutName(n need, name []byte) verdict {
	got, want, key := s.levelOf(name), see, "see"
	switch n {
	case talking:
		want, key = talk, "talk"
	case owning:
		want, key = own, "own"
	}
	if got >= want || n == talking && s.mayStart(name) || n == owning && s.mayOwn(name) {
		return verdict{}
	}
	v := denied(key, name)
	switch {
	case n == asking01:
		v.answer = answer{kind: becomesNot}
	case n == asking:
		v.answer = answer{kind: becomes, err: nameHasNoOwner, text: "Could not get owner of name '" + string(name) + "': no such name"}
	case got == none:
		v.answer = unknown(name)
	}
	return v
}
