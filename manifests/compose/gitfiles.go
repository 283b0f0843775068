package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/words"
)

// What git's own files say of where its parts lie. Git is not asked: it would run what the config of a
// repository names.

// text returns the text of a small file of git's, or "": where it cannot be read, git ends too.
func (v *guard) text(path string) string {
	text, _ := v.w.Files.ReadFile(path, maxText)
	return strings.TrimRight(string(text), "\r\n")
}

// leads returns the folder that a path in one of git's files leads to, if it exists and lies in the grant.
func (v *guard) leads(from, text string) (path string, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", false
	}
	if !strings.HasPrefix(text, "/") {
		text = child(from, text)
	}
	real, err := v.resolve(text)
	if err != nil && err != unix.ENOTDIR && inside(orRoot(real.path), v.source.path) {
		v.refuseUnseen(text, err)
	}
	for _, link := range real.links {
		if inside(link, v.source.path) {
			v.warnLink(link)
		}
	}
	if err != nil || real.rest != "" || !real.file.is(unix.S_IFDIR) || !inside(real.path, v.source.path) {
		return "", false
	}
	if strings.Count(relative(real.path, v.source.path), "/") >= maxDeep { // each folder on the way is a mount
		v.refuseMany(real.path)
		return "", false
	}
	return real.path, true
}

// settings are those of a repository's config that say where else git looks.
type settings struct {
	perWorktree bool   // extensions.worktreeConfig: in config.worktree
	worktree    string // core.worktree: in the work tree of a submodule
}

// readSettings reads them line by line, whatever the section: a name too many guards only in vain.
func (v *guard) readSettings(repository string) (s settings) {
	for line := range strings.SplitSeq(v.text(child(repository, "config")), "\n") {
		name, value, hasValue := strings.Cut(line, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(value, "\" \t\r")
		switch {
		case strings.HasSuffix(name, "worktreeconfig"):
			s.perWorktree = !hasValue || !noWords.Has(strings.ToLower(value))
		case strings.HasSuffix(name, "worktree"):
			s.worktree = value
		}
	}
	return s
}

// noWords are those that say no in git's config.
const noWords words.Set = "false no off 0"
