package main

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/cmd/internal/terminal"
	"snug/manifests/compose"
	"snug/sandbox"
)

// Copies, in prose.
//
// As cp does: into DST if that is a folder, else as DST; folders with all that is in them; links in them
// stay links. Outside, all is the caller's own. Inside, it is the app's, or root's of a system. A mode loses
// what the umask says, and the time is now, unless both are to be kept. Then a system's files get owners as
// it sees those outside, and set-id bits.
//
// For - as the one outside it is a tar archive on standard output, of SRC under its last name, or one on standard
// input, compressed or not, whose files come into the folder DST. Owners of such an archive are the system's.

func cpFlags(f *pflag.FlagSet) {
	f.BoolP("archive", "a", false, "keep modes and times; in a system owners, too")
	f.BoolP("recursive", "r", true, "as of cp; folders are always copied with all in them")
	f.MarkHidden("recursive")
}

// copyEnd is one of the words: a path, and in which instance, if in any.
type copyEnd struct {
	in     *instances.Record // nil: outside
	path   string            // absolute
	stream bool              // it is standard input or output
}

func runCp(c *console, args []string) error {
	f := c.newFlags()
	cpFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	if len(words) > 2 {
		return several(words)
	}
	if len(words) != 2 {
		return &hinted{"from where to where?", "one of them is in an instance: snug cp INSTANCE:/PATH . or snug cp FILE INSTANCE:/PATH"}
	}
	w, err := compose.Session()
	if err != nil {
		return err
	}
	var ends [2]*copyEnd
	for i, word := range words {
		if ends[i], err = findEnd(w, word); err != nil {
			return err
		}
	}
	from, to := ends[0], ends[1]
	if from.in != nil && to.in != nil {
		step := shellWord("./" + filepath.Base(from.path))
		return &hinted{"both are in instances, and a copy has one end outside", "in two steps: snug cp " + shellWord(words[0]) + " " + step + "; snug cp " + step + " " + shellWord(words[1])}
	}
	if from.in == nil && to.in == nil {
		return &hinted{"one of the two is to be in an instance", "snug cp INSTANCE:/PATH . or snug cp FILE INSTANCE:/PATH; snug ps lists instances"}
	}
	base := filepath.Base(from.path)
	if base == "/" {
		base = ""
	}
	archive, _ := f.GetBool("archive")
	switch kept := attributes(w, from, to, archive); {
	case to.stream && isTerminal(c.out):
		return &hinted{"an archive is not for a terminal", "snug cp " + shellWord(words[0]) + " - | tar -t"}
	case from.stream && terminal.Is(0):
		return &hinted{"an archive from a terminal", "send it one: tar -c FILES | snug cp - " + shellWord(words[1])}
	case to.stream:
		return unread(from.alone("archive", from.path, base))
	case from.stream:
		return to.alone(append([]string{"extract", to.path}, kept...)...)
	default:
		return copyFiles(from, to, base, kept)
	}
}

// several says how more than one file goes at once.
func several(words []string) error {
	last := len(words) - 1
	if name, _, found := strings.Cut(words[last], ":"); found && !strings.Contains(name, "/") {
		return &hinted{"one file or folder at a time", "or all of them as an archive: tar -c " + shellLine(words[:last]) + " | snug cp - " + shellWord(words[last])}
	}
	return &hinted{"one file or folder at a time", "snug cp " + shellWord(words[0]) + " " + shellWord(words[last])}
}

// unread is what has become of an archive on standard output. Who has read enough of it, as head(1), makes an end that
// is none of ours to complain about.
func unread(err error) error {
	fds := []unix.PollFd{{Fd: 1}}
	if n, _ := unix.Poll(fds, 0); err == errEarly && n == 1 && fds[0].Revents&unix.POLLERR != 0 {
		return &failure{status: 128 + int(unix.SIGPIPE)}
	}
	return err
}

// attributes are the last words for who receives: whether modes and times are kept, the permission bits that
// may be, the owner, and which ids are others inside.
func attributes(w *compose.World, from, to *copyEnd, archive bool) []string {
	modes := uint64(0o777 &^ w.Umask)
	if archive {
		modes = 0o777
	}
	uid, gid := w.Host.UID, w.Host.GID
	var ranges []string
	if to.in != nil {
		st := &to.in.State
		uid, gid = st.UID, st.GID
		if archive && to.in.Machine != nil {
			modes = 0o7777
			ranges = append(idWords("u", st.UIDs, from.stream), idWords("g", st.GIDs, from.stream)...)
		}
	}
	return append([]string{strconv.FormatBool(archive), strconv.FormatUint(modes, 8), number(uid), number(gid)}, ranges...)
}

func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// idWords spells ranges of ids for snug-copy; those of an archive are those inside.
func idWords(kind string, ranges []sandbox.IDRange, same bool) (words []string) {
	for _, r := range ranges {
		if same {
			r.Outside = r.Inside
		}
		words = append(words, kind+number(r.Inside)+":"+number(r.Outside)+":"+number(r.Count))
	}
	return words
}

// findEnd reads INSTANCE:PATH or PATH. A path outside with a colon has a slash before it.
func findEnd(w *compose.World, word string) (*copyEnd, error) {
	if word == "-" {
		return &copyEnd{stream: true}, nil
	}
	name, path, found := strings.Cut(word, ":")
	if !found || strings.Contains(name, "/") || name == "" {
		if word == "" {
			return nil, &hinted{"an empty path", "the folder that you are in is ."}
		}
		return &copyEnd{path: tidy(from(w.Cwd, word), word)}, nil
	}
	if path == "" {
		return nil, &hinted{"where in " + quote(name) + "?", "its root's home is " + shellWord(name) + ":/root/, its topmost folder " + shellWord(name) + ":/"}
	}
	if !strings.HasPrefix(path, "/") {
		return nil, &hinted{quote(path) + " in " + quote(name) + " is no absolute path", "such as " + shellWord(absolute(name, path))}
	}
	r, err := findInstance(name)
	if err != nil {
		return nil, &failure{status: exitNo, err: err}
	}
	return &copyEnd{in: r, path: tidy(path, path)}, nil
}

// absolute is what a path inside that does not begin with a slash may have meant: ~ is the home of who runs inside.
func absolute(name, path string) string {
	below, isHome := strings.CutPrefix(path, "~")
	if !isHome || below != "" && below[0] != '/' {
		return name + ":/" + path
	}
	home := "/root"
	if r, err := findInstance(name); err == nil {
		for _, e := range r.Env {
			if value, is := strings.CutPrefix(e, "HOME="); is {
				home = value
			}
		}
	}
	return name + ":" + home + below
}

// tidy cleans a path, and keeps the slash at the end of the word for it, which says that it is a folder.
func tidy(path, word string) string {
	if path = filepath.Clean(path); path != "/" && strings.HasSuffix(word, "/") {
		path += "/"
	}
	return path
}
