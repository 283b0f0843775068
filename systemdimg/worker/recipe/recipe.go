// Package recipe keeps what a tar archive holds beside the contents of its files, so that the archive can be
// made again of the unpacked files, byte by byte.
//
// The one default call is [NewWriter] for an archive that is unpacked, and [Cook] for the way back. A layer of an image
// is known by the digest of its archive, and no two programs write the same archive of the same files; so an
// image that is exported would be another one. A recipe is about a hundredth of its archive, compressed.
//
//	recipe = { literal | file }          compressed by gzip
//	literal = 'L' length bytes           headers, padding, and what is no plain file's content
//	file = 'F' size length path          the content of a file, by its path in the layer
//
// Numbers are as in encoding/binary's Uvarint. The package promises nothing about what comes out: files may have
// been written over by later ones of the same archive. Who cooks compares the digest. Recipes, archives and
// folders are hostile: no file is opened outside of the folder, none that is not a plain one, and all is read
// through in pieces of bounded size.
package recipe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"
)

const (
	literal = 'L'
	file    = 'F'

	maxLiteral = 64 << 10
	maxPath    = 4 << 10
)

// ErrRecipe says that a recipe is none, or does not fit the folder.
var ErrRecipe = errors.New("the recipe of the layer does not fit its files")

// Writer writes a recipe. It is told all of an archive, in order (layer.Recorder).
type Writer struct {
	z     *gzip.Writer
	to    *bufio.Writer // its errors are sticky: Close tells
	noted []byte
}

// NewWriter begins a recipe. The caller closes it.
func NewWriter(to io.Writer) *Writer {
	z, _ := gzip.NewWriterLevel(to, gzip.BestSpeed) // its error is that of a level that is none
	return &Writer{z: z, to: bufio.NewWriterSize(z, maxLiteral)}
}

// Literal notes what is no plain file's content.
func (w *Writer) Literal(p []byte) {
	for len(p) > 0 {
		n := min(len(p), maxLiteral-len(w.noted))
		w.noted = append(w.noted, p[:n]...)
		if p = p[n:]; len(w.noted) == maxLiteral {
			w.flush()
		}
	}
}

// File notes that the content of a plain file follows.
func (w *Writer) File(name string, size int64) {
	w.flush()
	w.head(file, uint64(size), uint64(len(name)))
	w.to.WriteString(name)
}

// Close writes what is left. Without it a recipe is none.
func (w *Writer) Close() error {
	w.flush()
	if err := w.to.Flush(); err != nil {
		return err
	}
	return w.z.Close()
}

func (w *Writer) flush() {
	if len(w.noted) > 0 {
		w.head(literal, uint64(len(w.noted)))
		w.to.Write(w.noted)
		w.noted = w.noted[:0]
	}
}

func (w *Writer) head(kind byte, numbers ...uint64) {
	b := []byte{kind}
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	w.to.Write(b)
}

// Cook writes the archive of a recipe, with contents of the files in a folder.
func Cook(recipe io.Reader, dir *os.File, to io.Writer) error {
	z, err := gzip.NewReader(recipe)
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(z, maxLiteral)
	for {
		kind, err := r.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		size, err := binary.ReadUvarint(r)
		switch {
		case err != nil:
		case kind == literal && size <= maxLiteral:
			_, err = io.CopyN(to, r, int64(size))
		case kind == file && size < 1<<62:
			err = cookFile(r, dir, int64(size), to)
		default:
			err = ErrRecipe
		}
		if err != nil {
			return err
		}
	}
}

func cookFile(r *bufio.Reader, dir *os.File, size int64, to io.Writer) error {
	length, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if length > maxPath {
		return ErrRecipe
	}
	path := make([]byte, length)
	if _, err := io.ReadFull(r, path); err != nil {
		return err
	}
	f, err := open(dir, string(path))
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := io.Copy(to, io.LimitReader(f, size)); err != nil || n < size {
		return errors.Join(err, ErrRecipe)
	}
	return nil
}

// open opens a plain file below a folder. Links in between lead to where they lead in the image.
func open(dir *os.File, path string) (*os.File, error) {
	how := &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(int(dir.Fd()), path, how)
	for err == unix.EINTR || err == unix.EAGAIN {
		fd, err = unix.Openat2(int(dir.Fd()), path, how)
	}
	if err != nil {
		return nil, errors.Join(ErrRecipe, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, errors.Join(ErrRecipe, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
