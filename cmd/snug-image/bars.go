package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snug/systemdimg/source"
)

// bars show on a terminal how far an import has come: a line for each thing that is being done, which goes when
// all is done. Elsewhere nothing is shown.
type bars struct {
	out io.Writer // nil: there is no terminal

	mu    sync.Mutex
	list  []bar
	shown int // lines on the screen
	next  time.Time
}

type bar struct {
	what, of    string
	done, total int64
}

const redraw = 100 * time.Millisecond

func newBars(w io.Writer) *bars {
	if f, ok := w.(*os.File); ok && isTerminal(f.Fd()) {
		return &bars{out: w}
	}
	return &bars{}
}

func isTerminal(fd uintptr) bool {
	_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	return err == nil
}

// progress is what to tell, or nil.
func (b *bars) progress() source.Progress {
	if b.out == nil {
		return nil
	}
	return b.tell
}

func (b *bars) tell(what, of string, done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.list, func(x bar) bool { return x.what == what && x.of == of })
	if i < 0 {
		b.list = append(b.list, bar{what: what, of: of})
		i = len(b.list) - 1
	}
	b.list[i].done, b.list[i].total = done, total
	if now := time.Now(); now.After(b.next) {
		b.next = now.Add(redraw)
		b.drawLocked()
	}
}

// drawLocked writes all lines over those that are there.
func (b *bars) drawLocked() {
	var s strings.Builder
	b.upLocked(&s)
	b.shown = 0
	for _, x := range b.list {
		if x.total > 0 && x.done >= x.total {
			continue
		}
		s.WriteString(x.String() + "\n")
		b.shown++
	}
	io.WriteString(b.out, s.String())
}

// upLocked goes back to the first line and clears all.
func (b *bars) upLocked(s *strings.Builder) {
	for range b.shown {
		s.WriteString("\x1b[A")
	}
	s.WriteString("\r\x1b[J")
}

// String is a bar of less than 80 columns.
func (x bar) String() string {
	const width = 30
	text := column(x.what, 8) + column(x.of, 14)
	if x.total > 0 {
		full := int(min(x.done, x.total) * width / x.total)
		return text + "[" + strings.Repeat("#", full) + strings.Repeat(" ", width-full) + "] " + size(x.done) + " of " + size(x.total)
	}
	return text + size(x.done)
}

// close takes the bars away.
func (b *bars) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out != nil && b.shown > 0 {
		var s strings.Builder
		b.upLocked(&s)
		io.WriteString(b.out, s.String())
		b.shown = 0
	}
}
