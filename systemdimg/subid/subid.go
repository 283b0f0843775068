// Package subid finds the ids that a person may map into a user namespace, for systems and their images: both
// must have the same, as the files of an image belong to them.
//
// The one default call is Own. The package reads /etc/passwd, /etc/subuid and /etc/subgid, and starts nothing:
// newuidmap(1) checks the same files when a map is written. Whoever can write those is root.
package subid

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"snug/sandbox"
)

// Wanted is how many ids a system has: as many as a Unix system can count on (systemd's UIDS-GIDS). 65534 is
// nobody.
const Wanted = 1 << 16

// TooFew says that a file grants fewer subordinate ids than a system needs.
type TooFew struct {
	File, Name string // of the ranges, and of the person
	Has        int
}

func (e *TooFew) Error() string {
	return fmt.Sprintf("%s gives %s %d subordinate ids, and a system needs %d", e.File, e.Name, e.Has, Wanted-1)
}

// Fix is the command that mends it, as root.
func (e *TooFew) Fix() string {
	return "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + e.Name
}

// IDs are the maps of a user namespace, for sandbox.Users.
type IDs struct {
	UIDs []sandbox.IDRange `json:"uids"`
	GIDs []sandbox.IDRange `json:"gids"`
}

// Equal reports whether what has one has the same owners in the other.
func (ids IDs) Equal(other IDs) bool {
	return slices.Equal(ids.UIDs, other.UIDs) && slices.Equal(ids.GIDs, other.GIDs)
}

// Own gives the maps of the caller's systems: 0 is the caller, and from 1 on come subordinate ids, up to 65535,
// from the first ranges that are granted (subuid(5)). What root of a system makes is so the caller's own. An
// error is a *TooFew.
func Own() (IDs, error) {
	var ids IDs
	passwd, _ := os.ReadFile("/etc/passwd")
	name, names := owner(string(passwd), os.Getuid(), []string{os.Getenv("USER"), os.Getenv("LOGNAME")})
	for _, m := range []struct {
		file string
		own  int
		into *[]sandbox.IDRange
	}{{"/etc/subuid", os.Getuid(), &ids.UIDs}, {"/etc/subgid", os.Getgid(), &ids.GIDs}} {
		text, _ := os.ReadFile(m.file) // one that is not there grants nothing
		*m.into = parse(string(text), names, uint32(m.own))
		if n := count(*m.into); n < Wanted {
			return IDs{}, &TooFew{m.file, name, int(n) - 1}
		}
	}
	return ids, nil
}

// owner gives what a user is called, and all that lines may call it: its name, or its number. Whom only a
// directory service knows (sssd) is what the session says.
func owner(passwd string, uid int, said []string) (name string, names []string) {
	number := strconv.Itoa(uid)
	for l := range strings.Lines(passwd) {
		if f := strings.Split(l, ":"); len(f) > 2 && f[2] == number {
			return f[0], []string{f[0], number}
		}
	}
	return number, append(said, number)
}

// parse maps 0 to the caller's own id, and what follows to the ranges of lines NAME:FIRST:COUNT. Odd lines are
// passed over, as by newuidmap(1).
func parse(text string, names []string, own uint32) []sandbox.IDRange {
	list := []sandbox.IDRange{{Outside: own, Count: 1}}
	next := uint32(1)
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) != 3 || f[0] == "" || !slices.Contains(names, f[0]) {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		n, err2 := strconv.ParseUint(f[2], 10, 32)
		if n = min(n, Wanted-uint64(next)); err1 != nil || err2 != nil || n == 0 || first+n > 1<<32-1 { // the last id is none (4294967295)
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
