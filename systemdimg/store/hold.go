package store

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Hold keeps an image from being removed, until the files that it gives are closed: in all processes that
// have them, so a sandbox that is given them keeps its image for as long as it lives (sandbox.Process.Held).
// The first is the image's own; that alone keeps it with all its layers, once Hold has looked that they are there.
// fs.ErrNotExist says that the image was removed meanwhile.
func (s *Store) Hold(img *Image) (held []*os.File, err error) {
	paths := []string{s.image(img.ID)}
	for _, d := range img.Layers {
		paths = append(paths, s.layer(d))
	}
	for _, p := range paths {
		f, err := lock(p, unix.LOCK_SH)
		if err != nil {
			closeAll(held)
			return nil, s.gone(img, err)
		}
		held = append(held, f)
	}
	return held, nil
}

// Held reports whether somebody keeps an image from being removed.
func (s *Store) Held(img *Image) bool {
	f, err := lock(s.image(img.ID), unix.LOCK_EX)
	if err == nil {
		f.Close()
	}
	return errors.Is(err, unix.EWOULDBLOCK)
}

// Fits reports why the file system of a folder cannot hold what an overlay changes, as it could not hold images.
func Fits(dir string) error { return fits(dir) }

// gone says why an image cannot be held.
func (s *Store) gone(img *Image, err error) error {
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return &Error{What: "image " + shown(img) + " is being removed", Err: fs.ErrNotExist}
	case errors.Is(err, fs.ErrNotExist):
		return &Error{What: "parts of image " + shown(img) + " are missing", Hint: "import or pull it again", Err: fs.ErrNotExist}
	}
	return err
}

// shown is how a message calls an image.
func shown(img *Image) string {
	if len(img.Names) > 0 {
		return img.Names[0]
	}
	return img.ID.Hex()[:12]
}
