package wayland

import (
	"errors"
	"fmt"

	"snug/portals/internal/relay"
)

// conn is the judge of one connection.
//
// It follows the objects through which globals are announced and bound and, where the clipboard is off,
// those through which it travels: see clipboard.go. Messages of all others go by unread.
type conn struct {
	view    *view
	flows   [2]flow
	objects map[uint32]*object
	globals map[uint32]global // by number
	log     log
	id      int

	stranger  object // stands for those that are not followed
	releasing bool   // a device: the app is not read

	fault     error  // the end of the connection, as soon as
	lastWords []byte // this can be told to the app
}

// flow is one direction: what is left of the message that is passing by.
type flow struct {
	rest int
	pass bool
}

// global is what the compositor has announced.
type global struct {
	name  string
	shown uint32 // the version; 0 is hidden
	would string // what would show it, or ""
}

// object is one that is followed.
type object struct {
	kind kind
	held []byte // events of an offer that the app hears of when it is dragged
}

type kind byte

const (
	display kind = iota
	registry
	manager   // wl_data_device_manager
	device    // wl_data_device
	released  // one that the app has given up
	marked    // one of which the compositor has said all: delete_id is still to come
	offer     // wl_data_offer, of which is not known yet what for
	abandoned // likewise, and the app has destroyed it
	chosen    // one of the clipboard
	dragged   // one of drag and drop
	stranger  // of the compositor's making, and not followed
)

// Opcodes of messages that are understood.
const (
	displayError   = 0
	deleteID       = 1
	displaySync    = 0
	getRegistry    = 1
	bind           = 0
	announce       = 0
	withdraw       = 1
	getDataDevice  = 1
	setSelection   = 1
	releaseDevice  = 2
	dataOffer      = 0
	enter          = 1
	selectionEvent = 5
	receive        = 1
	destroyOffer   = 2
	offerType      = 0
)

// Codes of wl_display.error.
const (
	invalidObject = 0
	invalidMethod = 1
)

const (
	theDisplay = 1          // the object that is always there
	firstOfIts = 0xff000000 // from here on, ids are the compositor's
	maxObjects = 1 << 16    // that are followed on a connection
	maxInAll   = 1 << 17    // and on all of an app: a registry costs it twelve bytes, and the filter some sixty
	maxRead    = 4096       // of a message of the app that is understood, as libwayland has it
)

var (
	errBind        = errors.New("the app bound what it was not shown")
	errReceive     = errors.New("the app asked for the clipboard")
	errMalformed   = errors.New("the app sent a malformed message")
	errCompositor  = errors.New("the compositor sent a malformed message")
	errDescriptors = errors.New("more descriptors than bytes to go with")
)

func newConn(v *view, l log, id int) *conn {
	return &conn{view: v, log: l, id: id, globals: map[uint32]global{}, stranger: object{kind: stranger},
		objects: map[uint32]*object{theDisplay: {kind: display}}}
}

// Judge is called by the relay.
func (c *conn) Judge(k *relay.Link, from relay.Side, in []byte) (taken int, err error) {
	f, r := &c.flows[from], run{link: k, from: from}
	if c.fault != nil && from == relay.App {
		return 0, nil
	}
	for taken < len(in) && err == nil && !(c.releasing && from == relay.App) {
		if f.rest == 0 {
			var whole bool
			if whole, err = c.message(&r, f, in[taken:]); !whole || err != nil || c.fault != nil && from == relay.App {
				break
			}
		}
		n := min(f.rest, len(in)-taken)
		if f.pass {
			r.add(in[taken : taken+n])
		} else if err = r.flush(); err != nil {
			break
		}
		f.rest -= n
		taken += n
		if c.fault != nil && from == relay.Host && f.rest == 0 {
			return taken, c.end(&r)
		}
	}
	if err == nil {
		err = r.flush()
	}
	if err == nil && taken > 0 && taken == len(in) && k.Waiting(from) > 0 {
		// All of this was left out, and the descriptors that came with it are of what comes next. The
		// last byte waits for that.
		taken, f.rest, f.pass = taken-1, f.rest+1, false
	}
	return taken, err
}

// Closed is called by the relay.
func (c *conn) Closed(err error) {
	c.view.followed -= len(c.objects) - 1
	c.log.closed(c.id, err)
}

// message looks at what begins with b, and says what becomes of it. whole is false where more of it is needed.
func (c *conn) message(r *run, f *flow, b []byte) (whole bool, err error) {
	if len(b) < headerSize {
		return false, nil
	}
	h := parse(b)
	switch {
	case h.valid():
	case r.from == relay.Host:
		return false, errCompositor
	default:
		return false, c.protest(r, theDisplay, invalidMethod, "a message has a length that none has", errMalformed)
	}
	o := c.objects[h.object]
	if o == nil && !c.view.clipboard && r.from == relay.App && h.object >= firstOfIts {
		o = &c.stranger
	}
	if o != nil && o.understood(r.from, h) {
		if r.from == relay.App && h.size > maxRead {
			return false, c.protest(r, h.object, invalidMethod, "a message is too long", errMalformed)
		}
		if len(b) < h.size {
			return false, nil
		}
		f.rest = h.size
		if r.from == relay.App {
			f.pass, err = c.fromApp(r, o, h, b[:h.size])
		} else {
			f.pass, err = c.fromHost(r, o, h, b[:h.size])
		}
		return true, err
	}
	f.rest, f.pass = h.size, true
	return true, nil
}

// understood reports whether a message of an object is to be looked at.
func (o *object) understood(from relay.Side, h header) bool {
	app := from == relay.App
	switch o.kind {
	case display:
		return app && h.opcode == getRegistry || !app && h.opcode == deleteID
	case registry:
		return app && h.opcode == bind || !app && h.opcode <= withdraw
	case manager:
		return app && h.opcode == getDataDevice
	case device:
		return app && (h.opcode == setSelection || h.opcode == releaseDevice) || !app && aboutOffers(h.opcode)
	case released:
		return !app && aboutOffers(h.opcode)
	case offer, abandoned, chosen, dragged:
		return app && (h.receives() || h.opcode == destroyOffer) || !app && h.opcode == offerType
	case stranger:
		return app && h.receives()
	}
	return false
}

func (c *conn) fromApp(r *run, o *object, h header, b []byte) (pass bool, err error) {
	switch {
	case o.kind == display && h.size == headerSize+4:
		return true, c.follow(r, word(b[headerSize:]), registry)
	case o.kind == registry:
		return true, c.bind(r, h, b)
	case o.kind == manager && h.size == headerSize+8:
		return true, c.follow(r, word(b[headerSize:]), device)
	case o.kind == device || o.kind >= offer:
		return c.request(r, o, h)
	}
	return false, c.protest(r, h.object, invalidMethod, "a message has not its arguments", errMalformed)
}

func (c *conn) fromHost(r *run, o *object, h header, b []byte) (pass bool, err error) {
	switch {
	case o.kind == display && h.size == headerSize+4:
		return c.freed(r, word(b[headerSize:])), nil
	case o.kind == registry && h.opcode == announce:
		return c.announced(b)
	case o.kind == registry && h.size == headerSize+4:
		return c.globals[word(b[headerSize:])].shown > 0, nil
	case o.kind >= device:
		return c.event(r, o, h, b)
	}
	return false, errCompositor
}

// follow notes an object that the app makes.
func (c *conn) follow(r *run, id uint32, kind kind) error {
	if c.objects[id] == nil && id > theDisplay && id < firstOfIts && c.note(id, kind) {
		return nil
	}
	return c.protest(r, theDisplay, invalidObject, fmt.Sprintf("%d is not free for an object", id), errMalformed)
}

// note follows an object, if there may be one more.
func (c *conn) note(id uint32, kind kind) bool {
	if c.objects[id] == nil {
		if len(c.objects) >= maxObjects || c.view.followed >= maxInAll {
			return false
		}
		c.view.followed++
	}
	c.objects[id] = &object{kind: kind}
	return true
}

func (c *conn) forget(id uint32) {
	delete(c.objects, id)
	c.view.followed--
}

// announced decides on a global, and caps its version where it stands.
func (c *conn) announced(b []byte) (pass bool, err error) {
	a, ok := parseGlobal(b)
	if !ok {
		return false, errCompositor
	}
	if g, known := c.globals[a.number]; !known || g.name != string(a.name) {
		g := global{name: string(a.name)}
		g.shown, g.would = c.view.shows(a.name, a.version)
		c.globals[a.number] = g
		c.log.hides(c.id, g)
	}
	g := c.globals[a.number]
	setWord(b[a.versionAt:], min(g.shown, a.version))
	return g.shown > 0, nil
}

// bind decides on a bind, whose refusal is the end.
func (c *conn) bind(r *run, h header, b []byte) error {
	q, ok := parseBind(b)
	if !ok {
		return c.protest(r, h.object, invalidMethod, "bind has not its arguments", errMalformed)
	}
	g, known := c.globals[q.number]
	same := known && g.name == string(q.name)
	if same && q.version > 0 && q.version <= g.shown {
		c.log.binds(c.id, q)
		if !c.view.clipboard && g.name == "wl_data_device_manager" {
			return c.follow(r, q.id, manager)
		}
		return nil
	}
	what := fmt.Sprintf("invalid global %.80q (%d)", q.name, q.number)
	if same && g.shown > 0 {
		what = fmt.Sprintf("invalid version %d of the global %s (%d): there is %d", q.version, g.name, q.number, g.shown)
	}
	would := ""
	if shown, by := c.view.shows(q.name, q.version); shown == 0 && by != "" {
		what += ": hidden in this sandbox, " + by + " shows it"
		would = by
	}
	c.log.refuses(c.id, fmt.Sprintf("bind %s %d", q.name, q.version), would)
	return c.protest(r, h.object, invalidObject, what, errBind)
}

// protest ends the connection by the protocol's own error, which can only be told between two messages
// of the compositor.
func (c *conn) protest(r *run, object, code uint32, text string, err error) error {
	c.lastWords = newMessage(theDisplay, displayError, object, code).text(text).done()
	c.fault = err
	if f := c.flows[relay.Host]; r.from == relay.App && f.rest > 0 && f.pass {
		r.link.Hold(relay.App)
		return nil
	}
	return c.end(r)
}

// end says the last words.
func (c *conn) end(r *run) error {
	if err := r.flush(); err != nil {
		return err
	}
	r.link.Write(relay.App, c.lastWords)
	return c.fault
}

// run is what goes on at once.
type run struct {
	link *relay.Link
	from relay.Side
	b    []byte
}

// add takes what stands in memory right behind what is there.
func (r *run) add(b []byte) {
	if len(r.b) == 0 {
		r.b = b
		return
	}
	r.b = r.b[:len(r.b)+len(b)]
}

// together is how many descriptors libwayland takes with one message of a socket.
const together = 28

// flush passes on what there is. Its first bytes take all descriptors along that came.
func (r *run) flush() error {
	b := r.b
	if r.b = nil; len(b) == 0 {
		return nil
	}
	for ; r.link.Waiting(r.from) > together; b = b[1:] {
		if len(b) == 1 {
			return errDescriptors
		}
		r.link.Pass(r.from, b[:1], together)
	}
	r.link.Pass(r.from, b, r.link.Waiting(r.from))
	return nil
}
