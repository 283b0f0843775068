package compose

import "snug/manifests"

// The groups of an account.
const (
	groupFiles   = "files"
	groupNetwork = "network"
	groupScreen  = "screen"
	groupSound   = "sound"
	groupDevices = "devices"
	groupApps    = "other apps"
	groupSystem  = "system"

	// GroupElsewhere is what an [[if]] adds on other machines: see Elsewhere.
	GroupElsewhere = "elsewhere"
)

// Groups returns the groups of an account in the order in which they are read best.
func Groups() []string {
	return []string{groupFiles, groupNetwork, groupScreen, groupSound, groupDevices, groupApps, groupSystem, GroupElsewhere}
}

// Entry is one line of the account of what an app can reach.
type Entry struct {
	Group  string           // one of Groups
	Text   string           // "read and change /home/user/Downloads"
	Origin manifests.Origin // empty for what every sandbox has
	Danger manifests.Danger // empty if there is none
}

// tell adds an entry to the account.
func (c *composer) tell(group, text string, origin manifests.Origin) {
	c.out.Account = append(c.out.Account, Entry{Group: group, Text: text, Origin: origin})
}

// tellDanger adds an entry with its danger.
func (c *composer) tellDanger(group, text string, origin manifests.Origin, danger manifests.Danger) {
	c.out.Account = append(c.out.Account, Entry{group, text, origin, danger})
}
