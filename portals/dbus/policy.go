package dbus

import (
	"fmt"
	"strings"
)

// Policy is what an app may do on a bus. The zero value grants nothing but talk with the bus itself.
//
// A name is a well-known name; "a.b.*" is a.b and all below it, and a star inside an element, as in
// "org.kde.StatusNotifierItem-*", stands for any characters but a dot. A rule is [METHOD][@PATH]:
// METHOD is "iface.Member", "iface.*" or "*", PATH a path or "/a/b/*" for it and all below it.
type Policy struct {
	See  []string // names that the app may know of
	Talk []string // names that it may call, and whose broadcasts it hears
	Own  []string // names that it may own
	// Take are names that it may own, while their other owners are SEE: a pattern such as that of tray
	// icons is for the names of many apps, and Own would let it talk to all of them.
	Take []string

	// Private are names that stay among the connections of one Bus: who asks for one owns it there,
	// and the bus never hears of it, unless it is in Own too. Connections of a Bus with such names may all talk to each other.
	Private []string

	Call      []NameRule // calls that it may make
	Broadcast []NameRule // signals for all that it hears
	Emit      []string   // rules for signals for all that it sends

	// UniqueNames lets it hear of everybody who comes and goes on the bus.
	UniqueNames bool
	// Everything leaves all else without meaning: nothing is filtered.
	Everything bool
}

// NameRule is a rule for what goes to or comes from a name.
type NameRule struct{ Name, Rule string }

// Check tells what in the policy is not a name or a rule.
func (p Policy) Check() error {
	_, err := compile(p)
	return err
}

// level is how far a name is granted.
type level byte

const (
	none level = iota
	see
	talk
	own
)

// grant is all that is granted for one pattern.
type grant struct {
	pattern
	level            level
	take             bool // the app may own what matches, whatever its level
	calls, broadcast []rule
}

// policy is a Policy made ready. It does not change, so connections share it.
type policy struct {
	exact    map[string]*grant
	patterns []*grant
	all      []*grant // both, in order
	emit     []rule
	unique   bool
	open     bool
}

func compile(p Policy) (*policy, error) {
	c := &policy{exact: map[string]*grant{}, unique: p.UniqueNames, open: p.Everything}
	for _, list := range []struct {
		key   string
		level level
		names []string
	}{{"see", see, p.See}, {"talk", talk, p.Talk}, {"own", own, p.Own}} {
		for _, n := range list.names {
			g, err := c.grant(n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", list.key, err)
			}
			g.level = max(g.level, list.level)
		}
	}
	for _, n := range p.Take {
		g, err := c.grant(n)
		if err != nil {
			return nil, fmt.Errorf("take: %w", err)
		}
		g.level, g.take = max(g.level, see), true
	}
	for _, n := range p.Private {
		if _, ok := parsePattern(n); !ok || unique(n) {
			return nil, fmt.Errorf("private: %q is not a name", n)
		}
	}
	for _, n := range p.Call {
		if err := c.rule("call", n, func(g *grant, r rule) { g.calls = append(g.calls, r) }); err != nil {
			return nil, err
		}
	}
	for _, n := range p.Broadcast {
		if err := c.rule("broadcast", n, func(g *grant, r rule) { g.broadcast = append(g.broadcast, r) }); err != nil {
			return nil, err
		}
	}
	for _, s := range p.Emit {
		r, ok := parseRule(s)
		if !ok {
			return nil, fmt.Errorf("emit: %q is not a rule, hint: [METHOD][@PATH]", s)
		}
		c.emit = append(c.emit, r)
	}
	return c, nil
}

func (c *policy) rule(key string, n NameRule, add func(*grant, rule)) error {
	g, err := c.grant(n.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	r, ok := parseRule(n.Rule)
	if !ok {
		return fmt.Errorf("%s: %q is not a rule, hint: [METHOD][@PATH]", key, n.Rule)
	}
	g.level = max(g.level, see)
	add(g, r)
	return nil
}

// grant finds or makes the grant of a pattern.
func (c *policy) grant(name string) (*grant, error) {
	p, ok := parsePattern(name)
	switch {
	case strings.HasPrefix(name, ":"):
		return nil, fmt.Errorf("%q is a unique name, hint: they change; grant a well-known one", name)
	case !ok:
		return nil, fmt.Errorf("%q is not a name, hint: org.example.App or org.example.App.*", name)
	}
	for _, g := range c.all {
		if g.pattern == p {
			return g, nil
		}
	}
	g := &grant{pattern: p}
	c.all = append(c.all, g)
	if p.below || p.glob {
		c.patterns = append(c.patterns, g)
	} else {
		c.exact[p.text] = g
	}
	return g, nil
}

// visit calls do for the grants of a well-known name until one is enough, and reports whether one was.
func (c *policy) visit(name []byte, enough func(*grant) bool) bool {
	if g := c.exact[string(name)]; g != nil && enough(g) {
		return true
	}
	for _, g := range c.patterns {
		if g.matches(name) && enough(g) {
			return true
		}
	}
	return false
}

// level gives the highest level granted for a well-known name.
func (c *policy) level(name []byte) level {
	l := none
	if g := c.exact[string(name)]; g != nil {
		l = g.level
	}
	for _, g := range c.patterns {
		if g.level > l && g.matches(name) {
			l = g.level
		}
	}
	return l
}

// mayOwn reports whether the app may own a well-known name.
func (c *policy) mayOwn(name []byte) bool {
	return c.visit(name, func(g *grant) bool { return g.take || g.level >= own })
}

// allows reports whether the grant lets a call or a unicast signal through.
func (g *grant) allows(h *header) bool { return g.level >= talk || anyMatch(g.calls, h) }

// tells reports whether the grant lets a broadcast in.
func (g *grant) tells(h *header) bool { return g.level >= talk || anyMatch(g.broadcast, h) }

func anyMatch(rules []rule, h *header) bool {
	for _, r := range rules {
		if r.matches(h) {
			return true
		}
	}
	return false
}
