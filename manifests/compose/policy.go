package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// The policy of file grants, in prose.
//
// A grant is judged by where its path really leads, every link followed, and what was judged is
// what is bound: the engine refuses the path if a link has appeared in it since.
//
//  1. Refused always: what leads out of the sandbox. These are container engines' sockets, the
//     sockets of the session (message bus, PipeWire, keyring, agents, compositors' own), the
//     system's buses, the real X authority; and the folders that are nothing but such things:
//     / /run /run/user /tmp /dev /proc /sys /etc, and the session's folder in /run/user. What lies in a
//     folder that may be granted, such as the home, is hidden there.
//  2. Never writable: what starts programs outside the sandbox, at login or by itself, and snug's
//     own folders. A writable folder that holds such a name, or could come to hold it, is shown
//     entry by entry in a read-only folder of the sandbox: what exists can be changed, but no new
//     name appears beside it (CVE-2024-1724). Nothing is made in the person's home for that. Of a git
//     repository config and hooks are read-only, and the rest can be changed: see repository.go.
//  3. Dangerous, files:HOME: the home or a parent of it, and the folders with keys.
//  4. A grant never follows a link in a folder that the app may write to: the app could have
//     planted it at its last run (CVE-2026-87766). Kept homes hold no grants' sources.
//
// What this does not stop, and is said here: a hole that is a file appears again when somebody
// outside replaces it by rename, as editors do, since the mount goes with the old file; a folder that a grant shows may hold hard links, or
// programs that the person starts by hand (a Makefile, a .vimrc); and a hole, or a read-only part,
// whose path leads through a kept home can be missed when a second instance of the same app
// exchanges folders of its home while the first is being started.

// forbidden is what no grant may reach.
type forbidden struct {
	broad  []outlet
	always []outlet
	home   string // the home, without links
	secret []string
	starts []string // never writable, without links as far as they exist
}

// outlet is a path without links, and why it is refused.
type outlet struct{ path, why string }

const (
	whyEngine   = "a container engine's socket gives away the whole account, often the machine"
	whyBus      = "an unfiltered message bus leads out of the sandbox"
	whySession  = "this socket of your session leads out of the sandbox"
	whyPipeWire = "PipeWire's own socket gives away camera, microphone and screen"
	whyXauth    = "your X authority opens the display to everything"
	whyDisplay  = "this is a display's socket"
	whySound    = "this is the sound server's socket"
	whyDevice   = "devices are granted by name"
	whySockets  = "this folder is nothing but ways out of the sandbox"
	whyRoot     = "the root of the host is everything"
	whyOwn      = "every sandbox has its own"
	whyTmp      = "other programs keep their sockets here"
)

// engineSockets are container and virtual machine engines', wherever they keep them.
var engineSockets = [...]string{"/run/docker.sock", "/run/docker", "/run/containerd", "/run/podman", "/run/crio",
	"/run/buildkit", "/run/k3s", "/run/libvirt", "/run/lxd.socket", "/run/incus", "/var/lib/lxd/unix.socket",
	"/var/lib/incus/unix.socket", "/var/snap/lxd/common/lxd/unix.socket", "/run/snapd.socket", "/run/snapd-snap.socket"}

// sessionNames are what of the session's folder is never granted; a star stands for any ending.
const sessionNames words.Set = "bus systemd dbus-1 .flatpak .dbus-proxy gnupg keyring gcr ssh-agent* openssh_agent gvfs gvfsd " +
	"at-spi doc p11-kit kwallet* ICEauthority sway-ipc* i3 hypr niri* wayfire* emacs tmux* kitty* nvim* snug"

// startNames are what of the home runs by itself.
var startNames = [...]string{"bin", ".local/bin",
	".bash_login", ".bash_logout", ".bash_profile", ".bashrc", ".cshrc", ".kshrc", ".login", ".logout", ".mkshrc", ".profile",
	".bash_aliases", ".bashrc.d", ".gnomerc", ".local/lib", ".cargo/bin", "go/bin", ".gitconfig", ".xmonad", ".fluxbox",
	".tcshrc", ".zlogin", ".zlogout", ".zprofile", ".zshenv", ".zshrc",
	".pam_environment", ".xinitrc", ".xprofile", ".xserverrc", ".xsession", ".xsessionrc"}

// startConfigs and startData are the same of the XDG folders.
var (
	startConfigs = [...]string{"autostart", "environment.d", "fish", "git", "plasma-workspace", "snug", "systemd/user",
		"awesome", "bspwm", "hypr", "i3", "labwc", "lxsession", "niri", "openbox", "qtile", "river", "sway", "user-tmpfiles.d", "wayfire.ini"}
	startData = [...]string{"applications", "dbus-1", "snug", "systemd/user", "cinnamon", "gnome-shell/extensions", "kwin", "plasma"}
)

// secretNames are the folders with keys.
var secretNames = [...]string{".ssh", ".gnupg", ".aws", ".kube", ".password-store", ".local/share/keyrings", ".netrc", ".docker"}

// policy returns what no grant may reach, looked up once and only if something is granted.
func (c *composer) policy() *forbidden {
	if c.fixed == nil {
		c.fixed = &forbidden{home: c.realPath(c.home)}
		c.listForbidden(c.fixed)
	}
	return c.fixed
}

// realPath follows the links of a path as far as it exists.
func (c *composer) realPath(path string) string {
	real, err := c.resolve(path)
	if err != nil || strings.Contains(real.rest, "..") {
		return path
	}
	return child(real.path, real.rest)
}

func (c *composer) realHome() string { return c.policy().home }

func (c *composer) listForbidden(f *forbidden) {
	never := func(why string, paths ...string) {
		for _, path := range paths {
			f.always = append(f.always, outlet{c.realPath(path), why})
		}
	}
	for _, path := range engineSockets {
		f.always = append(f.always, outlet{path, whyEngine})
	}
	never("Nix's daemon fetches and runs what it is told to, outside the sandbox", treeSockets[:]...)
	never(whyBus, "/run/dbus")
	never("systemd's sockets lead out of the sandbox", "/run/systemd")
	never(whyDisplay, "/tmp/.X11-unix", "/tmp/.ICE-unix")
	never(whyXauth, child(c.home, ".Xauthority"), child(c.home, ".ICEauthority"))
	never(whyEngine, child(c.home, ".docker/run"), child(c.home, ".docker/desktop"), child(c.home, ".colima"))
	for _, variable := range [...]struct{ name, why string }{{"XAUTHORITY", whyXauth}, {"DOCKER_HOST", whyEngine},
		{"CONTAINER_HOST", whyEngine}, {"SSH_AUTH_SOCK", whySession}, {"DBUS_SESSION_BUS_ADDRESS", whyBus}, {"SWAYSOCK", whySession}} {
		if path := socketPath(c.w.getenv(variable.name)); path != "" {
			never(variable.why, path)
		}
	}
	for _, path := range [...]string{"/run", "/run/user"} {
		f.broad = append(f.broad, outlet{path, whySockets})
	}
	f.broad = append(f.broad, outlet{"/", whyRoot},
		outlet{"/tmp", whyTmp}, outlet{"/etc", whyOwn}, outlet{"/sys", whyOwn})
	if c.w.RuntimeDir != "" {
		f.broad = append(f.broad, outlet{c.realPath(c.w.RuntimeDir), whySockets})
	}
	for _, name := range secretNames {
		f.secret = append(f.secret, c.realPath(child(c.home, name)))
	}
}

// socketPath finds a path in a variable such as "unix:path=/run/user/1000/bus,guid=…".
func socketPath(value string) string {
	value, _, _ = strings.Cut(value, ",")
	value = strings.TrimPrefix(strings.TrimPrefix(value, "unix:path="), "unix://")
	if !strings.HasPrefix(value, "/") {
		return ""
	}
	return clean(value)
}

// listStarts lists what is never writable, each by its own place and by where it leads.
func (c *composer) listStarts(f *forbidden) {
	add := func(folder string, names ...string) {
		for _, name := range names {
			path := child(c.realPath(folder), name)
			f.starts = append(f.starts, path)
			if real := c.realPath(path); real != path {
				f.starts = append(f.starts, real)
			}
		}
	}
	add(c.home, startNames[:]...)
	add(c.w.Config, startConfigs[:]...)
	add(c.w.Data, startData[:]...)
	add(c.w.State, "snug")
	add("/tmp", "snug-"+number(c.w.Host.UID)) // the account of instances where there is no XDG_RUNTIME_DIR
	if usual := child(c.home, ".config"); usual != c.w.Config {
		add(usual, startConfigs[:]...)
	}
	if usual := child(c.home, ".local/share"); usual != c.w.Data {
		add(usual, startData[:]...)
	}
}

// forbiddenIn says why a path without links is never granted, or returns nil.
func (c *composer) forbiddenIn(path string) *outlet {
	f := c.policy()
	for i := range f.broad {
		if f.broad[i].path == path {
			return &f.broad[i]
		}
	}
	for i := range f.always {
		if inside(path, f.always[i].path) {
			return &f.always[i]
		}
	}
	switch {
	case inside(path, "/proc"):
		return &outlet{path, "it shows the processes of the host"}
	case inside(path, "/dev"):
		return &outlet{path, whyDevice}
	}
	return c.forbiddenSession(path)
}

// forbiddenSession judges what lies in the session's folder.
func (c *composer) forbiddenSession(path string) *outlet {
	folder := c.realPath(c.w.RuntimeDir)
	if c.w.RuntimeDir == "" || !inside(path, folder) {
		if inside(path, "/run/user") {
			return &outlet{path, "it belongs to another session"}
		}
		return nil
	}
	name, _, _ := strings.Cut(relative(path, folder), "/")
	switch {
	case strings.HasPrefix(name, "pipewire-"):
		return &outlet{path, whyPipeWire}
	case strings.HasPrefix(name, "wayland-"), strings.Contains(name, "Xwayland"), strings.HasPrefix(name, "xauth"):
		return &outlet{path, whyDisplay}
	case name == "pulse":
		return &outlet{path, whySound}
	case words.Set("docker* podman* containerd* buildkit* libpod crun runc").Has(name):
		return &outlet{path, whyEngine}
	case name == "bus":
		return &outlet{path, whyBus}
	case sessionNames.Has(name):
		return &outlet{path, whySession}
	}
	return nil
}

// hidden returns what a folder that may be granted holds of what may not, as far as it exists.
func (c *composer) hidden(folder string) (paths []string) {
	f := c.policy()
	for _, places := range [...][]outlet{f.broad, f.always} {
		for _, place := range places {
			if !inside(place.path, folder) || place.path == folder || slices.Contains(paths, place.path) {
				continue
			}
			if _, err := c.w.Files.Lstat(place.path); err == nil {
				paths = append(paths, place.path)
			}
		}
	}
	return paths
}

// secret reports whether a path without links is a folder with keys, lies in one or holds one.
func (c *composer) secret(path string) bool {
	for _, folder := range c.policy().secret {
		if inside(path, folder) || inside(folder, path) {
			return true
		}
	}
	return false
}

// namesSecret reports whether a path says by its words that it means the home or a folder with keys.
// Who types such a path asked for that; a link that leads there may be an app's, of an earlier run.
func (c *composer) namesSecret(path string) bool {
	if inside(c.home, path) || inside(c.policy().home, path) || c.secret(path) {
		return true
	}
	return slices.ContainsFunc(secretNames[:], func(name string) bool {
		folder := child(c.home, name)
		return inside(path, folder) || inside(folder, path)
	})
}

// startsIn reports what a path without links has to do with the names that are never writable:
// whether it is or lies below one, and whether one lies below it.
func (c *composer) startsIn(path string) (is, holds bool) {
	f := c.policy()
	if f.starts == nil {
		c.listStarts(f)
	}
	for _, start := range f.starts {
		is = is || inside(path, start)
		holds = holds || inside(start, path) && start != path
	}
	return is, holds
}

// runsOutside reports whether a path without links is never writable.
func (c *composer) runsOutside(path string) bool {
	is, _ := c.startsIn(path)
	return is
}

// holdsStarts reports whether what lies below a path without links, or could, is never writable.
func (c *composer) holdsStarts(path string) bool {
	_, holds := c.startsIn(path)
	return holds
}

// judge applies the policy to a grant and reports whether it may be given.
func (c *composer) judge(g *grant) bool {
	path := g.source.path
	if place := c.forbiddenIn(path); place != nil {
		c.refuse(g.key, g.asks, place.why+"; it is never granted", hintFor(place, g.asks))
		return false
	}
	if g.write && inside(path, "/sys") {
		c.refuse(g.key, g.asks, "changing /sys changes the machine; it is never writable", c.toShow(g.asks))
		return false
	}
	if g.write && c.runsOutside(path) {
		c.refuse(g.key, g.asks, "what is there runs outside the sandbox; it is never writable", c.toShow(g.asks))
		return false
	}
	if kind := g.source.file.Mode & unix.S_IFMT; kind == unix.S_IFCHR || kind == unix.S_IFBLK {
		c.refuse(g.key, g.asks, "is a device", spelled(g.asks, "write devices.nodes", "--devices-nodes grants it"))
		return false
	}
	if inside(c.policy().home, path) || c.secret(path) {
		if g.asks.Typed() && !c.namesSecret(g.dest) && !c.m.Accepts("files:HOME") {
			c.refuse(g.key, g.asks, "leads by a link to "+words.Quote(path)+", your home or your keys", "if you mean it, name that")
			return false
		}
		if err := c.m.Permit("files:HOME", g.key, g.asks); err != nil {
			c.problems = append(c.problems, err.(manifests.Problem))
			return false
		}
		g.danger = "files:HOME"
	}
	return true
}

// toShow says how what is never writable can be read.
func (c *composer) toShow(asks manifests.Text) string {
	if c.live {
		return "without --write it can be read"
	}
	return spelled(asks, "files.read shows it", "--read shows it")
}

// spelled picks the hint for a manifest or for the command line, whichever asked.
func spelled(asks manifests.Text, file, flag string) string {
	if asks.Typed() {
		return flag
	}
	return file
}

// hintFor says what to write or to type instead of a grant that is never given, or nothing.
func hintFor(place *outlet, asks manifests.Text) string {
	switch place.why {
	case whyDisplay, whyXauth:
		return spelled(asks, "write display.wayland or display.x11", "--wayland or --x11 grants the display")
	case whyBus:
		return spelled(asks, "write [bus.session] or [bus.system]", "")
	case whyPipeWire:
		return spelled(asks, "write [sound] or devices.camera", "--sound-raw grants the sound server")
	case whySound:
		return spelled(asks, "write [sound]", "--sound-raw grants the sound server")
	case whyDevice:
		return spelled(asks, "write [devices]", "--devices-nodes grants one by its path, --gpu the graphics card")
	case whySockets, whyRoot, whyTmp, whyOwn:
		return "name what the app needs below it"
	}
	return ""
}
