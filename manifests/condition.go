package manifests

import (
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"snug/manifests/internal/words"
)

// Facts are what the conditions of a manifest may ask about this machine.
type Facts struct {
	// Has reports whether a Wayland server answers ("wayland"), an X server does ("x11"), the driver of
	// NVIDIA is loaded ("nvidia"), a desktop portal can be started ("portal"). It is called only if a
	// condition asks; nil: none of them.
	Has     func(fact string) bool
	Desktop string // XDG_CURRENT_DESKTOP: names separated by colons
	Host    string // the host name
}

// condition is one [[if]]: what its manifest adds where the fact holds.
type condition struct {
	when Text
	then Manifest
}

// plainFacts are the facts that are there or not; "desktop=" and "host=" ask for a value.
const plainFacts words.Set = "wayland x11 nvidia portal"

const factSyntax = "one of wayland, x11, nvidia, portal, desktop=NAME, host=GLOB, or ! before one"

// checkFact says what is wrong with the value of `when`, or "".
func checkFact(when string) (what, hint string) {
	if problem := words.Problem(when); problem != "" {
		return problem, factSyntax
	}
	name, value, hasValue := strings.Cut(strings.TrimPrefix(when, "!"), "=")
	if !hasValue && plainFacts.Has(name) {
		return "", ""
	}
	if _, err := path.Match(value, ""); hasValue && value != "" && len(value) <= 255 && (name == "desktop" || name == "host" && err == nil) {
		return "", ""
	}
	return "is no fact", factSyntax
}

// hold reports whether a fact, or with "!" its contrary, is true. The fact passed checkFact.
func (f Facts) hold(when string) bool {
	fact, negated := strings.CutPrefix(when, "!")
	name, value, _ := strings.Cut(fact, "=")
	holds := false
	switch name {
	case "desktop":
		for desktop := range strings.SplitSeq(f.Desktop, ":") {
			holds = holds || strings.EqualFold(desktop, value)
		}
	case "host":
		holds, _ = path.Match(value, f.Host)
	default:
		holds = f.Has != nil && f.Has(name)
	}
	return holds != negated
}

// maxConditions bounds the [[if]] of one file.
const maxConditions = 64

// condition begins an [[if]].
func (r *reader) condition(node *unstable.Node) {
	parent, last, at := r.key(node.Key(), "")
	name := join(parent, last)
	r.skip = true
	switch {
	case name == "if" && len(r.layer.conditions) == maxConditions:
		r.fail(at, "there are more than 64 [[if]]", "")
	case name == "if":
		r.closeCondition()
		r.layer.conditions = append(r.layer.conditions, condition{})
		r.into = &r.layer.conditions[len(r.layer.conditions)-1].then
		r.table, r.skip, r.ifAt = "", false, at
	case isTable(name):
		r.fail(at, name+" is one table", "write ["+name+"]")
	default:
		r.unknown(name, "table", at)
	}
}

// when reads the fact of the current [[if]].
func (r *reader) when(value *unstable.Node, at int) {
	when := &r.layer.conditions[len(r.layer.conditions)-1].when
	if value.Kind != unstable.String {
		r.fail(r.offsetOf(value, at), "when takes text, not "+kindName(value.Kind), factSyntax)
		return
	}
	if when.Origin != "" {
		r.fail(at, "when is given twice", "write a second [[if]]")
		return
	}
	at = int(value.Raw.Offset)
	*when = Text{string(value.Data), r.originAt(at)}
	if what, hint := checkFact(when.Value); what != "" {
		r.fail(at, "when: "+words.Quote(when.Value)+" "+what, hint)
	}
}

// closeCondition checks that the [[if]] before this place has its fact.
func (r *reader) closeCondition() {
	if r.into == &r.layer.Manifest || len(r.layer.conditions) == 0 {
		return
	}
	if last := r.layer.conditions[len(r.layer.conditions)-1]; last.when.Origin == "" {
		r.fail(r.ifAt, "[[if]] has no `when`", factSyntax)
	}
}
