package manifests

import (
	"slices"
	"strings"

	"snug/manifests/internal/words"
	"snug/portals/dbus"
)

// Danger is a code that `accept` may hold. Of a code such as "talk:NAME" the NAME stands for the
// value that asks. The empty Danger is none.
type Danger string

// Why completes "the app can …".
func (d Danger) Why() string {
	why, _ := whyDangerous(string(d))
	return why
}

var dangers = [...]struct{ code, why string }{
	{"files:HOME", "read your keys and passwords, or change what you run"},
	{"x11-raw", "read every key you type, see every window and type into them"},
	{"wayland-raw", "use whatever the compositor offers any program, often the clipboard and the screen"},
	{"sound-raw", "record the microphone and what others play, and load modules into the server"},
	{"camera-raw", "film without asking"},
	{"clipboard-full", "read all that you copy, also passwords"},
	{"network-host", "reach every service of this machine and of the local network"},
	{"record-system", "record what other apps play"},
	{"display:NAME", "see or change what other apps show"},
	{"talk:NAME", "start programs outside the sandbox or read other apps' settings and secrets"},
	{"own:FOREIGN", "pass for another program on the bus"},
	{"bus-session", "call every program of the session, and so leave the sandbox"},
	{"bus-system", "call every service of the system"},
	{"nodes", "use a device of the host directly"},
	{"capabilities", "use parts of the kernel that are closed to ordinary programs"},
	{"new-privileges", "gain privileges by setuid programs inside"},
	{"agents", "sign and decrypt with your keys"},
	{"seccomp-off", "use every system call, also those with a record of holes"},
}

// dangerousNames are the bus names by which a program leaves a sandbox or reads what others keep;
// what lies below each is as bad. Terminals and starters run what they are told to, outside.
var dangerousNames = [...]string{
	"org.freedesktop.systemd1",
	"org.freedesktop.machine1",
	"org.freedesktop.Flatpak",
	"org.freedesktop.portal",
	"org.freedesktop.impl.portal", // what portals trust, among it who may do what
	"org.freedesktop.secrets",
	"org.gnome.keyring",
	"org.kde.ksecretd",
	"org.kde.kwalletd",
	"org.kde.kwalletd5",
	"org.kde.kwalletd6",
	"ca.desrt.dconf",
	"org.xfce.Xfconf",
	"org.gtk.vfs",
	"org.freedesktop.UDisks2",
	"org.freedesktop.PackageKit",
	"org.bluez.obex",
	"org.gnome.Shell",
	"org.gnome.SessionManager",
	"org.gnome.Mutter",
	"org.Cinnamon",
	"org.kde.KWin",
	"org.kde.plasmashell",
	"org.kde.krunner",
	"org.kde.klauncher5",
	"org.kde.kded5",
	"org.kde.kded6",
	"org.kde.kglobalaccel",
	"org.gnome.Terminal",
	"org.gnome.Console",
	"org.gnome.Ptyxis",
	"org.kde.konsole",
	"org.kde.yakuake",
	"org.mate.Terminal",
	"org.xfce.Terminal5",
}

// Codes returns every code that accept may hold.
func Codes() (codes []string) {
	for _, danger := range dangers {
		codes = append(codes, danger.code)
	}
	return codes
}

// checkCode says what is wrong with an entry of `accept`, or "".
func checkCode(code string) (what, hint string) {
	if _, known := whyDangerous(code); known {
		return "", ""
	}
	codes := Codes()
	if near := Nearest(code, codes); near != "" {
		return "is no danger", "did you mean " + near + "?"
	}
	return "is no danger", "known: " + strings.Join(codes, ", ")
}

// whyDangerous looks up a code, where "talk:org.gnome.Shell" belongs to "talk:NAME".
func whyDangerous(code string) (why string, known bool) {
	family, name, hasName := strings.Cut(code, ":")
	for _, danger := range dangers {
		prefix, placeholder, open := strings.Cut(danger.code, ":")
		if code == danger.code && placeholder != "NAME" && placeholder != "FOREIGN" {
			return danger.why, true
		}
		if open && hasName && placeholder != "HOME" && prefix == family && name != "" && name != placeholder {
			return danger.why, true
		}
	}
	return "", false
}

// dangerCode returns the code that one value of a key needs in an app of that id, or "".
func dangerCode(key *Key, value, id string) string {
	if key.Danger == "" || value == key.Default || !key.Risky.Has(value) {
		return ""
	}
	switch key.Danger {
	case "display:NAME":
		return "display:" + value
	case "talk:NAME":
		return talkCode(key, value)
	case "own:FOREIGN":
		return ownCode(key, value, id)
	}
	return key.Danger
}

// talkCode is dangerCode for a rule that lets the app call a name. A star that covers a dangerous
// name is the danger of the whole bus.
func talkCode(key *Key, rule string) string {
	name, _, _ := strings.Cut(rule, "=")
	for _, dangerous := range dangerousNames {
		switch {
		case isOrBelow(name, dangerous):
			return "talk:" + name
		case dbus.Covers(name, dangerous):
			return busCode(key)
		}
	}
	return ""
}

// isOrBelow reports whether a granted name is a dangerous one, or lies below it; programs of which
// several run put a hyphen and a number behind theirs.
func isOrBelow(name, dangerous string) bool {
	return within(strings.TrimSuffix(name, ".*"), dangerous) || strings.HasPrefix(name, dangerous+"-")
}

// ownCode is dangerCode for a name that the app may own: its id, its MPRIS name and what lies
// below them are its own, and so are the names of tray icons, which hold a process id, and those of media players, which
// nobody takes for more than that. An id that is a
// vendor's, or that of a part of the desktop, makes no name the app's own.
func ownCode(key *Key, name, id string) string {
	stem := strings.TrimSuffix(name, ".*")
	for _, harmless := range [...]string{"org.freedesktop.StatusNotifierItem-", "org.kde.StatusNotifierItem-", "org.mpris.MediaPlayer2."} {
		if strings.HasPrefix(stem, harmless) {
			return ""
		}
	}
	if IsOwnID(id) && (within(stem, id) || within(stem, "org.mpris.MediaPlayer2."+id)) {
		return ""
	}
	return "own:" + name
}

// IsOwnID reports whether an id can be an app's: three parts or more, as flatpak wants them, and not
// below what belongs to every desktop.
func IsOwnID(id string) bool {
	if strings.Count(id, ".") < 2 || within(id, "org.freedesktop") {
		return false
	}
	return !slices.ContainsFunc(dangerousNames[:], func(d string) bool { return isOrBelow(id, d) || within(d, id) })
}

func busCode(key *Key) string {
	if strings.HasPrefix(key.Name, "bus.system.") {
		return "bus-system"
	}
	return "bus-session"
}

// Permit reports as a Problem that a grant is dangerous and nobody accepted it, or returns nil.
// It is for dangers that only the caller can see, such as files:HOME, which depends on where a
// path leads. A flag needs no code: the person who typed it asked. Permit notes that the code had
// a use, so a Manifest must not be shared while it is called.
func (m *Manifest) Permit(code, key string, asks Text) error {
	m.use(code)
	if m.accepted(code, asks.Origin) {
		return nil
	}
	return m.refusal(code, key, asks)
}

// accepted reports whether somebody takes on the danger that a value of that Origin asks for.
func (m *Manifest) accepted(code string, asks Origin) bool {
	return fromFlag(asks) || m.Accepts(code)
}

// Accepts reports whether a file of the manifest takes on a danger.
func (m *Manifest) Accepts(code string) bool { return holds(m.Accept, code) }

func (m *Manifest) refusal(code, key string, asks Text) Problem {
	hint := "if you mean it, write accept = [" + words.Quote(code) + "]"
	file := fileOf(asks.Origin)
	for _, accept := range m.Accept {
		if fileOf(accept.Origin) == file {
			hint = "if you mean it, add " + words.Quote(code) + " to accept at " + string(accept.Origin)
			break
		}
	}
	return Problem{asks.Origin, key + " = " + words.Quote(asks.Value) + " is dangerous: the app can " + Danger(code).Why(), hint}
}

// fileOf returns an Origin without its line.
func fileOf(origin Origin) Origin {
	if colon := strings.LastIndexByte(string(origin), ':'); colon >= 0 {
		return origin[:colon]
	}
	return origin
}

func (m *Manifest) use(code string) {
	if !slices.Contains(m.permitted, code) {
		m.permitted = append(m.permitted, code)
	}
}

// checkDangers refuses what the merged manifest asks for and nobody accepted: one problem a code.
func (m *Manifest) checkDangers() (problems Problems) {
	var refused []string
	for grant := range m.Grants() {
		code := string(grant.Danger)
		if code == "" || m.accepted(code, grant.Origin) || slices.Contains(refused, code) || len(refused) == maxProblems {
			continue
		}
		refused = append(refused, code)
		problems = append(problems, m.refusal(code, grant.Key.Name, Text{grant.Value, grant.Origin}))
	}
	return problems
}

// findUses notes the codes that any layer asks for, overridden or not.
func (m *Manifest) findUses(layers []*Layer) {
	if len(m.Accept) == 0 {
		return
	}
	for _, layer := range layers {
		m.findUsesOf(&layer.Manifest)
		for i := range layer.conditions {
			m.findUsesOf(&layer.conditions[i].then)
		}
	}
	for _, unmet := range m.unmet {
		if files := &unmet.then.Files; len(files.Read)+len(files.Write)+len(files.Create) > 0 {
			m.use("files:HOME") // where the paths lead nobody looks on this machine
		}
	}
}

func (m *Manifest) findUsesOf(layer *Manifest) {
	for i := range schema {
		key := &schema[i]
		if key.Danger == "" {
			continue
		}
		eachValue(key, layer, func(value string, _ Origin) bool {
			if code := dangerCode(key, value, m.ID.Value); code != "" {
				m.use(code)
			}
			return true
		})
	}
}

// UnusedCodes returns a problem for each code of `accept` that nothing has asked for. Call it when
// every Permit was asked; Merge itself leaves out files:HOME, of which it cannot know.
func (m *Manifest) UnusedCodes() Problems { return m.unusedCodes(true) }

func (m *Manifest) unusedCodes(all bool) (problems Problems) {
	for _, accept := range m.Accept {
		if slices.Contains(m.permitted, accept.Value) || !all && accept.Value == "files:HOME" {
			continue
		}
		problems.Add(accept.Origin, "accept: nothing asks for "+words.Quote(accept.Value), "leave it out")
	}
	return problems
}
