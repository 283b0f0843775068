package dbus

import (
	"errors"
	"strings"
)

// Stand is a call of a portal that the filter answers in the portal's place. Such calls take a text
// and options, give the path of a request at once, and the outcome by the signal Response of that
// request (the Request documentation of xdg-desktop-portal).
type Stand struct {
	// Name, Interface and Member are the call's. Policy must grant a rule of the Name, or the filter
	// does not know who owns it; it need not grant the call.
	Name, Interface, Member string
	// Answer is given the options that are texts, truth values and lists of texts: string, bool and
	// []string. response is 0 if it was done, 1 if the person said no, 2 else. It holds up all buses.
	Answer func(options map[string]any) (response uint32, results map[string]bool)
}

// standFor gives the Stand for a message of the app, or nil.
func (s *state) standFor(h *header) *Stand {
	if h.kind != methodCall || len(s.stands) == 0 {
		return nil
	}
	for i := range s.stands {
		stand := &s.stands[i]
		if string(h.member()) == stand.Member && string(h.iface()) == stand.Interface && s.ownerOf(stand.Name, h.destination()) != "" {
			return stand
		}
	}
	return nil
}

// ownerOf gives the unique name of a name's owner, if a destination is the name or that owner.
func (s *state) ownerOf(name string, destination []byte) string {
	owner := s.current[name]
	if string(destination) != name && string(destination) != owner {
		return ""
	}
	return owner
}

// maxPending bounds the answers of stands that one connection does not read.
const maxPending = 16

const invalidArgs = "org.freedesktop.DBus.Error.InvalidArgs"

// standIn decides on a call that has a Stand.
func (s *state) standIn(stand *Stand, h *header, body []byte) verdict {
	if s.pending >= maxPending {
		return silent(h, verdict{action: refuse, answer: answer{kind: becomes, err: limitsExceeded, text: "too many requests at a time"}})
	}
	owner := s.ownerOf(stand.Name, h.destination())
	options, err := readOptions(string(h.signature()), body, h.big)
	token, given := options["handle_token"].(string)
	if !given {
		token = "snug"
	}
	if err != nil || !validMember([]byte("t"+token)) || strings.Contains(token, ".") {
		return silent(h, verdict{action: refuse, answer: answer{kind: becomes, err: invalidArgs, text: "malformed options"}})
	}
	handle := "/org/freedesktop/portal/desktop/request/" + strings.ReplaceAll(strings.TrimPrefix(s.self, ":"), ".", "_") + "/" + token
	return verdict{action: settle, stand: stand, answer: answer{kind: becomesRequest, request: &request{owner: owner, handle: handle, options: options}}}
}

// request is what a portal was asked, and what is told when it is over.
type request struct {
	owner, handle string
	options       map[string]any
	response      uint32
	results       map[string]bool
}

// replyRequest is the answer to a call that makes a request, and the signal of its end.
func replyRequest(b []byte, h *header, r *request) []byte {
	d := begin(b, methodReturn, noReplyExpected, h.serial)
	d.align(8)
	d.b = append(d.b, fieldReplySerial, 1, 'u', 0)
	d.number(h.replySerial)
	d.field(fieldDestination, string(h.destination()))
	d.field(fieldSender, r.owner)
	d.field(fieldSignature, "o")
	d.body()
	d.string(r.handle)
	d = begin(d.end(), signal, noReplyExpected, h.serial)
	d.field(fieldPath, r.handle)
	d.field(fieldInterface, "org.freedesktop.portal.Request")
	d.field(fieldMember, "Response")
	d.field(fieldDestination, string(h.destination()))
	d.field(fieldSender, r.owner)
	d.field(fieldSignature, "ua{sv}")
	d.body()
	d.number(r.response)
	d.number(0)
	length := len(d.b)
	d.align(8)
	first := len(d.b)
	for key, yes := range r.results {
		d.align(8)
		d.string(key)
		d.b = append(d.b, 1, 'b', 0)
		truth := uint32(0)
		if yes {
			truth = 1
		}
		d.number(truth)
	}
	putNumber(d.b[length-4:], uint32(len(d.b)-first))
	return d.end()
}

var errOptions = errors.New("malformed options")

// readOptions reads a body of a text and a dictionary.
func readOptions(signature string, body []byte, big bool) (map[string]any, error) {
	if signature != "sa{sv}" {
		return nil, errOptions
	}
	r := reader{b: body, big: big}
	r.text()
	end := r.array(8)
	options := map[string]any{}
	for r.err == nil && r.at < end {
		r.align(8)
		key := string(r.text())
		value := r.variant()
		if value != nil {
			options[key] = value
		}
	}
	if r.err == nil && (r.at != end || end != len(body)) {
		r.err = errOptions
	}
	return options, r.err
}

// reader reads values of a body one after the other. After an error it reads nothing more.
type reader struct {
	b   []byte
	at  int
	big bool
	err error
}

// take gives the next n bytes, or nil.
func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.at {
		r.err = errOptions
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) align(to int) {
	for _, c := range r.take(aligned(r.at, to) - r.at) {
		if c != 0 {
			r.err = errOptions
		}
	}
}

func (r *reader) number() int {
	r.align(4)
	if b := r.take(4); b != nil {
		return int(number(b, r.big))
	}
	return 0
}

func (r *reader) text() []byte {
	n := r.number()
	s := r.take(n)
	if end := r.take(1); r.err != nil || end[0] != 0 {
		r.err = errOptions
		return nil
	}
	return s
}

// array reads the length of an array, and gives where it ends.
func (r *reader) array(alignment int) (end int) {
	n := r.number()
	r.align(alignment)
	if r.err != nil || n > len(r.b)-r.at {
		r.err = errOptions
		return 0
	}
	return r.at + n
}

// variant reads a value of any simple type, or a list of texts. All else is an error: a portal's
// options hold nothing else, and what is skipped unread could be misread.
func (r *reader) variant() any {
	length := r.take(1)
	if r.err != nil {
		return nil
	}
	signature := r.take(int(length[0]))
	if end := r.take(1); r.err != nil || end[0] != 0 {
		r.err = errOptions
		return nil
	}
	switch string(signature) {
	case "s", "o":
		return string(r.text())
	case "b":
		return r.number() == 1
	case "u", "i":
		r.number()
	case "t", "x", "d":
		r.align(8)
		r.take(8)
	case "as":
		var list []string
		for end := r.array(4); r.err == nil && r.at < end; {
			list = append(list, string(r.text()))
		}
		return list
	default:
		r.err = errOptions
	}
	return nil
}
