package portals

import "strings"

// InfoPath is where portals look for [Identity.Info] in the root of who calls them.
const InfoPath = "/.flatpak-info"

// Identity is who an app is to portals.
type Identity struct {
	App      string // the portal id, such as org.example.App
	Instance string // decimal digits, of this start alone
	Network  bool   // the app has a network
}

// Info is the key file by which portals know a sandboxed app (flatpak-metadata(5), and
// xdg-desktop-portal's xdp-app-info-flatpak.c since 1.16 for which keys are read). It says runtime-path=/usr
// because programs come from there: portals turn a program's path inside into one outside by it.
func (i Identity) Info() []byte {
	lines := []string{
		"[Application]", "name=" + i.App, "",
		"[Instance]", "instance-id=" + i.Instance, "app-path=/usr", "runtime-path=/usr", "session-bus-proxy=true", "",
		"[Context]",
	}
	if i.Network {
		lines = append(lines, "shared=network;")
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}
