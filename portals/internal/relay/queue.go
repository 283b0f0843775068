package relay

import (
	"golang.org/x/sys/unix"
)

// piece is a run of bytes on its way to a socket. The first byte takes fds descriptors along.
type piece struct {
	bytes []byte
	fds   int
	kept  bool // the bytes are the queue's own, and not of a buffer that all links share
}

// queue is what goes to one socket, in order. It owns the descriptors in fds.
type queue struct {
	pieces []piece
	first  int // the pieces before it have been sent
	fds    []int
}

func (q *queue) empty() bool { return q.first == len(q.pieces) }

// add puts bytes behind what is there; fds descriptors go with the first of them.
func (q *queue) add(b []byte, fds int) {
	if len(b) == 0 {
		return
	}
	if !q.empty() && fds == 0 {
		last := &q.pieces[len(q.pieces)-1]
		if end := len(last.bytes); !last.kept && end < cap(last.bytes) && &last.bytes[:end+1][end] == &b[0] {
			last.bytes = last.bytes[:end+len(b)]
			return
		}
	}
	q.pieces = append(q.pieces, piece{bytes: b, fds: fds})
}

// flush writes what the socket takes. Descriptors that were sent are closed here.
func (q *queue) flush(fd int, s *socket) error {
	for !q.empty() {
		end := q.first + 1 // a piece with descriptors begins a write of its own, so that readers find them with it
		for end < len(q.pieces) && q.pieces[end].fds == 0 {
			end++
		}
		fds := q.fds[:q.pieces[q.first].fds]
		var oob []byte
		if len(fds) > 0 {
			oob = unix.UnixRights(fds...)
		}
		n, err := s.send(fd, q.pieces[q.first:end], oob)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return err
		}
		closeAll(fds)
		q.fds = q.fds[len(fds):]
		q.sent(n)
	}
	q.rewind()
	return nil
}

// plenty is how many pieces an empty queue keeps the room for.
const plenty = 256

// rewind makes an empty queue ready to be filled again.
func (q *queue) rewind() {
	clear(q.pieces)
	q.pieces, q.first = q.pieces[:0], 0
	if cap(q.pieces) > plenty {
		q.pieces = nil
	}
	if len(q.fds) == 0 {
		q.fds = nil
	}
}

// sent takes n bytes off the front, and the descriptors that went with the first.
func (q *queue) sent(n int) {
	q.pieces[q.first].fds = 0
	for n > 0 {
		p := &q.pieces[q.first]
		if n < len(p.bytes) {
			p.bytes = p.bytes[n:]
			return
		}
		n -= len(p.bytes)
		q.first++
	}
}

// keep copies what is left out of the buffers that all links share.
func (q *queue) keep() {
	size := 0
	for _, p := range q.pieces[q.first:] {
		if !p.kept {
			size += len(p.bytes)
		}
	}
	if size == 0 {
		return
	}
	own := make([]byte, 0, size)
	for i := q.first; i < len(q.pieces); i++ {
		if p := &q.pieces[i]; !p.kept {
			start := len(own)
			own = append(own, p.bytes...)
			p.bytes, p.kept = own[start:len(own):len(own)], true
		}
	}
}

// drop closes the descriptors and forgets the bytes.
func (q *queue) drop() {
	closeAll(q.fds)
	*q = queue{}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
