package pulse

import (
	"strconv"

	"snug/portals/decisions"
)

// log tells what becomes of what one app asks.
type log struct {
	*decisions.Log
	name string
}

func (l log) begin(id int, command string, tag uint32, what string, refused bool) *decisions.Line {
	n := l.Begin(l.name, id, refused)
	if n == nil {
		return nil
	}
	n.Number("tag", uint64(tag))
	n.String("from", "app")
	n.String("command", command)
	if what == "" {
		what = command
	}
	n.String("what", what)
	return n
}

func (l log) refused(id int, p *packet, r *rule, v verdict) {
	name := r.name
	if name == "unknown" {
		name = "command " + strconv.FormatUint(uint64(p.command), 10)
	}
	if n := l.begin(id, name, p.tag, v.what, true); n != nil {
		n.Refuse("refuse", v.grant)
	}
}

// denied is told of what was found out only later.
func (l log) denied(id int, what, grant string) {
	if n := l.begin(id, "", none, what, true); n != nil {
		n.Refuse("refuse", grant)
	}
}

// tell tells of streams: what else passes would be a line for each moment.
func (l log) tell(id int, command, what, decision string) {
	if n := l.begin(id, command, none, what, false); n != nil {
		n.Tell(decision)
	}
}

func (l log) closed(id int, err error) {
	n := l.Begin(l.name, id, false)
	if n == nil {
		return
	}
	n.String("from", "filter")
	if err != nil {
		n.String("error", err.Error())
	}
	n.Tell("close")
}
