package compose

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/files"
	"snug/sandbox"
)

// hostFiles is the FileSystem of this machine. It is on the path of every launch, so it makes one
// system call where package os makes three.
type hostFiles struct{}

func (hostFiles) Lstat(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return File{}, err
	}
	return File{Mode: st.Mode, Rdev: uint64(st.Rdev), ID: sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}}, nil
}

func (hostFiles) Readlink(path string) (string, error) {
	var buf [4096]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func (hostFiles) ReadFile(path string, limit int) ([]byte, error) { return files.Read(path, limit) }

// maxEntries bounds a folder that is shown entry by entry; ReadDir gives up soon after.
const maxEntries = 4096

func (h hostFiles) ReadDir(path string) (entries []File, err error) {
	fd, err := files.Retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 16<<10)
	for len(entries) <= maxEntries {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		entries = appendEntries(entries, buf[:n])
	}
	for i := range entries {
		if entries[i].Mode == 0 { // some file systems do not say (getdents(2), DT_UNKNOWN)
			file, err := h.Lstat(child(path, entries[i].Name))
			if err != nil {
				return nil, err
			}
			entries[i].Mode = file.Mode & unix.S_IFMT
		}
	}
	return entries, nil
}

// appendEntries reads struct linux_dirent64: inode and offset of 8 bytes, length of 2, type of 1,
// then the name, which ends with a zero byte. The kernel wrote them.
func appendEntries(entries []File, buf []byte) []File {
	const header = 19
	for len(buf) > header {
		length := int(binary.NativeEndian.Uint16(buf[16:]))
		if length <= header || length > len(buf) {
			break
		}
		name, _, _ := bytes.Cut(buf[header:length], []byte{0})
		if string(name) != "." && string(name) != ".." {
			// DT_* are the type bits of a mode, shifted.
			entries = append(entries, File{Name: string(name), Mode: uint32(buf[18]) << 12})
		}
		buf = buf[length:]
	}
	return entries
}
