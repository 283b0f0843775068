package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// devices shows device nodes and the least of /sys that their libraries read. What is not plugged in
// is no error: the app starts without it. What is plugged in later comes with the next start.
func (c *composer) devices() {
	d := &c.m.Devices
	if d.GPU.Value {
		c.graphics(d.GPU.Origin)
	}
	if d.Compute.Value {
		c.computing(d.Compute.Origin)
	}
	if d.Input.Value {
		c.gamepads(d.Input)
	}
	if d.FIDO.Value {
		c.securityKeys(d.FIDO)
	}
	if d.Camera.Value == "raw" {
		c.cameras(d.Camera)
	}
	if d.Printer.Value == "cups" {
		c.cups(d.Printer)
	}
	c.usb()
	for _, node := range d.Nodes {
		c.node(node)
	}
	if !slices.ContainsFunc(c.out.Account, func(e Entry) bool { return e.Group == groupDevices }) {
		c.tell(groupDevices, "no devices", "")
	}
}

// graphics shows the cards: for Mesa /dev/dri, for NVIDIA's own driver its nodes.
func (c *composer) graphics(origin manifests.Origin) {
	found := false
	if nodes, err := c.w.Files.ReadDir("/dev/dri"); err == nil {
		found = true
		c.showDevice("/dev/dri", "/dev/dri", nil, origin)
		for _, node := range nodes {
			if node.is(unix.S_IFCHR) {
				c.showCard("/dev/dri/"+node.Name, "/sys/class/drm/"+node.Name, origin)
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
			c.showDevice("/dev/"+entry.Name, "/dev/"+entry.Name, nil, origin)
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
		c.showDevice("/dev/kfd", "/dev/kfd", nil, origin)
		c.showCard("/dev/kfd", "/sys/class/kfd/kfd", origin)
		c.showSys("/sys/devices/system/node", origin)
	}
	if !found {
		c.warn("devices.compute", manifests.Text{Value: "true", Origin: origin}, "this machine has neither nvidia-uvm nor kfd", "")
		return
	}
	c.tell(groupDevices, "compute on the graphics card", origin)
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
		c.showDevice(real.path, asks.Value, nil, asks.Origin)
		c.tellDanger(groupDevices, "use "+asks.Value, asks.Origin, "nodes")
	}
}
