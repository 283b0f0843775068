package portals

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"snug/portals/dbus"
)

// Config is all that a broker is told.
type Config struct {
	Buses []Bus
	// Log is the descriptor that takes a line of JSON for each decision, or -1. A refusal tells what
	// would allow it: a command for the App, in the words of a shell behind "snug grant", or else a flag.
	Log int
	App string
	// Refused is the descriptor of a pipe that does not block and takes what [ParseRefusals] reads, or -1.
	Refused int
	// Background is the descriptor of a socket of packets by which the broker asks for what the portal
	// Background grants, see [ParseAutostart], or -1. It does not block.
	Background int
}

// Bus is a message bus and what the app may do there.
type Bus struct {
	Name    string // "session", "system" or "a11y"
	Listen  int    // the descriptor of the listening socket that the app connects to
	Address string // of the bus, as the broker reaches it
	Policy  dbus.Policy
}

// Args spells the Config as words of a command line, which [Parse] reads.
func (c Config) Args() (args []string) {
	if c.App != "" {
		args = append(args, "--app="+c.App)
	}
	if c.Log >= 0 {
		args = append(args, "--log="+strconv.Itoa(c.Log))
	}
	if c.Refused >= 0 {
		args = append(args, "--refused="+strconv.Itoa(c.Refused))
	}
	if c.Background >= 0 {
		args = append(args, "--background="+strconv.Itoa(c.Background))
	}
	for _, b := range c.Buses {
		args = append(args, "--bus="+b.Name, "--listen="+strconv.Itoa(b.Listen), "--address="+b.Address)
		for _, l := range lists {
			for _, value := range l.get(&b.Policy) {
				args = append(args, "--"+l.key+"="+value)
			}
		}
		if b.Policy.UniqueNames {
			args = append(args, "--unique-names")
		}
	}
	return args
}

// list is a part of a policy that consists of words.
type list struct {
	key string
	get func(*dbus.Policy) []string
	add func(*dbus.Policy, string) bool // reports whether the word is well formed
}

var lists = [...]list{
	{"see", func(p *dbus.Policy) []string { return p.See }, func(p *dbus.Policy, v string) bool { p.See = append(p.See, v); return true }},
	{"talk", func(p *dbus.Policy) []string { return p.Talk }, func(p *dbus.Policy, v string) bool { p.Talk = append(p.Talk, v); return true }},
	{"own", func(p *dbus.Policy) []string { return p.Own }, func(p *dbus.Policy, v string) bool { p.Own = append(p.Own, v); return true }},
	{"private", func(p *dbus.Policy) []string { return p.Private }, func(p *dbus.Policy, v string) bool { p.Private = append(p.Private, v); return true }},
	{"call", func(p *dbus.Policy) []string { return spell(p.Call) }, func(p *dbus.Policy, v string) bool { return addRule(&p.Call, v) }},
	{"broadcast", func(p *dbus.Policy) []string { return spell(p.Broadcast) }, func(p *dbus.Policy, v string) bool { return addRule(&p.Broadcast, v) }},
	{"emit", func(p *dbus.Policy) []string { return p.Emit }, func(p *dbus.Policy, v string) bool { p.Emit = append(p.Emit, v); return true }},
}

func spell(rules []dbus.NameRule) (words []string) {
	for _, r := range rules {
		words = append(words, r.Name+"="+r.Rule)
	}
	return words
}

func addRule(to *[]dbus.NameRule, word string) bool {
	name, rule, ok := strings.Cut(word, "=")
	*to = append(*to, dbus.NameRule{Name: name, Rule: rule})
	return ok
}

// Parse reads what [Config.Args] spelled.
func Parse(args []string) (c Config, err error) {
	c.Log, c.Refused, c.Background = -1, -1, -1
	for i, arg := range args {
		if err := c.word(arg); err != nil {
			return c, fmt.Errorf("argument %d, %q: %w", i+1, arg, err)
		}
	}
	return c, c.check()
}

var (
	errWord   = errors.New("not an option")
	errBus    = errors.New("no --bus before it")
	errNumber = errors.New("not a descriptor")
	errRule   = errors.New("not NAME=RULE")
)

func (c *Config) word(arg string) (err error) {
	key, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	switch {
	case !strings.HasPrefix(arg, "--") || ok == (key == "unique-names"):
		return errWord
	case key == "app":
		c.App = value
		return nil
	case key == "log":
		c.Log, err = descriptor(value)
		return err
	case key == "refused":
		c.Refused, err = descriptor(value)
		return err
	case key == "background":
		c.Background, err = descriptor(value)
		return err
	case key == "bus":
		c.Buses = append(c.Buses, Bus{Name: value, Listen: -1})
		return nil
	case len(c.Buses) == 0:
		return errBus
	}
	return c.Buses[len(c.Buses)-1].word(key, value)
}

func (b *Bus) word(key, value string) (err error) {
	switch key {
	case "listen":
		b.Listen, err = descriptor(value)
		return err
	case "address":
		b.Address = value
		return nil
	case "unique-names":
		b.Policy.UniqueNames = true
		return nil
	}
	for _, l := range lists {
		if l.key != key {
			continue
		}
		if !l.add(&b.Policy, value) {
			return errRule
		}
		return nil
	}
	return errWord
}

func descriptor(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < 3 || strconv.FormatUint(n, 10) != text {
		return -1, errNumber
	}
	return int(n), nil
}

func (c *Config) check() error {
	if len(c.Buses) == 0 {
		return errors.New("nothing to serve, hint: --bus=NAME --listen=FD --address=ADDRESS")
	}
	for _, b := range c.Buses {
		if b.Name == "" || b.Listen < 0 || b.Address == "" {
			return fmt.Errorf("bus %q: needs --listen and --address", b.Name)
		}
		if err := b.Policy.Check(); err != nil {
			return fmt.Errorf("bus %q: %w", b.Name, err)
		}
	}
	return nil
}
