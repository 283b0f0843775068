package compose

import "snug/sandbox"

// Shows reports whether a file of the host is in the sandbox at its own place, as far as the steps
// tell without looking. It is for messages: nothing is decided by it.
func (s *Sandbox) Shows(path string) bool {
	deepest, shown := "", false
	for _, step := range s.Spec.Root {
		dest, source := "", ""
		switch step := step.(type) {
		case *sandbox.Bind:
			dest, source = step.Dest, step.Source
		case *sandbox.Tmpfs:
			dest = step.Dest
		case *sandbox.Mask:
			dest = step.Dest
		}
		if dest != "" && inside(path, dest) && len(dest) >= len(deepest) {
			deepest, shown = dest, source == dest
		}
	}
	return shown
}
