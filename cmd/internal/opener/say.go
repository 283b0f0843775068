package opener

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"snug/cmd/internal/portal"
)

// What people read: "NAME: what" and "hint: what to do".

// lineError is a wrong command line.
type lineError struct{ what string }

func (e *lineError) Error() string { return e.what }

// wrongLine says what is wrong with a command line.
func (p *program) wrongLine(what string) int {
	p.say(what, p.name+" --help shows the command line")
	return exitLine
}

// hint says what to do about an error, or nothing. This is the one table of hints.
func hint(err error) string {
	var at *portal.Error
	if !errors.As(err, &at) {
		if errors.Is(err, fs.ErrNotExist) {
			return "the sandbox sees granted files only; files.read in its manifest grants more"
		}
		return ""
	}
	grant := "portals.allow = [\"" + at.Interface + "\"] in the manifest"
	switch at.Reason {
	case portal.NoBus:
		return grant + " gives the sandbox a bus with this portal"
	case portal.Denied:
		return grant + " grants this portal"
	case portal.NoPortal:
		return grant + " grants this portal; if it is there, install xdg-desktop-portal and a backend on the host"
	case portal.NoBackend:
		return "install a backend of xdg-desktop-portal that has it on the host, such as xdg-desktop-portal-gtk"
	case portal.Ended:
		return "the desktop may have no app for it, or the file may not exist outside the sandbox"
	case portal.Gone:
		return "the log of xdg-desktop-portal says why; try again, it is started when needed"
	}
	return ""
}

// say prints one message.
func (p *program) say(what, hint string) {
	text := p.name + ": " + clean(what) + "\n"
	if hint != "" {
		text += "hint: " + clean(hint) + "\n"
	}
	io.WriteString(p.err, text)
}

func (p *program) print(text string) int {
	if _, err := io.WriteString(p.out, text); err != nil {
		p.say(err.Error(), "")
		return exitFailed
	}
	return 0
}

// printVersion names xdg-utils first: there are scripts that look for it.
func (p *program) printVersion() int {
	return p.print(p.name + " " + dialect + " (snug " + p.version + ")\n")
}

// maxShown bounds what a message repeats of an argument.
const maxShown = 200

// quote shows an argument so that it cannot deceive.
func quote(text string) string {
	if len(text) > maxShown {
		return strconv.Quote(text[:maxShown]) + "..."
	}
	return strconv.Quote(text)
}

// clean keeps what others said, a portal for one, from reaching the terminal as more than text.
func clean(text string) string {
	return strings.Map(func(char rune) rune {
		if !strconv.IsPrint(char) {
			return '?'
		}
		return char
	}, text)
}

func count(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}
