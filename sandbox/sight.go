package sandbox

import (
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// This file looks into a running sandbox: see type Live. Nothing here follows a link in there.

// Sight is what stands in a running sandbox at a path.
type Sight struct {
	Type     Type // 0: nothing
	ID       FileID
	Empty    bool   // a folder, or an ordinary file, without anything in it
	Writable bool   // by its mount
	Mount    uint64 // the id of the mount whose root it is, or 0
	// Missing are the places to be made for it, outermost first, if nothing is there. The folders
	// around it cannot be written to: what the app would put there would be lost with them, and a
	// program that cannot make a new file beside a file that it saves writes in place.
	Missing []Place
	// Beside reports whether a program that saves it makes a new file beside it, to put that in
	// its place: over a mount it cannot.
	Beside bool
}

// open opens a path inside, absolute and clean, without following links.
func (l *Live) open(inside string, flags uint64) (*os.File, error) {
	root, err := number(l.root)
	if err != nil {
		return nil, err
	}
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS}
	for range 1000 { // EAGAIN: see openIn
		fd, err := unix.Openat2(root, relative(inside), &how)
		if err == nil {
			return os.NewFile(uintptr(fd), inside), nil
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			return nil, err
		}
	}
	return nil, unix.EAGAIN
}

// relative is a path inside as openat2 takes it.
func relative(inside string) string {
	if rest := strings.Join(split(inside), "/"); rest != "" {
		return rest
	}
	return "."
}

// Look says what stands at a path inside, and what has to be made for a file or folder to be there.
func (l *Live) Look(dest string, isFolder bool) (s Sight, err error) {
	dest = path.Clean(dest)
	f, err := l.open(dest, unix.O_PATH|unix.O_NOFOLLOW)
	if err == nil {
		defer f.Close()
		if s, err = look(f); err != nil {
			return s, l.failed(verbLook, dest, err)
		}
		dir, err := l.open(path.Dir(dest), unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return s, l.failed(verbLook, dest, err)
		}
		defer dir.Close()
		s.Beside, err = extensible(dir)
		return s, err
	}
	if err != unix.ENOENT {
		return s, l.failed(verbLook, dest, err)
	}
	return s, l.missing(&s, dest, isFolder)
}

// missing lists the places to be made for a destination.
func (l *Live) missing(s *Sight, dest string, isFolder bool) error {
	s.Missing = []Place{{Path: dest, Folder: isFolder, Mode: 0o755}}
	if !isFolder {
		s.Missing[0].Mode = 0o444
	}
	for dir := path.Dir(dest); ; dir = path.Dir(dir) {
		f, err := l.open(dir, unix.O_PATH|unix.O_DIRECTORY)
		if err == nil {
			defer f.Close()
			writable, err := mountedWritable(f)
			for i := range s.Missing {
				s.Missing[i].Sealed = !writable
			}
			if err == nil && len(s.Missing) == 1 {
				s.Beside, err = extensible(f)
			}
			return err
		}
		if err != unix.ENOENT || dir == "/" {
			return l.failed(verbLook, dest, err)
		}
		s.Missing = append([]Place{{Path: dir, Folder: true, Mode: 0o555}}, s.Missing...)
	}
}

// look looks at an open file.
func look(f *os.File) (s Sight, err error) {
	fd, err := number(f)
	if err != nil {
		return s, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return s, err
	}
	s.ID = FileID{uint64(st.Dev), st.Ino}
	s.Type = NotFolder
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		s.Type = Folder
		s.Empty = isEmpty(fd)
	case unix.S_IFREG:
		s.Empty = st.Size == 0
	case unix.S_IFLNK:
		return s, unix.ELOOP
	}
	if s.Mount, err = mountAt(fd); err != nil {
		return s, err
	}
	s.Writable, err = mountedWritable(f)
	return s, err
}

// mountAt gives the id of the mount whose root an open file is, or 0 (statx(2), Linux 5.8).
func mountAt(fd int) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st)
	if err != nil || st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return 0, err
	}
	return st.Mnt_id, nil
}

// isEmpty reports whether a folder holds nothing, as far as the caller may look.
func isEmpty(dir int) bool {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "folder")
	defer f.Close()
	_, err = f.Readdirnames(1)
	return err == io.EOF
}

// mountedWritable reports whether the mount of an open file can be written to.
func mountedWritable(f *os.File) (bool, error) {
	fd, err := number(f)
	if err != nil {
		return false, err
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(fd, &st)
	return st.Flags&unix.ST_RDONLY == 0, err
}

// extensible reports whether a folder takes new files, by its mount and its owner's permissions.
func extensible(dir *os.File) (bool, error) {
	fd, err := number(dir)
	if err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IWUSR == 0 {
		return false, err
	}
	return mountedWritable(dir)
}

// lookAt looks at what stands at a path inside.
func (l *Live) lookAt(inside string) (Sight, error) {
	f, err := l.open(inside, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return Sight{}, err
	}
	defer f.Close()
	return look(f)
}

// mountOf gives the id of the mount that a name in an open folder lies on.
func mountOf(dir *os.File, name string) (uint64, error) {
	fd, err := number(dir)
	if err != nil {
		return 0, err
	}
	var st unix.Statx_t
	err = unix.Statx(fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st)
	return st.Mnt_id, err
}

// mountPoint finds a mount in the text of a mountinfo (proc_pid_mountinfo(5)).
func mountPoint(text string, id uint64) string {
	want := decimal(id)
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[0] == want {
			return unescape(fields[4])
		}
	}
	return ""
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
