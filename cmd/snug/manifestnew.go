package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/manifests/draft"
	"snug/manifests/wrap"
)

func newManifestFlags(f *pflag.FlagSet) {
	f.BoolP("write", "w", false, "put it into ~/.config/snug/apps, if it is whole")
	f.Bool("json", false, "print JSON: id, text, left out")
}

func runManifestNew(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "for which app?")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	d, err := l.propose(words[0])
	if err != nil {
		return err
	}
	if app, err := l.catalogue.Find(words[0]); err == nil && app.Known && app.File == "" {
		if write, _ := f.GetBool("write"); write {
			return &hinted{"there is a manifest for " + quote(words[0]) + " already: " + app.ID, "snug manifest edit " + app.ID + ", or with --manifest"}
		}
		c.say("there is a manifest for "+quote(words[0])+" already: "+app.ID, "snug manifest show "+app.ID)
	}
	return c.deliver(l, f, d)
}

// propose makes a draft of what a word names: a desktop file, by name or path, or a program.
func (l *shelf) propose(word string) (*draft.Draft, error) {
	search := l.catalogue.Desktop
	if strings.HasSuffix(word, ".desktop") && strings.Contains(word, "/") {
		file, err := desktop.Read(word)
		if err != nil {
			return nil, &hinted{quote(word) + " cannot be read: " + whyUnread(err), ""}
		}
		name := filepath.Base(word)
		found, err := search.Lookup(name)
		absolute, _ := filepath.Abs(word)
		return l.fromDesktop(file, name, err == nil && found.Path == absolute)
	}
	if !strings.Contains(word, "/") {
		app, err := l.catalogue.Find(word)
		name := strings.TrimSuffix(word, ".desktop") + ".desktop"
		if err == nil && app.Desktop != "" {
			name = filepath.Base(app.Desktop)
		} else if err == nil {
			name = l.launcherOf(app)
		}
		file, e := search.Lookup(name)
		switch {
		case e == nil:
			return l.fromDesktop(file, name, true)
		case !errors.Is(e, fs.ErrNotExist):
			return nil, e
		}
		if program := lookPath(word, os.Getenv("PATH")); program != "" {
			return l.fromProgram(word)
		}
		if err != nil {
			return nil, err
		}
		return nil, &hinted{quote(word) + " has neither a desktop file nor a program in PATH", "name its desktop file or its program by the path"}
	}
	path, err := filepath.Abs(word)
	if err != nil || lookPath(filepath.Base(path), filepath.Dir(path)) == "" {
		return nil, &hinted{quote(word) + " is neither a desktop file nor a program", "a desktop file's name ends in .desktop"}
	}
	return l.fromProgram(path)
}

// launcherOf is the first installed desktop file that an app's manifest names, or what it would be called.
func (l *shelf) launcherOf(app manifests.App) string {
	layers, err := l.catalogue.Load(app, nil)
	if err == nil {
		for _, layer := range layers {
			for _, name := range layer.Desktop {
				if _, err := l.catalogue.Desktop.Lookup(name.Value); err == nil {
					return name.Value
				}
			}
		}
	}
	return app.ID + ".desktop"
}

func (l *shelf) fromDesktop(file *desktop.File, name string, installed bool) (*draft.Draft, error) {
	d, err := draft.FromDesktop(&l.catalogue, draft.Launcher{File: file, Name: name, Installed: installed, Electron: isElectron(file)})
	value, _ := file.Get(desktop.Entry, "Exec")
	if exec, e := desktop.ParseExec(value); err == nil && e == nil {
		l.warn(d, exec.Program())
	}
	return d, err
}

func (l *shelf) fromProgram(program string) (*draft.Draft, error) {
	d, err := draft.FromProgram(&l.catalogue, program)
	if err == nil {
		l.warn(d, program)
	}
	return d, err
}

// warn notes of a draft that its program will not run in a sandbox, and what to do instead.
func (l *shelf) warn(d *draft.Draft, program string) {
	var r *wrap.Refusal
	if !errors.As(wrapFolders(l.world, l.catalogue.Desktop).Judge(program), &r) {
		return
	}
	note := r.What
	if r.Hint != "" {
		note += ": " + r.Hint
	}
	d.Notes = append(d.Notes, note)
}

// isElectron reports whether the archive of an Electron app lies beside the program of a desktop file.
func isElectron(file *desktop.File) bool {
	value, _ := file.Get(desktop.Entry, "Exec")
	exec, err := desktop.ParseExec(value)
	if err != nil {
		return false
	}
	program := exec.Program()
	if !strings.Contains(program, "/") {
		program = lookPath(program, os.Getenv("PATH"))
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	dir := filepath.Dir(program)
	return program != "" && (exists(dir+"/resources/app.asar") || exists(dir+"/resources/app/package.json"))
}

// proposal is a draft for machines.
type proposal struct {
	ID   string     `json:"id"`
	Text string     `json:"text"`
	Left []leftover `json:"left,omitempty"`
}

type leftover struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Code string `json:"code,omitempty"`
}

// deliver prints a draft, or writes it where the person's manifests are. What it leaves out is told in
// either case.
func (c *console) deliver(l *shelf, f *pflag.FlagSet, d *draft.Draft) error {
	for _, note := range d.Notes {
		c.say("warning: "+note, "")
	}
	if asJSON, _ := f.GetBool("json"); asJSON {
		p := proposal{ID: d.ID, Text: string(d.Text())}
		for _, left := range d.Left {
			p.Left = append(p.Left, leftover(left))
		}
		return c.printJSON(p)
	}
	for _, left := range d.Left {
		c.say("left out: "+left.String(), "")
	}
	if write, _ := f.GetBool("write"); !write {
		c.print(string(d.Text()))
		return nil
	}
	path := l.file(d.ID)
	if _, err := os.Lstat(path); err == nil {
		return &hinted{quote(homePath(l.world, path)) + " is there already", "snug manifest edit --manifest " + d.ID}
	}
	err := l.catalogue.Replace(manifests.App{ID: d.ID, Known: true}, path, nil, d.Text(), facts(l.world), func(m *manifests.Manifest) error {
		command, err := appCommand(m, manifests.App{ID: d.ID, Known: true}, l.catalogue.Desktop, nil)
		if err == nil {
			_, err = compose.Compose(m, l.world, command)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.print(path, "\n")
	return nil
}

// whyUnread is the last cause of an error about a file, which the message names already.
func whyUnread(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
