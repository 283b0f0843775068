package layer_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	theirs "github.com/ulikunitz/xz"

	"snug/systemdimg/layer"
)

// small keeps an input of the fuzzer from taking long.
var small = layer.Limits{Bytes: 4 << 20, Files: 1000, Window: 1 << 20}

// tally counts what a recorder is told of.
type tally int64

func (n *tally) Literal(p []byte)             { *n += tally(len(p)) }
func (n *tally) File(name string, size int64) { *n += tally(size) }

// Nothing that is unpacked shows outside; what could be unpacked can be packed, and comes out the same.
func FuzzUnpack(f *testing.F) {
	for _, list := range [][]entry{
		{dir("./"), file("a/f", "x").xattr("user.x", "y"), symlink("l", "a"), hardlink("h", "a/f")},
		{file(".wh.f", ""), file("d/.wh..wh..opq", ""), dir("d/.wh.x/")},
		{symlink("l", "../outside"), file("l/file", "x"), header(tar.TypeFifo, "p", "", 0o644)},
		{file(strings.Repeat("long/", 100)+"f", "x"), device("c", tar.TypeChar)},
	} {
		f.Add(archive(f, list...), false)
	}
	path := folder(f)
	untouched := outside(f, path)
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		where := folder(t)
		o := layer.Options{Plain: plain, Limits: small}
		var told tally
		r, err := unpack(t, where, data, layer.Options{Plain: plain, Limits: small, Recorder: &told, WriteOut: true})
		if err != nil {
			untouched(t)
			return
		}
		if int64(told) != r.Size {
			t.Errorf("the recorder was told of %d bytes of %d", told, r.Size)
		}
		packed, _ := mustPack(t, where, o)
		again := folder(t)
		mustUnpack(t, again, packed, layer.Options{Plain: plain})
		if twice, _ := mustPack(t, again, o); !bytes.Equal(packed, twice) {
			t.Errorf("want the same archive again, got another:\n%s\n%s", members(t, packed), members(t, twice))
		}
		untouched(t)
	})
}

// No stream takes more than it may, or breaks a decoder; and where xz is read at all, it is read as the
// module's own reader does.
func FuzzDecompress(f *testing.F) {
	data := archive(f, file("f", "hello"))
	f.Add(gzipped(f, data))
	f.Add(zstded(f, data))
	for _, args := range [][]string{{"--check=crc32"}, {"--check=none"}, {"-T2", "--block-size=700"}} {
		f.Add(xz(f, data, args...))
	}
	path := folder(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := unpack(t, path, data, layer.Options{Limits: small})
		if err != nil || !bytes.HasPrefix(data, []byte("\xfd7zXZ")) {
			return
		}
		x, err := theirs.NewReader(bytes.NewReader(data))
		must(t, err)
		n, err := io.Copy(io.Discard, x)
		if err != nil || n != r.Size {
			t.Errorf("want %d bytes as we read, got %d, %v", r.Size, n, err)
		}
	})
}
