package portals

import (
	"errors"
	"io"
	"os"
	"strings"

	"snug/portals/internal/relay"
	"snug/portals/pulse"
)

// Sound is a sound server that speaks PulseAudio's protocol. Endpoint.With is a file with its cookie.
type Sound struct{ pulse.Policy }

var errCookie = errors.New("the cookie of a sound server has 256 bytes")

func (s *Sound) kind() string { return "sound" }

// grants are those that are yes or no.
func (s *Sound) grants() [3]struct {
	key string
	is  *bool
} {
	return [...]struct {
		key string
		is  *bool
	}{{"play", &s.Play}, {"system", &s.System}, {"mixer", &s.Mixer}}
}

func (s *Sound) words() (words []string) {
	for _, g := range s.grants() {
		if *g.is {
			words = append(words, "--"+g.key+"=yes")
		}
	}
	if s.Record != "" {
		words = append(words, "--record="+s.Record)
	}
	if s.Policy.App != "" {
		words = append(words, "--name="+s.Policy.App)
	}
	return words
}

func (s *Sound) word(key, value string) error {
	for _, g := range s.grants() {
		if g.key == key && value == "yes" {
			*g.is = true
			return nil
		}
	}
	switch key {
	case "record":
		s.Record = value
	case "name":
		s.Policy.App = value
	default:
		return errWord
	}
	return nil
}

func (s *Sound) listen(loop *relay.Loop, e *Endpoint, with *shared) error {
	server := pulse.Server{Listener: os.NewFile(uintptr(e.Listen), e.Name), Socket: e.Socket, Policy: s.Policy, Log: with.log, Name: e.Name}
	defer server.Listener.Close()
	if e.With > 0 {
		f := os.NewFile(uintptr(e.With), "cookie")
		defer f.Close()
		server.Cookie = make([]byte, pulse.CookieSize)
		if _, err := io.ReadFull(f, server.Cookie); err != nil {
			return errCookie
		}
	}
	if with.asker != nil {
		server.Ask = func(done func(allowed bool)) { with.asker.ask(Question{Kind: "record"}, done) }
	}
	return server.Listen(loop)
}

// advise is simple: the filter names its grants as manifests do.
func (s *Sound) advise(_, grant string) (key, value string) {
	key, value, _ = strings.Cut(grant, "=")
	return key, value
}
