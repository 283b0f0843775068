package decisions

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

const (
	maxWatchers = 8
	maxKept     = 64 // refusals, each once, for who comes later

	// All of them fit into an empty socket at once, or their end would never be told: it holds 208 KiB
	// (net.core.wmem_default), counts up to twice the bytes of a packet, and some for itself.
	maxKeptBytes = 96 << 10
	packetBytes  = 1 << 10
)

// Log is where decisions go. It serves one goroutine, that of the loop.
type Log struct {
	file     io.Writer // or nil
	advise   func(broker, grant string) string
	watchers []watcher
	kept     []refusal
	size     int // of what is kept, in a socket
	line     Line
}

// watcher is a connection of somebody who watches.
type watcher struct {
	fd     int
	missed int // lines that it had no room for
}

// refusal is one that was told, and how often.
type refusal struct {
	said  string // what tells it from others
	line  []byte
	count int
}

// New makes a log. file takes every line, if it is not nil; a slow one holds up all brokers. advise, if it
// is not nil, says what a person could do to allow what was refused.
func New(file io.Writer, advise func(broker, grant string) string) *Log {
	return &Log{file: file, advise: advise}
}

// Watch lets people watch by a listening socket of packets, whose file stays the caller's.
func (l *Log) Watch(loop *relay.Loop, listener *os.File) error {
	return loop.Accept(listener, l.welcome)
}

// Close ends the connections of all who watch.
func (l *Log) Close() {
	for _, w := range l.watchers {
		unix.Close(w.fd)
	}
	l.watchers = nil
}

func (l *Log) active() bool { return l.file != nil || len(l.watchers) > 0 }

// welcome tells a new watcher what was refused so far.
func (l *Log) welcome(fd int) {
	if len(l.watchers) == maxWatchers {
		l.dismiss()
	}
	if len(l.watchers) == maxWatchers {
		unix.Close(fd)
		return
	}
	l.watchers = append(l.watchers, watcher{fd: fd})
	w := &l.watchers[len(l.watchers)-1]
	for _, r := range l.kept {
		l.send(w, append(strconv.AppendInt(append(r.line[:len(r.line)-2:len(r.line)-2], `,"count":`...), int64(r.count), 10), "}\n"...))
	}
	l.send(w, []byte(`{"kept":`+strconv.Itoa(len(l.kept))+"}\n"))
}

// dismiss closes the connections of those who have gone.
func (l *Log) dismiss() {
	still := l.watchers[:0]
	for _, w := range l.watchers {
		n, err := unix.Read(w.fd, make([]byte, 1))
		if n <= 0 && err != unix.EAGAIN && err != unix.EINTR {
			unix.Close(w.fd)
			continue
		}
		still = append(still, w)
	}
	l.watchers = still
}

// tell sends a line to all.
func (l *Log) tell(n *Line, refused bool) {
	if refused {
		l.keep(n)
	}
	if l.file != nil {
		l.file.Write(n.b)
	}
	gone := false
	for i := range l.watchers {
		gone = !l.send(&l.watchers[i], n.b) || gone
	}
	if gone {
		l.dismiss()
	}
}

// send reports whether a watcher is still there.
func (l *Log) send(w *watcher, line []byte) bool {
	if w.missed > 0 {
		if err := write(w.fd, []byte(`{"missed":`+strconv.Itoa(w.missed)+"}\n")); err != nil {
			w.missed++
			return err == unix.EAGAIN
		}
		w.missed = 0
	}
	err := write(w.fd, line)
	if err != nil {
		w.missed++
	}
	return err == nil || err == unix.EAGAIN
}

func write(fd int, packet []byte) error {
	for {
		_, err := unix.SendmsgN(fd, packet, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// keep remembers a refusal, once for all alike. An app that is refused ever new things fills the room: the
// first ones stay, as what came first is most often what it failed by.
func (l *Log) keep(n *Line) {
	said := n.b[n.said:]
	for i := range l.kept {
		if l.kept[i].said == string(said) {
			l.kept[i].count++
			return
		}
	}
	size := len(n.b) + packetBytes
	if len(l.kept) < maxKept && l.size+size <= maxKeptBytes {
		l.size += size
		l.kept = append(l.kept, refusal{said: string(said), line: append([]byte(nil), n.b...), count: 1})
	}
}
