// Package image is the command line of images: the verbs behind snug image, and their flags. snug shows them
// and completes them, snug-image, which it starts, does them; so both read them here.
//
// The one default call is Verbs. The package knows no image.
package image

import "github.com/spf13/pflag"

// Verb is one word behind snug image.
type Verb struct {
	Name, Args     string // the word, and how what stands behind it is shown
	Short, Example string // one line for the list, and the last one of its help
	Min, Max       int    // how many words may stand behind it and its flags

	own func(*pflag.FlagSet)
}

// many is more words than anybody types.
const many = 1000

// Verbs is all of them, in the order of the help.
func Verbs() []Verb {
	return []Verb{
		{"pull", "[flags] REF [NAME]", "fetch an image from a registry", "snug image pull debian:12", 1, 2, pullFlags},
		{"import", "[flags] SOURCE [NAME]", "take a folder, a tar archive or - for one, or oci:DIR[:TAG]", "snug image import bookworm.tar debian:12", 1, 2, importFlags},
		{"ls", "[flags] [NAME...]", "list images", "snug image ls", 0, many, noFlags},
		{"inspect", "[flags] NAME", "show what is known of an image, and what it says of itself", "snug image inspect --json debian:12", 1, 1, noFlags},
		{"export", "[flags] NAME oci:DIR[:TAG] | FILE.tar[.gz] | -", "write an image as an OCI layout, or its files as a tar archive", "snug image export debian:12 oci:debian", 2, 2, exportFlags},
		{"rm", "[flags] NAME...", "remove names, and images with their last ones", "snug image rm debian:11", 1, many, noFlags},
		{"prune", "[flags]", "remove layers that no image has, and what killed imports left", "snug image prune --all", 0, 0, pruneFlags},
	}
}

// Commit is the verb that snug boot --commit asks for. It is not shown: of a system that runs its snug alone can tell
// when the changes are whole.
func Commit() Verb {
	return Verb{"commit", "[flags] NAME UPPER NEW", "make an image of one and of changes", "snug boot --commit mine debian:12", 3, 3, importFlags}
}

// Flags adds the flags of a verb, and those that all have.
func (v *Verb) Flags(f *pflag.FlagSet) {
	v.own(f)
	f.Bool("json", false, "print JSON")
	f.String("storage", "", "keep images in `FOLDER`, not below ~/.local/share/snug")
}

func noFlags(*pflag.FlagSet) {}

func importFlags(f *pflag.FlagSet) {
	f.String("platform", "", "of several take the one for `OS/ARCH`, not for this machine")
	f.Bool("replace", false, "take the name away from another image")
}

func pullFlags(f *pflag.FlagSet) {
	importFlags(f)
	f.Bool("insecure", false, "ask the registry over plain HTTP")
}

func exportFlags(f *pflag.FlagSet) {
	f.String("changes", "", "the upper `FOLDER` of a system's changes: it becomes one more layer")
}

func pruneFlags(f *pflag.FlagSet) { f.Bool("all", false, "also images without a name") }
