package layer

import (
	"sync"

	"golang.org/x/sys/unix"
)

// outlet closes files that have been written. Large ones go to the disk at once, while others are unpacked: what
// syncs afterwards has less to wait for. It promises nothing: that they are there is for the sync to say.
type outlet struct {
	files chan int // nil: files are closed, and no more
	done  sync.WaitGroup
}

// outletSize is from how many bytes on a file is a large one. Small ones are better written together.
const outletSize = 64 << 10

// begin begins to write out, if that is wanted. It ends in end.
func (o *outlet) begin(wanted bool) {
	if !wanted {
		return
	}
	o.files = make(chan int, 64)
	o.done.Go(func() {
		for fd := range o.files {
			again(func() error { return unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE) })
			unix.Close(fd)
		}
	})
}

// close takes a file over.
func (o *outlet) close(fd int, size int64) {
	if o.files == nil || size < outletSize {
		unix.Close(fd)
		return
	}
	o.files <- fd
}

// end waits until all files are closed.
func (o *outlet) end() {
	if o.files != nil {
		close(o.files)
		o.done.Wait()
	}
}
