package relay

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Side is one end of a link.
type Side int

// The two sides.
const (
	App  Side = iota // who connected to us
	Host             // whom we connected to
)

// Other gives the side across.
func (s Side) Other() Side { return 1 - s }

// Judge decides what goes on. The loop calls it from one goroutine.
type Judge interface {
	// Judge looks at what came from a side and was not taken yet, and gives the number of bytes
	// that it has taken: passed on by [Link.Pass], or left out. What it leaves is shown again, with
	// more behind it. An error ends the link, after what was passed on before has been written once.
	Judge(l *Link, from Side, in []byte) (taken int, err error)
	// Closed is called once, when the link has ended, with the reason if there is one.
	Closed(err error)
}

// Time limits of a link.
const (
	greeting = 30 * time.Second // until the judge calls Established
	draining = 10 * time.Second // for what is queued when the other side has ended
)

// waiting is how many descriptors of one side may wait for the bytes that claim them.
const waiting = 4 * most

// What a judge or a peer did wrong.
var (
	errFull        = errors.New("a message does not fit into the buffer")
	errDescriptors = errors.New("descriptors without a message that claims them")
	errTruncated   = errors.New("descriptors were lost: too many in one message, or no room for them in this process")
	errGreeting    = errors.New("no complete greeting in time")
	errStalled     = errors.New("the other side has ended and this one does not read")
)

// Link is a connection of an app with its own connection to the host. It owns both sockets.
type Link struct {
	loop     *Loop
	judge    Judge
	ends     [2]end
	deadline *timer
	ending   error // why it ends when the queues are empty
	leaving  bool  // one side has hung up, or is about to end
	ended    bool  // one side has said its last
	closed   bool
	porch    *porch // by which the app came in, or nil
	greeting bool   // it has not been established yet
}

// end is one socket of a link.
type end struct {
	link     *Link
	side     Side
	fd       int
	carry    []byte // what came and was not taken
	received []int  // descriptors that came and were neither passed on nor discarded
	out      queue  // what goes to this socket
	held     bool   // not read for now
	released bool   // the carry is to be shown again
	events   uint32
}

// Join makes a link of two connected, non-blocking sockets, which it owns from here on, also if it
// fails.
func (l *Loop) Join(app, host int, j Judge) (*Link, error) { return l.join(app, host, j, nil) }

func (l *Loop) join(app, host int, j Judge, p *porch) (*Link, error) {
	k := &Link{loop: l, judge: j, porch: p, greeting: true}
	for i, fd := range []int{app, host} {
		k.ends[i] = end{link: k, side: Side(i), fd: fd}
	}
	l.links[k] = struct{}{}
	k.deadline = l.after(l.greeting, func() { k.end(errGreeting) })
	if err := k.interest(); err != nil {
		k.end(err)
		return nil, err
	}
	return k, nil
}

// Pass lets bytes of what the judge was shown go on to the other side. The first of them takes fds
// descriptors along, the oldest that came from that side: the judge has asked [Link.Waiting].
func (k *Link) Pass(from Side, b []byte, fds int) {
	e := &k.ends[from]
	to := &k.ends[from.Other()].out
	to.fds = append(to.fds, e.received[:fds]...)
	e.received = e.received[fds:]
	to.add(b, fds)
}

// Write sends bytes of the judge's own to a side, behind what has been passed to it. They are copied.
func (k *Link) Write(to Side, b []byte) {
	l := k.loop
	start := len(l.arena)
	l.arena = append(l.arena, b...)
	k.ends[to].out.add(l.arena[start:len(l.arena):len(l.arena)], 0)
}

// Waiting gives how many descriptors came from a side and wait to be passed on or discarded.
func (k *Link) Waiting(from Side) int { return len(k.ends[from].received) }

// Discard closes the n oldest descriptors that came from a side.
func (k *Link) Discard(from Side, n int) {
	e := &k.ends[from]
	closeAll(e.received[:n])
	e.received = e.received[n:]
}

// Hold stops reading a side. What the judge leaves is not shown again before [Link.Release].
func (k *Link) Hold(side Side) { k.ends[side].held = true }

// Release ends a Hold.
func (k *Link) Release(side Side) {
	e := &k.ends[side]
	e.held, e.released = false, true
}

// Loop gives the loop that serves the link.
func (k *Link) Loop() *Loop { return k.loop }

// Resume lets a judge act on its link outside of [Judge.Judge], as when a timer has run out or another
// process has answered: do may write, discard, hold and release. It may not be called in Judge, of whatever
// link, as they share memory: [Loop.After] comes behind it.
func (k *Link) Resume(do func()) {
	if k.closed {
		return
	}
	do()
	var err error
	for i := 0; i < len(k.ends) && err == nil; i++ {
		err = k.ends[i].flush()
	}
	if err == nil {
		err = k.shown()
	}
	k.settle(err)
}

// Established says that the greeting is over: from here on a link may be silent for ever.
func (k *Link) Established() {
	if !k.leaving {
		k.loop.stop(k.deadline)
	}
	if k.greeting {
		k.greeting = false
		if k.porch != nil {
			k.porch.less(0, 1)
		}
	}
}

// leave gives a link whose one side has gone its last deadline: what that side has said shall arrive,
// but nobody waits for it for ever.
func (k *Link) leave() {
	if !k.leaving {
		k.Established()
		k.leaving = true
		k.deadline = k.loop.after(k.loop.draining, func() { k.end(errStalled) })
	}
}

// Close ends the link at once.
func (k *Link) Close() { k.end(nil) }

func (k *Link) end(err error) {
	if k.closed {
		return
	}
	k.closed = true
	k.loop.stop(k.deadline)
	delete(k.loop.links, k)
	if k.porch != nil {
		greeting := 0
		if k.greeting {
			greeting = 1
		}
		k.porch.less(1, greeting)
	}
	for i := range k.ends {
		e := &k.ends[i]
		k.loop.forget(e.fd)
		unix.Close(e.fd)
		closeAll(e.received)
		e.out.drop()
		e.carry, e.received = nil, nil
	}
	k.judge.Closed(err)
}

// ready is called by the loop for one of the sockets.
func (e *end) ready(events uint32) {
	k := e.link
	var err error
	if events&unix.EPOLLOUT != 0 || events&(unix.EPOLLIN|unix.EPOLLOUT) == 0 && !e.out.empty() {
		err = e.flush()
	}
	if err == nil && e.readable() && events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		err = e.read()
	} else if events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		k.leave()
	}
	if err == nil {
		err = k.shown()
	}
	k.settle(err)
}

// shown shows what was held and is released.
func (k *Link) shown() (err error) {
	for i := 0; i < len(k.ends) && err == nil; i++ {
		o := &k.ends[i]
		if o.released {
			o.released = false
			err = o.show(len(o.take()))
			i = -1 // what it wrote may release the other
		}
	}
	return err
}

// settle ends what has to end, and waits for the rest.
func (k *Link) settle(err error) {
	if err == nil && k.ended && k.ends[App].out.empty() && k.ends[Host].out.empty() {
		k.end(k.ending)
		return
	}
	if err == nil {
		for i := range k.ends {
			k.ends[i].out.keep()
		}
		k.loop.arena = k.loop.arena[:0]
		err = k.interest()
	}
	if err != nil {
		k.end(err)
		k.loop.arena = k.loop.arena[:0]
	}
}

// readable reports whether there is room for what this socket says.
func (e *end) readable() bool {
	return !e.held && !e.link.ended && e.link.ends[e.side.Other()].out.empty()
}

// rounds is how often one link reads before the others have their turn.
const rounds = 4

// read takes what the socket has.
func (e *end) read() error {
	k, l := e.link, e.link.loop
	for range rounds {
		kept := len(e.take())
		n, oob, flags, err := l.socket.receive(e.fd, l.scratch[kept:])
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.ECONNRESET:
			n = 0
		case err != nil:
			return err
		}
		if err := e.arrived(oob, flags); err != nil {
			return err
		}
		if n == 0 {
			return k.over(e)
		}
		if err := e.show(kept + n); err != nil {
			return err
		}
		if kept+n < len(l.scratch) || !e.readable() {
			return nil
		}
	}
	return nil
}

// take puts what was left into the buffer that all share.
func (e *end) take() []byte { return e.link.loop.scratch[:copy(e.link.loop.scratch, e.carry)] }

// arrived collects descriptors.
func (e *end) arrived(oob []byte, flags int32) error {
	if len(oob) > 0 {
		messages, err := unix.ParseSocketControlMessage(oob)
		if err != nil {
			return err
		}
		for i := range messages {
			if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
				e.received = append(e.received, fds...)
			}
		}
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return errTruncated
	}
	if len(e.received) > waiting {
		return errDescriptors
	}
	return nil
}

// show lets the judge see the first n bytes of the shared buffer, and writes what it passes on.
func (e *end) show(n int) error {
	k, l := e.link, e.link.loop
	taken, err := k.judge.Judge(k, e.side, l.scratch[:n])
	switch {
	case err != nil:
	case taken == n && len(e.received) > 0:
		err = errDescriptors
	case taken == 0 && n == len(l.scratch) && !e.held:
		err = errFull
	}
	e.leave(l.scratch[taken:n])
	if len(e.received) == 0 {
		e.received = nil
	}
	for i := range k.ends {
		if failed := k.ends[i].flush(); err == nil {
			err = failed
		}
		k.ends[i].out.keep() // the buffer is about to be used again
	}
	return err
}

// leave keeps what was not taken: small remains in memory that stays, large ones for once.
func (e *end) leave(rest []byte) {
	switch {
	case len(rest) == 0 && cap(e.carry) > 4096:
		e.carry = nil
	case len(rest) == 0:
		e.carry = e.carry[:0]
	default:
		e.carry = append(e.carry[:0], rest...)
	}
}

func (e *end) flush() error {
	if e.out.empty() {
		return nil
	}
	return e.out.flush(e.fd, &e.link.loop.socket)
}

// over notes that a side has ended: what it said before still reaches the other.
func (k *Link) over(e *end) error {
	if k.ended {
		return nil
	}
	k.ended = true
	e.out.drop()
	k.leave()
	return nil
}

// interest tells the kernel what each socket waits for. One that neither reads nor writes waits for
// its hang-up, at an edge: it would be reported over and over.
func (k *Link) interest() error {
	for i := range k.ends {
		e := &k.ends[i]
		want := uint32(0)
		if e.readable() {
			want |= unix.EPOLLIN
		}
		if !e.out.empty() {
			want |= unix.EPOLLOUT
		}
		if want == 0 {
			want = unix.EPOLLRDHUP | unix.EPOLLET
		}
		if want == e.events {
			continue
		}
		e.events = want
		if err := k.loop.watch(e.fd, e, want); err != nil {
			return err
		}
	}
	return nil
}
