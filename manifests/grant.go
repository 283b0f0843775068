package manifests

import (
	"iter"
	"strconv"
	"strings"

	"snug/manifests/internal/words"
)

// Grant is one value that a manifest sets, for `explain` to print.
type Grant struct {
	Key    *Key
	Value  string // as text; of a variable "NAME=VALUE"
	Origin Origin
	Danger Danger // empty if there is none; accepted, if the manifest came from Merge
}

// Grants yields what somebody set, in the order of the schema: each scalar once, each entry of a
// list. Defaults are left out.
func (m *Manifest) Grants() iter.Seq[Grant] {
	return func(yield func(Grant) bool) {
		for i := range schema {
			key := &schema[i]
			going := eachValue(key, m, func(value string, origin Origin) bool {
				return yield(Grant{key, value, origin, Danger(dangerCode(key, value, m.ID.Value))})
			})
			if !going {
				return
			}
		}
	}
}

// NotYet returns a problem for each grant whose machinery this version does not have. A caller
// that starts an app refuses them: a grant is never ignored.
func (m *Manifest) NotYet() (problems Problems) {
	for grant := range m.Grants() {
		if key := grant.Key; grant.Value != key.Default && key.Later.Has(grant.Value) {
			problems.Add(grant.Origin, key.Name+" = "+words.Quote(grant.Value)+": not in this version", laterHint(key))
		}
	}
	return problems
}

// laterHint says what a key may be today.
func laterHint(key *Key) string {
	if now := key.Now(); now != nil {
		return "in this version: " + strings.Join(now, ", ")
	}
	return "leave it out"
}

// eachValue calls do with each value of a key that somebody set, until do returns false; it
// returns false if do did.
func eachValue(key *Key, m *Manifest, do func(value string, origin Origin) bool) bool {
	switch field := key.field(m).(type) {
	case *Text:
		return field.Origin == "" || do(field.Value, field.Origin)
	case *Flag:
		return field.Origin == "" || do(strconv.FormatBool(field.Value), field.Origin)
	case *Number:
		return field.Origin == "" || do(formatNumber(field.Value), field.Origin)
	case *[]Text:
		for _, text := range *field {
			if !do(text.Value, text.Origin) {
				return false
			}
		}
	case *[]Variable:
		for _, variable := range *field {
			if !do(variable.Name+"="+variable.Value, variable.Origin) {
				return false
			}
		}
	}
	return true
}
