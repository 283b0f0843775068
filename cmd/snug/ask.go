package main

import (
	"io"
	"os"
	"strings"
	"time"
)

// confirm asks a person at a terminal a question; anything but a yes is a no.
func (c *console) confirm(question string) bool {
	io.WriteString(c.err, "snug: "+line(question)+"? [y/N] ")
	answer := ""
	for b := make([]byte, 1); len(answer) < 100; { // not a byte more: what follows may be for the app
		if n, err := os.Stdin.Read(b); n == 0 || err != nil {
			io.WriteString(c.err, "\n")
			return false
		}
		if b[0] == '\n' {
			break
		}
		answer += string(b)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

// progress is a line at a terminal that says how far something is; elsewhere it is nothing.
type progress struct {
	to    io.Writer
	last  time.Time
	shown bool
}

// progress begins one. Work that takes less than a moment shows none.
func (c *console) progress() *progress {
	p := &progress{last: time.Now()}
	if isTerminal(c.err) {
		p.to = c.err
	}
	return p
}

func (p *progress) show(text string) {
	if now := time.Now(); p.to != nil && now.Sub(p.last) > 200*time.Millisecond {
		p.last, p.shown = now, true
		io.WriteString(p.to, "\r\x1b[K"+text)
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown {
		io.WriteString(p.to, "\r\x1b[K")
		p.shown = false
	}
}
