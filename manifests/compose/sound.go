package compose

import (
	"strings"

	"snug/manifests"
	"snug/sandbox"
)

// sound shows the sound server's own socket, if the manifest grants it raw.
func (c *composer) sound() {
	asks := c.m.Sound.Raw
	if !asks.Value {
		c.tell(groupSound, "no sound", asks.Origin)
		return
	}
	text := manifests.Text{Value: "true", Origin: asks.Origin}
	c.tellDanger(groupSound, "use the sound server without a filter", asks.Origin, "sound-raw")
	path, found := c.pulseSocket()
	if !found {
		c.warn("sound.raw", text, "no sound server answers", "start PulseAudio or pipewire-pulse")
		return
	}
	dest := c.runtime + "/pulse/native"
	c.bindFor(path, dest, asks.Origin)
	c.env = append(c.env, "PULSE_SERVER=unix:"+dest)
	for _, cookie := range [...]string{c.w.getenv("PULSE_COOKIE"), child(c.w.Config, "pulse/cookie"), child(c.w.Home, ".pulse-cookie")} {
		if content, err := c.w.Files.ReadFile(cookie, 4096); cookie != "" && err == nil {
			const inside = ownDir + "/pulse-cookie"
			c.add(inside, &sandbox.Data{Dest: inside, Content: content, Mode: 0o400, Origin: asks.Origin})
			c.env = append(c.env, "PULSE_COOKIE="+inside)
			return
		}
	}
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
