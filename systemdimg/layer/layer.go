// Package layer is the codec of image layers: it unpacks tar archives into folders, packs folders as tar
// archives, and removes the trees that come of it.
//
// The one default call is [Unpack] with no [Options], for a layer of an OCI image that becomes one lower
// folder of an overlay. Each layer has a folder of its own, which is empty before.
//
// What .wh. names say (image-spec, layer.md) becomes what overlayfs understands when it is mounted with
// userxattr: a character device 0:0 in the place of a file that is gone, and the attribute
// user.overlay.opaque on a folder whose lower files are gone. [Pack] takes both back. In a plain tar, such
// as machinectl and debootstrap make, a name that begins with .wh. is one like others: see [Options].
//
// It is made to run as the fake root of a user namespace, where the archive's numeric ids are mapped.
// What it does not do: fetch, verify signatures, compress, sync, follow a link of the archive's own, or
// make device nodes. An ordinary user can call it too, for archives of files that are all the user's.
//
// Attackers write the archive: names, links, order, sizes and compression are all theirs. So
//
//   - no name is ever looked up but one component below an open folder, or several by openat2(2) with
//     RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_XDEV; an entry whose folder is a link is an error,
//     not a detour (CVE-2020-10696, CVE-2021-32760, and all that is called zip slip);
//   - of an archive that says two things of a name the last holds, as with tar;
//   - attributes that overlayfs would take for its own marks, and devices, are left out and noted;
//   - bytes, files, and how far a compressed byte may expand are bounded by [Limits], memory by the
//     largest window of compression, whatever the archive says.
//
// Whoever can write into the folder meanwhile can spoil what comes of it, but not lead it out of there.
package layer

import (
	"fmt"
	"strconv"
	"strings"
)

// Options say how a folder and an archive belong together. The zero value is for layers of images.
type Options struct {
	Plain    bool // the archive is no layer: .wh. names are names, and marks of overlayfs are left out
	Unsummed bool // Report.Digest is not wanted
	Holes    bool // zeros of a page and more become holes, also where the archive does not say so
	Limits   Limits
	Progress func(bytes int64) // told from time to time how much has been read of the archive, or of files
	Recorder Recorder          // or nil; of Unpack
	WriteOut bool              // what is unpacked goes to the disk at once, for who syncs afterwards
}

// Recorder is told all of an uncompressed archive, in order, but the contents of plain files.
type Recorder interface {
	Literal(p []byte)             // headers, padding, and what is no plain file's content; p stays the caller's
	File(name string, size int64) // a plain file's content, of at least a byte; name is the archive's
}

// Limits bound what one archive may cost. Zero stands for the default.
type Limits struct {
	Bytes  int64 // in files, and of the uncompressed archive: 64 GiB
	Files  int64 // of all kinds: 2 million. A folder takes 200 bytes of memory
	Ratio  int64 // uncompressed bytes for a compressed one, looked at from 256 MiB on: 250
	Window int64 // the memory that a compression may ask for: 128 MiB, as of xz -9 and zstd --ultra
}

func (l Limits) orDefault() Limits {
	set := func(n *int64, value int64) {
		if *n == 0 {
			*n = value
		}
	}
	set(&l.Bytes, 64<<30)
	set(&l.Files, 2_000_000)
	set(&l.Ratio, 250)
	set(&l.Window, 128<<20)
	return l
}

// ratioFrom is how much comes out of an archive before its ratio is looked at: a small one may well be
// a large file of zeros.
const ratioFrom = 256 << 20

// LimitError says which of the [Limits] an archive has gone beyond.
type LimitError struct {
	Name  string // of the field: Bytes, Files, Ratio, Window
	Limit int64
}

func (e *LimitError) Error() string {
	limit := strconv.FormatInt(e.Limit, 10)
	switch e.Name {
	case "Files":
		return "the archive has more than " + limit + " files, which is the limit: raise Limits.Files if it may"
	case "Ratio":
		return "the archive grows to more than " + limit + " times its size, which is the limit: raise Limits.Ratio if it may"
	case "Window":
		return "the archive needs more than " + limit + " bytes of memory to uncompress, which is the limit: raise Limits.Window if it may"
	}
	return "the archive has more than " + limit + " bytes, which is the limit: raise Limits.Bytes if it may"
}

// Report says what became of an archive.
type Report struct {
	Digest string // sha256:… of the uncompressed archive, as an OCI image configuration names it in diff_ids
	Size   int64  // bytes of the uncompressed archive, with what follows its end
	Files  int64  // of all kinds, with folders
	Bytes  int64  // in regular files
	Notes  []string
}

// notes collects what was left out, one sentence for each reason. In a text %d stands for how many.
type notes struct {
	order  []string
	counts map[string]int
	first  map[string][]string
}

// add notes that something about a file was left out, or about the archive: then there is no name.
func (n *notes) add(text, name string) {
	if n.counts == nil {
		n.counts, n.first = map[string]int{}, map[string][]string{}
	}
	if n.counts[text] == 0 {
		n.order = append(n.order, text)
	}
	if n.counts[text]++; n.counts[text] <= 3 && name != "" {
		n.first[text] = append(n.first[text], strings.Clone(shorten(name)))
	}
}

// sentences are in the order in which reasons came up.
func (n *notes) sentences() (list []string) {
	for _, text := range n.order {
		s := strings.Replace(text, "%d", strconv.Itoa(n.counts[text]), 1)
		for i, name := range n.first[text] {
			s += []string{": ", ", ", ", "}[i] + strconv.Quote(name)
		}
		if n.counts[text] > 3 {
			s += " …"
		}
		list = append(list, s)
	}
	return list
}

// shorten keeps a name in a sentence readable: that of an archive may have a megabyte.
func shorten(name string) string {
	if len(name) > 200 {
		return name[:100] + "…" + name[len(name)-90:]
	}
	return name
}

// failure says what could not be done about which file.
func failure(op, name string, err error) error {
	return fmt.Errorf("%s %q: %w", op, shorten(name), err)
}
