package homes

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// Holes, in prose.
//
// A file may be far longer than what is stored of it: the disk of a virtual machine, or one that an app
// made to fill the disk of who copies it. What is between is never read, and never written.
//
// In an archive such a file is in the form that GNU tar calls PAX 1.0: a list of what is stored, then that.
// GNU tar, bsdtar and Python unpack it with its holes. archive/tar reads that form and has no way of writing
// it: the records that announce it are those that it leaves out. So they are handed to it by other names, and
// get their own on the way out; no checksum is kept of them.

// span is a part of a file that is stored.
type span struct{ at, size int64 }

// spans finds what is stored of a file (lseek(2), SEEK_DATA). Where that cannot be told it is all.
func spans(f *os.File, st *unix.Stat_t) (list []span) {
	whole := []span{{0, st.Size}}
	if st.Blocks*512 >= st.Size {
		return whole
	}
	fd := int(f.Fd())
	for at := int64(0); at < st.Size; {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if err == unix.ENXIO || err == nil && data >= st.Size {
			break
		}
		end, e := unix.Seek(fd, data, unix.SEEK_HOLE)
		if err != nil || e != nil {
			return whole
		}
		at = min(max(end, data+1), st.Size) // an app may dig it away meanwhile
		list = append(list, span{data, at - data})
	}
	return list
}

// hasHoles reports whether anything of a file of some size is not stored.
func hasHoles(list []span, size int64) bool { return len(list) != 1 || list[0].size != size }

// The records of a file with holes begin with recordName; with standIn, which is as long and in no path,
// for archive/tar.
const (
	recordName = "GNU.sparse."
	standIn    = "///.//////."
)

// relabeled is what an archive is written to.
type relabeled struct {
	to io.Writer
	on bool // the header of a file with holes is on its way
}

func (r *relabeled) Write(p []byte) (int, error) {
	if r.on {
		p = bytes.ReplaceAll(p, []byte(standIn), []byte(recordName))
	}
	return r.to.Write(p)
}

// sparse writes the header of a file with holes, and the list of what is stored.
func (x *archive) sparse(h *tar.Header, stored []span) error {
	if last := len(stored) - 1; last < 0 || stored[last].at+stored[last].size < h.Size {
		stored = append(stored, span{h.Size, 0}) // GNU tar takes the size from that
	}
	list := strconv.AppendInt(nil, int64(len(stored)), 10)
	data := int64(0)
	for _, s := range stored {
		list = strconv.AppendInt(append(list, '\n'), s.at, 10)
		list = strconv.AppendInt(append(list, '\n'), s.size, 10)
		data += s.size
	}
	list = append(list, '\n')
	list = append(list, make([]byte, -len(list)&511)...)
	h.PAXRecords = map[string]string{standIn + "major": "1", standIn + "minor": "0",
		standIn + "name": h.Name, standIn + "realsize": strconv.FormatInt(h.Size, 10)}
	h.Name = path.Dir(h.Name) + "/GNUSparseFile.0/" + path.Base(h.Name) // for who does not know the form
	h.Size = int64(len(list)) + data
	x.out.on = true
	err := x.tar.WriteHeader(h)
	x.out.on = false
	if err == nil {
		_, err = x.tar.Write(list)
	}
	return err
}
