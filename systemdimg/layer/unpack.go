package layer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Unpack writes an archive below a folder: a tar stream as it is, or compressed by gzip, xz or zstd,
// which its first bytes tell. What the folder has under the same names is replaced. After an error what
// has been written stays, for the caller to [Remove]. The caller closes dir, which may be O_PATH.
//
// Progress counts the archive as it comes, compressed.
func Unpack(dir *os.File, r io.Reader, o Options) (*Report, error) {
	o.Limits = o.Limits.orDefault()
	u := &unpacker{options: o, folders: map[fileID]*attributes{}}
	if err := u.way.begin(int(dir.Fd())); err != nil {
		return nil, failure("open", ".", err)
	}
	defer u.way.close()
	u.stream = newStream(r, &o)
	defer u.stream.abandon()
	u.out.begin(o.WriteOut)
	defer u.out.end()
	if err := u.all(); err != nil {
		return nil, err
	}
	u.report.Notes = u.notes.sentences()
	return &u.report, nil
}

// unpacker writes an archive. Of the names in it nothing is kept, each may have a megabyte. The way leads from
// the root to the folder of the entry that was last written; folders get their attributes when it leaves them,
// every time: what is made in one changes its time.
type unpacker struct {
	options Options
	stream  *stream
	tar     *tar.Reader
	way     way
	folders map[fileID]*attributes
	out     outlet
	report  Report
	notes   notes
	parts   [32]string // of the name at hand
	buf     []byte
}

const (
	noteDevice = "%d device nodes were left out, which a user namespace cannot have"
	noteKind   = "%d entries of unknown kinds were left out"
	noteAufs   = "%d entries of aufs were left out"
	noteNoEnd  = "the archive has no mark at its end, and may have been cut short"
	noteRoot   = "the root of the layer is marked as opaque, which overlayfs does not heed"
)

var (
	errNotTar = errors.New("this is no tar archive")
	errEmpty  = errors.New("this is no tar archive: it is empty")
	errRoot   = errors.New("the root of an archive can only be a folder")
	errLink   = errors.New("this is a symbolic link, and archives are not unpacked through links")
)

// tarBlock is what archives are made of. Two of zeros are the mark at the end.
const tarBlock = 512

// all writes all entries, then leaves all folders.
func (u *unpacker) all() (err error) {
	u.tar = tar.NewReader(onlyReader{u.stream})
	u.buf = make([]byte, blockSize)
	for err == nil {
		var h *tar.Header
		if h, err = u.next(); err == nil {
			err = u.entry(h)
		}
	}
	if err != io.EOF {
		return err
	}
	for u.way.depth() > 0 {
		if err := u.leave(); err != nil {
			return err
		}
	}
	if err := u.settle(); err != nil {
		return err
	}
	u.report.Digest, u.report.Size, err = u.stream.finish()
	return err
}

// next gives the next entry. io.EOF says that there is none.
func (u *unpacker) next() (*tar.Header, error) {
	last := u.stream.offset + -u.stream.offset&(tarBlock-1)
	h, err := u.tar.Next()
	switch {
	case err == io.EOF && u.stream.offset == 0:
		return nil, errEmpty
	case err == io.EOF:
		if u.stream.offset-last < 2*tarBlock {
			u.notes.add(noteNoEnd, "")
		}
		return nil, err
	case errors.Is(err, tar.ErrHeader) && u.report.Files == 0:
		return nil, errNotTar
	case err != nil && !errors.Is(err, tar.ErrInsecurePath): // that is for us to say
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	return h, nil
}

// onlyReader hides what else a reader can do from archive/tar.
type onlyReader struct{ io.Reader }

// entry writes one entry.
func (u *unpacker) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return u.count()
	}
	p, err := parse(h.Name, u.parts[:])
	m := none
	if err == nil && !u.options.Plain {
		p, m, err = marked(p)
	}
	if err != nil {
		return failure("unpack", h.Name, err)
	}
	if m == aufs {
		u.notes.add(noteAufs, h.Name)
		return u.count()
	}
	if p.name == "" && h.Typeflag != tar.TypeDir {
		return failure("unpack", h.Name, errRoot)
	}
	if err := u.enter(p.folders); err != nil {
		return err
	}
	if err := u.count(); err != nil {
		return err
	}
	switch m {
	case gone:
		return u.whiteout(p)
	case opaque:
		return u.opaque(u.way.top().fd, p)
	}
	return u.write(h, p)
}

// count counts one file more.
func (u *unpacker) count() error {
	if u.report.Files++; u.report.Files > u.options.Limits.Files {
		return &LimitError{"Files", u.options.Limits.Files}
	}
	return nil
}

// write writes one entry into the folder that the way leads to.
func (u *unpacker) write(h *tar.Header, p place) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.regular(h, p.name)
	case tar.TypeDir:
		return u.folder(h, p.name)
	case tar.TypeSymlink:
		return u.symlink(h, p.name)
	case tar.TypeLink:
		return u.link(h, p.name)
	case tar.TypeFifo:
		return u.fifo(h, p.name)
	case tar.TypeChar, tar.TypeBlock:
		u.notes.add(noteDevice, h.Name)
	default:
		u.notes.add(noteKind, h.Name)
	}
	return nil
}

// enter leads the way to a folder, and makes what is missing.
func (u *unpacker) enter(folders []string) error {
	same := 0
	for same < len(folders) && same < u.way.depth() && u.way.levels[same+1].name == folders[same] {
		same++
	}
	for u.way.depth() > same {
		if err := u.leave(); err != nil {
			return err
		}
	}
	for i := same; i < len(folders); i++ {
		if err := u.into(folders[i]); err != nil {
			return failure("enter", strings.Join(folders[:i+1], "/"), err)
		}
	}
	return nil
}

// into goes down into a folder that an entry lies in.
func (u *unpacker) into(name string) error {
	_, err := u.way.down(name)
	switch err {
	case unix.ENOENT:
		if err := u.count(); err != nil {
			return err
		}
		return u.make(name, implied())
	case unix.ELOOP:
		return errLink
	case unix.ENOTDIR:
		if u.isGone(name) {
			return u.instead(name, implied())
		}
	}
	return err
}

// make makes a folder and goes down into it.
func (u *unpacker) make(name string, a *attributes) error {
	if err := mkdirat(u.way.top().fd, name); err != nil {
		return err
	}
	st, err := u.way.down(name)
	if err != nil {
		return err
	}
	u.folders[idOf(&st)] = a
	return nil
}

// instead makes a folder in the place of something else. What layers below have in the place of a
// whiteout stays hidden.
func (u *unpacker) instead(name string, a *attributes) error {
	hidden := u.isGone(name)
	if err := remove(u.way.top().fd, name); err != nil {
		return err
	}
	if err := u.make(name, a); err != nil || !hidden {
		return err
	}
	return fsetxattr(u.way.top().fd, xattrOpaque, []byte("y"))
}

// leave goes up from a folder. It has its attributes then.
func (u *unpacker) leave() error {
	if err := u.settle(); err != nil {
		return err
	}
	if err := u.way.up(); err != nil {
		return failure("leave", u.way.path(), err)
	}
	return nil
}

// settle gives the last folder its attributes, if they are known.
func (u *unpacker) settle() error {
	l := u.way.top()
	a := u.folders[l.id]
	if a == nil {
		return nil
	}
	if err := u.apply(l.fd, a, l.name); err != nil {
		return failure("unpack", u.way.path(), err)
	}
	a.xattrs = nil // they stay
	return nil
}
