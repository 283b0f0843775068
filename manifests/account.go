package manifests

// The groups of an account, in the order in which `explain` prints them.
const (
	GroupFiles   = "files"
	GroupNetwork = "network"
	GroupScreen  = "screen"
	GroupSound   = "sound"
	GroupDevices = "devices"
	GroupApps    = "other apps"
	GroupSystem  = "system"
)

// Entry is one line of the account of what an app can reach.
type Entry struct {
	Group  string
	Text   string // "read and change /home/user/Downloads"
	Origin Origin // empty for what every sandbox has
	Danger Danger // the zero Danger if there is none
}

// tell adds an entry to the account.
func (c *composer) tell(group, text string, origin Origin) {
	c.out.Account = append(c.out.Account, Entry{Group: group, Text: text, Origin: origin})
}

// tellDanger adds an entry with its danger.
func (c *composer) tellDanger(group, text string, origin Origin, code string) {
	danger, _ := dangerOf(code)
	c.out.Account = append(c.out.Account, Entry{group, text, origin, danger})
}
