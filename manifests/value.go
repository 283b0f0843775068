package manifests

import (
	"math"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"snug/manifests/internal/words"
)

// set reads the value of a key into the field that the schema names.
func (r *reader) set(key *Key, value *unstable.Node, at int) {
	if what := r.outOfScope(key); what != "" {
		r.fail(at, key.Name+" "+what, "")
		return
	}
	switch field := key.field(r.into).(type) {
	case *Text:
		if text, ok := r.textValue(key, key.Name, value, at); ok {
			*field = text
		}
	case *Flag:
		if r.is(unstable.Bool, key, value, at) {
			*field = Flag{value.Data[0] == 't', r.originAt(at)}
		}
	case *Number:
		r.number(key, field, value, at)
	case *[]Text:
		r.list(key, field, value, at)
	}
}

// outOfScope says why a key may not stand where it stands, or "".
func (r *reader) outOfScope(key *Key) string {
	if key.Scope != "" && r.into != &r.layer.Manifest {
		return "does not belong below [[if]], which only adds"
	}
	return ""
}

// is reports whether value is of the kind that the key takes, or adds the problem.
func (r *reader) is(kind unstable.Kind, key *Key, value *unstable.Node, at int) bool {
	if value.Kind == kind {
		return true
	}
	r.fail(r.offsetOf(value, at), key.Name+" takes "+article(key.Kind)+", not "+kindName(value.Kind), example(key))
	return false
}

// offsetOf returns where a value begins; go-toml does not say it of a list, so there it is where
// the key begins.
func (r *reader) offsetOf(value *unstable.Node, at int) int {
	if value.Kind == unstable.Array {
		return at
	}
	return int(value.Raw.Offset)
}

// textValue reads one string, checked. The name is what a problem calls it.
func (r *reader) textValue(key *Key, name string, value *unstable.Node, at int) (Text, bool) {
	if value.Kind != unstable.String {
		r.is(unstable.String, key, value, at)
		return Text{}, false
	}
	at = int(value.Raw.Offset)
	text := string(value.Data)
	if what, hint := validate(key, text); what != "" {
		r.fail(at, name+": "+words.Quote(text)+" "+what, hint)
		return Text{}, false
	}
	return Text{text, r.originAt(at)}, true
}

func (r *reader) list(key *Key, field *[]Text, value *unstable.Node, at int) {
	if !r.is(unstable.Array, key, value, at) {
		return
	}
	var texts []Text
	for children := value.Children(); children.Next(); {
		child := children.Node()
		if child.Kind != unstable.String {
			r.fail(r.offsetOf(child, at), "the entries of "+key.Name+" are text, not "+kindName(child.Kind), "")
			return
		}
		if len(texts) == maxList {
			r.fail(at, key.Name+" has more than "+strconv.Itoa(maxList)+" entries", "grant a folder, not its files")
			return
		}
		if text, ok := r.textValue(key, key.Name, child, at); ok {
			texts = append(texts, text)
		}
	}
	*field = texts
}

func (r *reader) number(key *Key, field *Number, value *unstable.Node, at int) {
	if value.Kind != unstable.Integer && !(key.Kind == kindDecimal && value.Kind == unstable.Float) {
		r.is(unstable.Integer, key, value, at)
		return
	}
	number, ok := parseNumber(string(value.Data))
	if !ok {
		r.fail(at, key.Name+": "+string(value.Data)+" is out of range", example(key))
		return
	}
	*field = Number{number, r.originAt(at)}
}

// parseNumber reads a TOML number that is above zero and counts something.
func parseNumber(text string) (float64, bool) {
	if whole, err := strconv.ParseInt(text, 0, 64); err == nil {
		return float64(whole), whole > 0 && whole <= 1<<53
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return number, err == nil && number > 0 && number <= 1<<53 && !math.IsNaN(number)
}

// variable reads one variable of the environment.
func (r *reader) variable(key *Key, name string, value *unstable.Node, at int) {
	if what, hint := key.check(name); what != "" {
		r.fail(at, key.Name+": "+name+" "+what, hint)
		return
	}
	if value.Kind != unstable.String {
		r.fail(r.offsetOf(value, at), "the variables of "+key.Name+" are text, not "+kindName(value.Kind), "write it in quotes")
		return
	}
	text := string(value.Data)
	if what := words.Problem(text); what != "" {
		r.fail(int(value.Raw.Offset), key.Name+"."+name+": "+words.Quote(text)+" "+what, "write it without")
		return
	}
	field := key.field(r.into).(*[]Variable)
	for _, other := range *field {
		if other.Name == name {
			r.fail(at, key.Name+"."+name+" is given twice, first at "+string(other.Origin), "keep one of them")
			return
		}
	}
	if len(*field) == maxList {
		r.fail(at, key.Name+" has more than "+strconv.Itoa(maxList)+" entries", "")
		return
	}
	*field = append(*field, Variable{name, text, r.originAt(at)})
}

// kindName is a TOML kind in words, for "takes text, not a number".
func kindName(kind unstable.Kind) string {
	switch kind {
	case unstable.String:
		return "text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date"
}

// article is the kind of a key in words.
func article(kind string) string {
	switch kind {
	case kindFlag:
		return "true or false"
	case kindNumber:
		return "a whole number"
	case kindDecimal:
		return "a number"
	case kindList, kindArgv:
		return "a list of text"
	case kindTable:
		return "a table of text"
	}
	return "text"
}

// example shows how a key is written.
func example(key *Key) string {
	switch key.Kind {
	case kindFlag:
		return "write true or false, without quotes"
	case kindNumber, kindDecimal:
		return "write a number above 0, without quotes"
	case kindList, kindArgv:
		return `write a list: ["…"]`
	case kindEnum:
		return oneOf(key)
	}
	return `write it in quotes: "…"`
}
