package draft

import (
	"strings"

	"snug/manifests"
	"snug/manifests/desktop"
	"snug/manifests/internal/words"
)

// FromFlatpak proposes a manifest that grants what the metadata of a Flatpak app grants
// (flatpak-metadata(5)), for the same program of the host. An error is a manifests.Problem.
//
// A network is a user-mode one, as Flatpak's shares the host's own services. Paths may be missing, as
// they may for Flatpak. Overrides are not in metadata, and so not in the draft.
func FromFlatpak(c *manifests.Catalogue, file *desktop.File) (*Draft, error) {
	name, found := file.Get("Application", "name")
	if !found {
		return nil, manifests.Problem{What: "it has no [Application] with a name", Hint: "metadata of a Flatpak app, as in FOLDER/app/ID/current/active/metadata"}
	}
	d := &Draft{catalogue: c, about: []string{"Made of the metadata of the Flatpak " + shown(name) + ", for the same program of this system."}}
	if why, _ := d.judge("id", name); why != "" {
		return nil, manifests.Problem{What: why}
	}
	d.ID = name
	f := &flatpak{d, file}
	f.application()
	d.add(entry{key: "home.mode", value: "private", why: "As Flatpak's ~/.var/app/" + name + ", which is not copied."})
	for _, key := range file.Keys("Context") {
		f.context(key)
	}
	f.bus("Session Bus Policy", "bus.session.")
	f.bus("System Bus Policy", "bus.system.")
	for _, variable := range file.Keys("Environment") {
		value, _ := file.Get("Environment", variable)
		from := "Environment: " + variable + "=" + value
		if strings.Contains(":"+value, ":/app/") {
			d.left(from, "/app is Flatpak's own tree", "")
			continue
		}
		d.grant("process.env", variable+"="+value, from)
	}
	f.rest()
	if _, isWindow := file.Get("Context", "sockets"); isWindow {
		d.askPortals("Flatpak lets every app ask all portals; these are those that most apps ask.", "FileChooser", "OpenURI", "Settings", "Inhibit", "Notification")
	}
	d.sayMore()
	return d, nil
}

// flatpak is a metadata file that is being read.
type flatpak struct {
	*Draft
	file *desktop.File
}

// sayMore trims the draft, and says what the bases grant beyond it: an import shall not grow unseen.
func (d *Draft) sayMore() {
	if more := d.trim(); len(more) > 0 {
		d.about = append(d.about, "Its bases grant beyond that: "+strings.Join(more, ", ")+".")
	}
}

// application reads [Application]: the command, and by the runtime the toolkit.
func (f *flatpak) application() {
	f.add(entry{key: "id", value: f.ID})
	if command, _ := f.file.Get("Application", "command"); command != "" {
		if why, _ := f.judge("command", command); why != "" {
			f.left("command", why, "")
		} else {
			f.add(entry{key: "command", value: command, why: "of Flatpak's own tree: see that it is this system's name, too"})
		}
	}
	runtime, _ := f.file.Get("Application", "runtime")
	base, _ := f.file.Get("Application", "base")
	switch {
	case strings.Contains(base, "Electron"):
		f.extend("", "electron", "gtk")
	case strings.HasPrefix(runtime, "org.kde."):
		f.extend("", "qt", "gtk")
	case strings.HasPrefix(runtime, "org.gnome."):
		f.extend("", "gtk")
	default:
		f.extend("", "cli")
	}
}

// context reads one key of [Context].
func (f *flatpak) context(key string) {
	value, _ := f.file.Get("Context", key)
	for word := range strings.SplitSeq(value, ";") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		from := key + "=" + word
		switch key {
		case "shared":
			f.shared(word, from)
		case "sockets":
			f.socket(word, from)
		case "devices":
			f.device(word, from)
		case "filesystems":
			f.path(word, from)
		case "features":
			f.feature(word, from)
		case "persistent", "unset-environment": // the whole home is kept, and no variable comes by itself
		default:
			f.left(from, "snug has nothing like it", "")
		}
	}
}

func (f *flatpak) shared(word, from string) {
	switch word {
	case "network":
		f.add(entry{key: "network.mode", value: "user", why: "Flatpak gives the host's own network, with the services of this machine."})
	case "ipc":
		f.left(from, "shared memory with the X server, without which it draws as well", "")
	default:
		f.left(from, "snug has nothing like it", "")
	}
}

func (f *flatpak) socket(word, from string) {
	switch word {
	case "wayland", "inherit-wayland-socket":
		f.display("display.wayland", from)
	case "x11", "fallback-x11":
		f.display("display.x11", from)
	case "pulseaudio":
		f.sound(from)
	case "session-bus":
		f.left(from, "the whole bus is never granted: name the services in [bus.session]", "")
	case "system-bus":
		f.left(from, "the whole bus is never granted: name the services in [bus.system]", "")
	case "ssh-auth":
		f.service("ssh-agent", from)
	case "cups":
		f.grant("devices.printer", "cups", from)
	case "gpg-agent", "pcsc":
		f.service(word, from)
	default:
		f.left(from, "snug has nothing like it", "")
	}
}

// display grants a filtered display if this version has one.
func (d *Draft) display(key, from string) {
	for _, value := range keyOf(key).Now() {
		if value == "filtered" {
			d.grant(key, value, from)
			return
		}
	}
	d.grant(key, "raw", from)
}

// sound grants what a sandbox has elsewhere that has the sound server, but that recording is asked for.
func (d *Draft) sound(from string) {
	d.grant("sound.play", "true", from)
	d.grant("sound.record", "ask", from)
}

func (d *Draft) service(name, from string) { d.grant("process.services", name, from) }

func (f *flatpak) device(word, from string) {
	switch word {
	case "dri":
		f.grant("devices.gpu", "true", from)
	case "input":
		f.grant("devices.input", "true", from)
	case "kvm":
		f.grant("devices.nodes", "/dev/kvm", from)
	case "all":
		f.grant("devices.gpu", "true", from)
		f.left(from, "devices are named one by one in [devices]; of these only the graphics card is granted", "")
	default:
		f.left(from, "snug has nothing like it", "")
	}
}

// path reads one entry of filesystems: a name, and how.
func (f *flatpak) path(word, from string) {
	path, mode, key := word, "", "files.write"
	if colon := strings.LastIndexByte(word, ':'); colon >= 0 {
		path, mode = word[:colon], word[colon+1:]
	}
	switch mode {
	case "ro":
		key = "files.read"
	case "create":
		key = "files.create"
	}
	switch {
	case strings.HasPrefix(path, "!"):
		f.left(from, "takes away what a runtime grants, and nothing does", "")
		return
	case path == "host" || path == "home" || path == "~":
		f.left(from, key+" = ~: the app could "+manifests.Danger("files:HOME").Why(), "files:HOME")
		return
	case path == "host-os" || path == "host-etc":
		f.left(from, "the system is this one's already, to be read", "")
		return
	case strings.HasPrefix(path, "home/"):
		path = "~/" + strings.TrimPrefix(path, "home/")
	}
	f.grant(key, "?"+strings.TrimRight(path, "/"), from)
}

func (f *flatpak) feature(word, from string) {
	switch word {
	case "devel":
		f.grant("process.debug", "true", from)
	case "multiarch":
		f.grant("process.abi32", "true", from)
	case "per-app-dev-shm":
		f.left(from, "each start has a /dev/shm of its own", "")
	default:
		if !strings.HasPrefix(word, "!") {
			f.left(from, "snug has nothing like it", "")
		}
	}
}

// bus reads the rules of a bus. What the app owns by its id comes with it; portals are granted by name.
func (f *flatpak) bus(group, table string) {
	for _, name := range f.file.Keys(group) {
		policy, _ := f.file.Get(group, name)
		from := group + ": " + name + "=" + policy
		switch {
		case policy == "none":
		case !words.Set("see talk own").Has(policy):
			f.left(from, "is no policy", "")
		case strings.HasPrefix(name, "org.freedesktop.portal."):
			f.left(from, "portals are granted by name, in portals.allow", "")
		case policy == "own" && f.isOwn(name):
		case name == "org.a11y.Bus" && policy == "talk":
			f.grant("bus.a11y.enable", "true", from)
		default:
			f.grant(table+policy, name, from)
		}
	}
}

// isOwn reports whether a name on the bus is the app's by its id.
func (f *flatpak) isOwn(name string) bool {
	for _, own := range [...]string{f.ID, "org.mpris.MediaPlayer2." + f.ID} {
		if name == own || strings.HasPrefix(name, own+".") {
			return true
		}
	}
	return false
}

// rest notes the groups that say something which has no place in a manifest.
func (f *flatpak) rest() {
	for _, group := range f.file.Groups() {
		switch {
		case words.Set("Application Context Environment Instance Build ExtensionOf").Has(group), group == "",
			group == "Session Bus Policy", group == "System Bus Policy", strings.HasPrefix(group, "Extension "), group == "Extra Data":
		case strings.HasPrefix(group, "Policy "):
			f.left("["+group+"]", "is read by another program", "")
		default:
			f.left("["+group+"]", "snug has nothing like it", "")
		}
	}
}
