package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// ownDir holds what snug itself puts into a sandbox; it lies on the read-only root.
const ownDir = "/run/snug"

// screen shows the display servers that the manifest grants raw. Given both, X11 is the fall-back
// for a session without Wayland.
func (c *composer) screen() {
	wayland, x11 := c.m.Display.Wayland, c.m.Display.X11
	if wayland.Value == "raw" {
		c.display.wayland = c.showWayland(wayland)
	}
	if x11.Value == "raw" && (!c.display.wayland || c.m.Display.Both.Value) {
		c.display.x11 = c.showX11(x11)
	}
	c.tellScreen(wayland, x11)
	switch asked := wayland.Value == "raw" || x11.Value == "raw"; {
	case !asked:
		c.tell(groupScreen, "no display", "")
	case !c.display.wayland && wayland.Value == "raw" && x11.Value != "raw" && c.answersX11():
		c.warn("display.wayland", wayland, "no Wayland server answers, but an X server does", "if the app knows X11: --x11 raw gives it that, unfiltered")
	case !c.display.wayland && !c.display.x11 && wayland.Value == "raw":
		c.warn("display.wayland", wayland, "no Wayland server answers", "start the app from a graphical session")
	case !c.display.wayland && !c.display.x11:
		c.warn("display.x11", x11, "no X server answers", "start the app from a graphical session")
	}
}

// tellScreen accounts for what is granted, whether or not a server runs just now: what the next
// start in a graphical session brings must be known before it.
func (c *composer) tellScreen(wayland, x11 manifests.Text) {
	if wayland.Value == "raw" {
		c.tellDanger(groupScreen, "use the Wayland display without a filter", wayland.Origin, "wayland-raw")
	}
	if x11.Value == "raw" {
		text := "use the X11 display without a filter"
		if wayland.Value == "raw" && !c.m.Display.Both.Value {
			text += ", where no Wayland server answers"
		}
		c.tellDanger(groupScreen, text, x11.Origin, "x11-raw")
	}
}

// showWayland shows the compositor's socket and reports whether there is one.
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
	c.bindFor(socket, c.runtime+"/"+name, asks.Origin)
	c.env = append(c.env, "WAYLAND_DISPLAY="+name)
	return true
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
