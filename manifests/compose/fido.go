package compose

import (
	"strings"

	"snug/manifests"
)

// securityKeys shows the nodes of security keys, told by the reports that they declare. Keys that are smart
// cards, too, have other nodes for that, and one that types passwords has another as a keyboard.
func (c *composer) securityKeys(asks manifests.Flag) {
	var shown []seenNode
	for _, n := range c.nodesOf("/dev", "hidraw") {
		device, found := strings.CutSuffix(n.sys, "/hidraw/"+basename(n.path))
		if found && isSecurityKey([]byte(c.rawAttribute(device, "report_descriptor"))) {
			c.showNode(&n, device, "/sys/class/hidraw/"+basename(n.path), asks.Origin)
			shown = append(shown, n)
		}
	}
	if shown == nil {
		c.absent("devices.fido", asks, "no security key: none is plugged in")
		return
	}
	c.tell(groupDevices, "use the security keys plugged in at its start: "+pathsOf(shown), asks.Origin)
}

// fidoUsage is the page and the usage of an authenticator (CTAP 2.1, "USB HID").
const fidoUsage = 0xf1d0_0001

// isSecurityKey reports whether a report descriptor (HID 1.11, 6.2.2) declares an authenticator, and nothing
// else: a node carries the reports of all that is declared, among them keys that somebody types. The
// device wrote it, so what is not well formed is no key.
func isSecurityKey(descriptor []byte) bool {
	var d hidReader
	for len(descriptor) > 0 {
		size, ok := d.item(descriptor)
		if !ok {
			return false
		}
		descriptor = descriptor[size:]
	}
	return d.depth == 0 && d.keys > 0 && d.others == 0
}

// hidReader is where the reader of a report descriptor stands.
type hidReader struct {
	page   uint32   // the usage page, of the items that follow
	pushed []uint32 // pages that a Pop brings back
	named  bool     // there was a usage since the last main item
	usage  uint32   // the first such
	whole  bool     // it brought its page
	depth  int      // open collections
	keys   int      // authenticators among the collections at the top
	others int      // all else among them
}

// Items by their prefix without the size (HID 1.11, 6.2.2.4 to 6.2.2.8).
const (
	hidCollection    = 0xa0
	hidEndCollection = 0xc0
	hidUsagePage     = 0x04
	hidPush          = 0xa4
	hidPop           = 0xb4
	hidUsage         = 0x08
	hidUsageMinimum  = 0x18
	hidLong          = 0xfe
)

// hidDeepest bounds collections and pushed pages, as the kernel does.
const hidDeepest = 64

// item reads one item and reports whether it is well formed, and how long it is.
func (d *hidReader) item(b []byte) (size int, ok bool) {
	if b[0] == hidLong {
		return 0, false // reserved, and by no device used
	}
	length := int(b[0] & 3)
	if length == 3 {
		length = 4
	}
	if len(b) < 1+length {
		return 0, false
	}
	var value uint32
	for i := length; i > 0; i-- {
		value = value<<8 | uint32(b[i])
	}
	return 1 + length, d.take(b[0]&^3, value, length)
}

// take heeds an item that says which collections there are.
func (d *hidReader) take(tag byte, value uint32, length int) bool {
	switch tag {
	case hidUsagePage:
		d.page = value
		return value <= 0xffff
	case hidPush:
		d.pushed = append(d.pushed, d.page)
		return len(d.pushed) <= hidDeepest
	case hidPop:
		if len(d.pushed) == 0 {
			return false
		}
		d.page, d.pushed = d.pushed[len(d.pushed)-1], d.pushed[:len(d.pushed)-1]
	case hidUsage, hidUsageMinimum:
		if !d.named {
			d.named, d.usage, d.whole = true, value, length == 4
		}
	case hidCollection:
		d.open()
		return d.depth <= hidDeepest
	case hidEndCollection:
		d.depth--
		d.named = false
		return d.depth >= 0
	default:
		if tag&0x0c == 0 { // another main item: usages are for one alone
			d.named = false
			return d.depth > 0 // a report outside of collections belongs to nothing
		}
	}
	return true
}

// open begins a collection. A usage of four bytes brings its page; a shorter one has the page that holds now.
func (d *hidReader) open() {
	usage := d.usage
	if !d.whole {
		usage |= d.page << 16
	}
	switch {
	case d.depth > 0:
	case d.named && usage == fidoUsage:
		d.keys++
	default:
		d.others++
	}
	d.depth++
	d.named = false
}
