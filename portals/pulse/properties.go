package pulse

import (
	"encoding/binary"
	"strings"
)

// Properties, in prose. Clients and streams have lists of them, and servers obey many: they choose
// devices, restore volumes by them, tell one stream from another, and PipeWire takes whatever it knows as
// a parameter of its own. So what is not listed here is left out. Who the app is, we say.

// maxProperty is the longest value that goes on. Icons as data are not among what is listed.
const maxProperty = 1024

// passes reports whether a property of a name may have a value.
func passes(name string, value []byte) bool {
	if len(value) > maxProperty || len(name) > 100 {
		return false
	}
	switch name {
	case "media.name", "media.title", "media.artist", "media.album", "media.copyright", "media.software", "media.language", "media.icon_name",
		"application.version", "application.icon_name", "application.language":
		return true
	case "media.role": // others make servers mute or cork whom else they play
		switch strings.TrimSuffix(string(value), "\x00") {
		case "music", "video", "game", "event", "animation", "production":
			return true
		}
		return false
	}
	return strings.HasPrefix(name, "event.")
}

// properties appends what may go on of a list of them, and who the app is.
func (p Policy) properties(b, list []byte) []byte {
	b = append(b, 'P')
	for at := 1; list[at] == 't'; {
		end := skipText(list, at)
		next := end + 10 + int(binary.BigEndian.Uint32(list[end+1:]))
		if passes(string(list[at+1:end-1]), list[end+10:next]) {
			b = append(b, list[at:next]...)
		}
		at = next
	}
	name := p.App
	if name == "" {
		name = neutral
	} else {
		b = property(b, "application.id", append([]byte(name), 0))
	}
	return append(property(b, "application.name", append([]byte(name), 0)), 'N')
}

// neutral is the name of an app that has none.
const neutral = "sandboxed app"

// names appends what an app may remove of properties, of a list of their names.
func names(b, list []byte) []byte {
	for at := 0; list[at] == 't'; {
		end := skipText(list, at)
		if passes(string(list[at+1:end-1]), nil) || string(list[at+1:end-1]) == "media.role" {
			b = append(b, list[at:end]...)
		}
		at = end
	}
	return append(b, 'N')
}

// plain appends those of a list of formats that are samples, 0 being any and 1 samples. What is encoded
// would be given to the device as it is, and everybody else be silent. It reports whether some is left
// or there were none.
func plain(b, list []byte) ([]byte, bool) {
	at, start, left := 2, len(b), 0
	b = append(b, 'B', 0)
	for range list[1] {
		end := skip(list, at, 'f', 0)
		if list[at+2] <= 1 {
			b = append(b, list[at:end]...)
			left++
		}
		at = end
	}
	b[start+1] = byte(left)
	return b, left > 0 || list[1] == 0
}
