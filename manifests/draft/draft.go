package draft

import (
	"errors"
	"slices"
	"strings"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// Draft is a manifest that nobody has read yet.
type Draft struct {
	ID    string
	Left  []Left   // what is not in it
	Notes []string // what is odd about it, for whoever asked

	about     []string // comments at the top
	catalogue *manifests.Catalogue
	entries   []entry
}

// Left is something that the draft does not grant.
type Left struct {
	What string // as its source says it: "sockets=x11"
	Why  string
	Code string // what it would need in `accept`, or ""
}

// entry is one value of the draft.
type entry struct {
	when       string // the fact of its [[if]], or ""
	key, value string
	why        string // a comment, or ""
	code       string // that it needs in `accept`
}

const (
	maxEntries = 1000 // of one key; a list of a manifest holds 1024
	maxLeft    = 500
	maxShown   = 120
)

// left notes what is left out, and why.
func (d *Draft) left(what, why, code string) {
	what = shown(what)
	if len(d.Left) < maxLeft && !slices.ContainsFunc(d.Left, func(l Left) bool { return l.What == what && l.Why == why }) {
		d.Left = append(d.Left, Left{what, why, code})
	}
}

// shown is a text from outside as a comment may hold it.
func shown(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return words.Printable(text)
}

// grant adds a value that somebody else granted, from what its source calls it. One that is dangerous,
// wrong or not in this version is left out.
func (d *Draft) grant(key, value, from string) {
	if isFiles(key) {
		value = d.spelled(value)
	}
	why, code := d.judge(key, value)
	switch {
	case code != "":
		d.left(from, key+" = "+shown(value)+": the app could "+manifests.Danger(code).Why(), code)
	case why != "":
		d.left(from, why, "")
	case d.count(key) == maxEntries:
		d.left(from, "there are too many of "+key, "")
	default:
		d.add(entry{key: key, value: value})
	}
}

// add adds a value, once. Of a scalar the first one counts.
func (d *Draft) add(e entry) {
	for _, other := range d.entries {
		isList := keyOf(e.key).Kind == "list" || keyOf(e.key).Kind == "argv"
		if other.key == e.key && other.when == e.when && (!isList || other.value == e.value && e.key != "command") {
			if keyOf(e.key).Kind != "table" || variable(other.value) == variable(e.value) {
				return
			}
		}
	}
	d.entries = append(d.entries, e)
}

func variable(assignment string) string {
	name, _, _ := strings.Cut(assignment, "=")
	return name
}

func (d *Draft) count(key string) (n int) {
	for _, e := range d.entries {
		if e.key == key {
			n++
		}
	}
	return n
}

// says reports whether the draft says something of a key.
func (d *Draft) says(key string) bool { return d.count(key) > 0 }

// judge says why a value cannot be in a manifest of this version, or which code it needs.
func (d *Draft) judge(key, value string) (why, code string) {
	layer := new(manifests.Layer)
	if d.ID != "" {
		layer.Set("id", d.ID, "draft") // by which names of a bus are the app's own
	}
	var p manifests.Problem
	if err := layer.Set(keyOf(key).Flag(), value, "draft"); errors.As(err, &p) {
		_, what, _ := strings.Cut(p.What, ": ")
		return key + " = " + shown(what), ""
	}
	if layer.NotYet() != nil {
		return key + " = " + shown(value) + " is not in this version", ""
	}
	for grant := range layer.Grants() {
		if grant.Danger != "" {
			return "", string(grant.Danger)
		}
	}
	if isFiles(key) {
		return judgePath(key, value)
	}
	return "", ""
}

// isFiles reports whether a key grants files.
func isFiles(key string) bool {
	return key == "files.read" || key == "files.write" || key == "files.create"
}

// keyOf is a key of the schema, by its name; a name that is none is a mistake of this package.
func keyOf(name string) *manifests.Key {
	schema := manifests.Schema()
	for i := range schema {
		if schema[i].Name == name {
			return &schema[i]
		}
	}
	panic("bug: no key " + name)
}

// extend adds the first of some bases that there is.
func (d *Draft) extend(why string, wanted ...string) {
	known := d.catalogue.Bases()
	for i, base := range wanted {
		if !slices.Contains(known, base) {
			continue
		}
		if i > 0 {
			why = strings.TrimPrefix(why+"; there is no base "+wanted[0], "; ")
		}
		d.add(entry{key: "extends", value: base, why: why})
		return
	}
}

// base is what the bases of the draft come to, or nil.
func (d *Draft) base() *manifests.Manifest {
	flags := new(manifests.Layer)
	for _, e := range d.entries {
		if e.key == "extends" {
			flags.Set("extends", e.value, "draft")
		}
	}
	layers, err := d.catalogue.Load(manifests.App{}, flags)
	if err != nil {
		return nil
	}
	merged, _, _ := manifests.Examine(layers, manifests.Facts{})
	return merged
}

// trim takes out what the bases say already, and returns what they grant and the draft does not. What
// a base says of the display, the network, sound and devices counts in place of the draft's guess.
func (d *Draft) trim() (more []string) {
	base := d.base()
	if base == nil {
		return nil
	}
	for grant := range base.Grants() {
		key, value := grant.Key, grant.Value
		if key.Name == "schema" || key.Name == "extends" || key.Name == "accept" {
			continue
		}
		isList := key.Kind == "list" || key.Kind == "argv" || key.Kind == "table"
		table, _, _ := strings.Cut(key.Name, ".")
		role := !isList && words.Set("display network sound devices").Has(table)
		before := len(d.entries)
		said := d.says(key.Name) && !isList
		d.entries = slices.DeleteFunc(d.entries, func(e entry) bool {
			return e.key == key.Name && (e.value == value || role && e.when == "")
		})
		if before == len(d.entries) && !said {
			more = append(more, key.Name+" = "+value)
		}
	}
	return more
}
