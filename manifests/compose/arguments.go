package compose

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/desktop"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// Files given on the command line or from a menu, in prose.
//
// A program that saves a file writes a new one beside it and renames that over the old one. Over
// a file that is bound alone that fails (EBUSY), and the text is lost. In a folder that cannot be
// written to, GLib and most others fall back to writing in place. So a file argument is shown at
// its own path in a folder of mode 0555 that holds nothing but such files.
//
// The home, what begins with a dot in it, and /tmp must stay the app's own. A file from there is
// shown below filesDir, in a folder of its own for each folder outside, and its word in the
// command changes.

// filesDir takes files whose own folder belongs to the app inside.
const filesDir = ownDir + "/files"

// Argument is a file that a word of the command names.
type Argument struct {
	Word  int    // which one
	Text  string // the word for who has another working directory
	Path  string // absolute
	Write bool
}

// arguments grants the files among the words of the command.
func (c *composer) arguments() {
	mode := c.m.Files.Arguments
	if mode.Value == "" || mode.Value == "off" {
		return
	}
	number := 0
	for _, place := range c.cmd.Files {
		number++
		c.argument(place, number, mode.Value == "write")
	}
	for i := max(c.cmd.Fixed, 1); i < len(c.argv); i++ {
		number++
		c.argument(desktop.Place{Word: i}, number, mode.Value == "write")
	}
}

// argument grants the file that a word names, if it names one.
func (c *composer) argument(at desktop.Place, number int, write bool) {
	word := strings.TrimSuffix(strings.TrimPrefix(c.argv[at.Word], at.Before), at.After)
	path, uri := fileOfURI(word)
	if !uri {
		path = word
	}
	if word == "" || strings.HasPrefix(word, "-") || len(path) > 4095 || words.Problem(path) != "" {
		return
	}
	if !strings.HasPrefix(path, "/") {
		if !strings.HasPrefix(c.w.Cwd, "/") {
			return
		}
		path = c.w.Cwd + "/" + path
	}
	dest := clean(path)
	asks := manifests.Text{Value: word, Origin: manifests.Origin("argument " + strconv.Itoa(number))}
	real, found := c.exists(path)
	if !found && write {
		c.warnMissing(word, path, asks)
	}
	if !found || !real.file.is(unix.S_IFREG) && !real.file.is(unix.S_IFDIR) {
		return
	}
	if c.isProgram(real.path) && real.path == dest {
		return // every sandbox has it
	}
	file := Argument{at.Word, c.argv[at.Word], dest, write}
	if !uri {
		file.Text = at.Before + dest + at.After
	}
	if by := c.shownBy(real.path, dest); by != nil && (by.write || !write) {
		c.out.Arguments = append(c.out.Arguments, file)
		return
	}
	g := &grant{key: "files.arguments", asks: asks, dest: dest, source: real, write: write, from: at}
	if !c.judgeArgument(g) {
		return
	}
	if !uri && (strings.HasPrefix(word, "../") || strings.Contains(word, "/..")) {
		c.argv[at.Word] = at.Before + dest + at.After // what ".." is taken of need not exist inside
	}
	file.Write = g.write
	c.out.Arguments = append(c.out.Arguments, file)
	c.placeArgument(g)
	c.grants = append(c.grants, g)
}

// judgeArgument judges as judge does, but what may not be granted is left out with a warning: a
// word of a command may name a path without meaning that the app should have it.
func (c *composer) judgeArgument(g *grant) bool {
	path := g.source.path
	if link, planted := c.planted(g); planted {
		c.warn(g.key, g.asks, "follows the link "+words.Quote(link)+", which the app may change; the app does not get it", "name where it leads: "+path)
		return false
	}
	if place := c.forbiddenIn(path); place != nil {
		c.warn(g.key, g.asks, place.why+"; the app does not get it", "")
		return false
	}
	if inside(c.policy().home, path) || c.secret(path) {
		c.warn(g.key, g.asks, "the app does not get your home or your keys by an argument", "if you mean it: --read or --write "+words.Quote(g.dest))
		return false
	}
	if g.write && c.runsOutside(path) {
		c.warn(g.key, g.asks, "what is there runs outside the sandbox, so the app can only read it", "")
		g.write = false
	}
	return true
}

// placeArgument decides where a file or folder is shown, and changes the word if that is elsewhere.
func (c *composer) placeArgument(g *grant) {
	folder := dirname(g.dest)
	switch {
	case g.source.file.is(unix.S_IFDIR) && (c.isOwn(g.dest) || slices.Contains(c.bare, g.dest)):
		g.dest = c.abroad(g.dest)
	case g.source.file.is(unix.S_IFDIR):
		return
	case !c.isOwn(folder):
		c.bareFolder(folder)
		return
	case c.onRoot(folder):
		return // read-only already, as in /etc
	default:
		g.dest = child(c.abroad(folder), basename(g.dest))
	}
	c.argv[g.from.Word] = g.from.Before + g.dest + g.from.After
}

// isOwn reports whether a folder inside belongs to the app or holds more than file arguments, so
// that it cannot be made read-only.
func (c *composer) isOwn(folder string) bool {
	if inside(folder, c.home) && strings.HasPrefix(relative(folder, c.home), ".") {
		return true
	}
	for i := range c.steps {
		if dest := c.steps[i].dest; inside(dest, folder) && !slices.Contains(c.bare, dest) {
			return true
		}
	}
	for _, g := range c.grants {
		if inside(g.dest, folder) && g.from.Word == 0 || g.dest == folder {
			return true
		}
	}
	return false
}

// onRoot reports whether a folder inside lies on the read-only root and on no other mount.
func (c *composer) onRoot(folder string) bool {
	for i := range c.steps {
		switch c.steps[i].step.(type) {
		case *sandbox.Tmpfs, *sandbox.Bind:
			if inside(folder, c.steps[i].dest) {
				return false
			}
		}
	}
	for _, g := range c.grants {
		if inside(folder, g.dest) {
			return false
		}
	}
	return true
}

// bareFolder makes the folder that holds a file argument, once.
func (c *composer) bareFolder(folder string) {
	if !slices.Contains(c.bare, folder) {
		c.bare = append(c.bare, folder)
		c.add(folder, &sandbox.Tmpfs{Dest: folder, Mode: 0o555, Origin: c.m.Files.Arguments.Origin})
	}
}

// abroad returns the folder below filesDir that stands for a folder outside.
func (c *composer) abroad(folder string) string {
	i := slices.Index(c.moved, folder)
	if i < 0 {
		i = len(c.moved)
		c.moved = append(c.moved, folder)
	}
	at := filesDir + "/" + strconv.Itoa(i+1)
	c.add(at, &sandbox.Dir{Dest: at, Mode: 0o555, Origin: c.m.Files.Arguments.Origin})
	return at
}

// fileOfURI returns the path of a file:// URI of this machine.
func fileOfURI(word string) (path string, ok bool) {
	rest, found := strings.CutPrefix(word, "file://")
	if !found {
		return "", false
	}
	if rest, found = strings.CutPrefix(rest, "localhost"); !strings.HasPrefix(rest, "/") {
		return "", false
	}
	var plain strings.Builder
	for i := 0; i < len(rest); i++ {
		if rest[i] != '%' {
			plain.WriteByte(rest[i])
			continue
		}
		if i+2 >= len(rest) {
			return "", false
		}
		value, err := strconv.ParseUint(rest[i+1:i+3], 16, 8)
		if err != nil || value == 0 || value == '/' {
			return "", false
		}
		plain.WriteByte(byte(value))
		i += 2
	}
	return plain.String(), true
}
