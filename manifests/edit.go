package manifests

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"snug/manifests/internal/words"
)

// This file changes single values in the text of a manifest and leaves every other byte as it is:
// comments, order, the way in which lists are laid out. What it makes is parsed again by who calls
// it, so it need not understand every way to write TOML, and says so where it does not.

// Change is one value that is to be added to a manifest, or taken out of it. Of a list it is an
// entry; of anything else it is the value. A variable is process.env with NAME=VALUE.
type Change struct {
	Key, Value string
	Remove     bool
}

// ReadChange reads KEY=VALUE, or reports that the word is none: it is a path if it holds a slash
// before the equals sign, or no such sign.
func ReadChange(word string, remove bool) (Change, bool) {
	key, value, found := strings.Cut(word, "=")
	if !found || !words.Every(key, func(c byte) bool { return words.IsLabel(c) || c == '.' }) {
		return Change{}, false
	}
	return Change{key, value, remove}, true
}

// problem says what is wrong with a change, in the schema's words.
func (c Change) problem() error {
	key := lookup(c.Key)
	switch {
	case key == nil && isTable(c.Key):
		return Problem{What: c.Key + " is a table", Hint: "name one key in it: " + firstKey(c.Key)}
	case key == nil:
		return Problem{What: "unknown key " + words.Printable(c.Key), Hint: suggest(c.Key)}
	case key.Kind == kindArgv:
		return Problem{What: key.Name + " is a list whose words belong together", Hint: "write it into a manifest"}
	case c.Remove:
		return nil
	}
	if what, hint := new(Layer).set(key, c.Value, "command line"); what != "" || c.Value == "" && key.Kind == kindFlag {
		if what == "" {
			what, hint = "is not true or false", ""
		}
		return Problem{What: key.Name + ": " + words.Quote(c.Value) + " " + what, Hint: hint}
	}
	return nil
}

func firstKey(table string) string {
	for i := range schema {
		if within(schema[i].Name, table) {
			return schema[i].Name
		}
	}
	return ""
}

// edit makes one change in a text that parses, and reports whether it was necessary.
func edit(text []byte, c Change) (changed []byte, did bool, err error) {
	if rest, marked := bytes.CutPrefix(text, []byte("\ufeff")); marked { // see Parse
		changed, did, err = edit(rest, c)
		return append([]byte("\ufeff"), changed...), did, err
	}
	key := lookup(c.Key)
	name, value := c.Key, quoteTOML(c.Value)
	switch key.Kind {
	case kindTable:
		variable, content, _ := strings.Cut(c.Value, "=")
		name, value = c.Key+"."+variable, quoteTOML(content)
	case kindFlag, kindNumber, kindDecimal:
		value = c.Value
	}
	at := locate(text, name)
	switch {
	case at.inline:
		return nil, false, Problem{What: name + " stands in a table of one line", Hint: "write that as [" + parentOf(name) + "], and try again"}
	case !at.found && c.Remove:
		return text, false, nil
	case !at.found && key.Kind == kindList:
		return insertKey(text, at, name, "["+value+"]"), true, nil
	case !at.found:
		return insertKey(text, at, name, value), true, nil
	case key.Kind == kindList && c.Remove:
		return removeEntry(text, at, c.Value)
	case key.Kind == kindList:
		changed, did = addEntry(text, at, c.Value, value)
		return changed, did, nil
	case c.Remove && key.Kind != kindTable && string(bytes.TrimSpace(text[at.value:at.to])) != value:
		return text, false, nil
	case c.Remove:
		return removeLines(text, at.from, at.to), true, nil
	}
	changed = splice(text, at.value, at.to, " "+value)
	return changed, !bytes.Equal(changed, text), nil
}

// located is where a key stands in a text, or where it would have to.
type located struct {
	found    bool
	inline   bool // it stands in an inline table, or would have to
	from, to int  // of the whole of KEY = VALUE
	value    int  // behind the equals sign
	entries  []entrySpan

	table  int // behind the header of its table, or -1
	dotted int // behind the last key that is spelled with that table in front, or -1
	top    int // behind the last key above all tables, or -1
	tables int // the first header of all, or the end
}

// entrySpan is one entry of a list in a text.
type entrySpan struct {
	from, to int
	text     string
}

// locate finds a key in a text that parses. Conditions are passed over: they only hold at times.
func locate(text []byte, name string) located {
	at := located{table: -1, dotted: -1, top: -1, tables: -1}
	var p unstable.Parser
	p.Reset(text)
	table, inIf := "", false
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			head, start := joinKey(node.Key(), "")
			if at.tables < 0 {
				at.tables = lineStart(text, start)
			}
			inIf = within(head, "if")
			if table = head; !inIf && table == parentOf(name) {
				at.table = lineEnd(text, start)
			}
		case unstable.KeyValue:
			if !inIf {
				at.expression(text, node, table, name)
			}
		}
	}
	if at.tables < 0 {
		at.tables = len(text)
	}
	return at
}

// expression looks whether a KEY = VALUE is the one that is looked for.
func (at *located) expression(text []byte, node *unstable.Node, table, name string) {
	key, _ := joinKey(node.Key(), table)
	value := node.Value()
	if end := lineEnd(text, int(node.Raw.Offset+node.Raw.Length)); table == "" {
		at.top = end
		if parentOf(key) == parentOf(name) {
			at.dotted = end
		}
	}
	if key != name {
		at.inline = at.inline || value.Kind == unstable.InlineTable && within(name, key)
		return
	}
	at.found = true
	at.from, at.to = int(node.Raw.Offset), int(node.Raw.Offset+node.Raw.Length)
	at.value = at.from + bytes.IndexByte(text[at.from:at.to], '=') + 1
	if value.Kind != unstable.Array {
		return
	}
	for children := value.Children(); children.Next(); {
		if child := children.Node(); child.Kind == unstable.String {
			from := int(child.Raw.Offset)
			at.entries = append(at.entries, entrySpan{from, from + int(child.Raw.Length), string(child.Data)})
		}
	}
}

// joinKey is a dotted key below a table, and where it begins.
func joinKey(parts unstable.Iterator, table string) (name string, start int) {
	for start = -1; parts.Next(); {
		if start < 0 {
			start = int(parts.Node().Raw.Offset)
		}
		table = join(table, string(parts.Node().Data))
	}
	return table, start
}

func parentOf(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

// insertKey adds a line with a key: behind the header of its table, or with a table of its own.
func insertKey(text []byte, at located, name, value string) []byte {
	table := parentOf(name)
	line := strings.TrimPrefix(name, table+".") + " = " + value
	switch {
	case at.table >= 0:
		return insertLine(text, at.table, line)
	case table == "" && at.top >= 0:
		return insertLine(text, at.top, line)
	case table == "":
		return insertLine(text, aboveComments(text, at.tables), line)
	case at.dotted >= 0:
		return insertLine(text, at.dotted, name+" = "+value)
	}
	line = "[" + table + "]\n" + line
	if len(text) > 0 {
		line = "\n" + line
	}
	return insertLine(text, len(text), line)
}

// insertLine inserts whole lines where one begins, or at an end that ends none.
func insertLine(text []byte, at int, line string) []byte {
	if at > 0 && text[at-1] != '\n' {
		line = "\n" + line
	}
	return splice(text, at, at, line+"\n")
}

// aboveComments is where the comments above a line begin, which belong to it.
func aboveComments(text []byte, at int) int {
	for at > 0 && at <= len(text) {
		start := lineStart(text, at-1)
		if line := bytes.TrimSpace(text[start:at]); len(line) == 0 || line[0] != '#' {
			break
		}
		at = start
	}
	return at
}

// addEntry adds an entry at the end of a list, as the entry before it is laid out.
func addEntry(text []byte, at located, entry, value string) (changed []byte, did bool) {
	if slices.ContainsFunc(at.entries, func(e entrySpan) bool { return e.text == entry }) {
		return text, false
	}
	if len(at.entries) == 0 {
		open := at.value + bytes.IndexByte(text[at.value:], '[') + 1
		return splice(text, open, open, value), true
	}
	last := at.entries[len(at.entries)-1]
	end := lineEnd(text, last.to)
	if start := lineStart(text, last.from); end < at.to && len(bytes.TrimSpace(text[start:last.from])) == 0 {
		margin := string(text[start:last.from])
		changed = splice(text, end, end, margin+value+",\n")
		if !followedByComma(text, last.to) {
			changed = splice(changed, last.to, last.to, ",")
		}
		return changed, true
	}
	return splice(text, last.to, last.to, ", "+value), true
}

// removeEntry takes an entry out of a list, with its line if it has one of its own.
func removeEntry(text []byte, at located, entry string) ([]byte, bool, error) {
	i := slices.IndexFunc(at.entries, func(e entrySpan) bool { return e.text == entry })
	if i < 0 {
		return text, false, nil
	}
	e := at.entries[i]
	start, end := lineStart(text, e.from), lineEnd(text, e.to)
	behind := bytes.TrimLeft(text[e.to:end], " \t")
	behind = bytes.TrimSpace(bytes.TrimPrefix(behind, []byte(",")))
	alone := len(bytes.TrimSpace(text[start:e.from])) == 0 && (len(behind) == 0 || behind[0] == '#')
	switch {
	case alone && end < at.to:
		return splice(text, start, end, ""), true, nil
	case i+1 < len(at.entries):
		return splice(text, e.from, at.entries[i+1].from, ""), true, nil
	case i > 0:
		return splice(text, at.entries[i-1].to, e.to, ""), true, nil
	}
	to := e.to
	if followedByComma(text, to) {
		to += bytes.IndexByte(text[to:], ',') + 1
	}
	return splice(text, e.from, to, ""), true, nil
}

func followedByComma(text []byte, at int) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text[at:], " \t"), []byte(","))
}

func removeLines(text []byte, from, to int) []byte {
	return splice(text, lineStart(text, from), lineEnd(text, to), "")
}

func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

func lineEnd(text []byte, at int) int {
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(text)
}

func splice(text []byte, from, to int, with string) []byte {
	return slices.Concat(text[:from], []byte(with), text[to:])
}

// quoteTOML writes a basic string. Values were checked: they hold no control characters.
func quoteTOML(value string) string {
	if !strings.ContainsAny(value, `"\`) {
		return `"` + value + `"`
	}
	return strconv.Quote(value)
}
