package manifests

import (
	"strconv"
	"strings"

	"snug/manifests/internal/words"
)

// The policy of merging, in prose.
//
// Layers come in the order bases, the app's file, drop-ins, [[if]], flags. A scalar is what the
// last layer that sets it says. A list is what all layers say together: an entry that is there
// already keeps its first Origin, and no layer replaces a list, but for `command`, whose words
// mean nothing beside another's. A variable holds one value, so of two the last wins.
//
// A layer's `without` runs after all lower layers and before the layer's own grants: it takes away
// what they granted, never what the layer grants itself. It only takes from the layers below it,
// so it cannot undo an [[if]], which comes later.
//
// Dangers are looked for in the result: what was overridden asks for nothing. Whether a code of
// `accept` has a use is looked for in all layers and conditions: an [[if]] that does not hold on
// this machine, or a stricter flag, does not make a manifest wrong.

// Merge makes one manifest of the files, as Catalogue.Load orders them, and the flags, which may
// be nil. It changes none of the layers. An error is of type Problems.
func Merge(files []*Layer, flags *Layer, facts Facts) (*Manifest, error) {
	merged, problems := merge(files, flags, facts)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return merged, nil
}

// merge returns the manifest even if there is something wrong with it.
func merge(files []*Layer, flags *Layer, facts Facts) (*Manifest, Problems) {
	merged := new(Manifest)
	for _, layer := range files {
		merged.addLayer(layer)
	}
	for _, layer := range files {
		for i := range layer.conditions {
			if condition := &layer.conditions[i]; facts.hold(condition.when.Value) {
				merged.add(&condition.then)
			} else {
				merged.unmet = append(merged.unmet, condition)
			}
		}
	}
	layers := files
	if flags != nil {
		merged.addLayer(flags)
		layers = append(layers[:len(layers):len(layers)], flags)
	}
	problems := merged.tooLong()
	merged.fillDefaults()
	merged.findUses(layers)
	problems = append(problems, merged.checkDangers()...)
	return merged, append(problems, merged.unusedCodes(false)...)
}

func (m *Manifest) addLayer(layer *Layer) {
	for _, without := range layer.Without {
		if !m.remove(without) {
			m.Warnings.Add(without.Origin, "without: "+words.Quote(without.Value)+" takes nothing away", "leave it out")
		}
	}
	m.add(&layer.Manifest)
}

// add lays what another manifest sets over m.
func (m *Manifest) add(upper *Manifest) {
	for i := range schema {
		key := &schema[i]
		switch from := key.field(upper).(type) {
		case *Text:
			if from.Origin != "" {
				*key.field(m).(*Text) = *from
			}
		case *Flag:
			if from.Origin != "" {
				*key.field(m).(*Flag) = *from
			}
		case *Number:
			if from.Origin != "" {
				*key.field(m).(*Number) = *from
			}
		case *[]Text:
			if len(*from) > 0 {
				addTexts(key.field(m).(*[]Text), *from, key.Kind == kindArgv)
			}
		case *[]Variable:
			if len(*from) > 0 {
				addVariables(key.field(m).(*[]Variable), *from)
			}
		}
	}
}

func addTexts(list *[]Text, more []Text, replace bool) {
	if replace {
		*list = append([]Text(nil), more...)
		return
	}
	for _, text := range more {
		if len(*list) <= maxMerged && !holds(*list, text.Value) {
			*list = append(*list, text)
		}
	}
}

func holds(list []Text, value string) bool {
	for i := range list {
		if list[i].Value == value {
			return true
		}
	}
	return false
}

func addVariables(list *[]Variable, more []Variable) {
next:
	for _, variable := range more {
		for i, other := range *list {
			if other.Name == variable.Name {
				if other.Value != variable.Value {
					(*list)[i] = variable
				}
				continue next
			}
		}
		if len(*list) <= maxMerged {
			*list = append(*list, variable)
		}
	}
}

// tooLong refuses lists that grew beyond maxMerged; add stopped one entry later.
func (m *Manifest) tooLong() (problems Problems) {
	for i := range schema {
		length, last := 0, Origin("")
		switch list := schema[i].field(m).(type) {
		case *[]Text:
			if length = len(*list); length > 0 {
				last = (*list)[length-1].Origin
			}
		case *[]Variable:
			if length = len(*list); length > 0 {
				last = (*list)[length-1].Origin
			}
		}
		if length > maxMerged {
			problems.Add(last, schema[i].Name+" has more than "+strconv.Itoa(maxMerged)+" entries", "grant a folder, not its files")
		}
	}
	return problems
}

// fillDefaults gives each scalar that nobody set the default of the schema.
func (m *Manifest) fillDefaults() {
	for i := range schema {
		key := &schema[i]
		switch field := key.field(m).(type) {
		case *Text:
			if field.Origin == "" {
				field.Value = key.Default
			}
		case *Number:
			if field.Origin == "" && key.Default != "" {
				field.Value, _ = parseNumber(key.Default)
			}
		}
	}
}

// cutWithout splits an entry of `without` into a key or table and the value behind a colon.
func cutWithout(entry string) (name, value string, hasValue bool) {
	return strings.Cut(entry, ":")
}

func checkWithout(entry string) (what, hint string) {
	name, value, hasValue := cutWithout(entry)
	key := lookup(name)
	switch {
	case key == nil && !isTable(name):
		return "names no key", suggest(name)
	case key == nil && hasValue:
		return "has a value behind a table", "name one key: files.read:~/src"
	case hasValue && value == "":
		return "has no value behind the colon", "leave out the colon to take all of " + name
	case key != nil && key.Scope != "" && name != "instances":
		return "cannot be taken away", ""
	}
	return "", ""
}

// remove takes away what an entry of `without` names and reports whether there was anything.
func (m *Manifest) remove(without Text) bool {
	name, value, hasValue := cutWithout(without.Value)
	if !hasValue {
		value = "*"
	}
	removed := false
	for i := range schema {
		if key := &schema[i]; within(key.Name, name) {
			removed = removeValue(key.field(m), value) || removed
		}
	}
	return removed
}

func removeValue(field any, pattern string) (removed bool) {
	switch field := field.(type) {
	case *Text:
		if removed = field.Origin != "" && covers(pattern, field.Value); removed {
			*field = Text{}
		}
	case *Flag:
		if removed = field.Origin != "" && covers(pattern, strconv.FormatBool(field.Value)); removed {
			*field = Flag{}
		}
	case *Number:
		if removed = field.Origin != "" && covers(pattern, formatNumber(field.Value)); removed {
			*field = Number{}
		}
	case *[]Text:
		var kept []Text
		for _, text := range *field {
			if !covers(pattern, text.Value) {
				kept = append(kept, text)
			}
		}
		removed = len(kept) < len(*field)
		*field = kept
	case *[]Variable:
		var kept []Variable
		for _, variable := range *field {
			if !covers(pattern, variable.Name) {
				kept = append(kept, variable)
			}
		}
		removed = len(kept) < len(*field)
		*field = kept
	}
	return removed
}

// covers reports whether the value of a `without` takes away a granted value: the same, or one
// that lies below it as a path or a name. Behind a star anything may follow. The "?" of a path
// that may be missing is no part of the path.
func covers(pattern, value string) bool {
	pattern, value = strings.TrimPrefix(pattern, "?"), strings.TrimPrefix(value, "?")
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(value, prefix)
	}
	rest, found := strings.CutPrefix(value, pattern)
	return found && (rest == "" || strings.IndexByte("./=", rest[0]) >= 0)
}

// formatNumber writes a number as a manifest would.
func formatNumber(number float64) string {
	return strconv.FormatFloat(number, 'f', -1, 64)
}
