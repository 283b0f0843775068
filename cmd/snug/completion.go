package main

import (
	_ "embed"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/instances"
	"snug/manifests"
	"snug/manifests/compose"
)

// The scripts of the shells know nothing of snug: they ask `snug __complete SHELL WORD...`, which
// prints a line for each word that fits, with an explanation behind a tab. A line ":files" or
// ":commands" says that the shell's own names may stand there as well. So the table of verbs, their
// flag sets and the schema say all there is to say, and only once.

//go:embed completion/snug.bash
var completionBash string

//go:embed completion/snug.zsh
var completionZsh string

//go:embed completion/snug.fish
var completionFish string

// runCompletion prints the script of a shell.
func runCompletion(c *console, args []string) error {
	words, err := c.words(c.newFlags(), args, 1, 1, "for which shell?")
	if err != nil {
		return err
	}
	switch words[0] {
	case "bash":
		c.print(completionBash)
	case "zsh":
		c.print(completionZsh)
	case "fish":
		c.print(completionFish)
	default:
		return &hinted{"there is no completion for " + quote(words[0]), "bash, zsh or fish"}
	}
	return nil
}

// completeVerb is the hidden verb that shells call. It says nothing on its own account: an error would
// stand in the middle of what a person types.
const completeVerb = "__complete"

// complete prints what fits as the last of some words, for a shell.
func (c *console) complete(args []string) int {
	if len(args) < 2 {
		return exitCouldNot
	}
	words := args[1:]
	t := &partial{shell: args[0], console: c}
	if t.shell == "bash" {
		words, t.cut = joined(words)
	}
	t.last, t.words = words[len(words)-1], words[:len(words)-1]
	t.command()
	return 0
}

// joined undoes what bash does to --flag=value: it makes three words of it, and replaces only the last.
func joined(words []string) (whole []string, cut bool) {
	for i, word := range words {
		n := len(whole)
		switch {
		case word == "=" && n > 0 && strings.HasPrefix(whole[n-1], "--") && !strings.Contains(whole[n-1], "="):
			whole[n-1] += "="
			cut = i >= len(words)-1
		case i > 0 && words[i-1] == "=" && n > 0 && strings.HasSuffix(whole[n-1], "="):
			whole[n-1] += word
			cut = i == len(words)-1
		default:
			whole = append(whole, word)
			cut = false
		}
	}
	return whole, cut
}

// partial is a command line up to the cursor.
type partial struct {
	*console
	shell string
	words []string // before the last one
	last  string
	cut   bool // only what is behind the equals sign of the last word is replaced
}

// offer prints a word if it goes on as the last one does. One that a shell would not take for a word,
// such as the name of a hostile desktop file, is never offered: it would be run with the line.
func (t *partial) offer(word, about string) {
	if !strings.HasPrefix(word, t.last) || shellWord(word) != word {
		return
	}
	if _, value, found := strings.Cut(word, "="); t.cut && found {
		word = value
	}
	if about != "" && t.shell != "bash" {
		word += "\t" + line(about)
	}
	t.print(word, "\n")
}

// command completes what snug is called with.
func (t *partial) command() {
	if len(t.words) == 0 {
		for _, v := range verbs() {
			t.offer(v.name, v.short)
		}
		t.offer("--help", "list the verbs")
		t.offer("--version", "print the version")
		return
	}
	v := named(t.words[0])
	if v == nil {
		return
	}
	rest := t.words[1:]
	if v.subs != nil {
		if len(rest) == 0 {
			for _, sub := range v.subs() {
				t.offer(lastWord(sub.name), sub.short)
			}
			t.offer("--help", "what each does")
			return
		}
		if v, rest = v.sub(rest[0]), rest[1:]; v == nil {
			return
		}
	}
	t.behind(v, rest)
}

// named returns the verb of a name, or nil.
func named(name string) *verb {
	for _, v := range verbs() {
		if v.name == name {
			return v
		}
	}
	return nil
}

// behind completes what stands behind a verb: a flag, its value, or an argument.
func (t *partial) behind(v *verb, words []string) {
	f := pflag.NewFlagSet(v.name, pflag.ContinueOnError)
	f.SortFlags = false
	v.flags(f)
	if takesKeys(v) {
		t.addKeys(f, new(manifests.Layer), "/")
	}
	var arguments []string
	dashes := false
	for i := 0; i < len(words); i++ {
		word := words[i]
		flag := flagOf(f, word)
		switch {
		case dashes:
			arguments = append(arguments, word)
		case word == "--":
			dashes = true
		case len(word) > 1 && word[0] == '-' && (len(arguments) == 0 || !v.runs):
			if flag != nil && flag.NoOptDefVal == "" && !strings.Contains(word, "=") {
				if i++; i == len(words) {
					t.value(flag.Name, "")
					return
				}
			}
		default:
			arguments = append(arguments, word)
		}
	}
	before := !dashes && (len(arguments) == 0 || !takesCommand(v))
	name, _, isValue := strings.Cut(strings.TrimPrefix(t.last, "--"), "=")
	switch {
	case before && strings.HasPrefix(t.last, "--") && isValue:
		if flagOf(f, "--"+name) != nil {
			t.value(name, "--"+name+"=")
		}
	case before && strings.HasPrefix(t.last, "-"):
		f.VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				t.offer("--"+flag.Name, flag.Usage)
			}
		})
		t.offer("--help", "what it does")
	default:
		t.argument(v, arguments, dashes)
	}
}

// takesKeys reports whether every key of a manifest is a flag of the verb.
func takesKeys(v *verb) bool { return v.name == "run" || v.name == "explain" }

// takesCommand reports whether what follows the first argument is another program's.
func takesCommand(v *verb) bool { return strings.Contains(v.args, "COMMAND") || takesKeys(v) }

// flagOf is the flag that a word names, or nil.
func flagOf(f *pflag.FlagSet, word string) *pflag.Flag {
	name, _, _ := strings.Cut(word, "=")
	if long, found := strings.CutPrefix(name, "--"); found {
		return f.Lookup(long)
	}
	if len(name) == 2 && name[0] == '-' {
		return f.ShorthandLookup(name[1:])
	}
	return nil
}

// value completes the value of a flag, which stands behind a prefix in the same word, if any.
func (t *partial) value(flag, prefix string) {
	if flag == "here" {
		t.offer(prefix+"read", "read the current folder only")
		return
	}
	for _, key := range manifests.Schema() {
		if key.Flag() != flag {
			continue
		}
		switch now := key.Now(); {
		case isPath(key.Name):
			t.print(":files\n")
		case key.Kind == "flag":
			t.offer(prefix+"true", "")
			t.offer(prefix+"false", "")
		case key.Name == "extends":
			for _, base := range basesHere() {
				t.offer(prefix+base, "")
			}
		case key.Name == "accept":
			for _, code := range manifests.Codes() {
				t.offer(prefix+code, manifests.Danger(code).Why())
			}
		default:
			for _, value := range now {
				t.offer(prefix+value, "")
			}
		}
		return
	}
	if flag == "log" || flag == "cwd" {
		t.print(":files\n")
	}
}

// argument completes an argument, by the words with which the verb's help names them.
func (t *partial) argument(v *verb, before []string, dashes bool) {
	switch {
	case len(before) == 0 && (dashes || v.name == "unshare"), len(before) == 1 && strings.Contains(v.args, "INSTANCE [--] COMMAND"):
		t.print(":commands\n")
	case v.name == "help":
		t.topics(before)
	case v.name == "cp":
		t.instances(":")
		t.print(":files\n")
	case v.name == "completion":
		for _, shell := range []string{"bash", "zsh", "fish"} {
			t.offer(shell, "")
		}
	case len(before) > 0 && !strings.Contains(v.args, "..."), len(before) > 0 && takesCommand(v):
		if strings.Contains(v.args, "PATH") || strings.Contains(v.args, "ARG") || strings.Contains(v.args, "FILE  ") || strings.Contains(v.args, "FILE.tar") || takesCommand(v) {
			t.print(":files\n")
		}
		if strings.HasPrefix(v.name, "manifest diff") && len(before) == 1 {
			t.apps()
		}
	default:
		if strings.Contains(v.args, "INSTANCE") {
			t.instances("")
		}
		if v.name == "logs" {
			t.systems()
		}
		if strings.HasPrefix(v.name, "data ") && v.name != "data import" {
			t.homes()
			return
		}
		if strings.Contains(v.args, "APP") {
			t.apps()
		}
		if strings.Contains(v.args, "FILE") || strings.Contains(v.args, "FOLDER") || strings.Contains(v.args, "PROGRAM") {
			t.print(":files\n")
		}
	}
}

// topics are what help is about.
func (t *partial) topics(before []string) {
	if len(before) == 1 && before[0] == "manifest" {
		for _, sub := range manifestVerbs() {
			t.offer(lastWord(sub.name), sub.short)
		}
	}
	for _, group := range keyGroups() {
		if len(before) == 0 || before[0] == "manifest" {
			t.offer(group, "keys of a manifest")
		}
	}
	if len(before) > 0 {
		return
	}
	t.offer("flags", "the flags that are keys of a manifest")
	for _, v := range verbs() {
		t.offer(v.name, v.short)
	}
}

// instances are those that run, with what follows their names.
func (t *partial) instances(behind string) {
	dir, err := openInstances()
	if err != nil {
		return
	}
	list, err := dir.List()
	if err != nil {
		return
	}
	for _, r := range list {
		t.offer(r.Name+behind, about(r))
	}
}

// systems are those of which changes are kept.
func (t *partial) systems() {
	w, err := compose.Session()
	if err != nil {
		return
	}
	for _, name := range keptSystems(w, "") {
		t.offer(name, "a system's changes are kept")
	}
}

func about(r *instances.Record) string {
	if r.App == "" {
		return "running"
	}
	return "running " + r.App
}

// apps are all that have a manifest, and those that are installed with a desktop file.
func (t *partial) apps() {
	l, err := t.shelf()
	if err != nil {
		return
	}
	own := map[string]bool{}
	for _, id := range l.catalogue.IDs() {
		own[id] = true
		t.offer(id, "by its manifest")
	}
	for _, id := range l.catalogue.Desktop.IDs() {
		if !own[id] {
			t.offer(id, "installed")
		}
	}
}

// homes are the apps of which a home is kept, by names that are ids.
func (t *partial) homes() {
	k, err := t.findKept()
	if err != nil {
		return
	}
	defer k.homes.Close()
	list, _ := k.homes.List()
	for _, h := range list {
		t.offer(h.ID, "a home is kept")
	}
}
