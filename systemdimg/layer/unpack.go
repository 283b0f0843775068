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
	u.stream = newStream(r, o.Limits, o.Progress)
	defer u.stream.abandon()
	if err := u.all(); err != nil {
		return nil, err
	}
	u.report.Notes = u.notes.sentences()
	return &u.report, nil
}

// unpacker writes an archive. The way leads from the root to the folder of the entry that was last
// written; folders get their attributes when it leaves them, every time: what is made in one changes its
// time.
type unpacker struct {
	options Options
	stream  *stream
	tar     *tar.Reader
	way     way
	folders map[fileID]*attributes
	report  Report
	notes   notes
	parts   [32]string // of the name at hand
	buf     []byte
}

const (
	noteDevice   = "%d device nodes were left out, which a user namespace cannot have"
	noteKind     = "%d entries of unknown kinds were left out"
	noteAufs     = "%d entries of aufs were left out"
	noteNoEnd    = "%d archives have no mark at their end, and may have been cut short"
	noteRoot     = "%d folders that are opaque are the root of the layer, where overlayfs does not heed that"
	errNotTar    = "this is no tar archive"
	headerBlocks = 512
)

// all writes all entries, then leaves all folders.
func (u *unpacker) all() error {
	u.tar = tar.NewReader(onlyReader{u.stream})
	u.buf = make([]byte, blockSize)
	for {
		ended := u.stream.offset + -u.stream.offset&(headerBlocks-1)
		h, err := u.tar.Next()
		if err == io.EOF {
			if u.stream.offset == 0 {
				return errors.New(errNotTar + ": it is empty")
			}
			if u.stream.offset-ended < 2*headerBlocks {
				u.notes.add(noteNoEnd, ".")
			}
			break
		}
		if errors.Is(err, tar.ErrHeader) && u.report.Files == 0 {
			return errors.New(errNotTar)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("read the archive: %w", err)
		}
		if err := u.entry(h); err != nil {
			return err
		}
	}
	for u.way.depth() > 0 {
		if err := u.leave(); err != nil {
			return err
		}
	}
	if err := u.settle(); err != nil {
		return err
	}
	var err error
	u.report.Digest, u.report.Size, err = u.stream.finish()
	return err
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
		return failure("unpack", h.Name, errors.New("the root of an archive can only be a folder"))
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
		return u.make(name, implied(name))
	case unix.ELOOP, unix.ENOTDIR:
		if u.isGone(name) {
			return u.instead(name, implied(name))
		}
		if err == unix.ELOOP {
			return errors.New("this is a symbolic link, and archives are not unpacked through links")
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
	return u.count()
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
		return failure("leave", u.way.top().name, err)
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
	return u.apply(l.fd, a)
}
