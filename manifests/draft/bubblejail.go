package draft

import (
	"strings"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// FromBubblejail proposes a manifest that grants what a services.toml of bubblejail grants
// (bubblejail.services(5)), or a profile, whose services lie below [services]. The instance gives the
// id. An error is a manifests.Problem.
func FromBubblejail(c *manifests.Catalogue, instance string, text []byte) (*Draft, error) {
	tables, err := readTables(text)
	if err != nil {
		return nil, err
	}
	d := &Draft{catalogue: c, about: []string{"Made of bubblejail's services for " + shown(instance) + "."}}
	id, why := portalID(instance)
	d.ID = id
	d.add(entry{key: "id", value: id, why: why})
	b := &bubblejail{d}
	b.profile(&tables)
	if len(tables) == 0 {
		return nil, manifests.Problem{What: "it names no service of bubblejail", Hint: "services.toml of an instance, or a profile"}
	}
	known := false
	b.base(tables)
	d.add(entry{key: "home.mode", value: "private", why: "As the instance's own home, which is not copied."})
	for _, table := range tables {
		known = b.service(&table) || known
	}
	if !known {
		return nil, manifests.Problem{What: "it names no service of bubblejail", Hint: "services.toml of an instance, or a profile"}
	}
	d.sayMore()
	return d, nil
}

// bubblejail is a services.toml that is being read.
type bubblejail struct{ *Draft }

// profile takes what a profile says above its services, and leaves the services.
func (b *bubblejail) profile(tables *[]table) {
	var services []table
	for _, table := range *tables {
		name, below := strings.CutPrefix(table.name, "services.")
		switch {
		case below:
			table.name = name
			services = append(services, table)
		case table.name == "services":
		case table.name != "":
			services = append(services, table)
		default:
			for _, path := range table.get("dot_desktop_path") {
				name := path[strings.LastIndexByte(path, '/')+1:]
				if why, _ := b.judge("desktop", name); why == "" {
					b.add(entry{key: "desktop", value: name})
				}
			}
		}
	}
	*tables = services
}

// base chooses by the services that only one toolkit needs.
func (b *bubblejail) base(tables []table) {
	base := "cli"
	for _, table := range tables {
		if words.Set("gnome_toolkit direct_rendering").Has(table.name) {
			base = "gtk"
		}
	}
	b.extend("", base)
}

// service reads one service, and reports whether bubblejail has it.
func (b *bubblejail) service(t *table) bool {
	from := "[" + t.name + "]"
	switch t.name {
	case "common":
		b.common(t)
	case "x11":
		b.display("display.x11", from)
	case "wayland":
		b.display("display.wayland", from)
	case "network":
		b.add(entry{key: "network.mode", value: "user", why: "bubblejail gives the host's own network, with the services of this machine."})
	case "slirp4netns", "pasta_network":
		b.grant("network.mode", "user", from)
		b.options(t, "snug chooses by itself how the network is made")
	case "pulse_audio":
		b.sound(from)
	case "pipewire":
		b.left(from, "PipeWire's own socket gives away camera, microphone and screen, and is never granted", "")
	case "home_share", "root_share":
		b.share(t)
	case "direct_rendering":
		b.grant("devices.gpu", "true", from)
	case "joystick":
		b.grant("devices.input", "true", from)
	case "v4l":
		b.grant("devices.camera", "portal", from)
	case "namespaces_limits":
		b.limits(t)
	case "debug":
		b.options(t, "words for bwrap and xdg-dbus-proxy: name in their place what they grant")
	case "openjdk":
	case "ntsync":
		b.grant("devices.nodes", "/dev/ntsync", from)
	default:
		return b.names(t, from)
	}
	return true
}

// names reads the services that are names on the session bus.
func (b *bubblejail) names(t *table, from string) bool {
	switch t.name {
	case "systray":
		b.grant("display.allow", "tray", from)
	case "notify":
		b.grant("bus.session.call", "org.freedesktop.Notifications=*@/org/freedesktop/Notifications", from)
	case "gamemode":
		b.grant("bus.session.call", "com.feralinteractive.GameMode=*@/com/feralinteractive/GameMode", from)
	case "ibus", "fcitx":
		b.grant("display.allow", "ime", from)
	case "gnome_toolkit":
		if t.isTrue("gnome_portal") {
			b.askPortals("bubblejail lets it ask all portals; these are those that most apps ask.", "FileChooser", "OpenURI", "Settings")
		}
		if t.isTrue("dconf_dbus") {
			b.grant("bus.session.talk", "ca.desrt.dconf", from+" dconf_dbus")
		}
		if t.isTrue("gnome_vfs_dbus") {
			b.grant("bus.session.talk", "org.gtk.vfs.*", from+" gnome_vfs_dbus")
		}
	default:
		b.left(from, "snug does not know this service", "")
		return false
	}
	return true
}

func (b *bubblejail) common(t *table) {
	command := t.get("executable_name")
	for _, word := range command {
		if why, _ := b.judge("command", word); why != "" {
			b.left("[common] executable_name", why, "")
			command = nil
		}
	}
	for _, word := range command {
		b.entries = append(b.entries, entry{key: "command", value: word})
	}
	for _, name := range t.get("dbus_name") {
		if name != "" && name != b.ID {
			b.grant("bus.session.own", name, "[common] dbus_name")
		}
	}
	if t.isTrue("filter_disk_sync") {
		b.left("[common] filter_disk_sync", "snug does not answer for system calls", "")
	}
}

// share reads folders below the home or anywhere.
func (b *bubblejail) share(t *table) {
	for _, o := range t.options {
		key := "files.write"
		if o.name == "read_only_paths" {
			key = "files.read"
		}
		for _, path := range o.values {
			from := "[" + t.name + "] " + o.name + "=" + path
			if t.name == "home_share" && !strings.HasPrefix(path, "/") {
				path = "~/" + strings.TrimPrefix(path, "~/")
			}
			if path != "/" {
				path = strings.TrimRight(path, "/")
			}
			b.grant(key, path, from)
		}
	}
}

// limits reads how many namespaces may be made inside: none, or any.
func (b *bubblejail) limits(t *table) {
	if user := t.get("user"); len(user) == 1 && user[0] != "0" {
		b.grant("process.nested", "true", "[namespaces_limits] user")
	}
}

// options notes what a service is told and snug has no word for.
func (b *bubblejail) options(t *table, why string) {
	for _, o := range t.options {
		b.left("["+t.name+"] "+o.name, why, "")
	}
}

// Instance takes what a metadata_instance.toml of bubblejail says of an instance: its launcher.
func (d *Draft) Instance(text []byte) {
	tables, err := readTables(text)
	for _, table := range tables {
		for _, name := range table.get("desktop_entry_name") {
			if why, _ := d.judge("desktop", name); err == nil && table.name == "" && why == "" {
				d.add(entry{key: "desktop", value: name})
			}
		}
	}
}
