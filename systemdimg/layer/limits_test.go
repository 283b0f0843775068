package layer_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	must(t, err)
	return w.EncodeAll(data, nil)
}

// xz compresses with the program, which has more kinds of streams than any library.
func xz(t testing.TB, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(need.Program(t, "xz"), append(args, "-c")...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	must(t, err)
	return out
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// noise is what does not compress well, and is the same every time.
func noise(n int) string {
	out := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 26)
	}
	return string(out)
}

func TestDecompress(t *testing.T) {
	data := archive(t, file("f", noise(400_000)), file("g", strings.Repeat("y", 300_000)))
	half := len(data) / 3
	skippable := []byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc")
	tests := []struct {
		name string
		data []byte
	}{
		{"gzip", gzipped(t, data)},
		{"gzip, several members", join(gzipped(t, data[:half]), gzipped(t, nil), gzipped(t, data[half:]))},
		{"zstd", zstded(t, data)},
		{"zstd, several frames", join(skippable, zstded(t, data[:half]), skippable, zstded(t, data[half:]))},
		{"xz", xz(t, data)},
		{"xz without a check", xz(t, data, "--check=none")},
		{"xz, CRC32", xz(t, data, "--check=crc32", "-0")},
		{"xz, SHA-256", xz(t, data, "--check=sha256", "-9")},
		{"xz, blocks with sizes", xz(t, data, "-T2", "--block-size=100000", "-1")},
		{"xz, several streams and padding", join(xz(t, data[:half], "--check=crc32"), make([]byte, 8), xz(t, nil), xz(t, data[half:]), make([]byte, 4))},
	}
	want := mustUnpack(t, folder(t), data, layer.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(want, mustUnpack(t, folder(t), test.data, layer.Options{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, end := range []int{len(test.data) / 4, len(test.data) - 11} { // in the middle of something
				if _, err := unpack(t, folder(t), test.data[:end], layer.Options{}); err == nil {
					t.Errorf("%d of %d bytes: want an error, got none", end, len(test.data))
				}
			}
			damaged := bytes.Clone(test.data)
			damaged[len(damaged)/2] ^= 0x40
			if _, err := unpack(t, folder(t), damaged, layer.Options{}); err == nil && !strings.Contains(test.name, "without") {
				t.Error("a wrong bit: want an error, got none")
			}
			if _, err := unpack(t, folder(t), append(bytes.Clone(test.data), "garbage"...), layer.Options{}); err == nil {
				t.Error("garbage behind: want an error, got none")
			}
		})
	}
}

func TestXZRefuses(t *testing.T) {
	data := archive(t, file("f", noise(200_000)))
	small := xz(t, data, "--check=crc32")
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"another filter", "filter", xz(t, data, "--x86", "--lzma2=preset=1")},
		{"a large dictionary", "Limits.Window", xz(t, data, "--lzma2=preset=1,dict=256MiB")},
		{"padding not by the four", "damaged", join(small, make([]byte, 3))},
		{"a wrong index", "damaged", join(small[:len(small)-20], []byte{9, 9, 9, 9}, small[len(small)-16:])},
		{"a wrong footer", "damaged", join(small[:len(small)-1], []byte{0})},
		{"a wrong header", "damaged", join(small[:7], []byte{2}, small[8:])},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := unpack(t, folder(t), test.data, layer.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
	// Many dictionaries for nothing: blocks of 4 KiB, each with one of 64 MiB.
	many := xz(t, []byte(archive(t, file("f", strings.Repeat("x", 1<<20)))), "--block-size=4096", "--lzma2=preset=1,dict=64MiB")
	if _, err := unpack(t, folder(t), many, layer.Options{}); err == nil || !strings.Contains(err.Error(), "dictionaries") {
		t.Errorf("want the dictionaries refused, got %v", err)
	}
}

// zeros is an archive of a file of zeros, of any size, while it is read.
func zeros(t testing.TB, size int64) io.Reader {
	t.Helper()
	var head bytes.Buffer
	e := file("zeros", "")
	e.Size = size
	must(t, tar.NewWriter(&head).WriteHeader(&e.Header))
	return io.MultiReader(&head, io.LimitReader(zero{}, size+512*3))
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Bombs of a megabyte or two end with the limit that they met, and take little memory until then.
func TestBombs(t *testing.T) {
	compress := map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	}
	for name, with := range compress {
		t.Run(name, func(t *testing.T) {
			var bomb bytes.Buffer
			w, err := with(&bomb)
			must(t, err)
			_, err = io.Copy(w, zeros(t, 400<<20))
			must(t, err)
			must(t, w.Close())
			os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak from now on
			before := peak(t)
			var limit *layer.LimitError
			_, err = unpack(t, folder(t), bomb.Bytes(), layer.Options{Limits: layer.Limits{Ratio: 100}})
			if !errors.As(err, &limit) || limit.Name != "Ratio" || !strings.Contains(err.Error(), "Limits.Ratio") {
				t.Errorf("want the limit of the ratio, got %v", err)
			}
			if grown := peak(t) - before; grown > 64<<10 {
				t.Errorf("want less than 64 MiB, got %d KiB", grown)
			}
		})
	}
}

// Names of a megabyte are not kept: not those of folders, nor in notes.
func TestLongNames(t *testing.T) {
	need.Time(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	w := tar.NewWriter(z)
	for i := range 100 {
		e := dir(strings.Repeat("./", 500_000) + fmt.Sprint(i))
		must(t, w.WriteHeader(&e.Header))
		e = device(strings.Repeat("./", 500_000)+fmt.Sprint(i), tar.TypeChar)
		must(t, w.WriteHeader(&e.Header))
	}
	must(t, w.Close())
	must(t, z.Close())
	runtime.GC()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	before := peak(t)
	r := mustUnpack(t, folder(t), bomb.Bytes(), layer.Options{Limits: layer.Limits{Ratio: 1000}})
	if grown := peak(t) - before; grown > 64<<10 {
		t.Errorf("want less than 64 MiB, got %d KiB", grown)
	}
	if len(r.Notes) != 1 || len(r.Notes[0]) > 1000 {
		t.Errorf("want one short note, got %q", r.Notes)
	}
}

// peak is the most memory that the process has had, in KiB.
func peak(t testing.TB) (kib int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	_, err = fmt.Sscan(after, &kib)
	must(t, err)
	return kib
}

func TestLimits(t *testing.T) {
	many := []entry{}
	for i := range 20 {
		many = append(many, file(fmt.Sprint(i), "x"))
	}
	huge := file("f", "")
	huge.Size = 1 << 60
	var head bytes.Buffer
	must(t, tar.NewWriter(&head).WriteHeader(&huge.Header))
	long, err := zstd.NewWriter(nil, zstd.WithWindowSize(256<<20), zstd.WithSingleSegment(false))
	must(t, err)
	var window bytes.Buffer
	long.Reset(&window)
	_, err = io.Copy(long, zeros(t, 300<<20))
	must(t, err)
	must(t, long.Close())
	tests := []struct {
		name, want string
		data       []byte
		limits     layer.Limits
	}{
		{"bytes in files", "Bytes", archive(t, file("f", strings.Repeat("x", 1000)), file("g", strings.Repeat("x", 1000))), layer.Limits{Bytes: 1999}},
		{"bytes of the archive", "Bytes", archive(t, many...), layer.Limits{Bytes: 5000}},
		{"bytes behind the archive", "Bytes", append(archive(t, file("f", "x")), make([]byte, 1<<20)...), layer.Limits{Bytes: 1 << 20}},
		{"a size that lies", "Bytes", head.Bytes(), layer.Limits{}},
		{"files", "Files", archive(t, many...), layer.Limits{Files: 19}},
		{"the same file", "Files", archive(t, file("f", ""), file("f", ""), file("f", "")), layer.Limits{Files: 2}},
		{"folders in one name", "Files", archive(t, file(strings.Repeat("a/", 100_000)+"f", "")), layer.Limits{Files: 1000}},
		{"a window of zstd", "Window", window.Bytes(), layer.Limits{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := unpack(t, folder(t), test.data, layer.Options{Limits: test.limits})
			var limit *layer.LimitError
			if !errors.As(err, &limit) || limit.Name != test.want {
				t.Errorf("want the limit %s, got %v", test.want, err)
			}
		})
	}
	mustUnpack(t, folder(t), archive(t, many...), layer.Options{Limits: layer.Limits{Files: 20}}) // the control
}
