package compose

import "encoding/binary"

// An .Xauthority file is a list of entries without a header: a family and four texts, each with
// its length before it, all numbers in network order (Xau(3), XauFileName).
//
//	family  2 bytes   256 this machine's socket, 65535 any, others TCP
//	address           of the machine; with 256 its host name
//	number            of the display, in digits; empty: any
//	name              MIT-MAGIC-COOKIE-1
//	data              the cookie

const (
	familyLocal = 256
	familyWild  = 65535

	cookieName   = "MIT-MAGIC-COOKIE-1"
	maxAuthority = 1 << 20
)

// authority is one entry; its texts lie in the file.
type authority struct {
	family                      uint16
	address, number, name, data []byte
}

// nextAuthority reads the entry at the start of a file and returns what follows. A file that ends
// within an entry, as one does that is just being written, has no further entries.
func nextAuthority(file []byte) (entry authority, rest []byte, ok bool) {
	if len(file) < 2 {
		return authority{}, nil, false
	}
	entry.family, rest = binary.BigEndian.Uint16(file), file[2:]
	for _, text := range [...]*[]byte{&entry.address, &entry.number, &entry.name, &entry.data} {
		if len(rest) < 2 {
			return authority{}, nil, false
		}
		length := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+length {
			return authority{}, nil, false
		}
		*text, rest = rest[2:2+length], rest[2+length:]
	}
	return entry, rest, true
}

// appendTo writes an entry as it stands in a file.
func (a authority) appendTo(file []byte) []byte {
	file = binary.BigEndian.AppendUint16(file, a.family)
	for _, text := range [...][]byte{a.address, a.number, a.name, a.data} {
		file = binary.BigEndian.AppendUint16(file, uint16(len(text)))
		file = append(file, text...)
	}
	return file
}

// findCookie returns a file with the one entry that fits a display of this machine best: one for
// its host name, one for any machine, one for another name, as after a change of the name. The
// host name inside is another, so the entry is written for any machine.
func findCookie(file []byte, hostname, number string) ([]byte, bool) {
	best, rank := authority{}, 0
	for {
		entry, rest, ok := nextAuthority(file)
		if !ok {
			break
		}
		file = rest
		if fits := entry.rank(hostname, number); fits > rank {
			best, rank = entry, fits
		}
	}
	if rank == 0 {
		return nil, false
	}
	best.family, best.address = familyWild, nil
	return best.appendTo(nil), true
}

// rank says how well an entry fits a display; 0 is not at all.
func (a authority) rank(hostname, number string) int {
	if string(a.name) != cookieName || len(a.number) > 0 && string(a.number) != number {
		return 0
	}
	switch {
	case a.family == familyLocal && string(a.address) == hostname:
		return 3
	case a.family == familyWild:
		return 2
	case a.family == familyLocal:
		return 1
	}
	return 0
}
