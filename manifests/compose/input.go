package compose

import (
	"math/bits"
	"strconv"
	"strings"

	"snug/manifests"
)

// gamepads shows the nodes of gamepads and joysticks. Who has a node of a keyboard reads every key that the
// person types anywhere, so udev's word alone does not make a gamepad: keyboards and mice with odd buttons
// are marked as one, too.
func (c *composer) gamepads(asks manifests.Flag) {
	var shown []seenNode
	for _, n := range c.nodesOf("/dev/input", "event", "js") {
		if device := dirname(n.sys); basename(n.sys) == basename(n.path) && c.isGamepad(&n, device) {
			c.showNode(&n, device, "/sys/class/input/"+basename(n.path), asks.Origin)
			shown = append(shown, n)
		}
	}
	if shown == nil {
		c.absent("devices.input", asks, "no gamepad: none is plugged in")
		return
	}
	c.tell(groupDevices, "use the gamepads plugged in at its start: "+pathsOf(shown), asks.Origin)
}

// Codes of buttons and axes (linux/input-event-codes.h).
const (
	btnLeft       = 0x110
	btnJoystick   = 0x120 // with those of gamepads up to 0x13f
	btnLast       = 0x13f
	btnDigi       = 0x140 // pens and fingers, up to 0x14f
	btnDigiLast   = 0x14f
	btnHappy      = 0x2c0 // what a joystick has beyond
	btnHappyLast  = 0x2e7
	axisLast      = 0x17 // ABS_X to ABS_HAT3Y; above are those of pens and fingers
	keyLetters    = 16   // Q, the first letter of its row
	keyLettersEnd = 50   // M
)

// isGamepad reports whether a node is that of a gamepad or joystick, and of nothing that people type or
// point with. Where udev does not know it, what the device can do decides.
func (c *composer) isGamepad(n *seenNode, device string) bool {
	can := device + "/capabilities"
	keys, known := parseBitmap(c.attribute(can, "key"))
	axes, alsoKnown := parseBitmap(c.attribute(can, "abs"))
	if !known || !alsoKnown {
		return false
	}
	moves, _ := parseBitmap(c.attribute(can, "rel"))
	isKeyboard := keys.any(keyLetters, keyLettersEnd)
	isPointer := keys.any(btnDigi, btnDigiLast) || keys.any(btnLeft, btnLeft) && moves.any(0, 1)
	if isKeyboard || isPointer {
		return false
	}
	if notes, known := c.udevNotes(n); known {
		return hasNote(notes, "ID_INPUT_JOYSTICK") && !hasNote(notes, "ID_INPUT_KEYBOARD") && !hasNote(notes, "ID_INPUT_MOUSE")
	}
	return (keys.any(btnJoystick, btnLast) || keys.any(btnHappy, btnHappyLast)) && axes.any(0, axisLast)
}

// bitmap is a set of codes, the least word first.
type bitmap []uint

// parseBitmap reads a set as /sys spells it: words of the kernel's size in hexadecimal digits, the highest first.
func parseBitmap(text string) (b bitmap, ok bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) > 64 {
		return nil, false
	}
	for i := len(fields) - 1; i >= 0; i-- {
		word, err := strconv.ParseUint(fields[i], 16, bits.UintSize)
		if err != nil {
			return nil, false
		}
		b = append(b, uint(word))
	}
	return b, true
}

// any reports whether one of the codes from first to last is in the set.
func (b bitmap) any(first, last int) bool {
	for code := first; code <= last; code++ {
		if at := code / bits.UintSize; at < len(b) && b[at]>>(code%bits.UintSize)&1 != 0 {
			return true
		}
	}
	return false
}
