package main

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"snug/manifests"
)

// Help fits a terminal of 24 lines and 80 columns and ends with an example.

func runHelp(c *console, args []string) error {
	words, err := c.parse(c.newFlags(), args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		c.help("")
		return nil
	}
	if len(words) > 2 || len(words) == 2 && words[0] != "manifest" && words[0] != "data" && words[0] != "image" {
		return &hinted{"too many words: " + quote(words[len(words)-1]), "snug help " + shellWord(words[0])}
	}
	page := ""
	switch words[0] {
	case "flags":
		page = flagsHelp()
	case "manifest":
		page = manifestHelp(strings.Join(words[1:], ""), basesHere())
	default:
		page = groupHelp(words[0])
	}
	for _, v := range verbs() {
		switch {
		case v.name == words[0] && len(words) == 2 && v.sub(words[1]) != nil:
			page = v.sub(words[1]).help()
		case v.name == words[0] && page == "" && len(words) == 1:
			page = v.help()
		}
	}
	switch {
	case page == "" && len(words) == 2 && words[0] != "manifest":
		return &hinted{"unknown verb " + quote(words[0]+" "+words[1]), "snug " + words[0] + " --help lists the verbs"}
	case page == "" && len(words) == 2:
		return &hinted{"a manifest has no group " + quote(words[1]), strings.Join(keyGroups(), ", ") + "; and snug manifest --help has verbs"}
	case page == "":
		return c.unknown(words[0])
	}
	c.print(page)
	return nil
}

// help prints the help of the verb that is running, or with "" the list of all.
func (c *console) help(name string) {
	if name == "" {
		c.print(overview())
		return
	}
	c.print(c.verb.help())
}

func overview() string {
	var b strings.Builder
	b.WriteString("snug VERB [flags] ...: sandboxes for apps, commands and systems, without root\n\n")
	for _, group := range []string{"apps", "running", "systems"} {
		b.WriteString(group + "\n")
		for _, v := range verbs() {
			if v.group == group && v.undoes == "" {
				b.WriteString("  " + column(strings.Join(append([]string{v.name}, besides(v.name)...), ", "), 15) + v.short + "\n")
			}
		}
	}
	var others []string
	for _, v := range verbs() {
		if v.group == "expert" {
			others = append(others, v.name)
		}
	}
	b.WriteString("expert\n  " + strings.Join(others, ", ") + "\n")
	b.WriteString("snug help VERB tells more. for example: snug run --here -- make test\n")
	return b.String()
}

// besides are the verbs that the list shows beside one.
func besides(name string) (names []string) {
	for _, v := range verbs() {
		if v.undoes == name {
			names = append(names, v.name)
		}
	}
	return names
}

func column(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 1))
}

func (v *verb) help() string {
	var b strings.Builder
	b.WriteString("snug " + v.name)
	if v.args != "" {
		b.WriteString(" " + v.args)
	}
	b.WriteString("\n" + v.short + "\n")
	if v.subs != nil {
		for _, sub := range v.subs() {
			b.WriteString("  " + column(lastWord(sub.name), 10) + sub.short + "\n")
		}
		b.WriteString("snug help " + v.name + " VERB tells more")
		if v.name == "manifest" {
			b.WriteString("; snug help manifest tells of the files")
		}
		b.WriteString("\n")
	}
	f := pflag.NewFlagSet(v.name, pflag.ContinueOnError)
	f.SortFlags = false
	v.flags(f)
	if v.name == "run" || v.name == "explain" {
		b.WriteString(keyHelp())
	}
	f.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			short := "    "
			if flag.Shorthand != "" {
				short = "-" + flag.Shorthand + ", "
			}
			kind, usage := pflag.UnquoteUsage(flag)
			if kind == "string" { // the value may be left out
				kind = ""
			}
			b.WriteString("  " + short + column("--"+flag.Name+" "+kind, 18) + usage + "\n")
		}
	})
	if v.ends != "" {
		b.WriteString(v.ends)
	} else if v.runs {
		b.WriteString("exit status: the program's; 125 if snug failed, 126 if the command cannot be\nexecuted, 127 if it is not there, 128+n if signal n ended it; a Ctrl-C that\nends the program also ends snug, and the loop or make around it\n")
	} else {
		b.WriteString("exit status: 0 done or yes, 1 no or findings, 2 could not\n")
	}
	b.WriteString("example: " + v.example + "\n")
	return b.String()
}

// keyHelp names the flags that are keys of the manifest.
func keyHelp() string {
	const width = 76
	var b strings.Builder
	b.WriteString("every key of a manifest is a flag, such as --read PATH (snug help flags):\n")
	text := " "
	for _, k := range manifests.Schema() {
		name := k.Flag()
		if name == "" || !everyday(name) {
			continue
		}
		if len(text)+len(name)+3 > width {
			b.WriteString(text + "\n")
			text = " "
		}
		text += " --" + name
	}
	b.WriteString(text + " ...\n")
	return b.String()
}

// everyday reports whether a key is one of the dozen that help shows.
func everyday(flag string) bool {
	switch flag {
	case "read", "write", "except", "network", "wayland", "x11", "gpu", "env", "pass", "home", "process-nested":
		return true
	}
	return false
}

func isKey(flag string) bool {
	for _, k := range manifests.Schema() {
		if k.Flag() == flag {
			return true
		}
	}
	return false
}
