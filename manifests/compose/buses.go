package compose

import (
	"strings"

	"snug/manifests"
	"snug/portals"
	"snug/portals/dbus"
	"snug/sandbox"
)

// Endpoint is what the app reaches by a broker. Whoever starts the sandbox makes a listening socket, sets
// the Source of Bind to it, and hands it to a broker together with the rest.
type Endpoint struct {
	Name     string // "session", "system", "a11y", "wayland" or "sound"
	Socket   string // of the host: a path without links, or an abstract name after '@'
	Protocol portals.Protocol
	Bind     *sandbox.Bind // a step of the Spec
	Secret   []byte        // opens the host's socket, and is for the broker alone; nil: none
	First    int           // a descriptor that this process was given, of a connection to it; 0: none
}

// rules are what a manifest says of one bus.
type rules = struct{ See, Talk, Own, Call, Broadcast []manifests.Text }

// buses makes what the app reaches of message buses, and of the portals behind them.
func (c *composer) buses() {
	c.tellRules()
	session, allowed := policyOf(c.m.Bus.Session), c.portalNames()
	system := policyOf(c.m.Bus.System)
	c.displayServices(&session)
	if isEmpty(session) && len(allowed) == 0 && isEmpty(system) {
		c.tell(groupApps, "no message bus", "")
	}
	c.tellPortals(allowed)
	if !isEmpty(session) || len(allowed) > 0 {
		c.sessionBus(session, allowed)
	}
	if !isEmpty(system) {
		c.systemBus(system)
	}
	c.accessible()
}

// nobody is the id of a sandboxed app that has none.
const nobody = "snug.unnamed"

// sessionBus makes what the app reaches of the session bus and by portals.
func (c *composer) sessionBus(policy dbus.Policy, allowed []manifests.Text) {
	key, asks := "bus.session", firstOf(c.m.Bus.Session)
	switch {
	case asks.Origin != "":
	case len(allowed) > 0:
		key, asks = "portals.allow", allowed[0]
	default:
		key, asks = "display.allow", c.displayAllow()
	}
	if len(allowed) > 0 && !c.hasPortalID(allowed[0]) {
		return
	}
	socket, found := c.busSocket(sessionAddress(c.w))
	if !found {
		c.noBus(key, asks)
		c.opener(allowed) // which says what is missing
		return
	}
	// Without one a portal that the app reaches by a rule would take it for a program outside.
	c.out.Identity = &portals.Identity{App: nobody, Instance: c.w.Instance, Network: c.networkMode() != "off"}
	if isPortalID(c.m.ID.Value) {
		c.out.Identity.App = c.m.ID.Value
	}
	if len(allowed) > 0 {
		c.portals(&policy, allowed)
	}
	if c.isBusName() {
		c.ownNames(&policy)
	}
	dest := c.runtime + "/bus"
	c.addBus("session", socket, dest, policy, asks.Origin)
	c.env = append(c.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+dest)
	if indexOf(c.m.Display.Allow, "ime") >= 0 {
		c.env = append(c.env, "IBUS_USE_PORTAL=1") // of the other libraries the way for sandboxes is one of those they try
	}
}

func (c *composer) systemBus(policy dbus.Policy) {
	asks := firstOf(c.m.Bus.System)
	if socket, found := c.busSocket(c.systemAddress()); found {
		c.addBus("system", socket, "/run/dbus/system_bus_socket", policy, asks.Origin)
		return
	}
	c.noBus("bus.system", asks)
}

func (c *composer) noBus(key string, asks manifests.Text) {
	switch key {
	case "bus.system":
		c.warn(key, asks, "no system bus answers", "start dbus.service")
	case "display.allow":
		if asks.Value == "tray" { // for the others there may be a way of the display's own
			c.warn(key, asks, "no session bus answers, by which trays are reached", "start the app from a session that has one")
		}
	default:
		c.warn(key, asks, "no session bus answers", "start the app from a session that has one; dbus-run-session makes one")
	}
}

func isEmpty(p dbus.Policy) bool {
	return len(p.See)+len(p.Talk)+len(p.Own)+len(p.Take)+len(p.Call)+len(p.Broadcast) == 0
}

func policyOf(r rules) (p dbus.Policy) {
	for _, list := range [...]struct {
		from []manifests.Text
		to   *[]string
	}{{r.See, &p.See}, {r.Talk, &p.Talk}} {
		for _, name := range list.from {
			*list.to = append(*list.to, name.Value)
		}
	}
	for _, list := range [...]struct {
		from []manifests.Text
		to   *[]dbus.NameRule
	}{{r.Call, &p.Call}, {r.Broadcast, &p.Broadcast}} {
		for _, text := range list.from {
			name, rule, _ := strings.Cut(text.Value, "=")
			*list.to = append(*list.to, dbus.NameRule{Name: name, Rule: rule})
		}
	}
	for _, own := range r.Own {
		portals.Own(&p, own.Value)
	}
	return p
}

// displayServices are what display.allow grants of the session bus.
var displayServices = [...]struct {
	name  string
	allow func(*dbus.Policy)
	text  string
}{
	{"tray", portals.AllowTray, "show an icon in the tray, with its menu"},
	{"ime", portals.AllowInput, "be typed into by the session's input method, IBus or Fcitx"},
	{"inhibit", portals.AllowInhibit, "keep the screen from going dark and locking itself, while it runs"},
}

func (c *composer) displayServices(session *dbus.Policy) {
	for _, service := range displayServices {
		if at := indexOf(c.m.Display.Allow, service.name); at >= 0 {
			service.allow(session)
			c.tell(groupScreen, service.text, c.m.Display.Allow[at].Origin)
		}
	}
}

// displayAllow gives the first entry of display.allow that grants something of the session bus.
func (c *composer) displayAllow() manifests.Text {
	for _, service := range displayServices {
		if at := indexOf(c.m.Display.Allow, service.name); at >= 0 {
			return c.m.Display.Allow[at]
		}
	}
	return manifests.Text{}
}

// tellRules accounts for every rule of a manifest.
func (c *composer) tellRules() {
	for grant := range c.m.Grants() {
		rest, found := strings.CutPrefix(grant.Key.Name, "bus.")
		bus, key, _ := strings.Cut(rest, ".")
		if !found || bus == "a11y" {
			continue
		}
		name, rule, _ := strings.Cut(grant.Value, "=")
		text := ""
		switch key {
		case "see":
			text = "see whether " + name + " is there"
		case "talk":
			text = "talk to " + name
		case "own":
			text = "be " + name
		case "call":
			text = "call " + orAny(rule) + " of " + name
		case "broadcast":
			text = "hear " + orAny(rule) + " of " + name
		}
		c.tellDanger(groupApps, text+" on the "+bus+" bus", grant.Origin, grant.Danger)
	}
}

func orAny(rule string) string {
	if rule == "" || rule == "*" {
		return "anything"
	}
	return rule
}

// ownNames grants the names that come with the app's id. On the bus it is nobody by its id: the
// broker keeps that name for the app alone, so that it never takes a program outside for itself.
func (c *composer) ownNames(p *dbus.Policy) {
	id := c.m.ID.Value
	player := "org.mpris.MediaPlayer2." + id
	p.Private = append(p.Private, id+".*")
	p.Own = append(p.Own, player+".*")
	if manifests.IsOwnID(id) {
		portals.Speak(p, id)
	}
	portals.Speak(p, player)
	c.tell(groupApps, "be a media player to keyboards and panels, "+player, c.m.ID.Origin)
}

// isBusName reports whether the app's id can be a name on a bus.
func (c *composer) isBusName() bool {
	id := c.m.ID.Value
	return id != "" && len(id) < 200 && (dbus.Policy{Own: []string{id}}).Check() == nil
}

// addBus puts the socket of a filter in the place of a bus's.
func (c *composer) addBus(name, socket, dest string, policy dbus.Policy, origin manifests.Origin) {
	if err := policy.Check(); err != nil { // of the parts that the schema cannot check alone
		c.problems.Add(origin, "bus."+name+": "+err.Error(), "")
		return
	}
	c.addEndpoint(name, socket, dest, &portals.Bus{Policy: policy}, origin)
}

// addEndpoint puts the socket of a broker in the place of the host's.
func (c *composer) addEndpoint(name, socket, dest string, protocol portals.Protocol, origin manifests.Origin) {
	// Where there is a socket once the sandbox is started, more or less.
	bind := &sandbox.Bind{Source: child(field(c.w.RuntimeDir, "/tmp"), "snug/.bus-"+name), Dest: dest, NoSymlinks: true, Origin: origin}
	c.add(dest, bind)
	c.out.Endpoints = append(c.out.Endpoints, Endpoint{Name: name, Socket: socket, Protocol: protocol, Bind: bind})
}

// first gives the first entry of lists.
func first(lists ...[]manifests.Text) manifests.Text {
	for _, list := range lists {
		if len(list) > 0 {
			return list[0]
		}
	}
	return manifests.Text{}
}

func firstOf(r rules) manifests.Text { return first(r.Talk, r.Own, r.Call, r.Broadcast, r.See) }

func sessionAddress(w *World) string {
	if address := w.getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" || w.RuntimeDir == "" {
		return address
	}
	return "unix:path=" + child(w.RuntimeDir, "bus")
}

func (c *composer) systemAddress() string {
	if address := c.w.getenv("DBUS_SYSTEM_BUS_ADDRESS"); address != "" {
		return address
	}
	return "unix:path=/run/dbus/system_bus_socket"
}

// busSocket gives the first socket of an address on which a bus answers.
func (c *composer) busSocket(address string) (string, bool) {
	names, err := dbus.Sockets(address)
	if err != nil {
		return "", false
	}
	for _, name := range names {
		if strings.HasPrefix(name, "@") {
			if c.w.Answers != nil && c.w.Answers(name) {
				return name, true
			}
		} else if socket, found := c.socket(clean(name)); found {
			return socket, true
		}
	}
	return "", false
}

// accessible lets assistive technology read the app.
func (c *composer) accessible() {
	asks := c.m.Bus.A11y.Enable
	if !asks.Value {
		return
	}
	c.tell(groupApps, "be read and driven by assistive technology, such as a screen reader", asks.Origin)
	address := c.w.getenv("AT_SPI_BUS_ADDRESS")
	if address == "" && c.w.Accessibility != nil {
		address = c.w.Accessibility()
	}
	socket, found := c.busSocket(address)
	if !found && c.w.NoStart {
		return // nobody has asked for it yet
	}
	if !found {
		c.warn("bus.a11y.enable", manifests.Text{Value: "true", Origin: asks.Origin}, "no accessibility bus answers", "install at-spi2-core")
		return
	}
	var policy dbus.Policy
	portals.AllowAccessible(&policy)
	dest := c.runtime + "/at-spi/bus"
	c.addBus("a11y", socket, dest, policy, asks.Origin)
	c.env = append(c.env, "AT_SPI_BUS_ADDRESS=unix:path="+dest)
}
