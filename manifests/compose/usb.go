package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// usb shows devices by vendor and product: the node of each, by which a program takes it from the kernel's
// driver and speaks to it directly, and its folder in /sys.
func (c *composer) usb() {
	if len(c.m.Devices.USB) == 0 {
		return
	}
	devices := c.usbNodes()
	for _, asks := range c.m.Devices.USB {
		c.usbDevice(asks, devices)
	}
}

// usbHub is the class of hubs. Who has a hub's node turns off what is plugged into it, and the folder
// of a hub holds those of other devices.
const usbHub = "09"

func (c *composer) usbDevice(asks manifests.Text, devices []seenNode) {
	var shown []seenNode
	vendor, product, _ := strings.Cut(strings.ToLower(asks.Value), ":")
	for _, n := range devices {
		if c.attribute(n.sys, "idVendor") != vendor || c.attribute(n.sys, "idProduct") != product {
			continue
		}
		if c.attribute(n.sys, "bDeviceClass") == usbHub {
			c.warn("devices.usb", asks, "is a hub, which holds other devices", "name the device that is plugged into it")
			return
		}
		c.showNode(&n, n.sys, "/sys/bus/usb/devices/"+basename(n.sys), asks.Origin)
		shown = append(shown, n)
	}
	if shown == nil {
		c.warn("devices.usb", asks, "no such device is plugged in", laterHint)
		return
	}
	c.tell(groupDevices, "use the USB device "+asks.Value+" past its driver, as plugged in at its start: "+pathsOf(shown), asks.Origin)
}

// usbNodes gives the nodes of all USB devices.
func (c *composer) usbNodes() (nodes []seenNode) {
	const folder = "/dev/bus/usb"
	buses, err := c.w.Files.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, bus := range buses {
		if bus.is(unix.S_IFDIR) && words.Every(bus.Name, words.IsDigit) {
			nodes = append(nodes, c.nodesOf(child(folder, bus.Name), "")...)
		}
	}
	return nodes
}
