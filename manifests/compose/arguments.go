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
// The document portal can do better, for an app that has portals.documents: its folder of one document
// takes new files and puts one in the place of the old. So that folder is shown in the place of the
// file's own. Of several files in one folder, and where that cannot be, the word in the command
// becomes the path by which the portal shows each.
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
	// Document is the path inside by which the document portal shows the file, and DocumentText the
	// word with it; or both are "".
	Document, DocumentText string
}

// word is a word of the command that may name a file.
type word struct {
	desktop.Place
	number int    // among those that may, from 1
	text   string // without what stands around the file
	path   string // absolute
	uri    bool
}

// arguments grants the files among the words of the command.
func (c *composer) arguments() {
	mode := c.m.Files.Arguments
	if mode.Value == "" || mode.Value == "off" {
		return
	}
	found := c.fileWords()
	inFolder := map[string]int{}
	for _, f := range found {
		inFolder[dirname(clean(f.path))]++
	}
	for _, f := range found {
		c.argument(f, mode.Value == "write", inFolder[dirname(clean(f.path))] == 1)
	}
}

// fileWords lists what of the command may name files.
func (c *composer) fileWords() (list []word) {
	places := c.cmd.Files
	for i := max(c.cmd.Fixed, 1); i < len(c.argv); i++ {
		places = append(places, desktop.Place{Word: i})
	}
	for i, at := range places {
		f := word{Place: at, number: i + 1, text: strings.TrimSuffix(strings.TrimPrefix(c.argv[at.Word], at.Before), at.After)}
		if f.path, f.uri = fileOfURI(f.text); !f.uri {
			f.path = f.text
		}
		if f.text == "" || strings.HasPrefix(f.text, "-") || len(f.path) > 4095 || words.Problem(f.path) != "" {
			continue
		}
		if !strings.HasPrefix(f.path, "/") {
			if !strings.HasPrefix(c.w.Cwd, "/") {
				continue
			}
			f.path = c.w.Cwd + "/" + f.path
		}
		list = append(list, f)
	}
	return list
}

// argument grants the file that a word names, if it names one. A file that is alone is the only one that
// words name in its folder.
func (c *composer) argument(at word, write, alone bool) {
	dest := clean(at.path)
	asks := manifests.Text{Value: at.text, Origin: manifests.Origin("argument " + strconv.Itoa(at.number))}
	real, found := c.exists(at.path)
	if !found && write {
		c.warnMissing(at.text, at.path, asks)
	}
	if !found || !real.file.is(unix.S_IFREG) && !real.file.is(unix.S_IFDIR) {
		return
	}
	if c.isProgram(real.path) && real.path == dest {
		return // every sandbox has it
	}
	file := Argument{Word: at.Word, Text: c.argv[at.Word], Path: dest, Write: write}
	if !at.uri {
		file.Text = at.Before + dest + at.After
	}
	if by := c.shownBy(real.path, dest); by != nil && (by.write || !write) {
		c.out.Arguments = append(c.out.Arguments, file)
		return
	}
	g := &grant{key: "files.arguments", asks: asks, dest: dest, source: real, write: write, from: at.Place}
	if !c.judgeArgument(g) {
		return
	}
	if !at.uri && (strings.HasPrefix(at.text, "../") || strings.Contains(at.text, "/..")) {
		c.argv[at.Word] = at.Before + dest + at.After // what ".." is taken of need not exist inside
	}
	file.Write = g.write
	c.placeArgument(g, alone)
	if g.document != "" {
		file.Document = c.runtime + "/doc/" + basename(g.document) + "/" + basename(real.path)
		file.DocumentText = at.Before + file.Document + at.After
	}
	c.out.Arguments = append(c.out.Arguments, file)
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
	if c.isExcepted(path) {
		c.warn(g.key, g.asks, "files.except hides it; the app does not get it", "")
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
func (c *composer) placeArgument(g *grant, alone bool) {
	folder := dirname(g.dest)
	switch {
	case g.source.file.is(unix.S_IFDIR) && (c.isOwn(g.dest) || slices.Contains(c.bare, g.dest)):
		g.dest = c.abroad(g.dest)
	case g.source.file.is(unix.S_IFDIR):
		return
	case !c.isOwn(folder):
		if c.asDocument(g) && alone && basename(g.dest) == basename(g.source.path) && !c.isAround(folder) {
			c.add(folder, &sandbox.Bind{Source: g.document, Dest: folder, Writable: true, NoSymlinks: true, Origin: g.asks.Origin})
			return
		}
		if g.document == "" {
			c.bareFolder(folder)
			return
		}
	case c.onRoot(folder):
		return // read-only already, as in /etc
	case !c.asDocument(g):
		g.dest = child(c.abroad(folder), basename(g.dest))
	}
	if g.document != "" {
		g.dest = c.runtime + "/doc/" + basename(g.document) + "/" + basename(g.source.path)
	}
	c.argv[g.from.Word] = g.from.Before + g.dest + g.from.After
}

// asDocument has the document portal show a file that the app may change, and reports whether it does.
func (c *composer) asDocument(g *grant) bool {
	if g.write && c.documentsAt != "" && c.w.Document != nil {
		g.document = c.w.Document(c.m.ID.Value, g.source.path)
	}
	if g.document != "" && !c.w.NoStart {
		c.out.Documents = append(c.out.Documents, basename(g.document))
	}
	return g.document != ""
}

// isExcepted reports whether files.except hides a path without links.
func (c *composer) isExcepted(path string) bool {
	for _, asks := range c.m.Files.Except {
		if outside, _, ok := c.expand("files.except", asks, splitEntry(asks.Value)); ok {
			if real, err := c.resolve(outside); err == nil && real.rest == "" && inside(path, real.path) {
				return true
			}
		}
	}
	return false
}

// isAround reports whether a folder has something below it that is shown, in which nothing can be shown
// by the document portal.
func (c *composer) isAround(folder string) bool {
	return slices.ContainsFunc(c.steps, func(s placed) bool { return inside(s.dest, folder) }) ||
		slices.ContainsFunc(c.grants, func(g *grant) bool { return inside(g.dest, folder) })
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
