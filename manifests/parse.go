package manifests

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"snug/manifests/internal/words"
)

const (
	// maxText bounds a file. go-toml keeps a node of 72 bytes for every value of an expression, so
	// the worst text of this size costs less than 32 MB; a manifest of 60 lines has 2 KiB.
	maxText = 256 << 10

	// maxList bounds one list of one file, and maxMerged one list of all layers, because
	// duplicates are looked for one by one.
	maxList   = 1024
	maxMerged = 4096

	// maxKey bounds a part of a key; none of ours has more than a tenth of that.
	maxKey = 200
)

// Parse reads one TOML text as a layer. The name is the file as Origins shall print it. An error
// is of type Problems and holds up to twenty of them, each with file, line and column.
func Parse(name string, text []byte) (*Layer, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin every file with it
	r := &reader{text: text, layer: &Layer{Name: words.Printable(name)}}
	r.into = &r.layer.Manifest
	r.line = 1
	if !r.bounded() {
		return nil, r.problems
	}
	r.toml.Reset(text)
	for len(r.problems) < maxProblems && r.toml.NextExpression() {
		r.expression(r.toml.Expression())
	}
	if err := r.toml.Error(); err != nil {
		r.syntaxError(err)
	}
	r.closeCondition()
	if newer := r.layer.Schema; newer.Value > schemaVersion {
		// What else is wrong is only what this snug does not know yet.
		what := "schema " + formatNumber(newer.Value) + " needs a newer snug: this one reads schema " + strconv.Itoa(schemaVersion)
		return nil, Problems{{Where: newer.Origin, What: what}}
	}
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	return r.layer, nil
}

// reader is the state of parsing one text.
type reader struct {
	text     []byte
	toml     unstable.Parser
	layer    *Layer
	problems Problems

	into   *Manifest // the layer's own, or that of the current [[if]]
	table  string    // the current [table]; without "if."
	skip   bool      // below a table that does not exist: one error is enough
	ifAt   int       // where the current [[if]] begins
	opened []place   // tables seen so far
	given  []place   // keys seen so far

	// Positions are asked for in the order of the text, so the line is counted once.
	offset, line int
	origin       Origin // of originLine
	originLine   int
}

// place is where a key or a table was first seen.
type place struct {
	into *Manifest
	name string
	line int
}

// bounded reports whether the text is small enough and valid UTF-8, or adds the problem.
func (r *reader) bounded() bool {
	if len(r.text) > maxText {
		r.problems.Add(Origin(r.layer.Name), "the file is larger than 256 KiB", "a manifest of 60 lines has 2 KiB")
		return false
	}
	if utf8.Valid(r.text) {
		return true
	}
	bad := 0
	for bad < len(r.text) {
		char, size := utf8.DecodeRune(r.text[bad:])
		if char == utf8.RuneError && size == 1 {
			break
		}
		bad += size
	}
	r.fail(bad, "the file is not valid UTF-8", "save the file as UTF-8")
	return false
}

// expression reads one header or one key with its value.
func (r *reader) expression(node *unstable.Node) {
	switch node.Kind {
	case unstable.Table:
		r.header(node)
	case unstable.ArrayTable:
		r.condition(node)
	case unstable.KeyValue:
		if !r.skip {
			r.keyValue(node, r.table)
		}
	}
}

// header begins a [table].
func (r *reader) header(node *unstable.Node) {
	parent, last, at := r.key(node.Key(), "")
	name := join(parent, last)
	if within(name, "if") {
		r.skip = r.layer.conditions == nil || name == "if"
		if r.skip {
			r.fail(at, "["+name+"] stands below no [[if]]", `begin a condition with [[if]] and when = "nvidia"`)
			return
		}
		name = strings.TrimPrefix(name, "if.")
	} else {
		r.closeCondition()
		r.into = &r.layer.Manifest
	}
	r.table, r.skip = name, !isTable(name)
	if r.skip {
		r.unknown(name, "table", at)
		return
	}
	r.open(name, at)
}

// open notes a table, and reports whether it is the first of its name.
func (r *reader) open(name string, at int) bool {
	if line := r.seen(r.opened, name); line != 0 {
		r.fail(at, "the table ["+name+"] is given twice, first in line "+strconv.Itoa(line), "write one table")
		return false
	}
	r.opened = append(r.opened, place{r.into, name, r.lineAt(at)})
	return true
}

// key joins all parts of a key but the last below a table, and returns the last as it is.
// A part with a character that no key of ours has is quoted, so that "files.read" in quotes
// does not pass for files.read; a key longer than any of ours is cut, and stays longer.
func (r *reader) key(parts unstable.Iterator, table string) (parent, last string, at int) {
	parent, at = table, -1
	for parts.Next() {
		switch {
		case at < 0:
			at = int(parts.Node().Raw.Offset)
		case len(parent) <= maxKey:
			parent = join(parent, last)
		}
		last = string(parts.Node().Data)
		if len(last) > maxKey || !words.Every(last, words.IsLabel) {
			last = words.Quote(last)
		}
	}
	return parent, last, at
}

func join(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// keyValue reads one key and its value below a table.
func (r *reader) keyValue(node *unstable.Node, table string) {
	parent, last, at := r.key(node.Key(), table)
	name, value := join(parent, last), node.Value()
	if r.into != &r.layer.Manifest && name == "when" {
		r.when(value, at)
		return
	}
	if key := lookup(parent); key != nil && key.Kind == kindTable {
		r.variable(key, last, value, at)
		return
	}
	if isTable(name) {
		r.inlineTable(name, value, at)
		return
	}
	key := lookup(name)
	if key == nil {
		r.unknown(name, "key", at)
		return
	}
	if line := r.seen(r.given, name); line != 0 {
		r.fail(at, name+" is given twice, first in line "+strconv.Itoa(line), "keep one of them")
		return
	}
	r.given = append(r.given, place{r.into, key.Name, r.lineAt(at)})
	r.set(key, value, at)
}

// inlineTable reads NAME = { … } as the table [NAME].
func (r *reader) inlineTable(name string, value *unstable.Node, at int) {
	if value.Kind != unstable.InlineTable {
		r.fail(at, name+" is a table, not "+kindName(value.Kind), "write ["+name+"] and its keys below it")
		return
	}
	if !r.open(name, at) {
		return
	}
	for children := value.Children(); children.Next(); {
		r.keyValue(children.Node(), name)
	}
}

// seen returns the line in which a name was first seen in what is being read, or 0.
func (r *reader) seen(places []place, name string) (line int) {
	for _, p := range places {
		if p.into == r.into && p.name == name {
			return p.line
		}
	}
	return 0
}

func (r *reader) unknown(name, what string, at int) {
	if name == "if" {
		r.fail(at, "if is a list of tables", `write [[if]] and when = "nvidia" below it`)
		return
	}
	r.fail(at, "unknown "+what+" "+name, suggest(name))
}

// syntaxError adds what go-toml said, at the place that it points to.
func (r *reader) syntaxError(err error) {
	at := len(r.text)
	var syntax *unstable.ParserError
	if errors.As(err, &syntax) && syntax.Highlight != nil {
		// Both are slices of one array: their capacities tell how far apart they begin.
		if offset := cap(r.text) - cap(syntax.Highlight); offset >= 0 && offset <= len(r.text) {
			at = offset
		}
	}
	what, hint := err.Error(), ""
	switch {
	case missesQuote(r.lineOf(at)):
		what, hint = "a quote is missing in this line", `text stands between two of them: "…"`
	case strings.HasSuffix(what, "at start of value"):
		hint = `text stands between quotes: "…"`
	}
	r.fail(at, what, hint)
}

// lineOf returns the line of an offset.
func (r *reader) lineOf(at int) []byte {
	start := bytes.LastIndexByte(r.text[:at], '\n') + 1
	line, _, _ := bytes.Cut(r.text[start:], []byte("\n"))
	return line
}

// missesQuote reports whether a line ends within text, as TOML reads it: go-toml notices only what comes
// of that. Text of several lines is left to it.
func missesQuote(line []byte) bool {
	if bytes.Contains(line, []byte(`"""`)) || bytes.Contains(line, []byte("'''")) {
		return false
	}
	within := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case within == 0 && c == '#':
			return false
		case within == 0 && (c == '"' || c == '\''):
			within = c
		case c == '\\' && within == '"':
			i++
		case c == within:
			within = 0
		}
	}
	return within != 0
}

// fail adds a problem at an offset of the text.
func (r *reader) fail(at int, what, hint string) {
	if len(r.problems) == maxProblems {
		return
	}
	line := r.lineAt(at)
	start := at
	for start > 0 && r.text[start-1] != '\n' {
		start--
	}
	column := 1 + utf8.RuneCount(r.text[start:at])
	r.problems.Add(Origin(r.layer.Name+":"+strconv.Itoa(line)+":"+strconv.Itoa(column)), what, hint)
}

// lineAt returns the line of an offset, counting on from the last one asked for.
func (r *reader) lineAt(at int) int {
	if at < r.offset {
		r.offset, r.line = 0, 1
	}
	for ; r.offset < at; r.offset++ {
		if r.text[r.offset] == '\n' {
			r.line++
		}
	}
	return r.line
}

// originAt returns the Origin of an offset; values of one line share its string.
func (r *reader) originAt(at int) Origin {
	if line := r.lineAt(at); line != r.originLine {
		r.origin, r.originLine = Origin(r.layer.Name+":"+strconv.Itoa(line)), line
	}
	return r.origin
}
