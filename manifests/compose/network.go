package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps/landlock"
	"snug/manifests"
	"snug/sandbox"
)

// The policy of the network, in prose.
//
// Off and user have a network namespace of their own. Host shares the machine's, and with it all
// abstract sockets, which no mount hides: the X server's, some message buses'. Where the kernel
// can (Landlock's scope, ABI 6, Linux 6.12), these are cut off. Where it cannot, host is refused,
// unless a person typed it, or the manifest has x11 = "raw" and so the gravest of these sockets
// anyway. With x11 = "raw" the scope is left off, because Xlib tries the abstract socket first and
// gives up when that is refused.

func (c *composer) networkMode() string { return orDefault(c.m.Network.Mode, "off") }

func (c *composer) network() {
	asks := c.m.Network.Mode
	switch c.networkMode() {
	case "off":
		c.tell(groupNetwork, "no network", asks.Origin)
	case "user":
		c.out.UserNetwork = true
		c.userResolver()
		c.tell(groupNetwork, "reach the network through a user-mode stack, but nothing that listens on this machine's loopback", asks.Origin)
	case "host":
		c.out.Spec.Net.Shared = true
		c.hostResolver()
		c.tellDanger(groupNetwork, "reach all that this machine reaches, and its own services", asks.Origin, "network-host")
		c.scopeSockets(asks)
	}
}

// scopeSockets cuts the app off from abstract sockets of the host.
func (c *composer) scopeSockets(asks manifests.Text) {
	abi := c.w.Host.Landlock
	ruleset, lost := landlock.Downgrade(landlock.Ruleset{Scoped: landlock.ScopeAbstractUnix}, abi)
	switch {
	case c.display.x11:
		c.tell(groupApps, "connect to the abstract sockets of this machine, as the X server's is one of them", asks.Origin)
	case len(lost) == 0:
		attr, err := ruleset.Attr(abi)
		if err != nil {
			c.refuse("network.mode", asks, err.Error(), "")
			return
		}
		c.out.Spec.Process.Landlock = &sandbox.Landlock{Attr: attr, Origin: asks.Origin}
	case asks.Typed():
		c.tell(groupApps, "connect to the abstract sockets of this machine: this kernel cannot cut them off", asks.Origin)
		c.warn("network.mode", asks, "other programs' abstract sockets are open to the app, also an X server's", `network = "user" has none of them`)
	default:
		c.refuse("network.mode", asks, "before Linux 6.12 nothing keeps the app from the abstract sockets of this machine, also the X server's",
			`write network.mode = "user"`)
	}
}

// userResolver names the server that a user-mode network answers at, with the host's search list.
func (c *composer) userResolver() {
	text := "nameserver " + Resolver + "\n"
	if file, found := c.exists("/etc/resolv.conf"); found && file.file.is(unix.S_IFREG) {
		host, _ := c.w.Files.ReadFile(file.path, maxText)
		for line := range strings.SplitSeq(string(host), "\n") {
			if strings.HasPrefix(line, "search ") || strings.HasPrefix(line, "options ") {
				text += line + "\n"
			}
		}
	}
	const path = "/etc/resolv.conf"
	c.add(path, &sandbox.Data{Dest: path, Content: []byte(text), Origin: c.m.Network.Mode.Origin})
}

// hostResolver shows the host's own resolv.conf. Most hosts replace it by rename, and a file that
// is bound would stay the old one: so where it is a link, what is bound is the folder that it
// leads to, without the sockets there.
func (c *composer) hostResolver() {
	const path = "/etc/resolv.conf"
	real, found := c.exists(path)
	if !found {
		c.warn("network.mode", c.m.Network.Mode, "this machine has no "+path+": names cannot be looked up", "")
		return
	}
	origin := c.m.Network.Mode.Origin
	folder := dirname(real.path)
	if !inside(folder, "/run") || folder == "/run" {
		c.bindFor(real.path, path, origin)
		return
	}
	c.bindFor(folder, folder, origin)
	c.add(path, &sandbox.Symlink{Dest: path, Target: real.path, Origin: origin})
	entries, _ := c.w.Files.ReadDir(folder)
	for _, entry := range entries {
		if entry.is(unix.S_IFSOCK) {
			c.covers = append(c.covers, &sandbox.Mask{Dest: folder + "/" + entry.Name, Origin: origin})
		}
	}
}
