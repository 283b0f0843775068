package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
)

// stream is an uncompressed archive on its way through three goroutines that never wait for each other
// longer than they must. A block belongs to one of them at a time:
//
//	fill: read and uncompress ──full──► Read: unpack ──read──► sum: SHA-256
//	  ▲                                                          │
//	  └──────────────────────────free────────────────────────────┘
//
// The one that unpacks owns the other two, and waits for them in finish or abandon.
type stream struct {
	full, read, free chan *block
	stop             chan struct{}
	done             sync.WaitGroup
	progress         func(int64)
	limits           Limits
	unsummed         bool
	recorder         Recorder // or nil
	silent           bool     // the recorder is not told what is read
	hash             []byte   // when sum is done

	cur    *block // being unpacked
	rest   []byte // of it
	offset int64  // how much has been unpacked
	err    error
	ended  bool
}

type block struct {
	data []byte
	n    int
	in   int64 // how much of the compressed archive is read with it
	err  error // after it
}

// 8 blocks of 256 KiB: what is unpacked is still in the processor's cache when it is summed.
const (
	blocks    = 8
	blockSize = 256 << 10
)

// newStream begins to read r. It ends in finish or abandon.
func newStream(r io.Reader, o *Options) *stream {
	s := &stream{full: make(chan *block, blocks), read: make(chan *block, blocks), free: make(chan *block, blocks),
		stop: make(chan struct{}), progress: o.Progress, limits: o.Limits, unsummed: o.Unsummed, recorder: o.Recorder}
	for range blocks {
		s.free <- &block{data: make([]byte, blockSize)}
	}
	s.done.Add(2)
	go s.fill(&counted{r: r})
	go s.sum()
	return s
}

// counted counts what is read of a compressed archive.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (s *stream) fill(in *counted) {
	defer s.done.Done()
	defer close(s.full)
	out, plain, err := decompress(in, s.limits.Window)
	if err == nil {
		defer out.Close()
	}
	var total int64
	for {
		var b *block
		select {
		case b = <-s.free:
		case <-s.stop:
			return
		}
		if b.n = 0; err == nil {
			b.n, err = readFull(out, b.data)
		}
		total += int64(b.n)
		switch {
		case total > s.limits.Bytes:
			err = &LimitError{"Bytes", s.limits.Bytes}
		case !plain && total > ratioFrom && total/s.limits.Ratio > in.n:
			err = &LimitError{"Ratio", s.limits.Ratio}
		}
		b.in, b.err = in.n, err
		select {
		case s.full <- b:
		case <-s.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// readFull fills p unless an error, io.EOF as any other, comes before.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for empty := 0; n < len(p) && err == nil; {
		var k int
		if k, err = r.Read(p[n:]); k == 0 && err == nil {
			if empty++; empty == 100 {
				err = io.ErrNoProgress
			}
			continue
		}
		n, empty = n+k, 0
	}
	return n, err
}

func (s *stream) sum() {
	defer s.done.Done()
	h := sha256.New()
	for b := range s.read {
		if !s.unsummed {
			h.Write(b.data[:b.n])
		}
		s.free <- b
	}
	s.hash = h.Sum(nil)
}

// next goes on to the next block.
func (s *stream) next() {
	if s.cur != nil {
		if s.err = s.cur.err; s.err == nil || s.err == io.EOF {
			s.read <- s.cur
		}
		s.cur, s.rest = nil, nil
	}
	if s.err != nil {
		return
	}
	s.cur = <-s.full
	s.rest = s.cur.data[:s.cur.n]
	if s.progress != nil {
		s.progress(s.cur.in)
	}
}

// Read gives the uncompressed archive.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(s.rest) == 0 {
		if s.next(); s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.rest)
	s.pass(n)
	return n, nil
}

// pass goes on by some bytes of the block at hand.
func (s *stream) pass(n int) {
	if s.recorder != nil && !s.silent && n > 0 {
		s.recorder.Literal(s.rest[:n])
	}
	s.rest = s.rest[n:]
	s.offset += int64(n)
}

// finish reads what follows the archive in its stream, and gives the sum and the length of all.
func (s *stream) finish() (digest string, size int64, err error) {
	for s.err == nil {
		s.pass(len(s.rest))
		s.next()
	}
	if s.err != io.EOF {
		return "", 0, s.err
	}
	close(s.read)
	s.ended = true
	s.done.Wait()
	return "sha256:" + hex.EncodeToString(s.hash), s.offset, nil
}

// abandon waits for the others to end. After finish it does nothing.
func (s *stream) abandon() {
	if s.ended {
		return
	}
	close(s.stop)
	close(s.read)
	s.done.Wait()
}
