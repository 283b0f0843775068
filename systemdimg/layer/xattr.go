package layer

import (
	"maps"
	"slices"
	"strings"
)

// Extended attributes, in prose.
//
// Taken from an archive, and written into one, are file capabilities, POSIX access lists, and what users
// keep in user.*. A file capability that the fake root writes is valid in its user namespace alone: the
// kernel stores it with the id that root has outside (version 3), and shows it inside as it was. Of all
// others:
//
//   - user.overlay.* and trusted.overlay.* are marks of overlayfs, and user.fuseoverlayfs.* those of its
//     stand-in. With one of them an archive could have a file or folder show what lies elsewhere below.
//     The only ones that are ever set are ours.
//   - security.selinux and its kin are labels that belong to the machine where the archive was made.
//   - trusted.* nobody can set in a user namespace.

const (
	paxXattr = "SCHILY.xattr."
	paxACL   = "SCHILY.acl."

	xattrOpaque     = "user.overlay.opaque"
	xattrWhiteout   = "user.overlay.whiteout" // of an empty file, in a folder whose xattrOpaque is x
	xattrRedirect   = "user.overlay.redirect"
	xattrMetacopy   = "user.overlay.metacopy"
	xattrCapability = "security.capability"
	xattrAccess     = "system.posix_acl_access"
	xattrDefault    = "system.posix_acl_default"
)

// portable reports whether an attribute is taken from archives and written into them.
func portable(name string) bool {
	switch name {
	case xattrCapability, xattrAccess, xattrDefault:
		return true
	}
	return strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.") && !strings.HasPrefix(name, "user.fuseoverlayfs.")
}

type xattr struct{ name, value string }

const (
	noteXattr = "%d extended attributes of other machines or of overlays were left out"
	noteACL   = "%d access lists written as text were left out"
)

// xattrs reads those of an entry in an archive, sorted by name. Records with other keys are nothing of ours.
func xattrs(records map[string]string, note func(text string)) (list []xattr) {
	for _, key := range slices.Sorted(maps.Keys(records)) {
		name, found := strings.CutPrefix(key, paxXattr)
		switch {
		case found && portable(name):
			list = append(list, xattr{name, records[key]})
		case found:
			note(noteXattr)
		case strings.HasPrefix(key, paxACL):
			note(noteACL)
		}
	}
	return list
}

// readXattrs reads all attributes of an open file or folder. A file system without any has none.
func readXattrs(fd int, buf []byte) (map[string]string, error) {
	list, err := flistxattr(fd, buf)
	if err != nil || len(list) == 0 {
		return nil, absent(err)
	}
	all := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		value, err := fgetxattr(fd, name, buf)
		if absent(err) != nil {
			return nil, err
		}
		if err == nil {
			all[name] = string(value)
		}
	}
	return all, nil
}

// records writes those that are portable as an archive has them. PAX cannot name one with "=".
func records(all map[string]string) (pax map[string]string, left int) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case !portable(name):
		case strings.Contains(name, "="):
			left++
		default:
			if pax == nil {
				pax = map[string]string{}
			}
			pax[paxXattr+name] = all[name]
		}
	}
	return pax, left
}
