package copies

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
)

// change is what becomes of an archive before it is unpacked.
type change struct {
	attributes Attributes
	name       string // of the one file that is in it; empty: it holds a folder
	rootless   bool   // the folder was there before, and keeps its attributes
	foreign    bool   // it is not of the other end: no last line stands behind it
}

// unpack unpacks a changed archive into an open folder.
func (c *change) unpack(dir *os.File, r io.Reader) error {
	changed, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := c.copy(dir, w, r)
		w.CloseWithError(err)
		done <- err
	}()
	_, err := layer.Unpack(dir, bufio.NewReader(changed), layer.Options{Plain: true, Holes: true})
	changed.CloseWithError(io.ErrClosedPipe)
	if failed := <-done; failed != nil && failed != io.ErrClosedPipe {
		return failed // it comes first
	}
	return err
}

// copy copies an archive, changed.
func (c *change) copy(dir *os.File, w io.Writer, r io.Reader) error {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if h = c.header(h); h == nil {
			continue
		}
		if err := fits(dir, h); err != nil {
			return err
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if c.foreign {
		_, err := io.Copy(io.Discard, r) // who writes it is not to fail
		return err
	}
	if rest, err := io.ReadAll(io.LimitReader(r, int64(len(end))+1)); err != nil || string(rest) != end {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// header gives what an entry is to be, or nil for none.
func (c *change) header(h *tar.Header) *tar.Header {
	kind := h.Typeflag
	switch kind {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
	case tar.TypeGNUSparse: // the reader fills its holes
		kind = tar.TypeReg
	default:
		return nil
	}
	root := kind == tar.TypeDir && path.Clean("/"+h.Name) == "/"
	if root && c.rootless {
		return nil
	}
	a := &c.attributes
	changed := &tar.Header{Typeflag: kind, Name: h.Name, Linkname: h.Linkname, Size: h.Size,
		Uid: owner(h.Uid, a.UIDs, a.UID), Gid: owner(h.Gid, a.GIDs, a.GID),
		Mode: h.Mode & int64(a.Modes), ModTime: time.Now(), Format: tar.FormatPAX}
	if c.name != "" {
		changed.Name = c.name
	}
	if a.Keep {
		changed.ModTime = h.ModTime
	}
	return changed
}

// fits refuses a file in the place of a folder, which would be removed with all that is in it, and a folder in
// the place of anything else.
func fits(dir *os.File, h *tar.Header) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(dir.Fd()), strings.TrimSuffix(h.Name, "/"), &how)
	if err != nil {
		return nil // it is not there yet; what else may be wrong, Unpack says
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	switch is, becomes := st.Mode&unix.S_IFMT == unix.S_IFDIR, h.Typeflag == tar.TypeDir; {
	case is && !becomes:
		return fmt.Errorf("%q is a folder already, and no file takes its place", h.Name)
	case !is && becomes:
		return fmt.Errorf("%q is there already, and no folder", h.Name)
	}
	return nil
}

func timeOf(st *unix.Stat_t) time.Time { return time.Unix(st.Mtim.Unix()) }
