package draft

import (
	"slices"
	"strconv"
	"strings"

	"snug/manifests"
)

// Text is the draft as a file, with comments.
func (d *Draft) Text() []byte {
	w := &writer{}
	for _, line := range d.about {
		w.comment(line)
	}
	w.text.WriteString("schema  = 1\n")
	schema := manifests.Schema()
	for i := range schema {
		if key := &schema[i]; !strings.Contains(key.Name, ".") {
			w.top(key, d)
		}
	}
	for i := range schema {
		if key := &schema[i]; strings.Contains(key.Name, ".") {
			w.key(key, d.of(key.Name, ""), "")
		}
	}
	var facts []string
	for _, e := range d.entries {
		if e.when != "" && !slices.Contains(facts, e.when) {
			facts = append(facts, e.when)
		}
	}
	for _, fact := range facts {
		w.condition(fact, d)
	}
	if len(d.Left) > 0 {
		w.text.WriteString("\n# Left out:\n")
	}
	for _, left := range d.Left {
		w.text.WriteString("#   " + left.String() + "\n")
	}
	return []byte(w.text.String())
}

// String is one line, with the code that would be needed.
func (l Left) String() string {
	if l.Code == "" {
		return l.What + ": " + l.Why
	}
	return l.What + ": " + l.Why + "; needs accept = [" + strconv.Quote(l.Code) + "]"
}

// of returns the entries of a key below the [[if]] of a fact, or below none.
func (d *Draft) of(key, when string) (list []entry) {
	for _, e := range d.entries {
		if e.key == key && e.when == when {
			list = append(list, e)
		}
	}
	return list
}

// codes are what the entries need in `accept`, in their order.
func (d *Draft) codes() (codes []entry) {
	for _, e := range d.entries {
		if e.code != "" && !slices.ContainsFunc(codes, func(c entry) bool { return c.value == e.code }) {
			codes = append(codes, entry{key: "accept", value: e.code})
		}
	}
	return codes
}

// writer writes TOML.
type writer struct {
	text  strings.Builder
	table string
}

// comment writes a comment in lines of some hundred columns.
func (w *writer) comment(text string) {
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > 100 {
			w.text.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	w.text.WriteString(line + "\n")
}

// top writes a key above all tables.
func (w *writer) top(key *manifests.Key, d *Draft) {
	list := d.of(key.Name, "")
	switch key.Name {
	case "schema":
		return
	case "accept":
		if list = d.codes(); list != nil {
			w.text.WriteString("\n")
			w.comment("X11 has no filter yet: its own socket is used.")
		}
	}
	if len(list) == 0 {
		return
	}
	line := key.Name + strings.Repeat(" ", max(7-len(key.Name), 0)) + " = " + assigned(key, list)
	if why := reasons(list); why != "" {
		line += strings.Repeat(" ", max(40-len(line), 1)) + "# " + why
	}
	w.text.WriteString(line + "\n")
}

// key writes a key in its table, with a comment above it.
func (w *writer) key(key *manifests.Key, list []entry, when string) {
	if len(list) == 0 {
		return
	}
	dot := strings.LastIndexByte(key.Name, '.')
	table, name := key.Name[:dot], key.Name[dot+1:]
	if key.Kind == "table" {
		table = key.Name
	}
	if when != "" {
		name = key.Name
	} else if table != w.table {
		w.table = table
		w.text.WriteString("\n[" + table + "]\n")
	}
	if why := reasons(list); why != "" {
		w.comment(why)
	}
	if key.Kind != "table" {
		w.text.WriteString(name + " = " + assigned(key, list) + "\n")
		return
	}
	for _, e := range list {
		variable, content, _ := strings.Cut(e.value, "=")
		w.text.WriteString(variable + " = " + strconv.Quote(content) + "\n")
	}
}

// condition writes an [[if]], all its comments above it.
func (w *writer) condition(fact string, d *Draft) {
	var body writer
	var whys []entry
	schema := manifests.Schema()
	for i := range schema {
		list := d.of(schema[i].Name, fact)
		whys = append(whys, list...)
		for j := range list {
			list[j].why = ""
		}
		body.key(&schema[i], list, fact)
	}
	w.text.WriteString("\n")
	if why := reasons(whys); why != "" {
		w.comment(why)
	}
	w.text.WriteString("[[if]]\nwhen = " + strconv.Quote(fact) + "\n" + body.text.String())
}

// reasons joins the comments of some entries, each once.
func reasons(list []entry) string {
	var whys []string
	for _, e := range list {
		if e.why != "" && !slices.Contains(whys, e.why) {
			whys = append(whys, e.why)
		}
	}
	return strings.Join(whys, "; ")
}

// assigned is the value of a key, in lines of their own if they are many.
func assigned(key *manifests.Key, list []entry) string {
	switch key.Kind {
	case "flag", "number", "decimal":
		return list[0].value
	case "text", "enum":
		return strconv.Quote(list[0].value)
	}
	var quoted []string
	width := 0
	for _, e := range list {
		quoted = append(quoted, strconv.Quote(e.value))
		width += len(e.value) + 4
	}
	if width > 80 {
		return "[\n  " + strings.Join(quoted, ",\n  ") + ",\n]"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
