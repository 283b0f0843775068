package manifests

import (
	"slices"
	"strings"

	"snug/manifests/internal/words"
)

// Examine is Merge for who wants to know all that can be said against the files of an app: what is
// wrong, which would keep it from starting, and what is odd, which could be left out. The manifest is
// there in either case, for more questions; it must not be run if something is wrong.
func Examine(files []*Layer, facts Facts) (merged *Manifest, wrong, odd Problems) {
	merged, wrong = merge(files, nil, facts)
	odd = append(odd, merged.Warnings...)
	merged.Warnings = nil
	sum := new(Manifest)
	for _, layer := range files {
		for _, without := range layer.Without {
			sum.remove(without)
		}
		if !layer.base { // two bases may say the same: neither knows of the other
			odd = append(odd, sum.repeated(&layer.Manifest)...)
		}
		sum.add(&layer.Manifest)
	}
	for _, layer := range files {
		for i := range layer.conditions {
			then := &layer.conditions[i].then
			odd = append(odd, sum.repeated(then)...)
			if !facts.hold(layer.conditions[i].when.Value) { // else it is in the merged one
				wrong = append(append(wrong, then.NotYet()...), merged.unaccepted(then)...)
			}
		}
	}
	wrong = append(wrong, merged.NotYet()...)
	odd = append(odd, merged.shadowedFiles()...)
	return merged, wrong, append(odd, merged.shadowedNames()...)
}

// unaccepted returns a problem for each danger that a condition would ask for and no file accepts.
func (m *Manifest) unaccepted(then *Manifest) (problems Problems) {
	for i := range schema {
		key := &schema[i]
		eachValue(key, then, func(value string, origin Origin) bool {
			if code := dangerCode(key, value, m.ID.Value); code != "" && !m.accepted(code, origin) && !then.Accepts(code) {
				problems = append(problems, m.refusal(code, key.Name, Text{value, origin}))
			}
			return len(problems) < maxProblems
		})
	}
	return problems
}

// repeated returns a problem for each value of an upper layer that m has already.
func (m *Manifest) repeated(upper *Manifest) (problems Problems) {
	for i := range schema {
		key := &schema[i]
		if key.Scope != "" && key.Name != "instances" {
			continue // what a file is, not what it grants
		}
		eachValue(key, upper, func(value string, origin Origin) bool {
			eachValue(key, m, func(other string, first Origin) bool {
				if other == value {
					problems.Add(origin, key.Name+" = "+words.Quote(value)+": said already ("+string(first)+")", "leave it out")
				}
				return true
			})
			return true
		})
	}
	return problems
}

// shadowedFiles returns a problem for each path whose grant brings nothing beside another's. All of it
// is words: two names for one folder are not found out.
//
// Below a folder that may be read, reading brings nothing; below one that may be changed, changing
// does not, unless a name with a dot is in between, which may be read-only there and be granted by its
// name. Reading below a folder that may be changed is a narrowing, and where there is a hole or another
// grant between the two, each of them counts.
func (m *Manifest) shadowedFiles() (problems Problems) {
	read := pathsOf("files.read", m.Files.Read)
	write := append(pathsOf("files.write", m.Files.Write), pathsOf("files.create", m.Files.Create)...)
	except := pathsOf("files.except", m.Files.Except)
	tell := func(inner, outer pathGrant) {
		problems.Add(inner.origin, inner.key+" = "+words.Quote(inner.path)+": granted already by "+outer.key+" = "+
			words.Quote(outer.path)+" ("+string(outer.origin)+")", "leave it out")
	}
	for _, inner := range read {
		for _, outer := range write {
			if outer.path == inner.path {
				tell(inner, outer)
			}
		}
		for _, outer := range read {
			if inner.below(outer) && !between(inner, outer, write, except) && !names(outer.path, write) {
				tell(inner, outer)
			}
		}
	}
	for _, inner := range write {
		for _, outer := range write {
			if inner.below(outer) && !strings.Contains(inner.path[len(outer.path):], "/.") && !between(inner, outer, read, except) {
				tell(inner, outer)
			}
		}
	}
	return problems
}

// pathGrant is an entry of [files], without its question mark.
type pathGrant struct {
	key, path string
	origin    Origin
}

func pathsOf(key string, list []Text) (grants []pathGrant) {
	for _, entry := range list {
		grants = append(grants, pathGrant{key, strings.TrimPrefix(entry.Value, "?"), entry.Origin})
	}
	return grants
}

func (g pathGrant) below(outer pathGrant) bool {
	return strings.HasPrefix(g.path, strings.TrimSuffix(outer.path, "/")+"/") && g.path != outer.path
}

// names reports whether a list has a path.
func names(path string, list []pathGrant) bool {
	return slices.ContainsFunc(list, func(g pathGrant) bool { return g.path == path })
}

// between reports whether one of the lists names the inner path or a folder between the outer one and it.
func between(inner, outer pathGrant, lists ...[]pathGrant) bool {
	for _, list := range lists {
		for _, other := range list {
			if (inner.below(other) || inner.path == other.path) && other.below(outer) {
				return true
			}
		}
	}
	return false
}

// shadowedNames returns a problem for each rule of a bus that another one of the same bus contains:
// who may own a name may talk to it, and who may talk to it sees it.
func (m *Manifest) shadowedNames() (problems Problems) {
	for _, bus := range [...]struct {
		table string
		rules *struct{ See, Talk, Own, Call, Broadcast []Text }
	}{{"bus.session.", &m.Bus.Session}, {"bus.system.", &m.Bus.System}} {
		weaker := [...]struct {
			key  string
			list []Text
		}{{"own", bus.rules.Own}, {"talk", bus.rules.Talk}, {"see", bus.rules.See}, {"call", bus.rules.Call}}
		for i, list := range weaker {
			for _, rule := range list.list {
				for _, stronger := range weaker[:min(i+1, 2)] {
					if outer, found := containing(rule, stronger.list); found {
						problems.Add(rule.Origin, bus.table+list.key+" = "+words.Quote(rule.Value)+": granted already by "+
							bus.table+stronger.key+" = "+words.Quote(outer.Value)+" ("+string(outer.Origin)+")", "leave it out")
						break
					}
				}
			}
		}
	}
	return problems
}

// containing returns the entry of a list of names that contains a rule, but for the rule itself: the
// same name, or one with a star behind it of which it is the stem or lies below. Stars inside a name are
// not looked into.
func containing(rule Text, list []Text) (Text, bool) {
	name, _, _ := strings.Cut(rule.Value, "=")
	for _, outer := range list {
		stem, open := strings.CutSuffix(outer.Value, ".*")
		if outer != rule && (outer.Value == name || open && within(strings.TrimSuffix(name, ".*"), stem)) {
			return outer, true
		}
	}
	return Text{}, false
}
