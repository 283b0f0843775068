package opener

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// gioLine and gioFailed are gio's exit statuses.
const (
	gioLine   = 1
	gioFailed = 2
)

// gio opens what follows "open", and leaves the rest to the gio that this one hides.
func (p *program) gio(words []string) int {
	if len(words) == 0 || words[0] != "open" {
		return p.otherGio(words)
	}
	words = words[1:]
	switch {
	case len(words) > 0 && (words[0] == "--help" || words[0] == "-h"):
		return p.print(usageGio)
	case len(words) > 0 && words[0] == "--":
		words = words[1:]
	case len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-':
		p.say("unexpected option "+quote(words[0]), "gio open --help shows the command line")
		return gioLine
	}
	if len(words) == 0 {
		p.say("no locations given", "gio open --help shows the command line")
		return gioLine
	}
	result := 0
	for _, word := range words {
		if p.ask(word, func(ctx context.Context) error { return openLocation(ctx, p.desktop, word) }) != 0 {
			result = gioFailed
		}
	}
	return result
}

// otherGio becomes the next gio.
func (p *program) otherGio(words []string) int {
	other, err := next("gio", os.Getenv("PATH"))
	if err == nil {
		err = syscall.Exec(other, append([]string{"gio"}, words...), os.Environ())
		err = &os.PathError{Op: "execute", Path: other, Err: err}
	}
	verb := "no command given"
	if len(words) > 0 {
		verb = quote(words[0])
	}
	p.say(verb+": this gio knows \"open\" alone: "+err.Error(), "grant the sandbox the folder of another gio, in PATH behind this one")
	return gioFailed
}

// next finds a program in PATH that is not this one under another name. Only what comes behind
// this one counts: another opener would look for the next of its own, so that two that hide each
// other come to an end.
func next(name, path string) (string, error) {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	var found []string
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		switch {
		case err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		case os.SameFile(info, self):
			found = nil
		default:
			found = append(found, file)
		}
	}
	if found == nil {
		return "", errors.New("there is no other in PATH")
	}
	return found[0], nil
}
