package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// How a device is judged, in prose.
//
// Names of nodes are given again: /dev/hidraw0 is a security key now and a keyboard in a second. So the
// node is looked at first, then what /sys says of its number is judged, and the node is bound as the very
// file that was looked at. One that was exchanged in between, or is before the start, is another file, and the
// start fails. What is removed while the app runs is gone for it, and what then gets its name it does not see.
//
// Of /sys an app sees the folder of that device, the links by which libraries find it, and of udev's notes
// those of that node. What /sys holds is the kernel's word, but names and descriptors in it are the
// device's own: nothing is made of them but yes and no, and no link counts that leads out of /sys/devices.

// seenNode is a device node of the host that was looked at.
type seenNode struct {
	path   string
	id     sandbox.FileID
	number string // "13:64", as /sys and udev spell it
	sys    string // its folder in /sys/devices, without links
}

// maxAttribute bounds a file of /sys; the kernel says that each is as long as a page.
const maxAttribute = 64 << 10

// seeNode looks at a character device and finds its folder in /sys.
func (c *composer) seeNode(path string) (n seenNode, found bool) {
	file, err := c.w.Files.Lstat(path)
	if err != nil || !file.is(unix.S_IFCHR) {
		return n, false
	}
	n = seenNode{path: path, id: file.ID, number: number(unix.Major(file.Rdev)) + ":" + number(unix.Minor(file.Rdev))}
	real, found := c.exists("/sys/dev/char/" + n.number)
	n.sys = real.path
	return n, found && isDevice(real)
}

// isDevice reports whether a folder is that of one device. A folder that is higher up in /sys/devices holds
// those of many.
func isDevice(t target) bool {
	return t.file.is(unix.S_IFDIR) && inside(t.path, "/sys/devices") && strings.Count(t.path, "/") >= 4
}

// attribute reads a text in a folder of /sys, without the newline at its end, or gives "".
func (c *composer) attribute(folder, name string) string {
	return strings.TrimSuffix(c.rawAttribute(folder, name), "\n")
}

// rawAttribute reads a file in a folder of /sys, or gives "".
func (c *composer) rawAttribute(folder, name string) string {
	path := child(folder, name)
	if file, err := c.w.Files.Lstat(path); err != nil || !file.is(unix.S_IFREG) {
		return "" // no attribute is a link
	}
	text, err := c.w.Files.ReadFile(path, maxAttribute)
	if err != nil {
		return ""
	}
	return string(text)
}

// udevFile is where udev keeps what it knows of a node.
func (n *seenNode) udevFile() string { return "/run/udev/data/c" + n.number }

// udevNotes reads what udev knows of a node, and reports whether it knows anything.
func (c *composer) udevNotes(n *seenNode) (text string, known bool) {
	if file, err := c.w.Files.Lstat(n.udevFile()); err != nil || !file.is(unix.S_IFREG) {
		return "", false
	}
	notes, err := c.w.Files.ReadFile(n.udevFile(), maxAttribute)
	return string(notes), err == nil
}

// hasNote reports whether udev has set a property of a device to 1.
func hasNote(notes, property string) bool {
	return strings.Contains("\n"+notes+"\n", "\nE:"+property+"=1\n")
}

// showNode binds a node that was looked at, what udev knows of it, and its device's folder in /sys, by
// the links of its number and of a class or bus.
func (c *composer) showNode(n *seenNode, device, link string, origin manifests.Origin) {
	same := &n.id
	if n.id == (sandbox.FileID{}) {
		same = nil
	}
	c.showDevice(n.path, n.path, same, origin)
	if _, known := c.udevNotes(n); known && !c.has(n.udevFile()) {
		c.bindFor(n.udevFile(), n.udevFile(), origin)
	}
	c.showSys(device, origin)
	c.sysLinks(n, link, origin)
}

// showDevice binds a node, or a folder of nodes, that works.
func (c *composer) showDevice(source, dest string, same *sandbox.FileID, origin manifests.Origin) {
	if c.has(dest) {
		return
	}
	c.add(dest, &sandbox.Bind{Source: source, Dest: dest, Devices: true, Same: same, NoSymlinks: true, Origin: origin})
}

// showSys shows a folder of /sys, if it exists, once.
func (c *composer) showSys(path string, origin manifests.Origin) {
	if c.has(path) {
		return
	}
	if file, err := c.w.Files.Lstat(path); err == nil && file.is(unix.S_IFDIR) {
		c.add(path, &sandbox.Bind{Source: path, Dest: path, NoSymlinks: true, Origin: origin})
	}
}

// sysLinks makes the links by which libraries find a device: its number, and its name in a class.
func (c *composer) sysLinks(n *seenNode, link string, origin manifests.Origin) {
	for _, path := range [...]string{"/sys/dev/char/" + n.number, link} {
		if !c.has(path) {
			c.add(path, &sandbox.Symlink{Dest: path, Target: n.sys, Origin: origin})
		}
	}
}

// showCard shows in /sys the device that a node is a part of. Its node is shown already.
func (c *composer) showCard(path, link string, origin manifests.Origin) {
	if n, found := c.seeNode(path); found {
		c.showSys(c.wholeDevice(&n), origin)
		c.sysLinks(&n, link, origin)
	}
}

// wholeDevice gives the folder of the device that a node is a part of: of …/02.0/drm/renderD128 that of
// the card, …/02.0. What has no such is a device by itself.
func (c *composer) wholeDevice(n *seenNode) string {
	if parent, found := c.exists(n.sys + "/device"); found && isDevice(parent) && inside(n.sys, parent.path) {
		return parent.path
	}
	return n.sys
}

// isNumbered reports whether a name is a prefix and a number, as that of hidraw12.
func isNumbered(name, prefix string) bool {
	digits, found := strings.CutPrefix(name, prefix)
	return found && words.Every(digits, words.IsDigit)
}

// nodesOf gives the nodes in a folder of /dev whose names are one of the prefixes and a number.
func (c *composer) nodesOf(folder string, prefixes ...string) (nodes []seenNode) {
	entries, err := c.w.Files.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		for _, prefix := range prefixes {
			if !isNumbered(entry.Name, prefix) {
				continue
			}
			if n, found := c.seeNode(child(folder, entry.Name)); found {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// pathsOf lists nodes for people.
func pathsOf(nodes []seenNode) string {
	paths := make([]string, len(nodes))
	for i := range nodes {
		paths[i] = nodes[i].path
	}
	slices.Sort(paths)
	return strings.Join(paths, ", ")
}

// absent says that nothing of a kind is plugged in. A manifest allows whatever there will be, and a start
// without is nothing odd; a person who has typed that they want it hears it.
func (c *composer) absent(key string, asks manifests.Flag, what string) {
	if text := (manifests.Text{Value: "true", Origin: asks.Origin}); text.Typed() {
		c.warn(key, text, what, laterHint)
	}
	c.tell(groupDevices, what, asks.Origin)
}

const laterHint = "plug it in and start the app again"
