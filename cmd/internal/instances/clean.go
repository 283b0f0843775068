package instances

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// What grants need in a kept home are empty files and folders of the host. They go when the instance
// does: each only if it is the one that was made, still empty, and none of another running instance
// of the app. They are named by a descriptor of their folder, and no link is followed: the app could
// have put anything in their place.

// Outside gives the path outside of what the app sees at a path in a folder of the host, or "".
func (v *Live) Outside(inside string) string {
	folder, rel := v.folder(inside)
	if folder == nil {
		return ""
	}
	return path.Join(folder.Source, rel)
}

// folder is the deepest folder of the host that holds a path inside, and the rest of the path.
func (v *Live) folder(inside string) (best *Folder, rel string) {
	for i := range v.Folders {
		f := &v.Folders[i]
		if rest, ok := strings.CutPrefix(inside, f.Dest+"/"); ok && (best == nil || len(f.Dest) > len(best.Dest)) {
			best, rel = f, rest
		}
	}
	return best, rel
}

// Claimed finds the place that an instance other than the named one has made at a path outside, or nil.
func (d *Dir) Claimed(outside, except string) *sandbox.Place {
	if outside == "" {
		return nil
	}
	list, _ := d.records(except)
	for _, r := range list {
		if r.Live == nil {
			continue
		}
		for _, g := range r.Live.Grants {
			for i, p := range g.Places {
				if r.Live.Outside(p.Path) == outside {
					return &g.Places[i]
				}
			}
		}
	}
	return nil
}

// clean removes the folder and the places of an instance that has ended.
func (d *Dir) clean(name, file string) {
	os.RemoveAll(d.folder(name))
	text, err := readRecord(file)
	if err != nil {
		return
	}
	r, err := decode(string(text))
	if err != nil || r.Live == nil {
		return
	}
	for _, g := range slices.Backward(r.Live.Grants) {
		for _, p := range slices.Backward(g.Places) {
			if d.Claimed(r.Live.Outside(p.Path), name) == nil {
				r.Live.removePlace(p)
			}
		}
	}
}

// removePlace removes a place of the host's, if it is still what was made. That it is not the mount
// point of another sandbox is not asked of the kernel: removing one takes the mount away (unlink(2)).
func (v *Live) removePlace(p sandbox.Place) {
	folder, rel := v.folder(p.Path)
	if folder == nil {
		return
	}
	base, err := unix.Openat2(unix.AT_FDCWD, folder.Source, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return
	}
	defer unix.Close(base)
	dir, err := unix.Openat2(base, filepath.Dir(rel), &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH})
	if err != nil {
		return
	}
	defer unix.Close(dir)
	name := filepath.Base(rel)
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || !isPlace(&st, p) {
		return
	}
	unlink(dir, name, p.Folder)
}

// unlink removes an empty file or folder from a folder that may have been made without the right to.
func unlink(dir int, name string, folder bool) {
	flags := 0
	if folder {
		flags = unix.AT_REMOVEDIR
	}
	if unix.Unlinkat(dir, name, flags) != unix.EACCES {
		return
	}
	var st unix.Stat_t
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if unix.Fstat(fd, &st) == nil && unix.Fchmod(fd, st.Mode&0o7777|unix.S_IWUSR) == nil {
		unix.Unlinkat(dir, name, flags)
		unix.Fchmod(fd, st.Mode&0o7777)
	}
}

// isPlace reports whether a file is the empty one that was made.
func isPlace(st *unix.Stat_t, p sandbox.Place) bool {
	kind := uint32(unix.S_IFREG)
	if p.Folder {
		kind = unix.S_IFDIR
	}
	return st.Mode == kind|p.Mode && (p.Folder || st.Size == 0) &&
		(p.ID == sandbox.FileID{} || p.ID == sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino})
}
