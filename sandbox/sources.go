package sandbox

import "golang.org/x/sys/unix"

// Sources is what Compile must know of the files that a Spec reads and that can only be known by
// looking: of which type each is. A path that is not in it does not exist.
type Sources map[string]Type

// Type is the type of a file: what can be mounted on what.
type Type uint8

// The types that matter: a folder is mounted on a folder, everything else on a file. The root
// folder of the caller is told apart, as the new root is mounted on it.
const (
	Folder Type = iota + 1
	NotFolder
	RootFolder
)

// Look inspects the sources of a Spec. It follows symbolic links as the child will.
func Look(s *Spec) Sources {
	src := make(Sources, len(s.Root))
	var root unix.Stat_t
	hasRoot := unix.Stat("/", &root) == nil
	for _, step := range s.Root {
		for _, path := range step.sources() {
			if _, ok := src[path]; ok {
				continue
			}
			var st unix.Stat_t
			if unix.Stat(path, &st) != nil {
				continue
			}
			src[path] = NotFolder
			if st.Mode&unix.S_IFMT == unix.S_IFDIR {
				src[path] = Folder
				if hasRoot && st.Dev == root.Dev && st.Ino == root.Ino {
					src[path] = RootFolder // by whatever name
				}
			}
		}
	}
	return src
}
