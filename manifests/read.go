package manifests

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// builtin holds the manifests that come with snug: apps, and bases below bases/.
//
//go:embed builtin
var builtin embed.FS

// source is one place of the search path.
type source struct {
	dir     string // on disk, or inside builtin
	label   string // dir as Origins print it
	builtIn bool
}

// read returns a file of the source as a layer, or nil if there is none. The name was checked: it
// cannot lead out of the source.
func (s source) read(name string) (*Layer, error) {
	var text []byte
	var err error
	if s.builtIn {
		text, err = builtin.ReadFile(s.dir + "/" + name)
	} else {
		text, err = readRegular(s.dir + "/" + name)
	}
	label := s.label + "/" + name
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, Problem{Origin(printable(label)), "cannot be read: " + reason(err), ""}
	}
	return Parse(label, text)
}

// names returns the base names of the files that end in .toml below dir of the source, sorted.
// A name that no manifest can have is an error: what it says would be lost without a word.
func (s source) names(dir string) ([]string, error) {
	folder := path.Join(s.dir, dir)
	var entries []fs.DirEntry
	var err error
	if s.builtIn {
		entries, err = builtin.ReadDir(folder)
	} else {
		entries, err = os.ReadDir(folder)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, Problem{Origin(printable(folder)), "cannot be read: " + reason(err), ""}
	}
	var names []string
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".toml")
		if !found || strings.HasPrefix(name, ".") || entry.IsDir() {
			continue
		}
		if what, _ := checkID(name); what != "" {
			return nil, Problem{Origin(printable(folder + "/" + entry.Name())), "the name of the file " + what, "rename it"}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// reason returns the last cause of an error about a file: the Problem names the file itself.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// errNotRegular and errTooLarge are what readRegular refuses.
var (
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = errors.New("larger than 256 KiB")
)

// readRegular reads a regular file of at most maxText bytes. It follows symbolic links, because
// keepers of dot files make them, and opens without blocking, because a FIFO would hang the start.
func readRegular(name string) ([]byte, error) { return readBounded(name, maxText) }

func readBounded(name string, limit int) ([]byte, error) {
	fd, err := ignoringEINTR(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	})
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	switch {
	case stat.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return nil, errNotRegular
	case stat.Size > int64(limit):
		return nil, errTooLarge
	}
	text := make([]byte, 0, stat.Size+1)
	for len(text) <= limit {
		if len(text) == cap(text) {
			text = slices.Grow(text, 4096) // the file grew since fstat
		}
		n, err := ignoringEINTR(func() (int, error) { return syscall.Read(fd, text[len(text):cap(text)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return text, nil
		}
		text = text[:len(text)+n]
	}
	return nil, errTooLarge
}

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}
