package source

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"snug/systemdimg/store"
)

// maxEntries is how many files an archive of blobs may have: three for a layer, and then some.
const maxEntries = 10000

// holdsImages reports whether the archive that begins so may be one of blobs, not of a system's files: by the
// name of its first file.
func holdsImages(head []byte) bool {
	if len(head) < 512 || string(head[257:262]) != "ustar" && head[257] != 0 {
		return false
	}
	name, _, _ := strings.Cut(string(head[:100]), "\x00")
	name = strings.TrimPrefix(name, "./")
	first, _, isFolder := strings.Cut(name, "/")
	id := strings.TrimSuffix(first, ".json")
	switch {
	case isFolder && first == "blobs", name == "oci-layout", name == "index.json", name == "manifest.json", name == "repositories":
		return true
	}
	_, err := store.ParseDigest("sha256:" + id)
	return err == nil
}

// beginsArchive reports whether a stream that begins so is a tar archive: its first header has the sum that it says
// (tar(5)), with bytes taken as signed by some old ones; or there is none, only the end of an archive.
func beginsArchive(head []byte) bool {
	const sumAt, sumEnd = 148, 156
	if len(head) < 512 {
		return false
	}
	plain, signed := int64(0), int64(0)
	for i, b := range head[:512] {
		if i >= sumAt && i < sumEnd {
			b = ' '
		}
		plain, signed = plain+int64(b), signed+int64(int8(b))
	}
	want, err := strconv.ParseInt(strings.Trim(string(head[sumAt:sumEnd]), " \x00"), 8, 64)
	return err == nil && (want == plain || want == signed) || bytes.Count(head[:512], []byte{0}) == 512
}

// bundle is an archive that holds blobs: of a layout, or as docker save writes it.
type bundle struct {
	file  *os.File
	files map[string]extent
	links map[string]string
}

// extent is where the content of a file lies in the archive.
type extent struct{ offset, size int64 }

// openBundle looks through an archive, which stays the caller's.
func openBundle(f *os.File) (*bundle, error) {
	b := &bundle{f, map[string]extent{}, map[string]string{}}
	r := tar.NewReader(f) // it seeks over contents
	for range maxEntries {
		h, err := r.Next()
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, &store.Error{What: "read " + quote(f.Name()), Err: err}
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			b.files[name] = extent{at, h.Size}
		case tar.TypeSymlink, tar.TypeLink: // docker has written layers that several images share so
			target := h.Linkname
			if h.Typeflag == tar.TypeSymlink {
				target = path.Join(path.Dir(name), target)
			}
			b.links[name] = path.Clean(target)
		}
	}
	return nil, &store.Error{What: quote(f.Name()) + " holds more files than an archive of images does"}
}

// open opens a file in the archive.
func (b *bundle) open(name string) (io.ReadCloser, error) {
	name = path.Clean(name)
	if to, ok := b.links[name]; ok {
		name = to
	}
	x, ok := b.files[name]
	if !ok {
		return nil, &os.PathError{Op: "open", Path: b.file.Name() + ":" + name, Err: os.ErrNotExist}
	}
	return io.NopCloser(io.NewSectionReader(b.file, x.offset, x.size)), nil
}

// isLayout reports whether it is the archive of a layout. Docker's newer ones are both.
func (b *bundle) isLayout() bool {
	_, marked := b.files["oci-layout"]
	_, index := b.files["index.json"]
	return marked && index
}

// saved is an entry of the manifest.json of docker save.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// find gives the image that a tag names, and what it is called; without a tag, the only one.
func (b *bundle) find(tag string) (*saved, string, error) {
	f, err := b.open("manifest.json")
	if err != nil {
		return nil, "", &store.Error{What: quote(b.file.Name()) + " is no archive of images", Hint: "if it holds the files of a system, unpack it and import the folder"}
	}
	raw, err := bounded(f, maxManifest)
	if err != nil {
		return nil, "", err
	}
	var list []saved
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, "", &store.Error{What: "read manifest.json of " + quote(b.file.Name()), Err: err}
	}
	for i, img := range list {
		for _, t := range img.RepoTags {
			if _, plain, _ := strings.Cut(t, ":"); tag != "" && (t == tag || plain == tag) {
				return &list[i], t, nil
			}
		}
	}
	if tag != "" || len(list) != 1 {
		return nil, "", &store.Error{What: "the archive has no image " + quote(tag) + ", or several", Hint: "name one of them: docker-archive:FILE:NAME"}
	}
	name := ""
	if len(list[0].RepoTags) > 0 {
		name = list[0].RepoTags[0]
	}
	return &list[0], name, nil
}

// image makes what is to be imported of an entry.
func (b *bundle) image(img *saved) (*image, error) {
	f, err := b.open(img.Config)
	if err != nil {
		return nil, err
	}
	got := &image{}
	if got.raw, err = bounded(f, store.MaxConfig); err != nil {
		return nil, err
	}
	for _, name := range img.Layers {
		got.parts = append(got.parts, part{open: func(context.Context) (io.ReadCloser, error) { return b.open(name) }})
	}
	return got, nil
}
