package layer

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pack writes a folder as a tar archive in the format of PAX, sorted by name, the same bytes for the same
// files, uncompressed. With the zero Options it writes the upper folder of an overlay as a layer. The
// caller closes dir, which may be O_PATH, and holds others off from changing what is in it: a file that
// grows meanwhile is cut, one that shrinks is filled with zeros and noted.
//
// Left out are sockets and devices, and holes of files, which archive/tar cannot write: they become zeros.
// Progress counts the contents of files.
func Pack(w io.Writer, dir *os.File, o Options) (*Report, error) {
	p := &packer{options: o, sum: sha256.New(), names: map[fileID]string{}, buf: make([]byte, blockSize), attrs: make([]byte, 64<<10)}
	p.tar = tar.NewWriter(io.MultiWriter(w, p))
	root := &entry{fd: int(dir.Fd())}
	fd, err := openat(root.fd, ".", folderFlags, 0)
	if err != nil {
		return nil, failure("open", ".", err)
	}
	defer unix.Close(fd)
	if err := fstat(fd, &root.st); err != nil {
		return nil, failure("stat", ".", err)
	}
	root.fd, root.path = fd, "."
	if _, err := p.enter(root); err != nil {
		return nil, err
	}
	walk := &walk{enter: p.enter, file: p.file, open: func(dir int, name string) (int, error) { return openat(dir, name, folderFlags, 0) }}
	if err := walk.all(fd); err != nil {
		return nil, err
	}
	if err := p.tar.Close(); err != nil {
		return nil, err
	}
	p.report.Digest = "sha256:" + hex.EncodeToString(p.sum.Sum(nil))
	p.report.Notes = p.notes.sentences()
	return &p.report, nil
}

// packer writes an archive.
type packer struct {
	options Options
	tar     *tar.Writer
	sum     hash.Hash
	names   map[fileID]string // of files that have several
	report  Report
	notes   notes
	buf     []byte
	attrs   []byte
}

const (
	noteSocket   = "%d sockets were left out"
	notePacked   = "%d device nodes were left out"
	noteReserved = "%d files were left out whose names begin with .wh., which in a layer says that a file is gone"
	noteShorter  = "%d files became shorter while they were read: the rest is zeros"
	noteEquals   = "%d extended attributes with an equals sign in their names were left out"
)

// Write sums and counts the archive.
func (p *packer) Write(b []byte) (int, error) {
	p.report.Size += int64(len(b))
	return p.sum.Write(b)
}

// header is what is the same for all kinds. The time is whole, the names of users and the times of
// access and change are those of this machine and stay out.
func (p *packer) header(e *entry, kind byte, name string) *tar.Header {
	p.report.Files++
	return &tar.Header{Typeflag: kind, Name: name, Mode: int64(e.st.Mode & 0o7777), Uid: int(e.st.Uid), Gid: int(e.st.Gid),
		ModTime: time.Unix(e.st.Mtim.Unix()), Format: tar.FormatPAX}
}

// marks reads the attributes of an open file: those that go into the archive, and what overlayfs has
// written down about it.
func (p *packer) marks(e *entry, fd int) (pax, all map[string]string, err error) {
	all, err = readXattrs(fd, p.attrs)
	if err != nil {
		return nil, nil, failure("read the attributes of", e.path, err)
	}
	for _, name := range []string{xattrRedirect, xattrMetacopy} {
		if _, found := all[name]; found && !p.options.Plain {
			return nil, nil, failure("pack", e.path, errors.New("its contents are elsewhere, as "+name+" says"))
		}
	}
	pax, left := records(all)
	for range left {
		p.notes.add(noteEquals, e.path)
	}
	return pax, all, nil
}

// reserved reports whether a name cannot be told in a layer.
func (p *packer) reserved(e *entry) bool {
	if p.options.Plain || !strings.HasPrefix(e.name, whiteout) {
		return false
	}
	p.notes.add(noteReserved, e.path)
	return true
}

func (p *packer) enter(e *entry) (bool, error) {
	if p.reserved(e) {
		return false, nil
	}
	pax, all, err := p.marks(e, e.fd)
	if err != nil {
		return false, err
	}
	h := p.header(e, tar.TypeDir, e.path+"/")
	h.PAXRecords = pax
	if err := p.tar.WriteHeader(h); err != nil {
		return false, failure("pack", e.path, err)
	}
	if all[xattrOpaque] == "y" && !p.options.Plain {
		return true, p.gone(e, strings.TrimPrefix(e.path+"/", "./")+whiteoutAll)
	}
	return true, nil
}

// gone writes that something is not there any more.
func (p *packer) gone(e *entry, name string) error {
	none := &entry{path: e.path}
	return p.tar.WriteHeader(p.header(none, tar.TypeReg, name))
}

func (p *packer) file(e *entry) error {
	if p.reserved(e) {
		return nil
	}
	if isWhiteout(&e.st) && !p.options.Plain {
		return p.whiteout(e)
	}
	if e.st.Nlink > 1 {
		if name := p.names[idOf(&e.st)]; name != "" {
			h := p.header(e, tar.TypeLink, e.path)
			h.Linkname = name
			return p.tar.WriteHeader(h)
		}
	}
	var err error
	switch e.st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		err = p.regular(e)
	case unix.S_IFLNK:
		err = p.symlink(e)
	case unix.S_IFIFO:
		p.named(e)
		err = p.tar.WriteHeader(p.header(e, tar.TypeFifo, e.path))
	case unix.S_IFSOCK:
		p.notes.add(noteSocket, e.path)
	default:
		p.notes.add(notePacked, e.path)
	}
	if err != nil {
		return failure("pack", e.path, err)
	}
	return nil
}

// named keeps the name of a file for others that it may have.
func (p *packer) named(e *entry) {
	if e.st.Nlink > 1 {
		p.names[idOf(&e.st)] = e.path
	}
}

func (p *packer) whiteout(e *entry) error {
	return p.gone(e, strings.TrimSuffix(e.path, e.name)+whiteout+e.name)
}

func (p *packer) symlink(e *entry) error {
	target, err := readlinkat(e.dir, e.name)
	if err != nil {
		return err
	}
	h := p.header(e, tar.TypeSymlink, e.path)
	h.Linkname = target
	p.named(e)
	return p.tar.WriteHeader(h)
}

// regular writes a file. What was opened is looked at anew: by now the name may be another's.
func (p *packer) regular(e *entry) error {
	fd, err := openat(e.dir, e.name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := fstat(fd, &e.st); err != nil {
		return err
	}
	if e.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.ESTALE
	}
	pax, all, err := p.marks(e, fd)
	if err != nil {
		return err
	}
	if _, found := all[xattrWhiteout]; found && e.st.Size == 0 && !p.options.Plain {
		return p.whiteout(e)
	}
	p.named(e)
	h := p.header(e, tar.TypeReg, e.path)
	h.Size, h.PAXRecords = e.st.Size, pax
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	return p.contents(e, fd)
}

// contents writes as much of a file as its header says.
func (p *packer) contents(e *entry, fd int) error {
	for left := e.st.Size; left > 0; {
		n, err := read(fd, p.buf[:min(left, int64(len(p.buf)))])
		if err != nil {
			return err
		}
		if n == 0 {
			p.notes.add(noteShorter, e.path)
			n = int(min(left, int64(len(p.buf))))
			clear(p.buf[:n])
		}
		if _, err := p.tar.Write(p.buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
		p.report.Bytes += int64(n)
		if p.options.Progress != nil {
			p.options.Progress(p.report.Bytes)
		}
	}
	return nil
}
