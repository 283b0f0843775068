// Package files reads small files that may be anything.
//
// The one default call is [Read]. What lies at a path may be a FIFO, a device or a file without an
// end: nothing here waits for one, and nothing takes more than its caller allows.
package files

import (
	"errors"
	"slices"
	"strconv"
	"syscall"
)

var errNotRegular = errors.New("not a regular file")

// Read reads a regular file of at most limit bytes. It follows symbolic links, and opens without
// blocking, because a FIFO would hang the start.
func Read(name string, limit int) ([]byte, error) {
	fd, err := Retry(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	})
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	switch {
	case stat.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return nil, errNotRegular
	case stat.Size > int64(limit):
		return nil, tooLarge(limit)
	}
	text := make([]byte, 0, stat.Size+1)
	for len(text) <= limit {
		if len(text) == cap(text) {
			text = slices.Grow(text, 4096) // the file grew since fstat
		}
		n, err := Retry(func() (int, error) { return syscall.Read(fd, text[len(text):cap(text)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return text, nil
		}
		text = text[:len(text)+n]
	}
	return nil, tooLarge(limit)
}

func tooLarge(limit int) error {
	return errors.New("larger than " + strconv.Itoa(limit>>10) + " KiB")
}

// Retry makes a system call again for as long as a signal interrupts it.
func Retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}

// Reason returns the last cause of an error about a file, for messages that name the file already.
func Reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
