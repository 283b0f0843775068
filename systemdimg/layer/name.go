package layer

import (
	"errors"
	"strings"
)

// Names of the image specification.
const (
	whiteout    = ".wh."         // and the name of what is gone
	whiteoutAll = ".wh..wh..opq" // all of the folder that it is in is gone in layers below
	whiteoutOwn = ".wh..wh."     // bookkeeping of aufs
)

var (
	errUp    = errors.New("the name goes up by .., which could lead out of the archive")
	errNUL   = errors.New("the name has a byte of value 0")
	errNoEnd = errors.New("the name says what is gone, but not which")
	errWh    = errors.New("the name of a folder begins with .wh., which is kept for what is gone")
)

// place is where an entry of an archive lies: the folders on the way to it, and its name there. The root
// of the archive has neither.
type place struct {
	folders []string
	name    string
}

// parse takes a name apart. One that begins at the root begins at the root of the archive; empty and "."
// components mean nothing; ".." is refused, since what it means depends on links. The components are
// kept in buf if they fit.
func parse(name string, buf []string) (place, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return place{}, errNUL
	}
	all := buf[:0]
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return place{}, errUp
		default:
			all = append(all, part)
		}
	}
	if len(all) == 0 {
		return place{}, nil
	}
	return place{all[:len(all)-1], all[len(all)-1]}, nil
}

// mark is what a name in a layer says besides being one.
type mark int

const (
	none   mark = iota
	gone        // place.name is not there any more
	opaque      // nor is anything else of the folder
	aufs        // bookkeeping that nobody needs
)

// marked reads .wh. names.
func marked(p place) (place, mark, error) {
	for _, folder := range p.folders {
		if strings.HasPrefix(folder, whiteoutOwn) {
			return p, aufs, nil
		}
		if strings.HasPrefix(folder, whiteout) {
			return p, none, errWh
		}
	}
	switch {
	case p.name == whiteoutAll:
		return p, opaque, nil
	case strings.HasPrefix(p.name, whiteoutOwn):
		return p, aufs, nil
	case strings.HasPrefix(p.name, whiteout):
		p.name = p.name[len(whiteout):]
		if p.name == "" || p.name == "." || p.name == ".." {
			return p, none, errNoEnd
		}
		return p, gone, nil
	}
	return p, none, nil
}
