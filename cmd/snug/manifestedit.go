package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
)

func editFlags(f *pflag.FlagSet) {
	f.Bool("manifest", false, "the whole manifest; at first a copy of the built-in")
}

func runManifestEdit(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "of which app?")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	app, err := l.catalogue.Find(words[0])
	if err != nil {
		return err
	}
	if app.File != "" {
		return &hinted{quote(words[0]) + " is a file: edit it, and check it", "snug manifest check " + shellWord(words[0])}
	}
	e := &edition{app: app, path: l.catalogue.DropIn(app.ID)}
	whole, _ := f.GetBool("manifest")
	if whole {
		e.path = l.file(app.ID)
	}
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		return &hinted{"neither VISUAL nor EDITOR names an editor", "EDITOR=nano snug manifest edit " + app.ID + "; the file is " + homePath(l.world, e.path)}
	}
	if err := e.begin(l, whole); err != nil {
		return err
	}
	return c.edit(l, e, editor)
}

// edition is a file that a person edits.
type edition struct {
	app    manifests.App
	path   string
	before []byte // nil if there is no such file yet
	start  []byte // what the editor shows first
}

// begin reads the file, or makes up its beginning.
func (e *edition) begin(l *shelf, whole bool) error {
	text, err := readSmall(e.path)
	switch {
	case err == nil:
		e.before, e.start = append([]byte{}, text...), text
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return &hinted{quote(e.path) + " cannot be read: " + whyUnread(err), ""}
	case !whole:
		e.start = []byte("# What " + e.app.ID + " gets beyond its manifest: snug help manifest\n")
		return nil
	}
	name, original := l.catalogue.Original(e.app.ID)
	if original == nil {
		return &hinted{"there is no manifest for " + quote(e.app.ID) + " to begin with", "snug manifest new " + e.app.ID + " --write"}
	}
	e.start = append([]byte(recordOf(name, original)), original...)
	return nil
}

// edit lets the person edit a copy until it is whole, or they give up.
func (c *console) edit(l *shelf, e *edition, editor string) error {
	dir, err := os.MkdirTemp("", "snug-edit-")
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, filepath.Base(e.path))
	if err := os.WriteFile(copied, e.start, 0o600); err != nil {
		return err
	}
	for {
		text, err := c.editOnce(editor, copied)
		if err == nil && bytes.Equal(text, e.start) {
			os.RemoveAll(dir)
			return nil
		}
		if err == nil {
			err = l.catalogue.Replace(e.app, e.path, e.before, text, facts(l.world), nil)
		}
		if err == nil {
			os.RemoveAll(dir)
			c.sayOf(l, e.app)
			return nil
		}
		if !c.goOn(err) {
			return &failure{status: exitCouldNot, err: manifests.Problem{What: quote(e.path) + " is as before", Hint: "what you wrote is in " + copied}}
		}
	}
}

// editOnce runs the editor, as git does: by a shell, so that it may have arguments.
func (c *console) editOnce(editor, path string) ([]byte, error) {
	cmd := exec.Command("/bin/sh", "-c", editor+` "$@"`, "snug", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, &hinted{"the editor " + quote(editor) + ": " + err.Error(), ""}
	}
	text, err := readSmall(path)
	if err != nil {
		return nil, &hinted{quote(path) + " cannot be read: " + whyUnread(err), ""}
	}
	return text, nil
}

// goOn says what is wrong, and asks a person at a terminal whether to edit it again.
func (c *console) goOn(err error) bool {
	c.complain(err)
	if !isTerminal(os.Stdin) || !isTerminal(c.err) {
		return false
	}
	c.err.Write([]byte("snug: edit it again? [Y/n] "))
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return err == nil && !strings.HasPrefix(answer, "n")
}

// sayOf tells what check has against an app that has just been changed.
func (c *console) sayOf(l *shelf, app manifests.App) {
	var r report
	l.check(&subject{catalogue: l.catalogue, app: app}, &r)
	for _, f := range r {
		if f.Level != levelNote {
			c.say("warning: "+f.What+origin(f.Where), f.Hint)
		}
	}
}
