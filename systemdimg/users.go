package systemdimg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"snug/sandbox"
)

// wanted is how many ids a system has: as many as a Unix system can count on (systemd's UIDS-GIDS).
const wanted = 1 << 16

// ErrNoSubordinateIDs says that the caller may map no other id than its own.
var ErrNoSubordinateIDs = errors.New("no subordinate ids are granted to you")

// Ranges gives the id maps of a system: 0 is the caller, and from 1 on come subordinate ids, up to 65535,
// from the first ranges that /etc/subuid and /etc/subgid grant (subuid(5)). Files that root of the system
// makes are the caller's own.
func Ranges(uid, gid uint32) (uids, gids []sandbox.IDRange, err error) {
	name := ""
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		name = u.Username
	}
	for _, m := range []struct {
		file string
		own  uint32
		into *[]sandbox.IDRange
	}{{"/etc/subuid", uid, &uids}, {"/etc/subgid", gid, &gids}} {
		text, err := os.ReadFile(m.file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, nil, err
		}
		if *m.into, err = ranges(string(text), name, uid, m.own); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.file, err)
		}
	}
	return uids, gids, nil
}

// ranges reads a text as of /etc/subuid: lines NAME:FIRST:COUNT, where NAME may be the number of the user.
func ranges(text, name string, uid, own uint32) ([]sandbox.IDRange, error) {
	list := []sandbox.IDRange{{Inside: 0, Outside: own, Count: 1}}
	next := uint32(1)
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || fields[0] != name && fields[0] != strconv.FormatUint(uint64(uid), 10) || fields[0] == "" {
			continue
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 32)
		count, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err1 != nil || err2 != nil || count == 0 || first+count > 1<<32-1 {
			continue // as newuidmap(1) does
		}
		count = min(count, uint64(wanted-next))
		list = append(list, sandbox.IDRange{Inside: next, Outside: uint32(first), Count: uint32(count)})
		if next += uint32(count); next == wanted {
			return list, nil
		}
	}
	if next == 1 {
		return nil, ErrNoSubordinateIDs
	}
	return nil, fmt.Errorf("it grants you %d ids, and a system needs %d", next-1, wanted-1)
}
