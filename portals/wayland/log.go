package wayland

import (
	"strconv"

	"snug/portals/decisions"
)

// log tells what a display shows and refuses.
type log struct {
	*decisions.Log
	name string
}

// refuses tells that the app was refused something, and what would allow it, or "".
func (l log) refuses(id int, what, would string) {
	if n := l.Begin(l.name, id, true); n != nil {
		n.String("from", "app")
		n.String("what", what)
		n.Refuse("refuse", would)
	}
}

// hides tells that a global is not shown which a grant would show: an app that behaves never asks for it.
func (l log) hides(id int, g global) {
	if g.shown > 0 || g.would == "" {
		return
	}
	if n := l.Begin(l.name, id, false); n != nil {
		n.String("from", "compositor")
		n.String("what", "global "+g.name)
		n.Would("hide", g.would)
	}
}

func (l log) binds(id int, q binding) {
	if n := l.Begin(l.name, id, false); n != nil {
		n.String("from", "app")
		n.String("what", "bind "+string(q.name)+" "+strconv.FormatUint(uint64(q.version), 10))
		n.Tell("pass")
	}
}

func (l log) closed(id int, err error) {
	if n := l.Begin(l.name, id, false); n != nil {
		n.String("from", "filter")
		if err != nil {
			n.String("error", err.Error())
		}
		n.Tell("close")
	}
}
