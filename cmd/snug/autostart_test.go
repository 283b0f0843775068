package main

import (
	"os"
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/portals"
)

// TestLogins: an app that asks without end is heard for a while; to ask for what is so already is free.
func TestLogins(t *testing.T) {
	home := t.TempDir()
	w := &compose.World{}
	w.Home, w.Config, w.Data = home, home+"/config", home+"/data"
	p := &plan{app: manifests.App{ID: "org.example.App"}, world: w, search: desktop.Search{Data: []string{w.Data}}}
	launcher := w.Config + "/autostart/org.example.App.desktop"
	for i := range 3 * maxLogins {
		asked := portals.Autostart{On: i%2 == 0}
		heard := p.startAtLogin(asked) == nil
		if heard {
			p.startAtLogin(asked)
		}
		_, err := os.Stat(launcher)
		if is := err == nil; heard != (i < maxLogins) || heard && is != asked.On {
			t.Fatalf("asked %d times: heard %v, started at login %v", i+1, heard, is)
		}
	}
	refused := &plan{app: p.app, world: w, search: p.search, command: []string{"app"}}
	for range 3 * maxLogins {
		refused.startAtLogin(portals.Autostart{On: true, Command: []string{"other"}})
	}
	if refused.logins != maxLogins+1 {
		t.Errorf("%d refusals were said", refused.logins)
	}
}
