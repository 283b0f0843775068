package portals

import (
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
)

// systemConnections bounds the connections to the bus of the system, which has 256 for a user.
const systemConnections = 64

// Serve serves all brokers of a Config until ctx ends. It owns the descriptors that the Config names,
// and closes those that it does not need any more.
func Serve(ctx context.Context, c Config) error {
	var log io.Writer
	if c.Log >= 0 {
		f := os.NewFile(uintptr(c.Log), "log")
		defer f.Close()
		log = f
	}
	var stands []dbus.Stand
	if c.Background >= 0 {
		defer unix.Close(c.Background)
		stands = []dbus.Stand{background(c.Background)}
	}
	told := func(string) func(name string) { return nil }
	if c.Refused >= 0 {
		defer unix.Close(c.Refused)
		told = (&refusals{fd: c.Refused}).on
	}
	buses := make([]dbus.Bus, 0, len(c.Buses))
	for _, b := range c.Buses {
		listener := os.NewFile(uintptr(b.Listen), b.Name)
		defer listener.Close()
		most := 0
		if b.Name == "system" {
			most = systemConnections
		}
		buses = append(buses, dbus.Bus{Connections: most, Listener: listener, Address: b.Address, Policy: b.Policy, Stands: stands,
			Log: log, Name: b.Name, Advise: advice(c.App, b.Name), Refused: told(b.Name)})
	}
	return dbus.Serve(ctx, buses...)
}

// advice spells what would allow a refused message as a command to paste or, where the app has no
// manifest, as a flag. Names on the bus hold nothing that a shell would take for its own, but rules may.
func advice(app, bus string) func(rule string) string {
	return func(rule string) string {
		key, value, _ := strings.Cut(rule, "=")
		if key == "emit" || bus != "session" && bus != "system" {
			return "" // follows from other keys
		}
		table := "bus." + bus + "."
		if name, ok := portalOf(rule); ok && bus == "session" {
			table, key, value = "portals.", "allow", name
		}
		if app == "" {
			return "--" + strings.ReplaceAll(table+key, ".", "-") + " '" + value + "'"
		}
		return "snug grant " + app + " '" + table + key + "=" + value + "' --keep"
	}
}

// portalOf gives the portal that a call asks for: of "call=NAME=org.freedesktop.portal.Settings.Read@/…"
// that is Settings.
func portalOf(rule string) (name string, ok bool) {
	method, ok := strings.CutPrefix(rule, "call="+Desktop+"=org.freedesktop.portal.")
	if !ok {
		return "", false
	}
	name, _, ok = strings.Cut(method, ".")
	return name, ok && !strings.ContainsAny(name, "@/*")
}
