package copies

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A stream is a line that says what follows, an archive, and a last line: archives alone can be cut short
// without anybody noticing.
const (
	aFile   = "file\n"
	aFolder = "folder\n"
	end     = "end\n"
)

// End is one side of a copy: a folder that is its root, and a path in it.
type End struct {
	Root *os.File // stays the caller's
	Path string   // absolute
}

// Attributes say what received files get of what they had.
type Attributes struct {
	Keep     bool   // modes and times
	Modes    uint32 // the permission bits that may be kept
	UID, GID int    // the owner
	// UIDs and GIDs are the ids of who sends that are others of who receives. What has none of them gets the
	// owner above.
	UIDs, GIDs []Range
}

// Range says that Count ids from Inside on are those from Outside on, where they come from.
type Range struct{ Inside, Outside, Count int }

// owner translates an id.
func owner(id int, ranges []Range, otherwise int) int {
	for _, r := range ranges {
		if id >= r.Outside && id-r.Outside < r.Count {
			return r.Inside + id - r.Outside
		}
	}
	return otherwise
}

// open opens a path below the root. Links are followed inside of it; with O_NOFOLLOW the last one is not.
func (e *End) open(path string, flags uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(int(e.Root.Fd()), path, &how)
		if err == unix.EINTR || err == unix.EAGAIN { // a rename somewhere, openat2(2)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open %q: %w", path, err)
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// look tells a folder from a regular file, and refuses all else: to open a device may do something.
func look(f *os.File) (st unix.Stat_t, err error) {
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return st, fmt.Errorf("stat %q: %w", f.Name(), err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR, unix.S_IFREG:
		return st, nil
	}
	return st, fmt.Errorf("%q is neither a file nor a folder", f.Name())
}

// source opens the file or folder that is to be sent.
func (e *End) source() (f *os.File, st unix.Stat_t, err error) {
	f, err = e.open(e.Path, unix.O_PATH)
	if err != nil {
		return nil, st, err
	}
	_, err = look(f)
	f.Close()
	if err != nil {
		return nil, st, err
	}
	if f, err = e.open(e.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY); err != nil {
		return nil, st, err
	}
	if st, err = look(f); err != nil { // it may be another by now
		f.Close()
		return nil, st, err
	}
	return f, st, nil
}

// Send writes what is at the end's path.
func (e *End) Send(w io.Writer) error {
	f, st, err := e.source()
	if err != nil {
		return err
	}
	defer f.Close()
	send := sendFolder
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		send = sendFile
	}
	if err := send(w, f, &st); err != nil {
		return err
	}
	_, err = io.WriteString(w, end)
	return err
}

func sendFolder(w io.Writer, f *os.File, _ *unix.Stat_t) error {
	if _, err := io.WriteString(w, aFolder); err != nil {
		return err
	}
	return pack(w, f)
}

func sendFile(w io.Writer, f *os.File, st *unix.Stat_t) error {
	if _, err := io.WriteString(w, aFile); err != nil {
		return err
	}
	return archiveFile(w, f, st, "file")
}

// archiveFile writes an archive of one file. One that shrinks meanwhile ends in zeros.
func archiveFile(w io.Writer, f *os.File, st *unix.Stat_t, name string) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Uid: int(st.Uid), Gid: int(st.Gid), Mode: int64(st.Mode & 0o7777), Size: st.Size, Format: tar.FormatPAX}
	h.ModTime = timeOf(st)
	archive := tar.NewWriter(w)
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyN(archive, f, st.Size)
	if err == io.EOF {
		_, err = io.CopyN(archive, zeros{}, st.Size-n)
	}
	if err != nil {
		return err
	}
	return archive.Close()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Receive writes what another end sends: into the folder at the path, under the name base, or, where none
// is, as what the path names. A file is replaced; a folder gets what is sent beside what it has. An empty
// base stands for what is in a root: its contents go into the folder.
func (e *End) Receive(r io.Reader, base string, a Attributes) error {
	in := bufio.NewReader(r)
	kind, err := in.ReadSlice('\n')
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	dir, name, err := e.place(base)
	if err != nil {
		return err
	}
	defer dir.Close()
	change := &change{attributes: a, name: name}
	if string(kind) == aFolder {
		if name != "" {
			below, made, err := folderIn(dir, name)
			if err != nil {
				return err
			}
			defer below.Close()
			dir, change.name, change.rootless = below, "", !made
		} else {
			change.rootless = true
		}
	} else if name == "" {
		return fmt.Errorf("%q is a folder", e.Path)
	}
	return change.unpack(dir, in)
}

// place finds the folder and the name in it that a copy gets.
func (e *End) place(base string) (dir *os.File, name string, err error) {
	const folder = unix.O_PATH | unix.O_DIRECTORY
	dir, err = e.open(e.Path, folder|unix.O_NOFOLLOW)
	if err == nil {
		return dir, base, nil
	}
	if strings.HasSuffix(e.Path, "/") || base == "" || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		return nil, "", err
	}
	dir, err = e.open(path.Dir(e.Path), folder)
	return dir, path.Base(e.Path), err
}

// folderIn opens a folder in an open one, or makes it. made reports whether it did.
func folderIn(dir *os.File, name string) (f *os.File, made bool, err error) {
	err = unix.Mkdirat(int(dir.Fd()), name, 0o700)
	made = err == nil
	if made || err == unix.EEXIST {
		var fd int
		fd, err = unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			return os.NewFile(uintptr(fd), name), made, nil
		}
	}
	return nil, false, fmt.Errorf("make the folder %q: %w", name, err)
}
