package copies

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// Words by which Serve is told what to be.
const (
	sends    = "send"
	receives = "receive"
	archives = "archive"
	extracts = "extract"
)

// rootFile is the descriptor of the end's root.
const rootFile = 3

var errUsage = errors.New("usage: snug-copy send PATH | receive PATH NAME KEEP MODES UID GID RANGE... | archive PATH NAME | extract PATH KEEP MODES UID GID RANGE..., with descriptor 3 a folder")

// Serve is one end: it sends to standard output, or receives from standard input.
//
//	send PATH                                     PATH is absolute, and looked up below descriptor 3
//	receive PATH NAME KEEP MODES UID GID RANGE…   NAME: of a copy in a folder; the rest as Attributes,
//	                                              a range of users as u0:1000:1, of groups as g0:1000:1
//	archive PATH NAME, extract PATH KEEP …        likewise, the stream being a plain archive
func Serve(words []string) error {
	root := os.NewFile(rootFile, "/")
	switch {
	case len(words) == 2 && words[0] == sends:
		return (&End{root, words[1]}).Send(os.Stdout)
	case len(words) >= 7 && words[0] == receives:
		a, err := attributes(words[3:])
		if err != nil {
			return errUsage
		}
		return (&End{root, words[1]}).Receive(os.Stdin, words[2], a)
	case len(words) == 3 && words[0] == archives:
		return (&End{root, words[1]}).Archive(os.Stdout, words[2])
	case len(words) >= 6 && words[0] == extracts:
		a, err := attributes(words[2:])
		if err != nil {
			return errUsage
		}
		return (&End{root, words[1]}).Extract(os.Stdin, a)
	}
	return errUsage
}

// attributes reads KEEP MODES UID GID and ranges.
func attributes(words []string) (a Attributes, err error) {
	modes, err1 := strconv.ParseUint(words[1], 8, 12)
	a.Modes = uint32(modes)
	var err2, err3, err4 error
	a.Keep, err2 = strconv.ParseBool(words[0])
	a.UID, err3 = strconv.Atoi(words[2])
	a.GID, err4 = strconv.Atoi(words[3])
	for _, word := range words[4:] {
		var kind string
		var r Range
		if _, err := fmt.Sscanf(word, "%1s%d:%d:%d", &kind, &r.Inside, &r.Outside, &r.Count); err != nil {
			return a, err
		}
		if kind == "u" {
			a.UIDs = append(a.UIDs, r)
		} else {
			a.GIDs = append(a.GIDs, r)
		}
	}
	return a, errors.Join(err1, err2, err3, err4)
}
