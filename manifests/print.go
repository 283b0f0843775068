package manifests

import (
	"slices"
	"strings"
)

// TOML writes a merged manifest as one file that merges to the same again, each value with the
// place where it was said as a comment. Two keys become comments: what `extends` and `without` did
// is done. So does a code of `accept` that nothing in the result asks for, which would be an error.
func (m *Manifest) TOML() []byte {
	p := printer{asked: []string{"files:HOME"}} // which depends on where a path leads
	for grant := range m.Grants() {
		p.asked = append(p.asked, string(grant.Danger))
	}
	for i := range schema {
		p.key(&schema[i], m)
	}
	return []byte(p.text.String())
}

// printer writes the keys of a manifest in the order of the schema.
type printer struct {
	text  strings.Builder
	table string
	asked []string // the codes that something asks for
}

// key writes what somebody set of a key.
func (p *printer) key(key *Key, m *Manifest) {
	var values []Text
	eachValue(key, m, func(value string, origin Origin) bool {
		values = append(values, Text{value, origin})
		return true
	})
	if len(values) == 0 {
		return
	}
	table := parentOf(key.Name)
	if key.Kind == kindTable {
		table = key.Name
	}
	if table != p.table {
		p.table = table
		p.text.WriteString("\n[" + table + "]\n")
	}
	name := strings.TrimPrefix(key.Name, table+".")
	switch {
	case name == "extends" || name == "without":
		for _, value := range values {
			p.line("# "+name+": "+value.Value, value.Origin)
		}
	case key.Kind == kindTable:
		for _, value := range values {
			variable, content, _ := strings.Cut(value.Value, "=")
			p.line(variable+" = "+quoteTOML(content), value.Origin)
		}
	case key.Kind == kindList || key.Kind == kindArgv:
		p.list(name, values)
	case key.Kind == kindText || key.Kind == kindEnum:
		p.line(name+" = "+quoteTOML(values[0].Value), values[0].Origin)
	default:
		p.line(name+" = "+values[0].Value, values[0].Origin)
	}
}

func (p *printer) list(name string, values []Text) {
	p.text.WriteString(name + " = [\n")
	for _, value := range values {
		if name == "accept" && !slices.Contains(p.asked, value.Value) {
			p.line("  # "+quoteTOML(value.Value)+", unused", value.Origin)
			continue
		}
		p.line("  "+quoteTOML(value.Value)+",", value.Origin)
	}
	p.text.WriteString("]\n")
}

// line writes a line with the origin behind it.
func (p *printer) line(text string, origin Origin) {
	const margin = 40
	p.text.WriteString(text + strings.Repeat(" ", max(margin-len(text), 1)) + "# " + string(origin) + "\n")
}
