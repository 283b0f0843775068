package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
)

// wrongFlag says in our own words what is wrong with a flag, and which may have been meant.
func (c *console) wrongFlag(f *pflag.FlagSet, err error) error {
	hint := "snug help " + c.verb.name
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var odd *pflag.InvalidSyntaxError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return &hinted{"--" + invalid.GetFlag().Name + " " + quote(invalid.GetValue()) + ": not " + kindOf(invalid.GetFlag()), hint}
	case errors.As(err, &missing):
		return &hinted{"--" + missing.GetFlag().Name + " wants a value", hint}
	case errors.As(err, &odd):
		return &hinted{quote(odd.GetSpecifiedFlag()) + " is no flag", hint}
	case !errors.As(err, &unknown):
		return &hinted{err.Error(), hint}
	}
	name := "--" + unknown.GetSpecifiedName()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		name = "-" + letters
	}
	if near := c.meantFlag(f, name); near != "" {
		hint = near
	}
	return &hinted{"unknown flag " + name, hint}
}

// meantFlag is a hint about a flag that does not exist, or "".
func (c *console) meantFlag(f *pflag.FlagSet, name string) string {
	keys := c.verb.name == "run" || c.verb.name == "explain"
	if keys {
		if hint := foreignFlag(name); hint != "" {
			return hint
		}
	}
	if word := name[1:]; f.Lookup(word) != nil {
		return "did you mean --" + word + "?"
	}
	long, isLong := strings.CutPrefix(name, "--")
	if !isLong || long == "" {
		return ""
	}
	own := ""
	f.VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, long) && !flag.Hidden && !isKey(flag.Name) {
			own = "did you mean --" + flag.Name + "?"
		}
	})
	var p manifests.Problem
	if own == "" && keys && errors.As(new(manifests.Layer).Set(long, "", ""), &p) {
		return p.Hint
	}
	return own
}

// foreignFlag says what does here what other programs have a flag for.
func foreignFlag(name string) string {
	switch name {
	case "-v", "--volume", "--mount", "--bind", "--ro-bind":
		return "--read PATH grants a file or folder, --write PATH also to change it"
	case "-t", "-i", "-ti", "-it", "--tty", "--interactive":
		return "leave it out: the command has a terminal if you sit at one"
	case "-d", "--daemon":
		return "did you mean --detach?"
	case "-e":
		return "did you mean --env?"
	case "-w", "--workdir", "--chdir", "--cwd":
		return "it starts in the current folder, if that is granted: --here"
	case "--rm":
		return "leave it out: nothing of a sandbox stays"
	}
	return ""
}

// kindOf names what a flag takes.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "float64", "int":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "a value for it"
}
