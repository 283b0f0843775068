package compose

import (
	"strings"

	"snug/manifests"
	"snug/portals"
	"snug/portals/pulse"
	"snug/sandbox"
)

// sound shows a filter before the sound server, or the server's own socket if the manifest grants it raw.
func (c *composer) sound() {
	asks := &c.m.Sound
	c.tellSound()
	if asks.Raw.Value {
		c.rawSound(asks.Raw)
		return
	}
	origin := c.soundOrigin()
	if origin == "" {
		return
	}
	path, found := c.pulseSocket()
	if !found {
		c.warn("sound.play", manifests.Text{Value: "true", Origin: origin}, "no sound server answers", "start PulseAudio or pipewire-pulse")
		return
	}
	dest := c.runtime + "/pulse/native"
	policy := pulse.Policy{Play: asks.Play.Value, Record: asks.Record.Value, System: asks.System.Value, Mixer: asks.Mixer.Value, App: c.m.ID.Value}
	c.addEndpoint("sound", path, dest, &portals.Sound{Policy: policy}, origin)
	if cookie := c.pulseCookie(); len(cookie) == pulse.CookieSize {
		c.out.Endpoints[len(c.out.Endpoints)-1].Secret = cookie
	}
	c.env = append(c.env, "PULSE_SERVER=unix:"+dest)
}

// soundOrigin is where the first grant of sound through the filter came from, or "".
func (c *composer) soundOrigin() manifests.Origin {
	s := &c.m.Sound
	switch {
	case s.Play.Value:
		return s.Play.Origin
	case s.Record.Value != "off":
		return s.Record.Origin
	case s.System.Value:
		return s.System.Origin
	case s.Mixer.Value:
		return s.Mixer.Origin
	}
	return ""
}

// tellSound accounts for what is granted, whether or not a server runs just now.
func (c *composer) tellSound() {
	s := &c.m.Sound
	if s.Raw.Value {
		c.tellDanger(groupSound, "use the sound server without a filter", s.Raw.Origin, "sound-raw")
		return
	}
	if s.Play.Value {
		c.tell(groupSound, "play sound", s.Play.Origin)
	}
	switch s.Record.Value {
	case "off":
		if s.Record.Origin != "" {
			c.tell(groupSound, "no microphone", s.Record.Origin) // somebody has said so
		}
	case "ask":
		c.tell(groupSound, "ask to record from the microphone", s.Record.Origin)
	case "allow":
		c.tell(groupSound, "record from the microphone", s.Record.Origin)
	}
	if s.System.Value {
		c.tellDanger(groupSound, "record what other apps play", s.System.Origin, "record-system")
	}
	if s.Mixer.Value {
		c.tell(groupSound, "change volumes and which devices are used, for all apps", s.Mixer.Origin)
	}
	if c.soundOrigin() == "" {
		c.tell(groupSound, "no sound", "")
	}
}

// rawSound shows the sound server's own socket, and the cookie that opens it.
func (c *composer) rawSound(asks manifests.Flag) {
	path, found := c.pulseSocket()
	if !found {
		c.warn("sound.raw", manifests.Text{Value: "true", Origin: asks.Origin}, "no sound server answers", "start PulseAudio or pipewire-pulse")
		return
	}
	dest := c.runtime + "/pulse/native"
	c.bindFor(path, dest, asks.Origin)
	c.env = append(c.env, "PULSE_SERVER=unix:"+dest)
	if cookie := c.pulseCookie(); cookie != nil {
		const inside = ownDir + "/pulse-cookie"
		c.add(inside, &sandbox.Data{Dest: inside, Content: cookie, Mode: 0o400, Origin: asks.Origin})
		c.env = append(c.env, "PULSE_COOKIE="+inside)
	}
}

// pulseCookie reads what a server asks for of whom it does not know by the user.
func (c *composer) pulseCookie() []byte {
	for _, path := range [...]string{c.w.getenv("PULSE_COOKIE"), child(c.w.Config, "pulse/cookie"), child(c.w.Home, ".pulse-cookie")} {
		if content, err := c.w.Files.ReadFile(path, 4096); path != "" && err == nil {
			return content
		}
	}
	return nil
}

// pulseSocket finds the server's socket.
func (c *composer) pulseSocket() (string, bool) {
	server := c.w.getenv("PULSE_SERVER")
	server = server[strings.LastIndexByte(server, '}')+1:] // {machine-id}unix:/path
	path := strings.TrimPrefix(server, "unix:")
	if !strings.HasPrefix(path, "/") {
		if c.w.RuntimeDir == "" || server != "" {
			return "", false
		}
		path = child(c.w.RuntimeDir, "pulse/native")
	}
	return c.socket(path)
}
