package compose

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/portals"
	"snug/portals/wayland"
	"snug/sandbox"
)

// ownDir holds what snug itself puts into a sandbox; it lies on the read-only root.
const ownDir = "/run/snug"

// screen shows the display servers that the manifest grants. Given both, X11 is the fall-back for a session
// without Wayland.
func (c *composer) screen() {
	wayland, x11 := c.m.Display.Wayland, c.m.Display.X11
	if wayland.Value == "raw" || wayland.Value == "filtered" {
		c.display.wayland = c.showWayland(wayland)
	}
	if x11.Value == "raw" && (!c.display.wayland || c.m.Display.Both.Value) {
		c.display.x11 = c.showX11(x11)
	}
	c.tellScreen(wayland, x11)
	noWayland := !c.display.wayland && wayland.Value != "off"
	switch {
	case wayland.Value == "off" && x11.Value != "raw":
		c.tell(groupScreen, "no display", "")
	case noWayland && x11.Value != "raw" && c.answersX11():
		c.warn("display.wayland", wayland, "no Wayland server answers, but an X server does", "if the app knows X11: --x11 raw gives it that, unfiltered")
	case noWayland && !c.display.x11:
		c.warn("display.wayland", wayland, "no Wayland server answers", "start the app from a graphical session")
	case !c.display.wayland && !c.display.x11:
		c.warn("display.x11", x11, "no X server answers", "start the app from a graphical session")
	}
}

// tellScreen accounts for what is granted, whether or not a server runs just now: what the next
// start in a graphical session brings must be known before it.
func (c *composer) tellScreen(wayland, x11 manifests.Text) {
	switch wayland.Value {
	case "raw":
		c.tellDanger(groupScreen, "use the Wayland display without a filter", wayland.Origin, "wayland-raw")
	case "filtered":
		c.tell(groupScreen, "show windows on the Wayland display, and be typed into while they have the focus", wayland.Origin)
		c.tellClipboard()
		c.tellAllowed()
	}
	if x11.Value == "raw" {
		text := "use the X11 display without a filter"
		if wayland.Value != "off" && !c.m.Display.Both.Value {
			text += ", where no Wayland server answers"
		}
		c.tellDanger(groupScreen, text, x11.Origin, "x11-raw")
	}
}

func (c *composer) tellClipboard() {
	switch asks := c.m.Display.Clipboard; asks.Value {
	case "focused":
		c.tell(groupScreen, "copy and paste while it has the focus", asks.Origin)
	case "full":
		c.tellDanger(groupScreen, "read and set the clipboard at any time", asks.Origin, "clipboard-full")
	}
}

// tellAllowed says what of the display a plain window does not need.
func (c *composer) tellAllowed() {
	for _, name := range c.m.Display.Allow {
		text, danger := "", manifests.Danger("display:"+name.Value)
		switch name.Value {
		case "inhibit":
			text, danger = "keep the screen from going dark while its window is seen", ""
		case "idle":
			text, danger = "know for how long nobody has typed", ""
		case "game-input":
			text, danger = "hold the pointer in its window while it has the focus, as games do", ""
		case "shortcuts":
			text, danger = "take the desktop's own shortcuts while it has the focus", ""
		case "panel":
			text = "see other apps' windows by name, and raise, shrink and close them, as task bars do"
		case "screencopy":
			text = "take pictures of the whole screen"
		case "layer-shell":
			text = "draw over all windows and beside them, as panels and lock screens do"
		case "data-control":
			text = "read and set the clipboard at any time"
		}
		if text != "" {
			c.tellDanger(groupScreen, text, name.Origin, danger)
		}
	}
}

// showWayland shows the compositor's socket, or a filter's before it, and reports whether there is one.
func (c *composer) showWayland(asks manifests.Text) bool {
	name := c.w.getenv("WAYLAND_DISPLAY")
	if name == "" {
		name = "wayland-0"
	}
	path := name
	if !strings.HasPrefix(name, "/") {
		if c.w.RuntimeDir == "" {
			return false
		}
		path = child(c.w.RuntimeDir, name)
	}
	socket, ok := c.socket(path)
	if !ok {
		return false
	}
	name = basename(path)
	c.env = append(c.env, "WAYLAND_DISPLAY="+name)
	if asks.Value == "raw" {
		c.bindFor(socket, c.runtime+"/"+name, asks.Origin)
	} else {
		c.addEndpoint("wayland", socket, c.runtime+"/"+name, &portals.Wayland{Policy: c.waylandPolicy()}, asks.Origin)
		c.out.Endpoints[len(c.out.Endpoints)-1].First = c.givenSocket()
	}
	return true
}

// givenSocket is the connection that a compositor has made for a program that it starts, or 0.
func (c *composer) givenSocket() int {
	fd, err := strconv.ParseUint(c.w.getenv("WAYLAND_SOCKET"), 10, 16)
	if err != nil || fd < 3 {
		return 0
	}
	return int(fd)
}

// waylandPolicy is what the filter of the Wayland display lets through.
func (c *composer) waylandPolicy() wayland.Policy {
	p := wayland.Policy{Clipboard: c.m.Display.Clipboard.Value, App: c.m.ID.Value, Instance: c.w.Instance}
	for _, name := range c.m.Display.Allow {
		p.Allow = append(p.Allow, name.Value)
	}
	if c.m.Devices.GPU.Value {
		p.Allow = append(p.Allow, "gpu")
	}
	return p
}

// socket resolves a path to a socket on which a server answers.
func (c *composer) socket(path string) (string, bool) {
	real, found := c.exists(path)
	if !found || !real.file.is(unix.S_IFSOCK) || c.w.Answers == nil || !c.w.Answers(real.path) {
		return "", false
	}
	return real.path, true
}

// showX11 shows the X server's socket with the one cookie that opens it.
func (c *composer) showX11(asks manifests.Text) bool {
	display := c.w.getenv("DISPLAY")
	host, number, ok := parseDisplay(display)
	if !ok {
		return false
	}
	if host != "" {
		// A server behind TCP, as ssh -X makes one.
		if c.networkMode() != "host" {
			c.warn("display.x11", asks, "the display "+words.Quote(display)+" is reached by the network, which the app does not have", `network.mode = "host" has it`)
			return false
		}
		c.env = append(c.env, "DISPLAY="+display)
	} else {
		path := "/tmp/.X11-unix/X" + number
		socket, ok := c.socket(path)
		if !ok {
			return false
		}
		c.bindFor(socket, path, asks.Origin)
		c.env = append(c.env, "DISPLAY=:"+number)
	}
	c.showCookie(number, asks)
	return true
}

// answersX11 reports whether there is an X server that showX11 would show.
func (c *composer) answersX11() bool {
	host, number, ok := parseDisplay(c.w.getenv("DISPLAY"))
	if ok && host == "" {
		_, ok = c.socket("/tmp/.X11-unix/X" + number)
	}
	return ok
}

// showCookie writes an authority file with nothing but the cookie of one display.
func (c *composer) showCookie(number string, asks manifests.Text) {
	path := c.w.getenv("XAUTHORITY")
	if path == "" {
		path = c.home + "/.Xauthority"
	}
	text, err := c.w.Files.ReadFile(path, maxAuthority)
	if err != nil {
		return // the server may let the person in by user id
	}
	cookie, ok := findCookie(text, c.w.Hostname, number)
	if !ok {
		return
	}
	const inside = ownDir + "/Xauthority"
	c.add(inside, &sandbox.Data{Dest: inside, Content: cookie, Mode: 0o400, Origin: asks.Origin})
	c.env = append(c.env, "XAUTHORITY="+inside)
}

// parseDisplay takes a DISPLAY such as ":0.0", "unix:1" or "localhost:10" apart.
func parseDisplay(display string) (host, number string, ok bool) {
	colon := strings.LastIndexByte(display, ':')
	if colon < 0 {
		return "", "", false
	}
	host = display[:colon]
	number, screen, _ := strings.Cut(display[colon+1:], ".")
	if len(number) > 5 || !words.Every(number, words.IsDigit) || screen != "" && !words.Every(screen, words.IsDigit) {
		return "", "", false
	}
	if host == "unix" {
		host = ""
	}
	return host, number, true
}
