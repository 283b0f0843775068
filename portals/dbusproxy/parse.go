package dbusproxy

import (
	"errors"
	"strconv"
	"strings"

	"snug/portals/dbus"
)

// Line is a command line.
type Line struct {
	Help, Version bool
	FD            int // to write to and to watch, or -1
	Proxies       []Proxy
}

// Proxy is one bus of a command line.
type Proxy struct {
	Address, Path string
	Policy        dbus.Policy
	Log           bool
}

// errUsage asks for the usage on standard error.
var errUsage = errors.New("usage")

// message is a failure in the peer's words, which begin with a capital.
type message string

func (m message) Error() string { return string(m) }

// maxArgs is how often --args may name more arguments, and so also how deep.
const maxArgs = 100

// Parse reads the words. read gives what a descriptor of --args holds.
func Parse(words []string, read func(fd int) ([]byte, error)) (*Line, error) {
	l := &Line{FD: -1}
	if len(words) == 0 {
		return l, errUsage
	}
	rounds := 0
	for len(words) > 0 && !l.Help && !l.Version {
		word := words[0]
		words = words[1:]
		key, value, valued := strings.Cut(word, "=")
		switch {
		case key == "--args" && valued:
			more, err := arguments(value, read)
			if err != nil {
				return l, err
			}
			if rounds++; rounds > maxArgs {
				return l, message("too many --args")
			}
			words = append(more, words...)
		case strings.HasPrefix(word, "--"):
			if err := l.option(word, key, value, valued); err != nil {
				return l, err
			}
		case len(words) == 0 || strings.HasPrefix(words[0], "--"):
			return l, message("No socket path given")
		default:
			l.Proxies = append(l.Proxies, Proxy{Address: word, Path: words[0], Policy: dbus.Policy{Everything: true, Emit: []string{"*"}}})
			words = words[1:]
		}
	}
	if len(l.Proxies) == 0 && !l.Help && !l.Version {
		return l, message("No proxies specified")
	}
	return l, nil
}

func arguments(value string, read func(int) ([]byte, error)) ([]string, error) {
	fd, err := descriptor("--args fd", value)
	if err != nil {
		return nil, err
	}
	data, err := read(fd)
	if err != nil {
		return nil, message("Failed to load --args: " + spell(err))
	}
	text := strings.TrimSuffix(string(data), "\x00")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\x00"), nil
}

func descriptor(what, value string) (int, error) {
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 0 {
		return -1, message("Invalid " + what + " " + value)
	}
	return fd, nil
}

// option deals with a word that begins with two dashes.
func (l *Line) option(word, key, value string, valued bool) (err error) {
	switch {
	case word == "--help":
		l.Help = true
	case word == "--version":
		l.Version = true
	case key == "--fd" && valued:
		l.FD, err = descriptor("fd", value)
	case len(l.Proxies) > 0:
		return l.Proxies[len(l.Proxies)-1].option(word, key, value, valued)
	default:
		return message("Unknown argument " + word)
	}
	return err
}

// option deals with an option of one bus.
func (p *Proxy) option(word, key, value string, valued bool) error {
	names := map[string]*[]string{"--see": &p.Policy.See, "--talk": &p.Policy.Talk, "--own": &p.Policy.Own}[key]
	rules := map[string]*[]dbus.NameRule{"--call": &p.Policy.Call, "--broadcast": &p.Policy.Broadcast}[key]
	switch {
	case word == "--filter":
		p.Policy.Everything = false
	case word == "--log":
		p.Log = true
	case word == "--sloppy-names":
		p.Policy.UniqueNames = true
	case names != nil && valued:
		if !isName(value) {
			return message("'" + strings.TrimSuffix(value, ".*") + "' is not a valid dbus name")
		}
		*names = append(*names, value)
	case rules != nil && valued:
		return p.rule(rules, value)
	default:
		return message("Unknown argument " + word)
	}
	return nil
}

// rule adds NAME=RULE. What no message can match is let through, as by the peer, and grants what it
// does there: nothing, or that the name is visible. A unique name counts as one that cannot be.
func (p *Proxy) rule(to *[]dbus.NameRule, value string) error {
	name, rule, ok := strings.Cut(value, "=")
	if !ok {
		return message("'" + value + "' is not a valid name + rule")
	}
	r := dbus.NameRule{Name: name, Rule: rule}
	switch {
	case !isName(name):
	case dbus.Policy{Call: []dbus.NameRule{r}}.Check() != nil:
		p.Policy.See = append(p.Policy.See, name)
	default:
		*to = append(*to, r)
	}
	return nil
}

func isName(name string) bool { return dbus.Policy{See: []string{name}}.Check() == nil }
