package main

import (
	"strings"

	"snug/manifests"
)

// Every key of a manifest is a flag, and so there are more flags than fit a page: help of run shows
// the everyday ones, `snug help flags` names all, group by group, and `snug help GROUP` explains the
// flags of one. All of it is made from the table of the schema.

// keyGroup is the first part of a key, or "app" for the keys above all tables.
func keyGroup(key *manifests.Key) string {
	table, _, below := strings.Cut(key.Name, ".")
	if !below {
		return "app"
	}
	return table
}

// keyGroups lists the groups in the order of the schema.
func keyGroups() (groups []string) {
	last := ""
	for _, key := range manifests.Schema() {
		if group := keyGroup(&key); group != last {
			groups, last = append(groups, group), group
		}
	}
	return groups
}

// flagsHelp names all flags.
func flagsHelp() string {
	var b strings.Builder
	b.WriteString("snug help flags: every key of a manifest is a flag of run and explain\n")
	for _, group := range keyGroups() {
		if group == "bus" {
			b.WriteString("  bus       --bus-session-see -talk -own -call -broadcast, --bus-system-...\n")
			continue
		}
		var names []string
		for _, key := range manifests.Schema() {
			if keyGroup(&key) == group && key.Flag() != "" {
				names = append(names, "--"+key.Flag())
			}
		}
		b.WriteString(wrapped("  "+column(group, 10), names))
	}
	b.WriteString("snug help GROUP explains the flags of one group, snug help manifest the file.\nexample: snug help files\n")
	return b.String()
}

// groupHelp explains the flags of one group, or returns "" if there is none of that name.
func groupHelp(group string) string {
	var b strings.Builder
	for _, key := range manifests.Schema() {
		if keyGroup(&key) != group || key.Flag() == "" {
			continue
		}
		b.WriteString(wrapped("  "+column("--"+key.Flag()+valueOf(&key), 30), strings.Fields(key.Doc+choices(&key))))
	}
	if b.Len() == 0 {
		return ""
	}
	where := "[" + group + "] in a manifest"
	if group == "app" {
		where = "above all tables of a manifest"
	}
	return "snug help " + group + ": flags of run and explain, " + where + "\n" + b.String() + "example: snug help flags\n"
}

// choices lists what a key may be in this version, if that is a list.
func choices(key *manifests.Key) string {
	if key.Later == "*" {
		return " (not yet)"
	}
	now := key.Now()
	if now == nil {
		return ""
	}
	return ": " + strings.Join(now, ", ")
}

// valueOf is how the value of a flag is shown.
func valueOf(key *manifests.Key) string {
	switch {
	case key.Kind == "flag":
		return ""
	case isPath(key.Name):
		return " PATH"
	case key.Kind == "table":
		return " NAME=VALUE"
	case key.Kind == "number", key.Kind == "decimal":
		return " N"
	case key.Kind == "enum":
		return " MODE"
	}
	return " NAME"
}

// wrapped writes words behind a margin, in lines of at most 80 columns, those that follow under the
// first.
func wrapped(margin string, words []string) string {
	text, line := "", margin
	for i, word := range words {
		if i > 0 && len(line)+len(word)+1 > 80 {
			text += strings.TrimRight(line, " ") + "\n"
			line = strings.Repeat(" ", len(margin))
		}
		line += word + " "
	}
	return text + strings.TrimRight(line, " ") + "\n"
}
