package draft

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"snug/manifests"
)

// Whatever TOML comes in is read as tables of options whose values are lists of words: that is all
// that bubblejail's files are made of.

// table is one table, with its dotted name; that above all tables has none.
type table struct {
	name    string
	options []option
}

// option is one key with its value or values as they were written, text without its quotes.
type option struct {
	name   string
	values []string
}

func (t *table) get(name string) []string {
	for _, o := range t.options {
		if o.name == name {
			return o.values
		}
	}
	return nil
}

func (t *table) isTrue(name string) bool {
	values := t.get(name)
	return len(values) == 1 && values[0] == "true"
}

const (
	maxText    = 256 << 10
	maxOptions = 4096
)

// readTables reads a text that may be anything.
func readTables(text []byte) (tables []table, err error) {
	if len(text) > maxText || !utf8.Valid(text) {
		return nil, manifests.Problem{What: "the file is larger than 256 KiB, or not valid UTF-8"}
	}
	var p unstable.Parser
	p.Reset(text)
	tables = append(tables, table{})
	for n := 0; p.NextExpression(); n++ {
		node := p.Expression()
		switch {
		case n == maxOptions:
			return nil, manifests.Problem{What: "the file has more than 4096 lines with keys"}
		case node.Kind == unstable.Table || node.Kind == unstable.ArrayTable:
			tables = append(tables, table{name: dotted(node.Key())})
		case node.Kind == unstable.KeyValue:
			tables = addOption(tables, dotted(node.Key()), node.Value())
		}
	}
	var syntax *unstable.ParserError
	if err := p.Error(); errors.As(err, &syntax) {
		return nil, manifests.Problem{What: "the file is no TOML: " + syntax.Error()}
	} else if err != nil {
		return nil, manifests.Problem{What: "the file is no TOML: " + err.Error()}
	}
	isEmpty := func(t table) bool { return t.name == "" && len(t.options) == 0 }
	return slices.DeleteFunc(tables, isEmpty), nil
}

// addOption adds a key to the last table; an inline table becomes one of its own.
func addOption(tables []table, name string, value *unstable.Node) []table {
	last := &tables[len(tables)-1]
	switch value.Kind {
	case unstable.InlineTable:
		if last.name != "" {
			name = last.name + "." + name
		}
		inner := []table{{name: name}}
		for children := value.Children(); children.Next(); {
			if child := children.Node(); child.Value().Kind != unstable.InlineTable {
				inner = addOption(inner, dotted(child.Key()), child.Value())
			}
		}
		return append(tables[:len(tables)-1:len(tables)-1], append(inner, *last)...)
	case unstable.Array:
		o := option{name: name, values: []string{}}
		for children := value.Children(); children.Next(); {
			if child := children.Node(); child.Kind != unstable.Array && child.Kind != unstable.InlineTable {
				o.values = append(o.values, string(child.Data))
			}
		}
		last.options = append(last.options, o)
	default:
		last.options = append(last.options, option{name, []string{string(value.Data)}})
	}
	return tables
}

func dotted(parts unstable.Iterator) (name string) {
	for parts.Next() {
		if name != "" {
			name += "."
		}
		name += string(parts.Node().Data)
	}
	return name
}
