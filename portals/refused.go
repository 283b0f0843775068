package portals

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
)

// What a broker has refused, in prose. Whoever has started it may want to say so at the app's end, as an
// app that does not get its name on the bus often ends without a word. So the broker writes a line for
// each refusal into a pipe that nobody reads until then: it holds what fits, and what does not is lost.
// A line is empty, but for the first name that the app wanted and did not get. An app can lie by asking
// for what it does not need, in no more than one name that a bus could have.

// Refusals are the calls of an app that its broker has refused.
type Refusals struct {
	Count int    // or more: a pipe holds some ten thousand
	Bus   string // on which the app wanted a name, or ""
	Name  string // that it did not get
}

// refusals writes them down.
type refusals struct {
	fd    int // of a pipe that does not block
	named bool
}

// on gives what the filter of a bus calls for each call that it refuses.
func (r *refusals) on(bus string) func(name string) {
	return func(name string) {
		text := "\n"
		if !r.named && isBusName(name) {
			text, r.named = bus+" "+name+text, true
		}
		unix.Write(r.fd, []byte(text))
	}
}

// ParseRefusals reads what a broker has written.
func ParseRefusals(text []byte) (r Refusals) {
	r.Count = bytes.Count(text, []byte("\n"))
	for line := range strings.Lines(string(text)) {
		bus, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if (bus == "session" || bus == "system") && isBusName(name) {
			r.Bus, r.Name = bus, name
			break
		}
	}
	return r
}

// isBusName reports whether a program can have a name on a bus.
func isBusName(name string) bool {
	return !strings.HasSuffix(name, "*") && (dbus.Policy{Own: []string{name}}).Check() == nil
}
