package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/words"
	"snug/sandbox"
)

// Sockets returns entries for the sockets that lie directly in granted folders: no mount keeps the
// app from the servers behind them, not even a read-only one. What lies deeper is not looked for. It
// costs a listing for each folder, so it is apart from Compose, for who explains a sandbox.
func (s *Sandbox) Sockets(files FileSystem) (entries []Entry) {
	for _, step := range s.Spec.Root {
		bind, ok := step.(*sandbox.Bind)
		if !ok || bind.Origin == systemOrigin || inside(bind.Source, "/dev") || inside(bind.Source, "/sys") || s.makes(bind.Source) {
			continue
		}
		found, err := files.ReadDir(bind.Source)
		if err != nil {
			continue // a file, or gone by now
		}
		for _, file := range found {
			if dest := child(bind.Dest, file.Name); file.is(unix.S_IFSOCK) && !s.masks(dest) {
				entries = append(entries, Entry{Group: groupApps, Text: "connect to the socket " + words.Quote(child(bind.Source, file.Name)), Origin: bind.Origin})
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Text, b.Text) })
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a.Text == b.Text })
}

// masks reports whether a step hides what is at a destination.
func (s *Sandbox) masks(dest string) bool {
	return slices.ContainsFunc(s.Spec.Root, func(step sandbox.Step) bool {
		mask, ok := step.(*sandbox.Mask)
		return ok && inside(dest, mask.Dest)
	})
}

// makes reports whether a folder is one that snug makes for the app, such as its kept home.
func (s *Sandbox) makes(path string) bool {
	return slices.ContainsFunc(s.Folders, func(folder Folder) bool { return folder.Path() == path })
}
