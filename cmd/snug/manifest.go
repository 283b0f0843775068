package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/manifests/compose"
)

// manifestVerbs are the words behind `snug manifest`.
func manifestVerbs() []*verb {
	return []*verb{
		{name: "manifest new", args: "[flags] APP | FILE.desktop | PROGRAM",
			short:   "propose a strict manifest for what has none",
			example: "snug manifest new mousepad --write", run: runManifestNew, flags: newManifestFlags},
		{name: "manifest check", args: "[flags] [APP | FILE...]",
			short:   "say all that is wrong, odd or dangerous; without a word of all yours",
			example: "snug manifest check ./notes.toml", run: runManifestCheck, flags: jsonFlag},
		{name: "manifest show", args: "[flags] APP | FILE",
			short:   "print what all layers come to, with the line of each value",
			example: "snug manifest show foot", run: runManifestShow, flags: jsonFlag},
		{name: "manifest diff", args: "[flags] APP | FILE  APP | FILE",
			short:   "say what one may reach and the other may not; status 1 if anything",
			example: "snug manifest diff foot builtin/foot.toml", run: runManifestDiff, flags: jsonFlag},
		{name: "manifest edit", args: "[flags] APP",
			short:   "edit your drop-in of an app, and check it before it counts",
			example: "EDITOR=nano snug manifest edit foot", run: runManifestEdit, flags: editFlags},
		{name: "manifest schema", args: "[flags]",
			short:   "list the keys; with --json, a JSON Schema for editors",
			example: "snug manifest schema --json >manifest.schema.json", run: runManifestSchema, flags: schemaFlags},
		{name: "manifest import", args: "[flags] ID | FILE",
			short:   "make a manifest of a Flatpak's metadata or a bubblejail's services",
			example: "snug manifest import org.mozilla.firefox", run: runManifestImport, flags: newManifestFlags},
	}
}

func jsonFlag(f *pflag.FlagSet) { f.Bool("json", false, "print JSON") }

// runManifest hands over to the verb behind it.
func runManifest(c *console, args []string) error {
	return c.handOver(args, func(name string) string {
		switch name {
		case "ls", "list":
			return "snug manifest check looks at all of yours; snug manifest show APP prints one"
		case "validate", "lint", "verify", "test":
			return "did you mean snug manifest check?"
		case "cat", "print", "get":
			return "did you mean snug manifest show?"
		}
		return ""
	})
}

// handOver runs the verb behind this one that the first word names. meant gives the hint for words
// that others have for them.
func (c *console) handOver(args []string, meant func(name string) string) error {
	if len(args) == 0 {
		c.print(c.verb.help())
		return &failure{status: exitCouldNot}
	}
	if sub := c.verb.sub(args[0]); sub != nil {
		c.verb, c.args = sub, args[1:]
		return sub.run(c, args[1:])
	}
	words, err := c.parse(c.newFlags(), args)
	if err != nil {
		return err
	}
	name := strings.Join(words[:min(len(words), 1)], "")
	hint := "snug " + c.verb.name + " --help lists the verbs"
	var names []string
	for _, sub := range c.verb.subs() {
		last := lastWord(sub.name)
		if names = append(names, last); len(name) > 1 && strings.HasPrefix(last, name) {
			hint = "did you mean snug " + sub.name + "?"
		}
	}
	if near := manifests.Nearest(name, names); near != "" {
		hint = "did you mean snug " + c.verb.name + " " + near + "?"
	}
	if m := meant(name); m != "" {
		hint = m
	}
	return &hinted{"unknown verb " + quote(c.verb.name+" "+name), hint}
}

// sub returns the verb behind this one that a word names, or nil.
func (v *verb) sub(word string) *verb {
	if v.subs == nil {
		return nil
	}
	for _, sub := range v.subs() {
		if lastWord(sub.name) == word {
			return sub
		}
	}
	return nil
}

func lastWord(name string) string { return name[strings.LastIndexByte(name, ' ')+1:] }

// words reads the flags of a verb that takes at least and at most so many words.
func (c *console) words(f *pflag.FlagSet, args []string, least, most int, what string) ([]string, error) {
	c.verb.flags(f)
	words, err := c.parseAll(f, args)
	switch {
	case err != nil:
		return nil, err
	case len(words) < least:
		return nil, &hinted{what, c.verb.example}
	case len(words) > most:
		return nil, &hinted{"too many words: " + quote(words[most]), "snug " + c.verb.name + " " + c.verb.args}
	}
	return words, nil
}

// shelf is where manifests are, and the session that they are looked at in. Nothing is started.
type shelf struct {
	catalogue manifests.Catalogue
	world     *compose.World
}

func (c *console) shelf() (*shelf, error) {
	w, err := compose.Session()
	if err != nil {
		return nil, err
	}
	w.Seccomp, w.Opener, w.NoStart = compileFilter, findOpener, true
	return &shelf{c.apps(w), w}, nil
}

// subject is an app with the files that say what it may reach.
type subject struct {
	catalogue manifests.Catalogue
	app       manifests.App
	layers    []*manifests.Layer
}

// find finds the app that a word names: as everywhere, or builtin/ID.toml, as Origins print what
// comes with snug, whatever a person has put in its place.
func (l *shelf) find(word string) (*subject, error) {
	s := &subject{catalogue: l.catalogue}
	if id, isBuiltIn := strings.CutPrefix(word, "builtin/"); isBuiltIn && !exists(word) {
		s.catalogue = manifests.Catalogue{Desktop: l.catalogue.Desktop}
		word = strings.TrimSuffix(id, ".toml")
	}
	app, err := s.catalogue.Find(word)
	s.app = app
	if err == nil || strings.Contains(word, "/") {
		return s, err
	}
	var p manifests.Problem
	if errors.As(err, &p) && p.Hint == "" && (filepath.Ext(word) == ".toml" || exists(word)) {
		p.Hint = "a file is written with a slash: ./" + line(word)
		return nil, p
	}
	return nil, err
}

// load is find with the layers.
func (l *shelf) load(word string) (*subject, error) {
	s, err := l.find(word)
	if err != nil {
		return nil, err
	}
	s.layers, err = s.catalogue.Load(s.app, nil)
	return s, err
}

// merge is load, and what the layers come to.
func (l *shelf) merge(word string) (*manifests.Manifest, error) {
	s, err := l.load(word)
	if err != nil {
		return nil, err
	}
	return manifests.Merge(s.layers, nil, facts(l.world))
}

// file is where the person's own manifest of an app is.
func (l *shelf) file(id string) string { return l.catalogue.User + "/" + id + ".toml" }
