package layer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// decompress reads gzip, xz and zstd, and as it is what begins like none of them: plain says so. Of a
// stream that is several, one after the other, it reads all. The caller closes out.
func decompress(r io.Reader, window int64) (out io.ReadCloser, plain bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	begins := func(magic string) bool { return bytes.HasPrefix(first, []byte(magic)) }
	switch {
	case begins("\x1f\x8b"):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, false, err
		}
		return named{"gzip", z, z.Close}, false, nil
	case begins("\x28\xb5\x2f\xfd"), len(first) >= 4 && binary.LittleEndian.Uint32(first)&^0xf == 0x184d2a50: // skippable
		return newZstd(in, window)
	case begins(xzMagic):
		return named{"xz", newXZ(in, window), func() error { return nil }}, false, nil
	case begins("BZh"), begins("\x04\x22\x4d\x18"), begins("\x5d\x00\x00"):
		return nil, false, errors.New("the archive is compressed by other means than gzip, xz and zstd")
	}
	return io.NopCloser(in), true, nil
}

func newZstd(in io.Reader, window int64) (io.ReadCloser, bool, error) {
	const smallest, largest = 1 << 10, 2 << 30
	// Of the concurrency 1 it starts no goroutines of its own.
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(min(max(window, smallest), largest))), zstd.WithDecoderMaxMemory(uint64(max(window, smallest))))
	if err != nil {
		return nil, false, err
	}
	return named{"zstd", zstdReader{z, window}, func() error { z.Close(); return nil }}, false, nil
}

// zstdReader says in our words which limit was met.
type zstdReader struct {
	z      *zstd.Decoder
	window int64
}

func (r zstdReader) Read(p []byte) (int, error) {
	n, err := r.z.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = &LimitError{"Window", r.window}
	}
	return n, err
}

// named says in errors which compression they are of.
type named struct {
	compression string
	io.Reader
	close func() error
}

func (n named) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	var limit *LimitError
	if err != nil && err != io.EOF && !errors.As(err, &limit) && !strings.HasPrefix(err.Error(), n.compression) {
		err = fmt.Errorf("%s: %w", n.compression, err)
	}
	return k, err
}

func (n named) Close() error { return n.close() }
