package store

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keepBlobs is how long what was fetched of a blob waits for the pull to be tried again.
const keepBlobs = 24 * time.Hour

// Blob opens the file that takes a blob while it is fetched: what an earlier pull that was cut off has fetched
// is in it already. The caller has it alone until it closes it, and removes it when it has used it. An error
// that is EWOULDBLOCK says that another pull fetches the same blob.
func (s *Store) Blob(d Digest) (*os.File, error) {
	path := s.path("blobs/" + d.Hex())
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && sameFile(f, path) {
			return f, nil
		}
		f.Close()
		if err != nil && err != unix.EINTR {
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
	}
}

// sameFile reports whether an open file has its name still.
func sameFile(f *os.File, path string) bool {
	open, err1 := f.Stat()
	named, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(open, named)
}

// SweepBlobs removes what was fetched of blobs whose pulls nobody has tried again for a day.
func (s *Store) SweepBlobs() error { return s.sweepBlobs(time.Now().Add(-keepBlobs), &Removed{}) }

// pruneBlobs removes all that no pull is fetching just now.
func (s *Store) pruneBlobs(r *Removed) error { return s.sweepBlobs(time.Now(), r) }

func (s *Store) sweepBlobs(before time.Time, r *Removed) error {
	files, err := os.ReadDir(s.path("blobs"))
	if err != nil {
		return err
	}
	for _, e := range files {
		info, err := e.Info()
		if err != nil || info.ModTime().After(before) {
			continue
		}
		f, err := s.Blob(Digest(algorithm + e.Name()))
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		r.Bytes += info.Size()
		err = os.Remove(f.Name())
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
