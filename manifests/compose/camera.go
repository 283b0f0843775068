package compose

import (
	"strings"

	"snug/manifests"
)

// cameras shows the nodes of all cameras, and of what else takes or makes pictures: tuners, scanners' cards,
// decoders. The kernel does not tell them apart.
func (c *composer) cameras(asks manifests.Text) {
	c.tellDanger(groupDevices, "film without asking, with the cameras plugged in at its start", asks.Origin, "camera-raw")
	nodes := c.nodesOf("/dev", "video", "media")
	shown := false
	for i := range nodes {
		n := &nodes[i]
		link := "/sys/class/video4linux/" + basename(n.path)
		if strings.HasPrefix(n.path, "/dev/media") {
			link = "/sys/bus/media/devices/" + basename(n.path)
		} else {
			shown = true
		}
		c.showNode(n, c.wholeDevice(n), link, asks.Origin)
	}
	if !shown {
		c.warn("devices.camera", asks, "no camera is plugged in", laterHint)
	}
}
