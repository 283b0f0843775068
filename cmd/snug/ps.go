package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/brokers"
	"snug/cmd/internal/instances"
	"snug/manifests/compose"
)

func psFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.BoolP("quiet", "q", false, "print names only")
}

// openInstances finds the account of running sandboxes.
func openInstances() (*instances.Dir, error) {
	dir, err := instances.Open(os.Getenv("XDG_RUNTIME_DIR"), os.Getuid())
	if err != nil {
		return nil, &hinted{"running sandboxes: " + err.Error(), "XDG_RUNTIME_DIR must be a folder of yours that nobody else can enter, and that you can write to"}
	}
	return dir, nil
}

// unaccounted says that nothing was started, since ps and stop would not know of it.
func unaccounted(err error) error {
	return &hinted{"running sandboxes: " + err.Error(), "a sandbox that is not in the account is not run; make room in that folder, or set XDG_RUNTIME_DIR to another of yours with mode 0700"}
}

// findInstance finds one by what a person calls it.
func findInstance(word string) (*instances.Record, error) {
	dir, err := openInstances()
	if err != nil {
		return nil, err
	}
	r, err := dir.Find(word)
	if err == nil {
		return r, nil
	}
	if e, ok := err.(*instances.FindError); ok {
		hint := "nothing runs; snug run starts something"
		if len(e.Names) > 0 {
			hint = "there are: " + strings.Join(e.Names, ", ")
		}
		if w, err := compose.Session(); err == nil && slices.Contains(keptSystems(w, ""), word) {
			hint = "a system of that name is kept, and does not run: snug boot --name " + word + " and its image; snug data ls " + word
		}
		return nil, &hinted{e.Error(), hint}
	}
	return nil, err
}

func runPs(c *console, args []string) error {
	f := c.newFlags()
	psFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if err := c.misplaced(f, words); err != nil {
		return err
	}
	if len(words) > 1 {
		return &hinted{"too many words: " + quote(words[1]), "snug ps [flags] [INSTANCE]"}
	}
	var list []*instances.Record
	if len(words) == 1 {
		r, err := findInstance(words[0])
		if err != nil {
			return &failure{status: exitNo, err: err}
		}
		list = append(list, r)
	} else {
		dir, err := openInstances()
		if err != nil {
			return err
		}
		brokers.Sweep(dir.Path(), os.Getenv("XDG_RUNTIME_DIR"))
		if list, err = dir.List(); err != nil {
			return err
		}
	}
	asJSON, _ := f.GetBool("json")
	quiet, _ := f.GetBool("quiet")
	switch {
	case asJSON:
		return c.printJSON(forMachines(list))
	case quiet:
		for _, r := range list {
			c.print(line(r.Name), "\n")
		}
		return nil
	case len(list) == 0:
		return nil
	}
	rows := [][]string{{"NAME", "PID", "AGE", "COMMAND"}}
	for _, r := range list {
		rows = append(rows, []string{line(r.Name), strconv.Itoa(r.State.Pid), r.Age().String(), line(strings.Join(r.Command, " "))})
	}
	c.table(rows)
	return nil
}

// listed is an instance for machines.
type listed struct {
	Name       string   `json:"name"`
	App        string   `json:"app,omitempty"`
	Pid        int      `json:"pid"`
	Supervisor int      `json:"supervisor"`
	Since      int64    `json:"since"`
	Command    []string `json:"command"`
}

func forMachines(list []*instances.Record) []listed {
	out := make([]listed, 0, len(list))
	for _, r := range list {
		out = append(out, listed{r.Name, r.App, r.State.Pid, r.Supervisor, r.Since, r.Command})
	}
	return out
}
