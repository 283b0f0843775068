package compose

import (
	"strings"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// A person who types `snug run editor new.txt` means a file that is to be made. It cannot be granted
// alone, since a bind needs a file, and its folder was not asked for. The app would make the file in
// its own home, and the person would look for it in vain. The start goes on, because the word may
// mean something else, but not without a word.

// warnMissing warns of an argument that names a file to be made, out of the app's reach.
func (c *composer) warnMissing(word, path string, asks manifests.Text) {
	real, err := c.resolve(path)
	if err != nil || real.rest == "" || strings.Contains(real.rest, "/") || !namesFile(word) {
		return
	}
	dest := clean(path)
	readOnly := c.inTree(dest) || strings.HasPrefix(word, "/") && c.onRoot(dirname(dest))
	if readOnly || c.around(child(real.path, real.rest), dest) != nil {
		return // the app sees that it cannot make it, or makes it where the person means
	}
	hint := "make it first: touch " + words.Quote(word)
	if folder := real.path; c.forbiddenIn(folder) == nil && !inside(c.realHome(), folder) && !c.secret(folder) {
		hint += "; or grant its folder: --write " + words.Quote(dirname(dest))
	}
	fate := "is gone when it ends"
	if c.m.Home.Mode.Value == "private" && !inside(dest, "/tmp") {
		fate = "stays in its own home"
	}
	c.warn("files.arguments", asks, "there is no such file yet, so the app does not get it; what it can save by this name "+fate, hint)
}

// namesFile reports whether a word looks like a file by itself: words of a command are also
// subcommands, titles, addresses and whole scripts.
func namesFile(word string) bool {
	if _, uri := fileOfURI(word); uri {
		return true
	}
	if strings.ContainsAny(word, "|&;<>$`*\"'=(){}\\") || strings.Contains(word, "://") {
		return false
	}
	if strings.Contains(word, "/") {
		return true
	}
	dot := strings.LastIndexByte(word, '.')
	ending := word[dot+1:]
	return dot > 0 && len(ending) <= 8 && words.Every(ending, words.IsLabel) && !words.Every(ending, words.IsDigit)
}
