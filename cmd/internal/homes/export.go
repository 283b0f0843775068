package homes

import (
	"archive/tar"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Left says what an export or a copy has left out, or could not take as it was.
type Left struct {
	Special int // sockets, FIFOs and devices
	Changed int // files that became shorter while they were read: the rest is zeros
	Closed  int // folders that are mount points of other file systems, or went meanwhile
	Deep    int // what has a longer path than any program can unpack, with all that is in it
}

// longest is how long a path in an archive may be: no system call takes a longer one.
const longest = unix.PathMax - 1

// Export writes the home of an app as a tar archive: folders, files with their holes, symbolic links as what
// they are, and second names of a file as hard links. It tells how many bytes it has read so far; told may be
// nil.
func (d *Dir) Export(id string, to io.Writer, told func(bytes int64)) (left Left, err error) {
	fd, err := d.open(id)
	if err != nil {
		return left, err
	}
	defer unix.Close(fd)
	out := &relabeled{to: to}
	x := &archive{tar: tar.NewWriter(out), out: out, id: id, names: map[fileID]string{}, told: told}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return left, err
	}
	if err := x.enter(&entry{st: st}); err != nil {
		return left, err
	}
	err = walk(fd, visitor{force: true, enter: x.enter, file: x.file, unread: func(*entry, error) error { x.left.Closed++; return nil }})
	if err == nil {
		err = x.tar.Close()
	}
	return x.left, err
}

// archive is a tar archive that is being written.
type archive struct {
	tar   *tar.Writer
	out   *relabeled // what that writes to
	id    string
	names map[fileID]string // of files that have several
	left  Left
	bytes int64
	told  func(bytes int64)
}

// header is what is the same for all kinds. Of the mode what would give a program rights is left out.
func (x *archive) header(e *entry, kind byte) *tar.Header {
	h := &tar.Header{Typeflag: kind, Name: x.id, Mode: int64(e.st.Mode & 0o777), Uid: int(e.st.Uid), Gid: int(e.st.Gid),
		ModTime: time.Unix(e.st.Mtim.Unix())}
	if e.path != "" {
		h.Name += "/" + e.path
	}
	if kind == tar.TypeDir {
		h.Name += "/"
	}
	return h
}

func (x *archive) enter(e *entry) error {
	h := x.header(e, tar.TypeDir)
	if len(h.Name) > longest {
		x.left.Deep++
		return errSkip
	}
	return x.tar.WriteHeader(h)
}

func (x *archive) file(e *entry) error {
	if len(x.id)+len("/")+len(e.path) > longest {
		x.left.Deep++
		return nil
	}
	switch e.st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return x.regular(e)
	case unix.S_IFLNK:
		target, err := readlink(e)
		if err != nil {
			x.left.Changed++
			return nil
		}
		h := x.header(e, tar.TypeSymlink)
		h.Linkname = target
		return x.tar.WriteHeader(h)
	}
	x.left.Special++
	return nil
}

func (x *archive) regular(e *entry) error {
	if name := x.names[e.id()]; name != "" {
		h := x.header(e, tar.TypeLink)
		h.Linkname = name
		return x.tar.WriteHeader(h)
	}
	f, err := openFile(e, true)
	if err != nil {
		x.left.Changed++
		return nil
	}
	defer f.Close()
	h := x.header(e, tar.TypeReg)
	h.Size = e.st.Size
	if e.st.Nlink > 1 {
		x.names[e.id()] = h.Name
	}
	stored := spans(f, &e.st)
	if hasHoles(stored, h.Size) {
		err = x.sparse(h, stored)
	} else {
		err = x.tar.WriteHeader(h)
	}
	if err != nil {
		return err
	}
	return x.fill(f, stored)
}

// fill writes what is stored of a file. What it has lost since that was looked up is zeros.
func (x *archive) fill(f *os.File, stored []span) error {
	lost := int64(0)
	for _, s := range stored {
		n, err := io.Copy(x.tar, &counted{io.NewSectionReader(f, s.at, s.size), &x.bytes, x.told})
		if err == nil {
			_, err = io.CopyN(x.tar, zeros{}, s.size-n)
		}
		if err != nil {
			return err
		}
		lost += s.size - n
	}
	if lost > 0 {
		x.left.Changed++
	}
	return nil
}

// openFile opens a regular file for reading, and looks at it anew: by now its name may be another's.
func openFile(e *entry, force bool) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY // a FIFO would be waited for
	fd, err := openat(e.dir, e.name, flags, alone)
	if err == unix.EACCES && force && permit(e.dir, e.name, 0o400) == nil {
		fd, err = openat(e.dir, e.name, flags, alone)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: e.path, Err: err}
	}
	mode := e.st.Mode
	if err = unix.Fstat(fd, &e.st); err == nil && e.st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.ESTALE
	}
	if err == nil && e.st.Mode != mode && force {
		unix.Fchmod(fd, mode&0o7777)
		e.st.Mode = mode
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "open", Path: e.path, Err: err}
	}
	return os.NewFile(uintptr(fd), e.path), nil
}

func readlink(e *entry) (string, error) {
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(e.dir, e.name, text)
	if err != nil {
		return "", err
	}
	return string(text[:n]), nil
}

// counted counts what is read.
type counted struct {
	io.Reader
	bytes *int64
	told  func(bytes int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if *c.bytes += int64(n); c.told != nil {
		c.told(*c.bytes)
	}
	return n, err
}

// zeros fill what a file has lost since its size was written down.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
