package portals

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Config is all that a broker is told. Of its descriptors, -1 is none.
type Config struct {
	Endpoints []Endpoint
	// Log is the descriptor that takes a line of JSON for each decision. A refusal tells what
	// would allow it: a command for the App, in the words of a shell behind "snug grant", or else a flag.
	Log int
	App string
	// Watch is the descriptor of a listening socket of packets, for who wants to hear those lines as they come.
	Watch int
	// Refused is the descriptor of a pipe that does not block and takes what [ParseRefusals] reads.
	Refused int
	// Ask is the descriptor of a socket of packets by which the broker asks the person, see [ParseAsk].
	Ask int
	// Background is the descriptor of a socket of packets by which the broker asks for what the portal
	// Background grants, see [ParseAutostart]. It does not block.
	Background int
}

// NewConfig gives a Config of endpoints that names no descriptor but theirs.
func NewConfig(endpoints ...Endpoint) Config {
	return Config{Endpoints: endpoints, Log: -1, Watch: -1, Refused: -1, Ask: -1, Background: -1}
}

// Endpoint is a socket at which an app finds a broker, and what stands behind it.
type Endpoint struct {
	Name     string
	Listen   int    // the descriptor of the listening socket that the app connects to
	Socket   string // of the host, as the broker reaches it: a path, or an abstract name after '@'
	Protocol Protocol
	// With is a descriptor that the protocol needs beside, or 0: a file with what opens the host's socket.
	With int
}

// descriptors are those of a Config that belong to no endpoint.
func (c *Config) descriptors() [5]struct {
	key string
	fd  *int
} {
	return [...]struct {
		key string
		fd  *int
	}{{"log", &c.Log}, {"watch", &c.Watch}, {"refused", &c.Refused}, {"ask", &c.Ask}, {"background", &c.Background}}
}

// Args spells the Config as words of a command line, which [Parse] reads.
func (c Config) Args() (args []string) {
	if c.App != "" {
		args = append(args, "--app="+c.App)
	}
	for _, d := range c.descriptors() {
		if *d.fd >= 0 {
			args = append(args, "--"+d.key+"="+strconv.Itoa(*d.fd))
		}
	}
	for _, e := range c.Endpoints {
		args = append(args, "--"+e.Protocol.kind()+"="+e.Name, "--listen="+strconv.Itoa(e.Listen), "--socket="+e.Socket)
		if e.With > 0 {
			args = append(args, "--with="+strconv.Itoa(e.With))
		}
		args = append(args, e.Protocol.words()...)
	}
	return args
}

// Parse reads what [Config.Args] spelled.
func Parse(args []string) (Config, error) {
	c := NewConfig()
	for i, arg := range args {
		if err := c.word(arg); err != nil {
			return c, fmt.Errorf("argument %d, %q: %w", i+1, arg, err)
		}
	}
	return c, c.check()
}

var (
	errWord     = errors.New("not an option")
	errEndpoint = errors.New("no endpoint before it, such as --bus=NAME")
	errNumber   = errors.New("not a descriptor")
	errRule     = errors.New("not NAME=RULE")
)

func (c *Config) word(arg string) (err error) {
	key, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	if !strings.HasPrefix(arg, "--") || !ok {
		return errWord
	}
	for _, d := range c.descriptors() {
		if d.key == key {
			*d.fd, err = descriptor(value)
			return err
		}
	}
	if key == "app" {
		c.App = value
		return nil
	}
	if p := newProtocol(key); p != nil {
		c.Endpoints = append(c.Endpoints, Endpoint{Name: value, Listen: -1, Protocol: p})
		return nil
	}
	if len(c.Endpoints) == 0 {
		return errEndpoint
	}
	e := &c.Endpoints[len(c.Endpoints)-1]
	switch key {
	case "listen":
		e.Listen, err = descriptor(value)
		return err
	case "socket":
		e.Socket = value
		return nil
	case "with":
		e.With, err = descriptor(value)
		return err
	}
	return e.Protocol.word(key, value)
}

func descriptor(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < 3 || strconv.FormatUint(n, 10) != text {
		return -1, errNumber
	}
	return int(n), nil
}

func (c *Config) check() error {
	if len(c.Endpoints) == 0 {
		return errors.New("nothing to serve, hint: --bus=NAME --listen=FD --socket=PATH")
	}
	for _, e := range c.Endpoints {
		if e.Name == "" || e.Listen < 0 || e.Socket == "" {
			return fmt.Errorf("%s %q: needs a name, --listen and --socket", e.Protocol.kind(), e.Name)
		}
		if err := e.Protocol.Check(); err != nil {
			return fmt.Errorf("%s %q: %w", e.Protocol.kind(), e.Name, err)
		}
	}
	return nil
}
