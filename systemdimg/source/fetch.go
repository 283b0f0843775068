package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
)

// Fetching, in prose.
//
// A blob is written to a file of the store until it has the size that the manifest says. A connection that is
// cut, or over which nothing comes for a while, is made again and asked for the rest; only one that brings
// nothing time and again ends the pull. The file stays then, and the next pull goes on with it. Whether it is the
// right blob is seen when it is used, and the file is gone then, either way.

// tries is how often in a row a connection may bring nothing.
const tries = 5

var errStalled = errors.New("nothing has come for a while")

// blob opens a blob when it is there as a whole.
func (r *registry) blob(ctx context.Context, d *descriptor) (io.ReadCloser, error) {
	f, err := r.ownBlob(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	have, err := f.Seek(0, io.SeekEnd)
	for failed := 0; err == nil && have != d.Size; {
		if have > d.Size {
			have = 0
		}
		var got int64
		got, err = r.fetch(ctx, f, d, have)
		switch {
		case got > have:
			failed = 0
		case err != nil && ctx.Err() == nil && temporary(err):
			if failed++; failed < tries {
				err = pause(ctx, time.Duration(failed)*time.Second/2)
			}
		}
		if got > have && temporary(err) {
			err = ctx.Err()
		}
		have = got
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil { // another pull may use what is whole: nobody waits with it for a blob that the other one has
		err = os.NewSyscallError("flock", unix.Flock(int(f.Fd()), unix.LOCK_UN))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &cached{file: f}, nil
}

// ownBlob waits for the right to fetch a blob: another pull may be doing it.
func (r *registry) ownBlob(ctx context.Context, d store.Digest) (*os.File, error) {
	for {
		f, err := r.c.Store.Blob(d)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return f, err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// fetch asks for a blob from an offset on, and tells how much of it is there then.
func (r *registry) fetch(ctx context.Context, f *os.File, d *descriptor, from int64) (int64, error) {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, large{}, true))
	defer cancel(nil)
	header := http.Header{}
	if from > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.Size-1))
	}
	a, err := r.get(ctx, "blobs/"+string(d.Digest), header)
	if err != nil {
		return from, err
	}
	defer a.Body.Close()
	switch a.StatusCode {
	case http.StatusPartialContent:
		var first, last int64
		if _, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/", &first, &last); err != nil || first != from {
			from = -1
		}
	case http.StatusOK:
		from = 0 // it does not know ranges
	default:
		from = -1
	}
	if from < 0 {
		return 0, errors.Join(f.Truncate(0), errStalled)
	}
	if err := f.Truncate(from); err != nil {
		return from, err
	}
	body := &patient{a.Body, time.AfterFunc(2*patience, func() { cancel(errStalled) })}
	defer body.timer.Stop()
	n, err := io.Copy(&offset{f, from, func(done int64) { r.c.tell("fetch", d.Digest, done, d.Size) }}, io.LimitReader(body, d.Size-from+1))
	switch {
	case from+n > d.Size:
		return 0, errors.Join(f.Truncate(0), &store.Error{What: "blob " + string(d.Digest) + " is longer than the image's manifest says"})
	case err == nil && from+n < d.Size:
		err = io.ErrUnexpectedEOF
	case context.Cause(ctx) == errStalled:
		err = errStalled
	}
	return from + n, err
}

// temporary reports whether another try may help: where the network failed, not where somebody has said no.
func temporary(err error) bool {
	var ours *store.Error
	var file *os.PathError
	return err != nil && !errors.As(err, &ours) && !errors.As(err, &file) && !refused(err)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// offset writes to a file from a place on.
type offset struct {
	file *os.File
	at   int64
	told func(int64)
}

func (o *offset) Write(p []byte) (int, error) {
	n, err := o.file.WriteAt(p, o.at)
	o.at += int64(n)
	o.told(o.at)
	return n, err
}

// patient puts off the end with all that comes.
type patient struct {
	io.Reader
	timer *time.Timer
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.timer.Reset(2 * patience)
	}
	return n, err
}

// cached is a blob that goes when it has been used. One that nobody came to read stays.
type cached struct {
	file *os.File
	used bool
}

func (c *cached) Read(p []byte) (int, error) {
	c.used = true
	return c.file.Read(p)
}

func (c *cached) Close() error {
	if c.used {
		os.Remove(c.file.Name())
	}
	return c.file.Close()
}
