package dbus

// What becomes of a message of the app. Nothing here changes anything.

// action is what is done with a message.
type action byte

const (
	pass   action = iota
	drop          // in silence
	refuse        // a Ping goes in its place
	settle        // likewise, but the answer is no error
)

func (a action) String() string {
	return [...]string{"pass", "drop", "refuse", "answer"}[a]
}

// verdict is what becomes of one message of the app.
type verdict struct {
	action action
	answer answer
	// What would let it pass: a key of Policy and a name, if there is one.
	key  string
	name []byte

	to     string // where it goes instead of where it says
	change change // of who owns the private name
	stand  *Stand // who answers
}

// wanted is the name that a refused call asked to own, or "".
func (v *verdict) wanted(h *header) string {
	if v.key == "own" && string(h.member()) == "RequestName" {
		return string(v.name)
	}
	return ""
}

// Names of errors.
const (
	accessDenied   = "org.freedesktop.DBus.Error.AccessDenied"
	serviceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown"
	nameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner"
	limitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded"
)

// outgoing decides. body is that of a call to the bus, and may be short of its end for others.
func (s *state) outgoing(h *header, body []byte) verdict {
	to := h.destination()
	switch {
	case h.isReply():
		if len(to) > 0 && s.mayAnswer(to, h.replySerial) {
			return verdict{}
		}
		return verdict{action: drop}
	case len(to) == 0:
		return s.toAll(h)
	case string(to) == busName:
		return silent(h, s.toBus(h, body))
	case s.isPrivate(to):
		return s.toPrivate(h)
	}
	if stand := s.standFor(h); stand != nil {
		return s.standIn(stand, h, body)
	}
	if s.reaches(to, h) {
		return verdict{}
	}
	return silent(h, s.unreachable(h))
}

// toAll decides on what has no destination. Of calls the bus has no use, and so none passes.
func (s *state) toAll(h *header) verdict {
	if h.kind == signal {
		if anyMatch(s.emit, h) {
			return verdict{}
		}
		return verdict{action: drop, key: "emit"}
	}
	return silent(h, denied("", nil))
}

// unreachable is the refusal of a call to a name that is hidden or only visible.
func (s *state) unreachable(h *header) verdict {
	to := h.destination()
	v := verdict{action: refuse, key: "call", name: to}
	switch {
	case s.levelOf(to) >= see:
		v.answer = answer{kind: becomes, err: accessDenied, text: "the sandbox's policy does not allow this call"}
	case unique(to) || h.flags&noAutoStart != 0:
		v.answer = answer{kind: becomes, err: nameHasNoOwner, text: "Name \"" + string(to) + "\" does not exist"}
	default:
		v.answer = unknown(to)
	}
	return v
}

// unknown is what the bus says of a service that it does not know.
func unknown(name []byte) answer {
	return answer{kind: becomes, err: serviceUnknown, text: "The name " + string(name) + " was not provided by any .service files"}
}

func denied(key string, name []byte) verdict {
	return verdict{action: refuse, key: key, name: name, answer: answer{kind: becomes, err: accessDenied, text: "the sandbox's policy does not allow this call"}}
}

// silent turns the answer to what wants none into a drop.
func silent(h *header, v verdict) verdict {
	if (v.action == refuse || v.action == settle) && !h.wantsReply() {
		v.action = drop
	}
	return v
}
