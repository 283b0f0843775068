package layer

import (
	"io"
)

// Expand writes what a compressed stream holds, by gzip, xz or zstd, which its first bytes tell: that of
// [Unpack], for who does both in different processes. A stream that is not compressed is written as it is.
func Expand(w io.Writer, r io.Reader, l Limits) error {
	l = l.orDefault()
	in := &counted{r: r}
	out, plain, err := decompress(in, l.Window)
	if err != nil {
		return err
	}
	defer out.Close()
	bounded := &boundedWriter{w, in, l, plain, 0}
	_, err = io.CopyBuffer(bounded, onlyReader{out}, make([]byte, blockSize))
	return err
}

// boundedWriter writes no more than the limits allow.
type boundedWriter struct {
	io.Writer
	in     *counted
	limits Limits
	plain  bool
	total  int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	b.total += int64(len(p))
	switch {
	case b.total > b.limits.Bytes:
		return 0, &LimitError{"Bytes", b.limits.Bytes}
	case !b.plain && b.total > ratioFrom && b.total/b.limits.Ratio > b.in.n:
		return 0, &LimitError{"Ratio", b.limits.Ratio}
	}
	return b.Writer.Write(p)
}
