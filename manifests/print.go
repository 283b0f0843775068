package manifests

import (
	"slices"
	"strings"
)

// TOML writes a merged manifest as one file that merges to the same again, each value with the
// place where it was said as a comment. Two keys become comments: what `extends` and `without` did
// is done. So does a code of `accept` that nothing in the result asks for, which would be an error.
// An [[if]] that does not hold on this machine stays one.
func (m *Manifest) TOML() []byte {
	p := printer{asked: []string{"files:HOME"}} // which depends on where a path leads
	for grant := range m.Grants() {
		p.asked = append(p.asked, string(grant.Danger))
	}
	for c := range m.Elsewhere() {
		p.asked = append(p.asked, string(c.Danger))
	}
	for i := range schema {
		p.key(&schema[i], m, func(string) bool { return true })
	}
	for _, unmet := range m.unmet {
		p.condition(unmet, m)
	}
	return []byte(p.text.String())
}

// printer writes the keys of a manifest in the order of the schema.
type printer struct {
	text  strings.Builder
	table string
	inIf  bool
	asked []string // the codes that something asks for
}

// condition writes an [[if]] of a manifest, unless it would change nothing.
func (p *printer) condition(unmet *condition, m *Manifest) {
	body := printer{inIf: true, asked: p.asked}
	for i := range schema {
		key := &schema[i]
		body.key(key, &unmet.then, func(value string) bool { return !m.settles(key, value) })
	}
	if body.text.Len() == 0 {
		return
	}
	p.text.WriteString("\n[[if]]\n")
	p.line("when = "+quoteTOML(unmet.when.Value), unmet.when.Origin+", not so here")
	p.text.WriteString(body.text.String())
}

// key writes what somebody set of a key, as far as it is wanted.
func (p *printer) key(key *Key, m *Manifest, wanted func(value string) bool) {
	var values []Text
	eachValue(key, m, func(value string, origin Origin) bool {
		if wanted(value) {
			values = append(values, Text{value, origin})
		}
		return true
	})
	if len(values) == 0 {
		return
	}
	table := parentOf(key.Name)
	switch {
	case p.inIf:
		table = ""
	case key.Kind == kindTable:
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
			if p.inIf {
				variable = key.Name + "." + variable
			}
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
