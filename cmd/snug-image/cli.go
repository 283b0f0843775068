package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/image"
	"snug/cmd/internal/plain"
	"snug/sandbox"
	"snug/systemdimg/source"
	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

// The rules of the command line are snug's (cmd/snug/cli.go): verbs first; "snug: what" and below it "hint: what
// to do" on standard error; silence on success; exit status 0 done or yes, 1 no, 2 could not.

const (
	exitNo       = 1
	exitCouldNot = 2
)

// runs is what each verb of package image does.
func runs(name string) func(c *console, args []string) error {
	switch name {
	case "pull":
		return runPull
	case "import":
		return runImport
	case "ls":
		return runLs
	case "inspect":
		return runInspect
	case "export":
		return runExport
	case "rm":
		return runRm
	case "commit":
		return runCommit
	}
	return runPrune
}

// console is where a verb speaks, and what it works on.
type console struct {
	in       *os.File
	out, err io.Writer
	ctx      context.Context
	flags    *pflag.FlagSet
	lost     error // why something that was asked for could not be printed
}

// failure is an error with the exit status that belongs to it.
type failure struct {
	status int
	err    error // nil: there is nothing to say
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// dispatch runs the verb that the words name and gives the exit status of the program.
func dispatch(words []string, in *os.File, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	c := &console{in: in, out: out, err: errs, ctx: ctx}
	if len(words) == 0 || words[0] == "--help" || words[0] == "-h" || words[0] == "help" {
		c.help()
		return map[bool]int{true: exitCouldNot}[len(words) == 0]
	}
	for _, v := range append(image.Verbs(), image.Commit()) {
		if v.Name == words[0] {
			return c.finish(c.verb(&v, words[1:]))
		}
	}
	return c.finish(&store.Error{What: "unknown verb " + quote(words[0]), Hint: "pull, import, ls, inspect, export, rm, prune"})
}

// verb reads flags and words, and runs a verb.
func (c *console) verb(v *image.Verb, args []string) error {
	f := pflag.NewFlagSet(v.Name, pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	v.Flags(f)
	c.flags = f
	err := f.Parse(args)
	switch usage := "snug image " + v.Name + " " + v.Args; {
	case errors.Is(err, pflag.ErrHelp):
		c.print("usage: ", usage, "\n\n", v.Short, "\n\n", f.FlagUsagesWrapped(80), "\nexample: ", v.Example, "\n")
		return nil
	case err != nil:
		return &store.Error{What: err.Error(), Hint: usage}
	case f.NArg() < v.Min || f.NArg() > v.Max:
		return &store.Error{What: "too " + map[bool]string{true: "few", false: "many"}[f.NArg() < v.Min] + " words", Hint: usage}
	}
	return runs(v.Name)(c, f.Args())
}

func (c *console) help() {
	for _, v := range image.Verbs() {
		c.print("  ", v.Name, strings.Repeat(" ", 9-len(v.Name)), v.Short, "\n")
	}
	c.print("\nexample: snug image pull debian:12\n")
}

func (c *console) text(flag string) string {
	s, _ := c.flags.GetString(flag)
	return s
}

func (c *console) set(flag string) bool {
	b, _ := c.flags.GetBool(flag)
	return b
}

// storage is what --storage says.
func (c *console) storage() string {
	if c.flags == nil {
		return ""
	}
	return c.text("storage")
}

// store opens the store.
func (c *console) store() (*store.Store, error) { return store.Open(c.storage()) }

// carrier opens the store for changes, and makes it if it is not there. The caller calls done.
func (c *console) carrier() (k *source.Carrier, done func(), err error) {
	s, err := c.store()
	if err != nil {
		return nil, nil, err
	}
	if err := s.Make(); err != nil {
		return nil, nil, err
	}
	w, err := worker.Open(s.IDs())
	if err != nil {
		return nil, nil, err
	}
	b := newBars(c.err)
	k = &source.Carrier{Store: s, Workers: w, Progress: b.progress(), Insecure: c.set("insecure")}
	return k, func() { b.close(); w.Close() }, nil
}

// finish prints an error and gives the exit status.
func (c *console) finish(err error) int {
	if err == nil {
		err = c.lost // who asked must not take half an answer for a whole one
	}
	if err == nil {
		return 0
	}
	status := exitCouldNot
	var f *failure
	if errors.As(err, &f) {
		if status, err = f.status, f.err; err == nil {
			return status
		}
	}
	what, hint := err.Error(), ""
	var ours *store.Error
	var inSandbox *sandbox.Error
	switch {
	case c.ctx.Err() != nil:
		what = "interrupted; nothing is left of it but what was fetched, for another try"
	case errors.As(err, &ours):
		hint = ours.Hint
	case errors.As(err, &inSandbox):
		hint = inSandbox.Hint
	}
	c.say(strings.ReplaceAll(what, "\n", "; "), hint)
	return status
}

// say prints one message for a person.
func (c *console) say(what, hint string) {
	text := "snug: " + line(what) + "\n"
	if hint != "" {
		text += "hint: " + line(image.InStorage(hint, c.storage())) + "\n"
	}
	io.WriteString(c.err, text)
}

func (c *console) print(parts ...string) {
	if _, err := io.WriteString(c.out, strings.Join(parts, "")); err != nil {
		c.lost = err
	}
}

func (c *console) printJSON(v any) error { return plain.JSON(c.out, v) }

func line(s string) string { return plain.Line(s) }

func quote(s string) string { return strconv.Quote(line(s)) }
