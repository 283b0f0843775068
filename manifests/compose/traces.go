package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Traces are what an app may leave in a guarded repository for git outside to act upon, and what no
// mount keeps out, since git itself makes files there by these names or takes none for an error.
// Whoever starts the app compares what is there before and after.
type Traces []trace

type trace struct{ path, text string }

// Traces looks for them in the repositories that the sandbox guards. Without one it costs nothing.
func (s *Sandbox) Traces(files FileSystem) (found Traces) {
	for _, repository := range s.repositories {
		for _, name := range [...]string{"commondir", "config.worktree"} {
			found = found.appendIfAll(files, repository, name)
		}
		found = found.appendIfAll(files, dirname(repository), "HEAD", "objects", "refs") // a bare one around .git
		found = found.appendPrograms(files, child(repository, "rebase-merge/git-rebase-todo"))
	}
	return found
}

// appendIfAll appends the first of some names in a folder unless one is missing. What cannot be looked
// at is there: the app may have taken the permissions away.
func (t Traces) appendIfAll(files FileSystem, folder string, names ...string) Traces {
	for _, name := range names {
		if isMissing(files, child(folder, name)) {
			return t
		}
	}
	return append(t, trace{path: child(folder, names[0])})
}

// appendPrograms appends the lines of a rebase's list that run a program (git-rebase(1), exec).
func (t Traces) appendPrograms(files FileSystem, path string) Traces {
	text, err := files.ReadFile(path, maxText)
	if err != nil {
		if isMissing(files, path) {
			return t
		}
		return append(t, trace{path: path}) // such as one too large to be git's
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if words := strings.Fields(line); len(words) > 1 && (words[0] == "exec" || words[0] == "x") {
			t = append(t, trace{path, line})
		}
	}
	return t
}

func isMissing(files FileSystem, path string) bool {
	_, err := files.Lstat(path)
	return err == unix.ENOENT || err == unix.ENOTDIR
}

// Since returns the paths of what was not there before, each once.
func (t Traces) Since(before Traces) (paths []string) {
	old := make(map[trace]bool, len(before))
	for _, trace := range before {
		old[trace] = true
	}
	for _, trace := range t {
		if !old[trace] && !slices.Contains(paths, trace.path) {
			paths = append(paths, trace.path)
		}
	}
	return paths
}
