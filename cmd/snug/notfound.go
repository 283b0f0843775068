package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/plain"
	"snug/manifests"
	"snug/sandbox"
)

// notFound says more of a command that is not in the sandbox: where it is outside, and which line
// brings it in. All other errors pass.
func (c *console) notFound(p *plan, err error) error {
	var start *sandbox.Error
	var f *failure
	if !errors.As(err, &f) || f.status != exitNotFound || !errors.As(err, &start) {
		return err
	}
	name := p.sandbox.Spec.Process.Argv[0]
	return &failure{status: exitNotFound, err: &hinted{start.Error(), p.whereIs(name)}}
}

// whereIs is what to do about a program that is not in the sandbox.
func (p *plan) whereIs(name string) string {
	if strings.Contains(name, "/") {
		path := name
		path = filepath.Clean(from(p.world.Cwd, path))
		switch _, err := os.Stat(path); {
		case err != nil:
			return "there is no such program outside the sandbox either"
		case p.sandbox.Shows(path):
			return "it is there, but not the interpreter that its first line or its header names"
		}
		return p.bringIn(path)
	}
	if name == "snug" {
		return "snug does not start sandboxes in a sandbox; start the second one outside, beside the first"
	}
	path := lookPath(name, os.Getenv("PATH"))
	switch {
	case path == "":
		return "no folder of your PATH has it: is it installed?"
	case p.sandbox.Shows(path):
		return "it is in " + filepath.Dir(path) + ", and the sandbox has a PATH of its own: --pass PATH hands yours on"
	}
	return p.bringIn(path) + ", with --pass PATH"
}

// bringIn names the flag that grants the folder of a program.
func (p *plan) bringIn(path string) string {
	folder := filepath.Dir(path)
	if cwd := p.world.Cwd; path == cwd || strings.HasPrefix(path, cwd+"/") {
		return "it lies in " + folder + ", which is not granted: --here, or --read " + quote(folder)
	}
	return "it lies in " + folder + ", which is not granted: --read " + quote(folder)
}

// lookPath finds a program in a PATH, or returns "". It is for messages: what it finds is not run.
func lookPath(name, path string) string {
	for dir := range strings.SplitSeq(path, ":") {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && st.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file
		}
	}
	return ""
}

// noApp says how the same line runs a command, if the word may have been meant as one; else where apps are.
func (c *console) noApp(err error, words []string) error {
	var p manifests.Problem
	switch filepath.Ext(words[0]) {
	case ".toml", ".desktop":
		return err
	}
	if !errors.As(err, &p) {
		return err
	}
	if p.Hint != "" {
		p.Hint += "\n"
	}
	switch c.verb.name {
	case "run", "explain":
		p.Hint += "to run a command: " + c.asCommand(words)
	case "shell":
		p.Hint += "nothing of that name runs, either: snug ps lists apps and systems that do"
	case "unit":
		p.Hint += "no image has that name, either: snug image ls lists those of systems; a folder is ./FOLDER"
	default:
		p.Hint += "snug apps lists apps, and which have a manifest"
	}
	return p
}

// asCommand is the line that was typed with the words behind a --.
func (c *console) asCommand(words []string) string {
	typed := slices.Concat([]string{"snug", c.verb.name}, c.args[:len(c.args)-len(words)], []string{"--"}, words)
	return line(shellLine(typed)) // several hints are told apart by their ends of line
}

// shellLine is words as a shell needs it.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellWord(word)
	}
	return strings.Join(quoted, " ")
}

// shellWord quotes a word as a shell needs it.
func shellWord(word string) string { return plain.Word(word) }
