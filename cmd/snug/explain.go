package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests/compose"
	"snug/sandbox"
)

func explainFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.Bool("program", false, "print every system call of the start")
	f.Bool("dangerous", false, "only what is dangerous; status 1 if there is anything")
	f.String("diff", "", "compare it with `APP`: + more, - less; status 1 if any")
}

func runExplain(c *console, args []string) error {
	f := c.newFlags()
	explainFlags(f)
	p, err := c.plan(f, args)
	if err != nil {
		return err
	}
	if program, _ := f.GetBool("program"); program {
		s := p.sandbox.Spec
		sources := sandbox.Look(s)
		for _, e := range p.sandbox.Endpoints {
			sources[e.Bind.Source] = sandbox.NotFolder // made at the start
		}
		prog, err := sandbox.Compile(s, &p.world.Host, sources)
		if err != nil {
			return err
		}
		c.print(clean(prog.String()))
		return nil
	}
	account := p.account()
	only, _ := f.GetBool("dangerous")
	if only {
		account = dangerous(account)
	}
	asJSON, _ := f.GetBool("json")
	if other, _ := f.GetString("diff"); other != "" {
		return c.explainDiff(account, other, only, asJSON)
	}
	if asJSON {
		if err := c.printJSON(accountForMachines(account)); err != nil {
			return err
		}
	} else {
		c.printAccount(account)
	}
	if only && len(account) > 0 {
		return &failure{status: exitNo}
	}
	return nil
}

// account is all that the app can reach, and what an [[if]] would add on another machine.
func (p *plan) account() []compose.Entry {
	account := append(p.sandbox.Account, p.sandbox.Sockets(p.world.Files)...)
	for _, value := range compose.Elsewhere(p.merged, p.world) {
		if reaches(value.Grant) {
			account = append(account, compose.Entry{Group: compose.GroupElsewhere, Text: value.String(), Origin: value.Origin, Danger: value.Danger})
		}
	}
	return account
}

// explainDiff compares an account with that of another app, by what it says and not by which line says
// it.
func (c *console) explainDiff(account []compose.Entry, app string, only, asJSON bool) error {
	f := c.newFlags()
	explainFlags(f)
	p, err := c.plan(f, []string{app})
	if err != nil {
		return err
	}
	others := p.account()
	if only {
		others = dangerous(others)
	}
	more, less := without(account, others), without(others, account)
	if asJSON {
		if err := c.printJSON(map[string][]granted{"more": accountForMachines(more), "less": accountForMachines(less)}); err != nil {
			return err
		}
	}
	for _, group := range compose.Groups() {
		title := group + "\n"
		for _, side := range []struct {
			mark string
			list []compose.Entry
		}{{"- ", less}, {"+ ", more}} {
			for _, e := range side.list {
				if e.Group != group || asJSON {
					continue
				}
				c.print(title, strings.TrimRight(column("  "+side.mark+line(e.Text), 58)+"  "+line(string(e.Origin)), " "), "\n")
				title = ""
			}
		}
	}
	if len(more)+len(less) > 0 {
		return &failure{status: exitNo}
	}
	return nil
}

// without are the entries of an account that another does not have.
func without(account, other []compose.Entry) (rest []compose.Entry) {
	for _, e := range account {
		same := func(o compose.Entry) bool { return o.Group == e.Group && o.Text == e.Text }
		if !slices.ContainsFunc(other, same) {
			rest = append(rest, e)
		}
	}
	return rest
}

func dangerous(account []compose.Entry) []compose.Entry {
	var list []compose.Entry
	for _, e := range account {
		if e.Danger != "" {
			list = append(list, e)
		}
	}
	return list
}

// printAccount prints the grants group by group, each with the line that granted it.
func (c *console) printAccount(account []compose.Entry) {
	for _, group := range compose.Groups() {
		first := true
		for _, e := range account {
			if e.Group != group {
				continue
			}
			if first {
				c.print(group, "\n")
				first = false
			}
			mark := "  "
			if e.Danger != "" {
				mark = "! "
			}
			text := "  " + mark + line(e.Text)
			if e.Origin != "" {
				text = column(text, 58) + "  " + line(string(e.Origin))
			}
			c.print(strings.TrimRight(text, " "), "\n")
			if e.Danger != "" {
				c.print("      ", isDangerous(e), "\n")
			}
		}
	}
}

// isDangerous says what is dangerous of an entry.
func isDangerous(e compose.Entry) string {
	return "dangerous: the app can " + line(e.Danger.Why()) + " [" + string(e.Danger) + "]"
}

// granted is an entry of the account for machines.
type granted struct {
	Group  string `json:"group"`
	Text   string `json:"text"`
	Origin string `json:"origin,omitempty"`
	Danger string `json:"danger,omitempty"`
	Why    string `json:"why,omitempty"`
}

func accountForMachines(account []compose.Entry) []granted {
	out := make([]granted, 0, len(account))
	for _, e := range account {
		out = append(out, granted{e.Group, e.Text, string(e.Origin), string(e.Danger), e.Danger.Why()})
	}
	return out
}
