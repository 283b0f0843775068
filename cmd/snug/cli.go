package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/image"
	"snug/cmd/internal/plain"
	"snug/cmd/internal/terminal"
	"snug/manifests"
	"snug/sandbox"
)

// The rules of the command line:
//
//   - Verbs first; flags end at the first word that is not a flag; -- says that a command follows.
//     Behind the words of grant, revoke, wrap, unwrap and apps nothing else can stand, so there flags may.
//   - One voice: "snug: what (who asked)" and below it "hint: what to do", in lower case, without
//     a full stop. All of it loses its control characters on the way, newlines too: the name of a file
//     adds no line of its own.
//   - Standard output is for what was asked for; it can be piped. --json is for machines.
//   - Silence on success.
//   - Exit status of verbs that run something (run, exec, shell): the program's; 125 snug itself
//     failed, bad usage included; 126 not executable; 127 not found; 128+n ended by signal n, and
//     if that is SIGINT or SIGQUIT, the keyboard's, snug ends by it too.
//     Of all others: 0 done or yes, 1 no or findings, 2 could not.

const (
	exitNo       = 1
	exitCouldNot = 2
	exitSnug     = 125
	exitNoExec   = 126
	exitNotFound = 127
)

// console is where a verb speaks, and what it was called with.
type console struct {
	out, err io.Writer
	verb     *verb
	args     []string // all words after the verb
	cursor   int      // how many words the flags so far have used
	storage  string   // the --storage that hints are to repeat
	lost     error    // why something that was asked for could not be printed
}

// verb is one word that snug understands.
type verb struct {
	name, group string
	undoes      string // the verb beside which the list shows it: the other way round, or all but the same
	args        string // how its arguments are shown
	short       string // one line for the list
	example     string // the last line of its help
	runs        bool   // it runs a program, so its failures are 125
	ends        string // what help says of its end, if that is more than of all that run
	run         func(c *console, args []string) error
	flags       func(f *pflag.FlagSet)
	subs        func() []*verb // verbs behind it: "manifest new"
}

// failure is an error with the exit status that belongs to it.
type failure struct {
	status int
	err    error   // nil: there is nothing to say
	killed *killed // the app was, by a signal
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// hinted is an error with something to do about it.
type hinted struct {
	what, hint string
}

func (h *hinted) Error() string { return h.what }

// dispatch runs the verb that the words name and gives the exit status of the program.
func dispatch(words []string, out, errs io.Writer) int {
	c := &console{out: out, err: errs}
	if len(words) == 0 {
		c.help("")
		return c.finish(&failure{status: exitCouldNot})
	}
	name := words[0]
	switch name {
	case "--help", "-h":
		name = "help"
	case "--version":
		name = "version"
	}
	switch name {
	case completeVerb:
		return c.complete(words[1:])
	case boot.KeeperVerb:
		return boot.Keep(words[1:])
	case boot.TryVerb:
		return boot.Try(words[1:])
	case boot.MeasureVerb:
		return boot.Measure(words[1:])
	}
	for _, v := range verbs() {
		if v.name == name {
			c.verb, c.args = v, words[1:]
			return c.finish(v.run(c, words[1:]))
		}
	}
	return c.finish(c.unknown(name))
}

// unknown suggests what may have been meant.
func (c *console) unknown(name string) error {
	hint := "snug help lists the verbs"
	if v := meant(name); v != "" {
		return &hinted{"unknown verb " + quote(name), "did you mean snug " + v + "?"}
	}
	if strings.ContainsAny(name, "/.") || !strings.HasPrefix(name, "-") && len(name) > 0 {
		hint = "to run it in a sandbox: snug run -- " + name
	}
	return &hinted{"unknown verb " + quote(name), hint}
}

// meant is the verb that others call by this name, or that begins so.
func meant(name string) string {
	switch name {
	case "list", "ls", "status", "instances":
		return "ps"
	case "start", "launch", "open":
		return "run"
	case "enter", "attach", "login":
		return "shell"
	case "journal":
		return "logs"
	case "service":
		return "unit"
	case "end", "quit", "terminate", "rm":
		return "stop"
	case "show", "info", "inspect", "check":
		return "explain"
	case "allow", "permit", "add", "share":
		return "grant"
	case "deny", "forbid":
		return "revoke"
	}
	var names []string
	for _, v := range verbs() {
		if names = append(names, v.name); len(name) > 1 && strings.HasPrefix(v.name, name) {
			return v.name
		}
	}
	return manifests.Nearest(name, names)
}

// finish prints an error and gives the exit status.
func (c *console) finish(err error) int {
	if err == nil && c.lost == nil {
		return 0
	}
	own := exitCouldNot
	if c.verb != nil && c.verb.runs {
		own = exitSnug
	}
	status := own
	var f *failure
	if errors.As(err, &f) {
		status, err = f.status, f.err
		if f.killed != nil {
			f.killed.follow()
		}
	}
	if err == nil && c.lost != nil { // who asked must not take half an answer for a whole one
		status, err = own, c.lost
	}
	if err != nil {
		c.complain(err)
	}
	return status
}

// complain prints what, who asked for it, and what to do.
func (c *console) complain(err error) {
	what, hints := err.Error(), []string(nil)
	var problems manifests.Problems
	var inSandbox *sandbox.Error
	var h *hinted
	var p manifests.Problem
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			c.say(p.What+origin(string(p.Where)), strings.Split(p.Hint, "\n")...)
		}
		return
	case errors.As(err, &inSandbox):
		what, hints = inSandbox.Error(), []string{inSandbox.Hint}
		if !inSandbox.Exec && insideSnug() {
			hints[0] = nestedHint
		}
	case errors.As(err, &h):
		what, hints = h.what, []string{h.hint}
	case errors.As(err, &p):
		what, hints = p.What+origin(string(p.Where)), strings.Split(p.Hint, "\n")
	}
	c.say(what, hints...)
}

const nestedHint = "this is a sandbox of snug already: start the other one outside, or give this one --process-nested"

// insideSnug reports whether this process is in a sandbox: there the first process is snug's.
func insideSnug() bool {
	name, err := os.ReadFile("/proc/1/comm")
	return err == nil && string(name) == "snug-init\n"
}

func origin(where string) string {
	if where == "" {
		return ""
	}
	return " (" + where + ")"
}

// say prints one message for a person, each part of it in one line. An empty hint is none.
func (c *console) say(what string, hints ...string) {
	text := "snug: " + line(what) + "\n"
	for _, hint := range hints {
		if hint != "" {
			text += "hint: " + line(image.InStorage(hint, c.storage)) + "\n"
		}
	}
	io.WriteString(c.err, text)
}

// print prints what was asked for. That it could not is told at the end, by finish.
func (c *console) print(parts ...string) {
	if _, err := io.WriteString(c.out, strings.Join(parts, "")); err != nil {
		c.lost = err
	}
}

// printJSON prints a value for machines.
func (c *console) printJSON(v any) error { return plain.JSON(c.out, v) }

// clean makes text from outside safe to show, line such that it adds no line of its own.
func clean(s string) string { return plain.Text(s) }

func line(s string) string { return plain.Line(s) }

func quote(s string) string { return `"` + line(s) + `"` }

// parse reads flags up to the first word that is none. Errors carry the hint to the verb's help.
func (c *console) parse(f *pflag.FlagSet, args []string) ([]string, error) {
	f.SetInterspersed(false)
	return c.parseFlags(f, args)
}

// parseAll reads flags wherever they stand, for verbs of which no word can be another program's flag.
func (c *console) parseAll(f *pflag.FlagSet, args []string) ([]string, error) {
	f.SetInterspersed(true)
	return c.parseFlags(f, args)
}

func (c *console) parseFlags(f *pflag.FlagSet, args []string) ([]string, error) {
	f.Usage = func() {}
	f.SetOutput(io.Discard)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			c.help(c.verb.name)
			return nil, &failure{status: 0}
		}
		var h *hinted
		var p manifests.Problem
		switch {
		case errors.As(err, &h):
			return nil, h
		case errors.As(err, &p):
			return nil, manifests.Problems{p}
		}
		return nil, c.wrongFlag(f, err)
	}
	return f.Args(), nil
}

// newFlags makes a flag set for the verb.
func (c *console) newFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet(c.verb.name, pflag.ContinueOnError)
	f.SortFlags = false
	return f
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && terminal.Is(int(f.Fd()))
}
