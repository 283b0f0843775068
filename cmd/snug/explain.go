package main

import (
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests/compose"
	"snug/sandbox"
)

func explainFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.Bool("program", false, "print every system call of the start")
	f.Bool("dangerous", false, "only what is dangerous; status 1 if there is anything")
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
		for _, bus := range p.sandbox.Buses {
			sources[bus.Bind.Source] = sandbox.NotFolder // made at the start
		}
		prog, err := sandbox.Compile(s, &p.world.Host, sources)
		if err != nil {
			return err
		}
		c.print(clean(prog.String()))
		return nil
	}
	account := append(p.sandbox.Account, p.sandbox.Sockets(p.world.Files)...)
	only, _ := f.GetBool("dangerous")
	if only {
		account = dangerous(account)
	}
	if asJSON, _ := f.GetBool("json"); asJSON {
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
