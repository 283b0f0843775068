package layer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The container of xz (The .xz File Format, 1.2.0), around the LZMA2 decoder of github.com/ulikunitz/xz.
// That module's own reader allocates whatever dictionary a block asks for, up to 4 GiB, and an index of
// any length.
//
//	file:   stream or zero padding, any number
//	stream: header, blocks, index, footer
//	block:  header, LZMA2 data, padding, check

const (
	xzMagic  = "\xfd7zXZ\x00"
	xzFooter = "YZ"
	lzma2    = 0x21
)

var (
	errXZ        = errors.New("damaged")
	errXZSum     = errors.New("damaged: a check sum is wrong")
	errXZFilter  = errors.New("a filter other than LZMA2 is used, which is not read")
	errXZWasting = errors.New("far larger dictionaries than there are data")
)

// xzReader reads streams one after the other.
type xzReader struct {
	in     *bufio.Reader
	window int64
	err    error

	flags   [2]byte // of the stream
	check   hash.Hash
	records hash.Hash32 // of all blocks so far, to compare with the index
	count   uint64

	data      *lzma.Reader2 // of the block, nil between two
	packed    countedBytes
	headerLen int64
	sizes     [2]int64 // that the block's header tells, compressed and not; -1: it does not
	out       int64    // of the block

	total, dictionaries int64
}

func newXZ(in *bufio.Reader, window int64) *xzReader {
	x := &xzReader{in: in, window: window}
	x.err = x.openStream()
	return x
}

func (x *xzReader) Read(p []byte) (n int, err error) {
	for x.err == nil && len(p) > 0 && n == 0 {
		if x.data == nil {
			x.err = x.openBlock()
			continue
		}
		n, err = x.data.Read(p)
		x.check.Write(p[:n])
		x.out += int64(n)
		x.total += int64(n)
		if err == io.EOF {
			err = x.closeBlock()
		}
		x.err = err
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, x.err
}

// full reads exactly p. The end of the file is an error there.
func (x *xzReader) full(p []byte) error {
	_, err := io.ReadFull(x.in, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (x *xzReader) openStream() error {
	header := make([]byte, 12)
	if err := x.full(header); err != nil {
		return err
	}
	if string(header[:6]) != xzMagic {
		return errXZ
	}
	if crc32.ChecksumIEEE(header[6:8]) != binary.LittleEndian.Uint32(header[8:]) {
		return errXZSum
	}
	x.flags = [2]byte(header[6:8])
	switch x.flags {
	case [2]byte{0, 0}:
		x.check = nothing{}
	case [2]byte{0, 1}:
		x.check = crc32.NewIEEE()
	case [2]byte{0, 4}:
		x.check = crc64.New(crc64.MakeTable(crc64.ECMA))
	case [2]byte{0, 10}:
		x.check = sha256.New()
	default:
		return errXZ
	}
	x.records, x.count = crc32.NewIEEE(), 0
	return nil
}

// nothing is the check of a stream that has none.
type nothing struct{ hash.Hash }

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Sum(b []byte) []byte         { return b }
func (nothing) Size() int                   { return 0 }
func (nothing) Reset()                      {}

// openBlock reads the header of a block, or the end of the stream that stands in its place.
func (x *xzReader) openBlock() error {
	size, err := x.in.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if size == 0 {
		return x.closeStream()
	}
	header := make([]byte, (int(size)+1)*4)
	header[0] = size
	if err := x.full(header[1:]); err != nil {
		return err
	}
	end := len(header) - 4
	if crc32.ChecksumIEEE(header[:end]) != binary.LittleEndian.Uint32(header[end:]) {
		return errXZSum
	}
	dictionary, err := x.blockHeader(header[1:end])
	if err != nil {
		return err
	}
	x.headerLen, x.out = int64(len(header)), 0
	x.packed = countedBytes{in: x.in}
	x.check.Reset()
	x.data, err = lzma.Reader2Config{DictCap: dictionary}.NewReader2(&x.packed)
	return err
}

// blockHeader gives the size of the dictionary that a block asks for. Each is allocated and cleared
// anew, so that many for little data are an attack, too.
func (x *xzReader) blockHeader(b []byte) (dictionary int, err error) {
	flags := b[0]
	if flags&0x3c != 0 {
		return 0, errXZ
	}
	r := bytes.NewReader(b[1:])
	for i, bit := range []byte{0x40, 0x80} {
		if x.sizes[i] = -1; flags&bit != 0 {
			n, err := binary.ReadUvarint(r)
			if err != nil || n > 1<<62 {
				return 0, errXZ
			}
			x.sizes[i] = int64(n)
		}
	}
	var filter [3]byte
	if _, err := io.ReadFull(r, filter[:]); err != nil {
		return 0, errXZ
	}
	if flags&3 != 0 || filter[0] != lzma2 {
		return 0, errXZFilter
	}
	bits := filter[2]
	if filter[1] != 1 || bits > 40 {
		return 0, errXZ
	}
	if rest := b[len(b)-r.Len():]; len(bytes.Trim(rest, "\x00")) > 0 {
		return 0, errXZ
	}
	size := int64(2|bits&1) << (bits/2 + 11)
	if bits == 40 {
		size = 1<<32 - 1
	}
	if size > x.window {
		return 0, &LimitError{"Window", x.window}
	}
	if x.dictionaries += size; x.dictionaries > x.window+64*(x.total+1<<20) {
		return 0, errXZWasting
	}
	return int(max(size, lzma.MinDictCap)), nil
}

// closeBlock checks a block that has been read.
func (x *xzReader) closeBlock() error {
	ended := x.data.EOS()
	x.data = nil
	packed := x.packed.n
	if !ended || x.sizes[0] >= 0 && x.sizes[0] != packed || x.sizes[1] >= 0 && x.sizes[1] != x.out {
		return errXZ
	}
	tail := make([]byte, int(-packed&3)+x.check.Size())
	if err := x.full(tail); err != nil {
		return err
	}
	padding, sum := tail[:-packed&3], tail[-packed&3:]
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return errXZ
	}
	want := x.check.Sum(nil)
	if len(want) < 32 { // those of a few bytes are stored the other way round
		for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
			want[i], want[j] = want[j], want[i]
		}
	}
	if !bytes.Equal(want, sum) {
		return errXZSum
	}
	x.count++
	x.record(uint64(x.headerLen+packed+int64(x.check.Size())), uint64(x.out))
	return nil
}

// record takes what an index says of a block into a sum.
func (x *xzReader) record(unpadded, out uint64) {
	b := binary.LittleEndian.AppendUint64(nil, unpadded)
	x.records.Write(binary.LittleEndian.AppendUint64(b, out))
}

// closeStream reads index and footer, and goes on to the next stream, if there is one.
func (x *xzReader) closeStream() error {
	index := &countedBytes{in: x.in, sum: crc32.NewIEEE()}
	index.took([]byte{0})
	count, err := binary.ReadUvarint(index)
	if err == nil && count != x.count {
		err = errXZ
	}
	blocks := x.records.Sum32()
	x.records.Reset()
	for range x.count {
		var unpadded, out uint64
		if err == nil {
			unpadded, err = binary.ReadUvarint(index)
		}
		if err == nil {
			out, err = binary.ReadUvarint(index)
		}
		if err != nil {
			break
		}
		x.record(unpadded, out)
	}
	for err == nil && index.n&3 != 0 {
		var b byte
		if b, err = index.ReadByte(); err == nil && b != 0 {
			err = errXZ
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if x.records.Sum32() != blocks {
		return errXZ
	}
	tail := make([]byte, 4+12)
	if err := x.full(tail); err != nil {
		return err
	}
	footer := tail[4:]
	if binary.LittleEndian.Uint32(tail) != index.sum.Sum32() || binary.LittleEndian.Uint32(footer) != crc32.ChecksumIEEE(footer[4:10]) {
		return errXZSum
	}
	if int64(binary.LittleEndian.Uint32(footer[4:])) != index.n/4 || [2]byte(footer[8:10]) != x.flags || string(footer[10:]) != xzFooter {
		return errXZ
	}
	return x.nextStream()
}

// nextStream passes over padding between streams, which is zeros by the four. io.EOF says that no stream
// follows.
func (x *xzReader) nextStream() error {
	for {
		four, err := x.in.Peek(4)
		if len(four) == 0 {
			return err
		}
		if len(four) < 4 {
			return errXZ
		}
		if binary.LittleEndian.Uint32(four) != 0 {
			return x.openStream()
		}
		x.in.Discard(4)
	}
}

// countedBytes counts what a decoder takes, which takes no more than it needs, and may sum it.
type countedBytes struct {
	in  *bufio.Reader
	n   int64
	sum hash.Hash32
}

func (c *countedBytes) took(p []byte) {
	if c.n += int64(len(p)); c.sum != nil {
		c.sum.Write(p)
	}
}

func (c *countedBytes) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.took(p[:n])
	return n, err
}

func (c *countedBytes) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		if c.n++; c.sum != nil {
			c.sum.Write([]byte{b})
		}
	}
	return b, err
}
