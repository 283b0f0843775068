package source

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
)

// layout is an OCI image layout (image-layout.md): as a folder, or in an archive.
type layout struct {
	// open opens a plain file of it by its path. The caller closes it.
	open func(path string) (io.ReadCloser, error)
}

func (l *layout) manifest(ctx context.Context, d *descriptor) (io.ReadCloser, error) {
	return l.blob(ctx, d)
}

func (l *layout) blob(_ context.Context, d *descriptor) (io.ReadCloser, error) {
	return l.open("blobs/sha256/" + d.Digest.Hex())
}

// find gives the image that a tag names; without one, the only image.
func (l *layout) find(tag string, want platform) (*descriptor, error) {
	f, err := l.open("index.json")
	if err != nil {
		return nil, &store.Error{What: "not an OCI layout", Hint: "snug image import takes folders of files without oci:", Err: err}
	}
	defer f.Close()
	raw, err := bounded(f, maxManifest)
	if err != nil {
		return nil, err
	}
	index, err := parseDocument(raw, "")
	if err != nil {
		return nil, err
	}
	var tags []string
	list := index.Manifests
	for _, d := range list {
		if name := d.Annotations[refName]; name != "" {
			tags = append(tags, name)
		}
	}
	if tag != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(d descriptor) bool { return d.Annotations[refName] != tag })
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	switch {
	case len(list) == 1:
		return &list[0], nil
	case len(list) == 0:
		return nil, &store.Error{What: "the layout has no image " + quote(tag), Hint: "it has " + strings.Join(tags, ", ")}
	case len(tags) > 1 && tag == "":
		return nil, &store.Error{What: "the layout has several images", Hint: "name one of them: oci:DIR:" + tags[0]}
	}
	return want.choose(list)
}

// folderLayout is a layout in a folder. What stands in it is hostile: no link is followed, and nothing but
// plain files is read (CVE-2024-29068).
func folderLayout(dir *os.File) *layout {
	return &layout{func(path string) (io.ReadCloser, error) {
		how := &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
		fd, err := unix.Openat2(int(dir.Fd()), path, how)
		for err == unix.EINTR || err == unix.EAGAIN {
			fd, err = unix.Openat2(int(dir.Fd()), path, how)
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: dir.Name() + "/" + path, Err: err}
		}
		f := os.NewFile(uintptr(fd), path)
		if err := plainFile(f); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}}
}

func plainFile(f *os.File) error {
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &store.Error{What: quote(f.Name()) + " is not a plain file"}
	}
	return err
}
