package compose

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// devices shows device nodes and the least of /sys that their libraries read.
func (c *composer) devices() {
	gpu, compute := c.m.Devices.GPU, c.m.Devices.Compute
	if gpu.Value {
		c.graphics(gpu.Origin)
	}
	if compute.Value {
		c.computing(compute.Origin)
	}
	for _, node := range c.m.Devices.Nodes {
		c.node(node)
	}
	if !gpu.Value && !compute.Value && len(c.m.Devices.Nodes) == 0 {
		c.tell(groupDevices, "no devices", "")
	}
}

// showDevice binds a node, or a folder of nodes, that works.
func (c *composer) showDevice(source, dest string, origin manifests.Origin) {
	if c.has(dest) {
		return
	}
	c.add(dest, &sandbox.Bind{Source: source, Dest: dest, Devices: true, NoSymlinks: true, Origin: origin})
}

// graphics shows the cards: for Mesa /dev/dri, for NVIDIA's own driver its nodes.
func (c *composer) graphics(origin manifests.Origin) {
	found := false
	if nodes, err := c.w.Files.ReadDir("/dev/dri"); err == nil {
		found = true
		c.showDevice("/dev/dri", "/dev/dri", origin)
		for _, node := range nodes {
			if node.is(unix.S_IFCHR) {
				c.sysDevice("/dev/dri/"+node.Name, "drm", node.Name, origin)
			}
		}
		c.showSys("/sys/devices/system/cpu", origin)
	}
	found = c.nvidia(origin, func(name string) bool {
		return words.Every(name, words.IsDigit) || name == "ctl" || name == "-modeset"
	}) || found
	if !found {
		c.tell(groupDevices, "no graphics card: this machine has none", origin)
		return
	}
	c.tell(groupDevices, "use the graphics card", origin)
}

// nvidia shows those nodes of NVIDIA's driver whose name behind "nvidia" is wanted.
func (c *composer) nvidia(origin manifests.Origin, wanted func(name string) bool) bool {
	if _, err := c.w.Files.Lstat("/dev/nvidiactl"); err != nil {
		return false
	}
	entries, _ := c.w.Files.ReadDir("/dev")
	for _, entry := range entries {
		if name, found := strings.CutPrefix(entry.Name, "nvidia"); found && wanted(name) && !entry.is(unix.S_IFLNK) {
			c.showDevice("/dev/"+entry.Name, "/dev/"+entry.Name, origin)
		}
	}
	for _, module := range [...]string{"nvidia", "nvidia_drm", "nvidia_modeset", "nvidia_uvm"} {
		c.showSys("/sys/module/"+module, origin)
	}
	return true
}

// computing shows what CUDA, ROCm and OpenCL need beside the card.
func (c *composer) computing(origin manifests.Origin) {
	found := c.nvidia(origin, func(name string) bool { return strings.HasPrefix(name, "-uvm") || name == "-caps" || name == "ctl" })
	if _, err := c.w.Files.Lstat("/dev/kfd"); err == nil {
		found = true
		c.showDevice("/dev/kfd", "/dev/kfd", origin)
		c.sysDevice("/dev/kfd", "kfd", "kfd", origin)
		c.showSys("/sys/devices/system/node", origin)
	}
	if !found {
		c.warn("devices.compute", manifests.Text{Value: "true", Origin: origin}, "this machine has neither nvidia-uvm nor kfd", "")
		return
	}
	c.tell(groupDevices, "compute on the graphics card", origin)
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

// sysDevice shows the device behind a node and the links by which libraries find it: its number
// in /sys/dev/char and its name in /sys/class.
func (c *composer) sysDevice(node, class, name string, origin manifests.Origin) {
	file, err := c.w.Files.Lstat(node)
	if err != nil {
		return
	}
	number := strconv.FormatUint(uint64(unix.Major(file.Rdev)), 10) + ":" + strconv.FormatUint(uint64(unix.Minor(file.Rdev)), 10)
	link := "/sys/dev/char/" + number
	real, found := c.exists(link)
	if !found || !inside(real.path, "/sys/devices") {
		return
	}
	device := real.path
	if parent, found := c.exists(real.path + "/device"); found && inside(real.path, parent.path) {
		device = parent.path // the card itself, of which /drm/renderD128 is a part
	}
	c.showSys(device, origin)
	if c.has(link) {
		return
	}
	c.add(link, &sandbox.Symlink{Dest: link, Target: real.path, Origin: origin})
	link = "/sys/class/" + class + "/" + name
	c.add(link, &sandbox.Symlink{Dest: link, Target: real.path, Origin: origin})
}

// node shows one device node by its path, or a folder of them.
func (c *composer) node(asks manifests.Text) {
	real, err := c.resolve(asks.Value)
	switch {
	case err != nil || real.rest != "":
		c.refuse("devices.nodes", asks, "there is no such node", "plug it in, or leave it out")
	case !inside(real.path, "/dev") || real.path == "/dev":
		c.refuse("devices.nodes", asks, "leads to "+words.Quote(real.path)+", which is no device", "")
	case !real.file.is(unix.S_IFCHR) && !real.file.is(unix.S_IFBLK) && !real.file.is(unix.S_IFDIR):
		c.refuse("devices.nodes", asks, "is no device node", "")
	default:
		c.showDevice(real.path, asks.Value, asks.Origin)
		c.tellDanger(groupDevices, "use "+asks.Value, asks.Origin, "nodes")
	}
}
