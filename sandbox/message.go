package sandbox

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// message is what the child says to its parent over the status socket, a pair of SOCK_SEQPACKET:
// 8 bytes, the kind and a value, and with some kinds a descriptor.
//
//	child                                   parent
//	  ── msgPlace ────────────────────────►   write id maps, Handover.Placed
//	  ◄──────────────────────── one byte ──
//	  ── msgMade ─────────────────────────►   Handover.Made
//	  ◄──────────────────────── one byte ──
//	  ── msgFuse + descriptor ────────────►   Handover.Serve
//	  ◄──────────────────────── one byte ──
//	  ── msgMain + pidfd ─────────────────►   this process takes the place of the first one
//	  ── msgApp + pidfd ──────────────────►   the reaper has started the app
//	  ── msgTerminal + pty ───────────────►   Instance.Terminal
//	  ── msgListener, number ─────────────►   pidfd_getfd, Instance.Listener
//	  ◄──────────────────────── one byte ──
//	  ── msgTree + mount ─────────────────►   what was added to a running sandbox
//	  ── msgReady ────────────────────────►   only filters and execve are left
//	  ── msgStatus, wait status ──────────►   the app has stopped or ended
type message uint32

const (
	msgPlace message = iota + 1
	msgMade
	msgMain
	msgApp
	msgTerminal
	msgReady
	msgListener
	msgStatus
	msgTree
	msgFuse
)

// The struct msghdr that the child sends, with what belongs to it behind: offsets in bytes.
const (
	msgIovec   = 56             // struct iovec
	msgPayload = msgIovec + 16  // kind, value
	msgControl = msgPayload + 8 // struct cmsghdr and one descriptor
	msgRights  = msgControl + 16
	msgLen     = msgRights + 8
)

// message gives the struct msghdr of a kind, made once.
func (c *compiler) message(kind message, rights bool) program.Cell {
	if at, ok := c.said[kind]; ok {
		return at
	}
	p := make([]byte, msgLen)
	e := binary.NativeEndian
	e.PutUint32(p[msgPayload:], uint32(kind))
	e.PutUint64(p[24:], 1) // msg_iovlen
	e.PutUint64(p[msgIovec+8:], 8)
	control := uint64(0)
	if rights {
		control = 24
		e.PutUint64(p[msgControl:], 20) // cmsg_len: header and one int
		e.PutUint32(p[msgControl+8:], unix.SOL_SOCKET)
		e.PutUint32(p[msgControl+12:], unix.SCM_RIGHTS)
	}
	e.PutUint64(p[40:], control)
	at := c.b.Data("message", p)
	c.b.Point(at.At(16), at.At(msgIovec))
	c.b.Point(at.At(msgIovec), at.At(msgPayload))
	c.b.Point(at.At(32), at.At(msgControl))
	if c.said == nil {
		c.said = make(map[message]program.Cell)
	}
	c.said[kind] = at
	return at
}

// say sends a message that was prepared with message.
func (c *compiler) say(kind message) *program.Op {
	return c.b.Call(unix.SYS_SENDMSG, c.status.Value(), c.message(kind, false).Addr(), program.Num(unix.MSG_NOSIGNAL)).On(unix.EINTR, program.Retry, 0)
}

// ask sends a message and waits for the answer. A parent that is gone ends the child.
func (c *compiler) ask(kind message) {
	c.out.asks = true
	c.say(kind)
	c.await(c.status)
	answered := c.b.TestEqual(c.pid.Value(), ^uint64(0), 1)
	c.b.Call(program.Report, program.Num(uint64(unix.EPIPE)))
	c.b.Land(answered)
}

// await reads one byte from a descriptor and leaves in pid how many came.
func (c *compiler) await(fd program.Cell) {
	c.b.Call(unix.SYS_READ, fd.Value(), c.byte.Addr(), program.Num(1)).To(c.pid).On(unix.EINTR, program.Retry, 0)
}

// waitFor waits until a byte or the end of the file arrives. The descriptor may be non-blocking,
// as every pipe of a Go program is: poll first, and again if somebody else was faster.
func (c *compiler) waitFor(f *os.File, name string) {
	if f == nil {
		return
	}
	c.note("wait for a descriptor", name, "")
	fd, poll := c.file(f, name), c.b.NewCell("poll_"+name)
	c.out.polls = append(c.out.polls, fileCell{f, poll})
	// It may take long: signals that would end the app end this.
	mask := c.b.Words("sigset", program.Num(c.spec.Process.Signals.Blocked))
	c.b.Call(unix.SYS_PPOLL, poll.Addr(), program.Num(1), program.Num(0), mask.Addr(), program.Num(8)).On(unix.EINTR, program.Retry, 0)
	c.b.Call(unix.SYS_READ, fd.Value(), c.byte.Addr(), program.Num(1)).
		On(unix.EINTR, program.Retry, 0).On(unix.EAGAIN, program.Skip, -2)
}

// clone forks. The parent goes on at the next op, with a message of a kind prepared that holds
// the child's pidfd; the child goes on where the label lands.
func (c *compiler) clone(flags uint64, kind message) program.Label {
	m := c.message(kind, true)
	c.b.Call(unix.SYS_CLONE, program.Num(flags|unix.CLONE_PIDFD|uint64(unix.SIGCHLD)), program.Num(0),
		m.At(msgRights).Addr(), program.Num(0), program.Num(0)).To(c.pid)
	return c.b.TestEqual(c.pid.Value(), ^uint64(0), 0)
}
