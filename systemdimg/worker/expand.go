package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Expand gives the plain stream of a compressed one. The caller reads to its end, and closes it: only then it
// is known that all was right.
func (w *Workers) Expand(ctx context.Context, from io.Reader) (io.ReadCloser, error) {
	in, feed, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r, out, err := os.Pipe()
	if err != nil {
		feed.Close()
		return nil, err
	}
	t, err := w.start(&job{words: []string{"expand"}, in: in, out: out})
	out.Close()
	if err != nil {
		r.Close()
		feed.Close()
		return nil, err
	}
	x := &expansion{from: r, ctx: ctx, task: t}
	x.feeding.Go(func() {
		defer feed.Close()
		if _, err := io.Copy(feed, from); !errors.Is(err, unix.EPIPE) {
			x.fed = err
		}
	})
	return x, nil
}

// expansion is a stream that a worker writes. It has no more methods than these: an io.Copy that went by those
// of the file would not see how the worker has ended.
type expansion struct {
	from    *os.File
	ctx     context.Context // of the one call that reads it
	task    *task
	ended   bool
	feeding sync.WaitGroup
	fed     error // what went wrong with the source, if feeding is done
}

func (x *expansion) Read(p []byte) (int, error) {
	n, err := x.from.Read(p)
	if err == io.EOF && !x.ended {
		x.ended = true
		_, failed := x.task.wait(x.ctx)
		x.feeding.Wait()
		if x.fed != nil { // a stream that was cut cannot be decompressed: that was the cause
			return n, x.fed
		}
		if failed != nil {
			return n, wrap("decompress", failed)
		}
	}
	return n, err
}

// Close ends the worker. What feeds it ends with that, or when its source does.
func (x *expansion) Close() error {
	if !x.ended {
		x.ended = true
		x.task.stop()
	}
	return x.from.Close()
}

// HeadBytes is how much of a stream Compressed wants to see.
const HeadBytes = 512

// Compressed tells by its first bytes whether a stream is compressed, if only in a way that Expand refuses.
func Compressed(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "BZh", "\x04\x22\x4d\x18", "\x5d\x00\x00"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" // zstd, to be skipped
}
