package manifests

import (
	"bytes"
	"slices"
	"strings"

	"snug/manifests/internal/words"
)

// What a person may call an app by, when no manifest and no desktop file has exactly that name. Each
// way is tried only if the ones above it found nothing: an app that comes to be installed must not
// take a name away from one that had it more plainly.
//
//  1. the last part of a manifest's id, then of a desktop file's: TextEditor
//  2. of a manifest, in any case: the id, its last part, its desktop files, the program of its
//     command: texteditor, gnome-text-editor
//  3. of a desktop file, in any case: its name and its last part

// findByName finds the app that a word means, or the zero App. Several are an error.
func (c *Catalogue) findByName(word string) (App, error) {
	own, installed := c.IDs(), c.Desktop.IDs()
	isLast := func(id string) bool { return strings.HasSuffix(id, "."+word) }
	resembles := func(id string) bool { return strings.EqualFold(id, word) || strings.EqualFold(lastPart(id), word) }
	for _, find := range [...]func() []string{
		func() []string { return matching(own, isLast) },
		func() []string { return matching(installed, isLast) },
		func() []string { return append(matching(own, resembles), c.withName(word)...) },
		func() []string { return matching(installed, resembles) },
	} {
		found := find()
		slices.Sort(found)
		switch found = slices.Compact(found); {
		case len(found) > 1:
			return App{}, ambiguous(word, found)
		case len(found) == 1 && c.has(found[0]):
			return App{ID: found[0], Known: true}, nil
		case len(found) == 1:
			return c.findDesktop(found[0] + ".desktop")
		}
	}
	return App{}, nil
}

func matching(ids []string, is func(id string) bool) (found []string) {
	for _, id := range ids {
		if is(id) {
			found = append(found, id)
		}
	}
	return found
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// interpreters run what somebody else wrote: their name is no name of the app that they run. An app
// may be an interpreter itself, and then its command is that one word.
const interpreters words.Set = "bash dash env flatpak java node nodejs perl php python* ruby sh zsh"

// withName returns the apps whose manifest names a program or a desktop file, in any case.
func (c *Catalogue) withName(word string) (found []string) {
	layers, _ := c.mentioning(word)
	for id, layer := range layers {
		if strings.EqualFold(layer.program(), word) && !layer.interpreted() ||
			slices.ContainsFunc(layer.Desktop, func(name Text) bool { return strings.EqualFold(name.Value, word+".desktop") }) {
			found = append(found, id)
		}
	}
	return found
}

// passedOver returns the apps that a word does not name because it is only their interpreter.
func (c *Catalogue) passedOver(word string) (found []string) {
	layers, _ := c.mentioning(word)
	for id, layer := range layers {
		if strings.EqualFold(layer.program(), word) && layer.interpreted() {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}

// program is the name of the program that the layer's command starts, or "".
func (l *Layer) program() string {
	if len(l.Command) == 0 {
		return ""
	}
	program := l.Command[0].Value
	return program[strings.LastIndexByte(program, '/')+1:]
}

// interpreted reports whether the program of the command only runs another.
func (l *Layer) interpreted() bool { return len(l.Command) > 1 && interpreters.Has(l.program()) }

// mentioning returns the manifests, by id, whose text holds a word in any case. Parsing every
// manifest would be slow. One that does not parse mentions nothing: Load says so when it is asked
// for.
func (c *Catalogue) mentioning(word string) (map[string]*Layer, error) {
	found, seen := map[string]*Layer{}, map[string]bool{}
	for _, source := range c.sources() {
		ids, err := source.names(".")
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			text, err := source.text(id + ".toml")
			if err != nil || !bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(word))) {
				continue
			}
			if layer, err := Parse(id, text); err == nil {
				found[id] = layer
			}
		}
	}
	return found, nil
}
