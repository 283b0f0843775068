package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// One function for each kind of file. All write into the folder that the way leads to, and replace what
// is there.

// anew makes a file, once more if something else had its name.
func (u *unpacker) anew(name string, make func() error) error {
	for tries := 0; ; tries++ {
		err := make()
		if err != unix.EEXIST || tries == 10 {
			return err
		}
		if err := remove(u.way.top().fd, name); err != nil && err != unix.ENOENT {
			return err
		}
	}
}

func (u *unpacker) regular(h *tar.Header, name string) error {
	if u.report.Bytes += h.Size; u.report.Bytes > u.options.Limits.Bytes || u.report.Bytes < 0 {
		return &LimitError{"Bytes", u.options.Limits.Bytes}
	}
	a := u.attributes(h)
	fd := -1
	err := u.anew(name, func() (err error) {
		fd, err = openat(u.way.top().fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, a.mode&0o777)
		return err
	})
	if err != nil {
		return failure("make", h.Name, err)
	}
	defer func() { u.out.close(fd, h.Size) }()
	hollow := sparse(h)
	if u.options.Recorder != nil && h.Typeflag == tar.TypeReg && h.Size > 0 && !hollow {
		u.options.Recorder.File(h.Name, h.Size)
		u.stream.silent = true
		defer func() { u.stream.silent = false }()
	}
	if err := u.contents(fd, u.options.Holes || hollow); err != nil {
		return failure("unpack", h.Name, err)
	}
	if err := u.apply(fd, &a, h.Name); err != nil {
		return failure("unpack", h.Name, err)
	}
	return nil
}

// sparse reports whether an archive says of a file that it has holes. Where they are, archive/tar keeps
// to itself: it reads them as zeros.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (u *unpacker) contents(fd int, sparse bool) error {
	for offset := int64(0); ; {
		n, err := readFull(u.tar, u.buf)
		switch {
		case n == 0:
		case sparse:
			if err := writeSparse(fd, u.buf[:n], offset); err != nil {
				return err
			}
		default:
			if err := pwrite(fd, u.buf[:n], offset); err != nil {
				return err
			}
		}
		offset += int64(n)
		if err == io.EOF {
			if sparse {
				return ftruncate(fd, offset)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// holeSize is the least that is left as a hole, a page as file systems have them.
const holeSize = 4096

// writeSparse writes what is not zeros.
func writeSparse(fd int, p []byte, offset int64) error {
	var zeros [holeSize]byte
	for start := 0; start < len(p); {
		end := start
		for end < len(p) && !bytes.Equal(p[end:min(end+holeSize, len(p))], zeros[:min(holeSize, len(p)-end)]) {
			end = min(end+holeSize, len(p))
		}
		if err := pwrite(fd, p[start:end], offset+int64(start)); err != nil {
			return err
		}
		start = end + holeSize
	}
	return nil
}

// folder makes a folder, or takes the one that is there.
func (u *unpacker) folder(h *tar.Header, name string) error {
	a := u.attributes(h)
	if name == "" {
		u.folders[u.way.top().id] = &a
		return nil
	}
	st, err := u.way.down(name)
	switch err {
	case nil:
		u.folders[idOf(&st)] = &a
	case unix.ENOENT:
		err = u.make(name, &a)
	case unix.ELOOP, unix.ENOTDIR:
		err = u.instead(name, &a)
	}
	if err != nil {
		return failure("make", h.Name, err)
	}
	return nil
}

func (u *unpacker) symlink(h *tar.Header, name string) error {
	top := u.way.top()
	err := u.anew(name, func() error { return symlinkat(h.Linkname, top.fd, name) })
	if err != nil {
		return failure("link", h.Name, err)
	}
	a := u.attributes(h)
	if a.uid != 0 || a.gid != 0 || top.setgid {
		if err := lchownat(top.fd, name, a.uid, a.gid); err != nil {
			return failure("unpack", h.Name, ownerFailure(&a, err))
		}
	}
	if err := touch(top.fd, name, a.mtime); err != nil {
		return failure("set the time of", h.Name, err)
	}
	return nil
}

// link makes another name of a file. Where that lies is told from the root of the archive.
func (u *unpacker) link(h *tar.Header, name string) error {
	target, err := parse(h.Linkname, nil)
	if err == nil && target.name == "" {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return failure("link to", h.Linkname, err)
	}
	from, err := u.openFolder(target.folders)
	if err != nil {
		return failure("link to", h.Linkname, err)
	}
	defer unix.Close(from)
	top := u.way.top().fd
	err = u.anew(name, func() error {
		err := linkat(from, target.name, top, name)
		if err == unix.EEXIST && same(from, target.name, top, name) {
			return nil
		}
		return err
	})
	if err != nil {
		return failure("link", h.Name, failure("to", h.Linkname, err))
	}
	return nil
}

// same reports whether two names are of one file.
func same(dir int, name string, otherDir int, other string) bool {
	var a, b unix.Stat_t
	return lstatat(dir, name, &a) == nil && lstatat(otherDir, other, &b) == nil && idOf(&a) == idOf(&b)
}

// openFolder opens a folder below the root, in parts that the kernel takes as a path. The caller closes
// it.
func (u *unpacker) openFolder(folders []string) (fd int, err error) {
	fd, err = openat(u.way.levels[0].fd, ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	for err == nil && len(folders) > 0 {
		n, length := 0, 0
		for n < len(folders) && (n == 0 || length+len(folders[n])+1 < unix.PathMax) {
			length += len(folders[n]) + 1
			n++
		}
		var next int
		next, err = openat(fd, strings.Join(folders[:n], "/"), unix.O_PATH|unix.O_DIRECTORY, 0)
		unix.Close(fd)
		fd, folders = next, folders[n:]
	}
	return fd, err
}

// fifo makes a FIFO. Opened for reading without waiting, it takes attributes like a file.
func (u *unpacker) fifo(h *tar.Header, name string) error {
	top := u.way.top().fd
	a := u.attributes(h)
	fd := -1
	err := u.anew(name, func() error { return mknodat(top, name, unix.S_IFIFO|0o600) })
	if err == nil {
		fd, err = openat(top, name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return failure("make", h.Name, err)
	}
	defer unix.Close(fd)
	if err := u.apply(fd, &a, h.Name); err != nil {
		return failure("unpack", h.Name, err)
	}
	return nil
}

// whiteout marks a name as gone. What the same layer has of that name stays (image-spec: whiteouts are
// for the layers below), and is all that is left if it is a folder.
func (u *unpacker) whiteout(p place) error {
	top := u.way.top().fd
	err := mknodat(top, p.name, unix.S_IFCHR)
	if err != unix.EEXIST {
		if err != nil {
			return failure("mark as gone", p.name, err)
		}
		return nil
	}
	fd, err := openat(top, p.name, folderFlags, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return nil
	}
	if err != nil {
		return failure("open", p.name, err)
	}
	defer unix.Close(fd)
	return u.opaque(fd, p)
}

// isGone reports whether a name is marked as gone.
func (u *unpacker) isGone(name string) bool {
	var st unix.Stat_t
	return lstatat(u.way.top().fd, name, &st) == nil && isWhiteout(&st)
}

// isWhiteout reports whether a file is the device that overlayfs takes for one that is gone.
func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// opaque marks all that layers below have in a folder as gone.
func (u *unpacker) opaque(fd int, p place) error {
	if err := fsetxattr(fd, xattrOpaque, []byte("y")); err != nil {
		return failure("mark as opaque", p.name, err)
	}
	if len(p.folders) == 0 && p.name == whiteoutAll {
		u.notes.add(noteRoot, "")
	}
	return nil
}
