package compose

import (
	"strings"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// cups shows the socket of CUPS. CUPS knows by it who asks, so the app may do what the person may, without
// a password.
func (c *composer) cups(asks manifests.Text) {
	const socket = "/run/cups/cups.sock"
	c.tell(groupDevices, "print by CUPS as you: see and cancel your jobs, and change printers if you administer them", asks.Origin)
	server := c.w.getenv("CUPS_SERVER")
	if server == "" {
		server = socket
	}
	if !strings.HasPrefix(server, "/") {
		c.warn("devices.printer", asks, "your CUPS_SERVER, "+words.Quote(server)+", is reached by the network, not by a socket",
			`process.pass = ["CUPS_SERVER"] and a network reach it`)
		return
	}
	real, found := c.socket(clean(server))
	if !found {
		c.warn("devices.printer", asks, "no CUPS answers on "+words.Quote(server), "start cups.socket")
		return
	}
	c.bindFor(real, socket, asks.Origin)
	c.env = append(c.env, "CUPS_SERVER="+socket)
}
