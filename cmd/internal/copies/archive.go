package copies

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
)

// This file is the end of a copy whose other end is a stream of the caller's: a tar archive as any program writes
// and reads them, without the lines of ours around it.

// Archive writes what is at the end's path as an archive: a file as base, a folder as base/ with all that is in
// it. An empty base stands for a root.
func (e *End) Archive(w io.Writer, base string) error {
	f, st, err := e.source()
	if err != nil {
		return err
	}
	defer f.Close()
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		return archiveFile(w, f, &st, base)
	}
	r, packed := io.Pipe()
	defer r.Close()
	go func() { packed.CloseWithError(pack(packed, f)) }()
	if base != "" {
		base += "/"
	}
	return rename(w, r, base)
}

// rename copies an archive of a folder, with another name for that.
func rename(w io.Writer, r io.Reader, folder string) error {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return out.Close()
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeFifo || h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
			continue // as when files are copied
		}
		named := &tar.Header{Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Size: h.Size,
			Uid: h.Uid, Gid: h.Gid, Mode: h.Mode, ModTime: h.ModTime, Format: tar.FormatPAX}
		if folder != "" {
			named.Name = folder + strings.TrimPrefix(h.Name, "./")
			if h.Typeflag == tar.TypeLink {
				named.Linkname = folder + strings.TrimPrefix(h.Linkname, "./")
			}
		}
		if err := out.WriteHeader(named); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}

// errNoArchive says what a stream should have been.
var errNoArchive = errors.New("what comes is no tar archive, or not all of one")

// Extract writes what an archive holds, compressed or not, into the folder at the end's path.
func (e *End) Extract(r io.Reader, a Attributes) error {
	dir, err := e.open(e.Path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	in := bufio.NewReader(r)
	if _, err := in.Peek(1); err == io.EOF {
		return errNoArchive
	}
	plain, expanded := io.Pipe()
	defer plain.Close()
	go func() { expanded.CloseWithError(layer.Expand(expanded, in, layer.Limits{})) }()
	err = (&change{attributes: a, rootless: true, foreign: true}).unpack(dir, plain)
	if errors.Is(err, tar.ErrHeader) || err == io.ErrUnexpectedEOF {
		err = errNoArchive
	}
	return err
}

// pack writes the archive of a folder.
func pack(w io.Writer, f *os.File) error {
	_, err := layer.Pack(w, f, layer.Options{Plain: true})
	if errors.Is(err, unix.EXDEV) {
		err = fmt.Errorf("%w: something else is mounted there, which can be copied by itself", err)
	}
	return err
}
