package main

import (
	"io"
	"slices"

	"github.com/spf13/pflag"

	"snug/cmd/internal/homes"
	"snug/cmd/internal/terminal"
	"snug/manifests/compose"
)

func importFlags(f *pflag.FlagSet) {
	f.BoolP("yes", "y", false, "do not ask")
	f.Bool("never", false, "copy nothing, and do not ask at a start")
}

// imports are what a kept home is to get a copy of, and who may decide about that.
type imports struct {
	*kept
	id    string
	home  compose.Folder
	items []homes.Item
	named []string // what the manifest calls each
}

// openImports finds them. The caller closes imports.homes.
func (c *console) openImports(p *plan) (*imports, error) {
	i := &imports{id: p.merged.ID.Value}
	for _, folder := range p.sandbox.Folders {
		if folder.Path() == p.sandbox.Home {
			i.home = folder
		}
	}
	for _, imp := range p.sandbox.Imports {
		if imp.Source == "" {
			c.say("warning: there is no "+quote(imp.Entry)+" to copy into its home", "")
			continue
		}
		i.items = append(i.items, homes.Item{Source: imp.Source, Rel: imp.Rel, Skip: imp.Skip})
		i.named = append(i.named, imp.Entry)
	}
	var err error
	i.kept, err = c.openKept()
	return i, err
}

// dropHeld leaves out what the home has already, and gives what that is called.
func (i *imports) dropHeld() (held []string) {
	for n := len(i.items) - 1; n >= 0; n-- {
		if i.homes.Holds(i.id, i.items[n].Rel) {
			held = append(held, i.items[n].Rel)
			i.items, i.named = slices.Delete(i.items, n, n+1), slices.Delete(i.named, n, n+1)
		}
	}
	return held
}

// decide makes the home, which else the start would, and does with it what was decided.
func (i *imports) decide(do func() error) error {
	if _, err := i.home.Make(); err != nil {
		return err
	}
	i.homes.Close()
	var err error
	if i.homes, err = homes.Open(i.world.Data); err != nil {
		return err
	}
	return do()
}

func (i *imports) never() error { return i.decide(func() error { return i.homes.Decide(i.id) }) }

// importHome asks, before the first start of an app, whether its home gets a copy of what its manifest
// names, and remembers the answer where the app cannot reach it. Without a terminal nobody can be asked:
// then it says how to have the copies.
func (c *console) importHome(p *plan) error {
	if len(p.sandbox.Imports) == 0 || p.own.ready >= 0 || p.isImported() {
		return nil
	}
	i, err := c.openImports(p)
	if err != nil {
		return err
	}
	defer func() { i.homes.Close() }()
	switch held := i.dropHeld(); {
	case len(i.items) == 0 && held != nil:
		return i.never() // it has run without
	case len(i.items) == 0:
		return nil
	}
	r, err := i.user(i.id)
	if err != nil {
		return err
	}
	if r != nil || !terminal.Is(0) || !isTerminal(c.err) {
		more := ""
		if len(i.named) > 1 {
			more = " and more"
		}
		c.say("the home of "+quote(i.id)+" could have a copy of "+quote(i.named[0])+more, "while it does not run: snug data import "+i.id+"; or not to be told again: snug data import --never "+i.id)
		return nil
	}
	if !c.askImport(i) {
		return i.never()
	}
	return i.decide(func() error { return c.copyIn(i) })
}

// isImported reports whether that is decided, for the usual start.
func (p *plan) isImported() bool {
	d, err := homes.Open(p.world.Data)
	if err != nil {
		return false
	}
	defer d.Close()
	return d.Decided(p.merged.ID.Value)
}

// askImport says what would be copied, and asks.
func (c *console) askImport(i *imports) bool {
	io.WriteString(c.err, "snug: "+line(i.id)+" keeps a home of its own, and its manifest asks for a copy of\n")
	for n := range i.items {
		text := "  " + line(i.named[n])
		if size, err := i.items[n].Size(); err == nil {
			text += " (" + bytesText(size) + ")"
		}
		io.WriteString(c.err, text+"\n")
	}
	io.WriteString(c.err, "If it runs, close it first.\n")
	return c.confirm("copy it, once; what you have stays as it is")
}

// copyIn makes the copies. The app does not start meanwhile.
func (c *console) copyIn(i *imports) error {
	unlock, err := lockApp(i.running, i.id, true)
	if err != nil {
		return err
	}
	defer unlock()
	if err := i.checkUnused(i.id); err != nil {
		return err
	}
	p := c.progress()
	left, existing, err := i.homes.Import(i.id, i.items, func(n int64) { p.show(bytesText(n) + " copied") })
	p.clear()
	if err != nil {
		return &hinted{"copying into the home of " + quote(i.id) + ": " + err.Error(), "nothing of it is there; not to be asked again: snug data import --never " + i.id}
	}
	c.noteLeft(left)
	for _, item := range existing {
		c.sayHeld(i.id, item.Rel)
	}
	return nil
}

func (c *console) sayHeld(id, rel string) {
	c.say("the home of "+quote(id)+" has "+quote(rel)+" already, which stays", "to begin anew: snug data rm "+id)
}

func runDataImport(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "into the home of which app?")
	if err != nil {
		return err
	}
	p, err := c.planWith(c.newFlags(), words, nil)
	if err != nil {
		return err
	}
	if len(p.sandbox.Imports) == 0 {
		return &failure{status: exitNo, err: &hinted{"nothing is there to be copied into the home of " + quote(words[0]), "its manifest names that: import = [\"~/.folder\"] below [home]"}}
	}
	i, err := c.openImports(p)
	if err != nil {
		return err
	}
	defer func() { i.homes.Close() }()
	yes, _ := f.GetBool("yes")
	never, _ := f.GetBool("never")
	switch {
	case yes && never:
		return &hinted{"--yes and --never together", "either one or the other"}
	case never:
		return i.never()
	case len(i.items) == 0:
		return &failure{status: exitNo}
	}
	for _, rel := range i.dropHeld() {
		c.sayHeld(i.id, rel)
	}
	switch {
	case len(i.items) == 0:
		return &failure{status: exitNo}
	case !yes && (!terminal.Is(0) || !isTerminal(c.err)):
		return &hinted{"without a terminal nobody can be asked", "--yes copies without asking"}
	}
	if err := i.checkUnused(i.id); err != nil {
		return err
	}
	if !yes && !c.askImport(i) {
		return &failure{status: exitNo}
	}
	return i.decide(func() error { return c.copyIn(i) })
}
