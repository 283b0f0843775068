package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/reference"
)

// said is one value of a manifest for machines.
type said struct {
	Only   string `json:"only,omitempty"` // of diff: who has it
	If     string `json:"if,omitempty"`   // the [[if]] that does not hold here
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin,omitempty"`
	Danger string `json:"danger,omitempty"`
	Why    string `json:"why,omitempty"`
}

func saidBy(g manifests.Grant) said {
	return said{"", "", g.Key.Name, g.Value, string(g.Origin), string(g.Danger), g.Danger.Why()}
}

// said is what a manifest says that is wanted, here and by its [[if]] elsewhere.
func (l *shelf) said(m *manifests.Manifest, wanted func(manifests.Grant) bool) []said {
	list := []said{}
	for grant := range m.Grants() {
		if wanted(grant) {
			list = append(list, saidBy(grant))
		}
	}
	for _, value := range compose.Elsewhere(m, l.world) {
		if wanted(value.Grant) {
			one := saidBy(value.Grant)
			one.If = value.When.Value
			list = append(list, one)
		}
	}
	return list
}

func runManifestShow(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "which app?")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	m, err := l.merge(words[0])
	if err != nil {
		return err
	}
	for _, warning := range m.Warnings {
		c.say("warning: "+warning.What+origin(string(warning.Where)), warning.Hint)
	}
	if asJSON, _ := f.GetBool("json"); !asJSON {
		c.print(clean(string(m.TOML())))
		return nil
	}
	return c.printJSON(l.said(m, func(manifests.Grant) bool { return true }))
}

// runManifestDiff compares two manifests by what they grant, key by key. The account that explain
// prints would also tell two machines or two displays apart; this tells two texts apart.
func runManifestDiff(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 2, 2, "which two apps?")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	var sides [2][]said
	for i, word := range words {
		m, err := l.merge(word)
		if err != nil {
			return err
		}
		sides[i] = l.said(m, reaches)
		for j := range sides[i] {
			sides[i][j].Only = word
		}
	}
	only := difference(sides[0], sides[1])
	asJSON, _ := f.GetBool("json")
	switch {
	case asJSON:
		if err := c.printJSON(only); err != nil {
			return err
		}
	case len(only) > 0:
		c.printDifference(words, only)
	}
	if len(only) > 0 {
		return &failure{status: exitNo}
	}
	return nil
}

// reaches reports whether a value says what an app may reach, and not what it is.
func reaches(g manifests.Grant) bool {
	switch g.Key.Name {
	case "schema", "id", "desktop", "command", "extends", "without", "accept":
		return false
	}
	return g.Value != g.Key.Default
}

// difference returns what only one of two lists holds, key by key in the order of the schema. The
// question mark of a path is no part of it.
func difference(a, b []said) []said {
	only := []said{}
	keep := func(from, other []said, key string) {
		for _, one := range from {
			same := func(o said) bool {
				return o.If == one.If && o.Key == one.Key && strings.TrimPrefix(o.Value, "?") == strings.TrimPrefix(one.Value, "?")
			}
			if one.Key == key && !slices.ContainsFunc(other, same) {
				only = append(only, one)
			}
		}
	}
	for _, key := range manifests.Schema() {
		keep(a, b, key.Name)
		keep(b, a, key.Name)
	}
	return only
}

// printDifference prints a line for each value: - what only the first has, + what only the second.
func (c *console) printDifference(words []string, only []said) {
	c.print("--- ", line(words[0]), "\n+++ ", line(words[1]), "\n")
	for _, one := range only {
		mark := "- "
		if one.Only == words[1] {
			mark = "+ "
		}
		if one.If != "" {
			mark += "if " + one.If + " (not so here): "
		}
		text := mark + one.Key + " = " + quote(one.Value)
		c.print(column(text, 56), "  ", line(one.Origin), "\n")
		if one.Danger != "" {
			c.print("      dangerous: the app can ", line(one.Why), " [", one.Danger, "]\n")
		}
	}
}

func schemaFlags(f *pflag.FlagSet) { f.Bool("json", false, "print a JSON Schema, draft 2020-12") }

func runManifestSchema(c *console, args []string) error {
	f := c.newFlags()
	if _, err := c.words(f, args, 0, 0, ""); err != nil {
		return err
	}
	if asJSON, _ := f.GetBool("json"); asJSON {
		c.print(string(reference.JSON()))
		return nil
	}
	for _, key := range manifests.Schema() {
		c.print(column(key.Name, 22), column(key.Kind, 8), reference.Describe(&key), "\n")
	}
	return nil
}
