package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Removal, in prose.
//
// An image goes first, and its names with it; then each of its layers that no image names any more. What goes is
// locked alone, looked at once more, and moved into tmp by one rename: from then on nobody finds it. There its
// files are removed, by the caller's Remover. Whoever interrupts it leaves them there, for the next sweep.
//
// An import that needs a layer holds it before it looks for it; so a layer that could be locked alone, and that
// no image names then, is needed by nobody.

// Removed says what a removal has done.
type Removed struct {
	Images []Digest
	Layers []Digest
	Bytes  int64
	Busy   []error // what others use, of what Prune would have removed
}

// Remove takes a name from an image, and removes the image with its last name. An empty name stands for all of
// them. An *InUse says that somebody uses it.
func (s *Store) Remove(img *Image, name string, remove Remover) (r Removed, err error) {
	if name != "" && len(img.Names) > 1 {
		return r, os.Remove(s.path("names/" + fileOf(name)))
	}
	if err := s.removeImage(img, &r); err != nil {
		return r, err
	}
	for _, d := range img.Layers {
		if err := s.removeLayer(d, remove, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (s *Store) removeImage(img *Image, r *Removed) error {
	f, err := lock(s.image(img.ID), unix.LOCK_EX)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &InUse{"image " + shown(img), holders(s.image(img.ID))}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	names, err := s.names()
	if err != nil {
		return err
	}
	for name, id := range names {
		if id == img.ID {
			if err := os.Remove(s.path("names/" + fileOf(name))); err != nil {
				return err
			}
		}
	}
	r.Images = append(r.Images, img.ID)
	return s.bin(s.image(img.ID), os.RemoveAll) // there are no other files in it than ours
}

// removeLayer removes a layer that no image names. Layers of others, and in use, are left without a word.
func (s *Store) removeLayer(d Digest, remove Remover, r *Removed) error {
	f, err := lock(s.layer(d), unix.LOCK_EX)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := s.List()
	if err != nil {
		return err // an image that cannot be read may name it
	}
	if slices.ContainsFunc(list, func(img *Image) bool { return slices.Contains(img.Layers, d) }) {
		return nil
	}
	info, _ := s.Info(d)
	if err := s.bin(s.layer(d), remove); err != nil {
		return err
	}
	r.Layers = append(r.Layers, d)
	r.Bytes += info.Size
	return nil
}

// bin moves a folder into tmp and removes it there. Its lock goes with it, so no sweep comes in between.
func (s *Store) bin(path string, remove Remover) error {
	to := s.path("tmp/gone-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36))
	if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "rename", Old: path, New: to, Err: err}
	}
	return s.discard(to, remove)
}

// discard removes a folder in tmp that the caller has locked.
func (s *Store) discard(path string, remove Remover) error {
	if os.Remove(path) == nil { // there was nothing in it, as after an import that came to its end
		return nil
	}
	if err := remove(path); err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sweep removes what others left in tmp that were killed.
func (s *Store) sweep(remove Remover) error {
	names, err := os.ReadDir(s.path("tmp"))
	if err != nil {
		return err
	}
	for _, n := range names {
		path := s.path("tmp/" + n.Name())
		if !n.IsDir() {
			if info, err := n.Info(); err == nil && time.Since(info.ModTime()) > time.Hour { // else put writes it just now
				os.Remove(path)
			}
			continue
		}
		f, err := lock(path, unix.LOCK_EX)
		if err != nil {
			continue
		}
		err = s.discard(path, remove)
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Prune removes layers that no image names, what was fetched of blobs, and what killed imports left; with all
// also images without a name.
func (s *Store) Prune(all bool, remove Remover) (r Removed, err error) {
	if !s.exists {
		return r, nil
	}
	if err := s.sweep(remove); err != nil {
		return r, err
	}
	list, err := s.List()
	if err != nil {
		return r, err
	}
	for _, img := range list {
		if !all || len(img.Names) > 0 {
			continue
		}
		var used *InUse
		if err := s.removeImage(img, &r); errors.As(err, &used) {
			r.Busy = append(r.Busy, err)
		} else if err != nil {
			return r, err
		}
	}
	layers, err := os.ReadDir(s.path("layers/sha256"))
	if err != nil {
		return r, err
	}
	for _, l := range layers {
		if d, err := ParseDigest(algorithm + l.Name()); err == nil {
			if err := s.removeLayer(d, remove, &r); err != nil {
				return r, err
			}
		}
	}
	return r, s.pruneBlobs(&r)
}
