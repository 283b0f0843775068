package instances

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock waits for the right to start an app, and what its starts must not meet: the removal of its home.
// Starts that may come side by side share it (exclusive is false). It is a file, locked by flock(2),
// beside the instances; no instance is called so. Whoever dies gives it back; a file that nobody holds is
// removed by the next one that lists instances, so who has got the lock looks whether the file has its
// name still. The caller calls unlock once.
func (d *Dir) Lock(id string, exclusive bool) (unlock func(), err error) {
	path := filepath.Join(d.path, "app:"+id)
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		for err = unix.Flock(fd, how); err == unix.EINTR; err = unix.Flock(fd, how) {
		}
		var held, named unix.Stat_t
		if err == nil {
			err = unix.Fstat(fd, &held)
		}
		if err != nil {
			unix.Close(fd)
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if unix.Lstat(path, &named) == nil && named.Ino == held.Ino {
			return func() { unix.Close(fd) }, nil
		}
		unix.Close(fd) // it was swept between the two
	}
}
