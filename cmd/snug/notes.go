package main

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/portals"
)

// What a person is told on standard error beside what they asked for. A detached snug says nothing of
// it: the one that it was started by has.

// note says what is odd, and at a terminal what is dangerous, of a sandbox that is about to start.
func (c *console) note(p *plan) {
	if p.own.ready >= 0 {
		return
	}
	for _, warning := range p.sandbox.Warnings {
		c.say("warning: "+warning.What+origin(string(warning.Where)), warning.Hint)
	}
	if c.verb.name != "explain" && isTerminal(c.err) {
		c.noteDangers(p)
	}
	if c.verb.name == "run" && isTerminal(c.err) {
		c.noteLoss(p)
	}
}

// noteLoss says so where a command is started in a folder of the person's that it does not see.
func (c *console) noteLoss(p *plan) {
	here, m := p.world.Cwd, p.merged
	if m.HasWindow() || p.own.here != "" || m.Home.Mode.Value == "private" || !strings.HasPrefix(here+"/", p.world.Home+"/") || p.sandbox.Shows(here) {
		return
	}
	what := quote(homePath(p.world, here)) + " is not in the sandbox, so it starts in /"
	if here == p.world.Home {
		what = "it has a home in memory in place of yours, and what is written there is gone at its end"
	}
	c.say(what, "--here grants the folder, --home private keeps the app's own home")
}

// noteRefusals says so where the app did not get its name on a bus, or was refused something there and
// has ended badly: of its own it may have said nothing.
func (c *console) noteRefusals(p *plan, r portals.Refusals, ended error) {
	var f *failure
	badly := errors.As(ended, &f) && f.killed == nil
	if r.Count == 0 || r.Name == "" && !badly || notStarted(ended) || p.own.ready >= 0 || p.own.log != "" {
		return
	}
	count, app := strconv.Itoa(r.Count)+" requests", shellWord(cmp.Or(p.app.File, p.app.ID))
	if r.Count == 1 {
		count = "1 request"
	}
	log := "snug run --log - " + app
	if p.app.ID == "" {
		log = "snug run --log - " + shellLine(c.args)
	}
	what, hint := "the message bus refused "+count+" of the app", log+" tells which"
	if r.Name != "" {
		what += ", as it may not have the name " + quote(r.Name)
		grant := "--bus-" + r.Bus + "-own " + r.Name
		if p.app.Known {
			grant = "snug grant " + app + " bus." + r.Bus + ".own=" + r.Name + " --keep"
		}
		hint = grant + " gives it the name; " + log + " tells all"
	}
	c.say(what, hint)
}

// noteDangers says what is dangerous of what was typed, once a code. Of a manifest nothing is said:
// there it was accepted.
func (c *console) noteDangers(p *plan) {
	var said []manifests.Danger
	for _, e := range dangerous(p.sandbox.Account) {
		typed := strings.HasPrefix(string(e.Origin), "--")
		if !typed || p.merged.Accepts(string(e.Danger)) || slices.Contains(said, e.Danger) {
			continue
		}
		said = append(said, e.Danger)
		c.say(isDangerous(e)+origin(string(e.Origin)), "")
	}
}

// hintMisplaced tells a person who put a flag of snug behind the app that the app gets it.
func (c *console) hintMisplaced(words []string) {
	if !isTerminal(c.err) {
		return
	}
	for _, w := range words[1:] {
		name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		if strings.HasPrefix(w, "--") && (isKey(name) || name == "here" || name == "detach") {
			c.say("--"+name+" stands behind "+words[0]+", so the app gets it", "flags of snug come before the app")
			return
		}
	}
}

// misplaced refuses a flag behind the word that it belongs before, and writes the line anew.
func (c *console) misplaced(f *pflag.FlagSet, words []string) error {
	i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") && w != "-" })
	if i < 1 || words[i] == "--" {
		return nil
	}
	rest, err := c.parse(f, words[i:])
	if err != nil {
		return err
	}
	late := words[i : len(words)-len(rest)]
	typed := slices.Concat([]string{"snug", c.verb.name}, c.args[:len(c.args)-len(words)], late, words[:i], rest)
	return &hinted{quote(words[i]) + " stands behind " + quote(words[i-1]) + ": flags come first", shellLine(typed)}
}
