package manifests

import (
	"iter"

	"snug/manifests/internal/words"
)

// Conditional is a value that an [[if]] adds where it holds, and that it does not add on this machine.
type Conditional struct {
	Grant
	When Text // of the [[if]]

	accept []Text // of the [[if]]
	whole  *Manifest
}

// Accepts reports whether the manifest takes on a danger where the [[if]] holds.
func (c *Conditional) Accepts(code string) bool {
	return holds(c.accept, code) || c.whole.Accepts(code)
}

// String says the value and its condition: if nvidia (not so here): devices.compute = "true".
func (c *Conditional) String() string {
	return "if " + c.When.Value + " (not so here): " + c.Key.Name + " = " + words.Quote(c.Value)
}

// Elsewhere yields what the [[if]] that do not hold on this machine add where they do, beyond what the
// manifest grants here: who reads a manifest for another machine would miss it else.
func (m *Manifest) Elsewhere() iter.Seq[Conditional] {
	return func(yield func(Conditional) bool) {
		for _, unmet := range m.unmet {
			for i := range schema {
				key := &schema[i]
				going := eachValue(key, &unmet.then, func(value string, origin Origin) bool {
					if m.settles(key, value) {
						return true
					}
					grant := Grant{key, value, origin, Danger(dangerCode(key, value, m.ID.Value))}
					return yield(Conditional{grant, unmet.when, unmet.then.Accept, m})
				})
				if !going {
					return
				}
			}
		}
	}
}

// settles reports whether an [[if]] that says a value of a key would change nothing: it is said already,
// or a flag has the last word.
func (m *Manifest) settles(key *Key, value string) (settled bool) {
	isList := key.Kind == kindList || key.Kind == kindTable
	eachValue(key, m, func(other string, origin Origin) bool {
		settled = other == value || !isList && fromFlag(origin)
		return !settled
	})
	return settled
}
