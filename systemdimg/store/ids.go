package store

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"snug/sandbox"
)

// IDs say whom the files in layers belong to: the person is 0 inside, and the subordinate ids are the rest.
type IDs struct {
	UIDs []sandbox.IDRange `json:"uids"`
	GIDs []sandbox.IDRange `json:"gids"`
}

// wanted is how many ids an image has: those below 65536. 65534 is nobody.
const wanted = 1 << 16

// OwnIDs finds the caller's subordinate ids (subuid(5)).
func OwnIDs() (IDs, error) {
	passwd, _ := os.ReadFile("/etc/passwd")
	uid, names := os.Getuid(), []string{os.Getenv("USER"), os.Getenv("LOGNAME")}
	name := strconv.Itoa(uid)
	for l := range strings.Lines(string(passwd)) {
		if f := strings.Split(l, ":"); len(f) > 2 && f[2] == strconv.Itoa(uid) {
			name, names = f[0], []string{f[0]}
			break
		}
	}
	var ids IDs
	for _, m := range []struct {
		file   string
		own    int
		ranges *[]sandbox.IDRange
	}{{"/etc/subuid", uid, &ids.UIDs}, {"/etc/subgid", os.Getgid(), &ids.GIDs}} {
		text, _ := os.ReadFile(m.file)
		*m.ranges = mapIDs(string(text), append(names, strconv.Itoa(uid)), uint32(m.own))
		if n := count(*m.ranges); n < wanted {
			return IDs{}, &Error{What: m.file + " gives " + name + " " + strconv.Itoa(int(n)-1) + " subordinate ids, and images need 65535",
				Hint: "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + name}
		}
	}
	return ids, nil
}

// mapIDs maps 0 to the caller's own id, and what follows to the ranges that a file gives to it under any of
// its names.
func mapIDs(text string, names []string, own uint32) []sandbox.IDRange {
	list := []sandbox.IDRange{{Outside: own, Count: 1}}
	next := uint32(1)
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) != 3 || f[0] == "" || !slices.Contains(names, f[0]) {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		n, err2 := strconv.ParseUint(f[2], 10, 32)
		if n = min(n, wanted-uint64(next)); err1 != nil || err2 != nil || n == 0 || first+n > 1<<32 {
			continue
		}
		list = append(list, sandbox.IDRange{Inside: next, Outside: uint32(first), Count: uint32(n)})
		next += uint32(n)
	}
	return list
}

func count(ranges []sandbox.IDRange) (n uint32) {
	for _, r := range ranges {
		n += r.Count
	}
	return n
}

func (ids IDs) equal(other IDs) bool {
	return slices.Equal(ids.UIDs, other.UIDs) && slices.Equal(ids.GIDs, other.GIDs)
}
