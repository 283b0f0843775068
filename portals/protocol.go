package portals

import (
	"strings"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// Protocol is what is spoken at an Endpoint, and what an app may do there: a [Bus] or [Wayland].
type Protocol interface {
	// Check tells what in the policy makes no sense.
	Check() error

	// kind is the option that begins an endpoint of the protocol.
	kind() string
	// words spells the policy as words of a command line, and word reads one of them: errWord if it is none.
	words() []string
	word(key, value string) error
	// listen makes a loop serve an endpoint.
	listen(loop *relay.Loop, e *Endpoint, s *shared) error
	// advise spells what would allow what was refused as a key of a manifest and its value, or gives "".
	advise(endpoint, grant string) (key, value string)
}

// shared is what all endpoints of a broker have in common.
type shared struct {
	log        *decisions.Log
	refused    *refusals // or nil
	asker      *asker    // or nil
	background int       // see Config
}

// newProtocol makes a policy that grants nothing of each kind.
func newProtocol(kind string) Protocol {
	switch kind {
	case "bus":
		return &Bus{}
	case "wayland":
		return &Wayland{}
	case "sound":
		return &Sound{}
	}
	return nil
}

// advice spells what would allow what was refused as a command to paste or, where the app has no
// manifest, as a flag. Names on the bus hold nothing that a shell would take for its own, but rules may.
func (c *Config) advice(endpoint, grant string) string {
	for i := range c.Endpoints {
		if e := &c.Endpoints[i]; e.Name == endpoint {
			key, value := e.Protocol.advise(endpoint, grant)
			switch {
			case key == "":
			case c.App == "" && value == "true":
				return "--" + strings.ReplaceAll(key, ".", "-")
			case c.App == "":
				return "--" + strings.ReplaceAll(key, ".", "-") + " '" + value + "'"
			default:
				return "snug grant " + c.App + " '" + key + "=" + value + "' --keep"
			}
		}
	}
	return ""
}
