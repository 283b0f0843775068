package instances

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld says that who has a lock has not given it back in time.
var ErrHeld = errors.New("another process holds it")

// Lock waits for the right to start an app, and what its starts must not meet: the removal of its home.
// Starts that may come side by side share it (exclusive is false). It waits for some time at the most, then
// the error is [ErrHeld]. It is a file, locked by flock(2), beside the instances; no instance is called so.
// Whoever dies gives it back; a file that nobody holds is removed by the next one that lists instances, so
// who has got the lock looks whether the file has its name still. The caller calls unlock once.
func (d *Dir) Lock(id string, exclusive bool, wait time.Duration) (unlock func(), err error) {
	path := filepath.Join(d.path, "app:"+id)
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	end := time.Now().Add(wait)
	for {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		var held, named unix.Stat_t
		if err = flock(fd, how, end); err == nil {
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

// flock waits for a lock until some time. It asks again and again: a system call that waits cannot be told
// until when.
func flock(fd, how int, end time.Time) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := unix.Flock(fd, how|unix.LOCK_NB)
		switch {
		case err == unix.EINTR:
		case err != unix.EWOULDBLOCK:
			return err
		case time.Now().After(end):
			return ErrHeld
		default:
			time.Sleep(pause)
		}
	}
}
