package compose

import (
	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// World is what Compose must know of the machine and of the person's session. It is an input, so
// that the same manifest gives the same sandbox in a test as on any machine; Session fills it in.
type World struct {
	Host sandbox.Host

	User, Group string // the names of the caller's ids; empty if nobody knows them
	Home        string // $HOME
	Shell       string // the login shell
	Hostname    string // of the machine, as its X authority files spell it
	Cwd         string // the working directory, by the links that the person followed
	RuntimeDir  string // $XDG_RUNTIME_DIR; empty if there is none
	Umask       uint32

	// The folders of the XDG base directory specification, their defaults filled in.
	Data, Config, Cache, State string

	Env []string // the caller's environment, as KEY=VALUE

	Files FileSystem

	// Answers reports whether a server accepts connections on the socket at a path. A socket
	// that exists says nothing: its server may be gone.
	Answers func(path string) bool

	// Instance tells this start from every other, in decimal digits.
	Instance string

	// Accessibility gives the address of the accessibility bus, and Documents the folder that the
	// document portal is mounted on, each started if need be, or "". They are asked only if a
	// manifest wants what they give. Nil is "".
	Accessibility, Documents func() string
	// Document has the document portal show a regular file, a path without links, to an app, and gives
	// the folder outside in which it shows that alone, or "". Nil is "".
	Document func(app, path string) string
	// NoStart keeps those that Session has set from starting anything, for who only wants to know.
	NoStart bool

	// Opener gives the program that opens links by portals, called as xdg-open and the like, or "". Nil is "".
	Opener func() string

	// Seccomp compiles a FILE.json in the runtime-spec format. It is a function so that the
	// compiler is linked only into programs that set it.
	Seccomp func(path string) ([]byte, error)
}

// FileSystem is a narrow view of the files outside. Paths are absolute; only Compose decides
// which links are followed, so no method follows one in the last component but ReadFile.
type FileSystem interface {
	Lstat(path string) (File, error)
	Readlink(path string) (string, error)
	// ReadDir returns the entries of a folder, in any order, with Mode's type bits set.
	ReadDir(path string) ([]File, error)
	// ReadFile returns a regular file of at most limit bytes.
	ReadFile(path string, limit int) ([]byte, error)
}

// File is what Compose must know of a file.
type File struct {
	Name string         // of an entry; ReadDir sets it
	Mode uint32         // type and permissions, as in stat(2)
	Rdev uint64         // of a device node
	ID   sandbox.FileID // zero if nobody knows it, as of an entry
}

// maxText bounds the texts of the host that are read whole, such as resolv.conf.
const maxText = 256 << 10

func (f File) is(kind uint32) bool { return f.Mode&unix.S_IFMT == kind }

// getenv returns a variable of the caller's environment, or "".
func (w *World) getenv(name string) string {
	for _, entry := range w.Env {
		if len(entry) > len(name) && entry[len(name)] == '=' && entry[:len(name)] == name {
			return entry[len(name)+1:]
		}
	}
	return ""
}
