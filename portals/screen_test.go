package portals

import "testing"

// What a display refuses is advised as a key of the manifest, or as a flag.
func TestAdviceForDisplays(t *testing.T) {
	for _, tt := range []struct{ app, grant, want string }{
		{"", "display.allow=screencopy", "--display-allow 'screencopy'"},
		{"", "devices.gpu=true", "--devices-gpu"},
		{"a.App", "devices.gpu=true", "snug grant a.App 'devices.gpu=true' --keep"},
		{"a.App", "display.clipboard=focused", "snug grant a.App 'display.clipboard=focused' --keep"},
	} {
		c := Config{App: tt.app, Endpoints: []Endpoint{{Name: "wayland", Protocol: &Wayland{}}}}
		if got := c.advice("wayland", tt.grant); got != tt.want {
			t.Errorf("%s: want %s, got %s", tt.grant, tt.want, got)
		}
	}
}
