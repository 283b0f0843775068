package layer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os/exec"
	"testing"

	"snug/systemdimg/layer"
	"snug/tests/need"
)

// Expand gives what Unpack would read, within the same limits.
func TestExpand(t *testing.T) {
	text := bytes.Repeat([]byte("some text\n"), 100000)
	for _, program := range []string{"cat", "gzip", "xz", "zstd"} {
		cmd := exec.Command(need.Program(t, program))
		cmd.Stdin = bytes.NewReader(text)
		packed, err := cmd.Output()
		must(t, err)
		var got bytes.Buffer
		if err := layer.Expand(&got, bytes.NewReader(packed), layer.Limits{}); err != nil || !bytes.Equal(got.Bytes(), text) {
			t.Errorf("%s: got %d bytes, %v", program, got.Len(), err)
		}
		var limit *layer.LimitError
		if err := layer.Expand(io.Discard, bytes.NewReader(packed), layer.Limits{Bytes: 1000}); !errors.As(err, &limit) || limit.Name != "Bytes" {
			t.Errorf("%s: want a limit, got %v", program, err)
		}
	}
	if err := layer.Expand(io.Discard, bytes.NewReader([]byte("BZh91AY&SY")), layer.Limits{}); err == nil {
		t.Error("bzip2: want an error")
	}
}

func TestExpandBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 300 {
		z.Write(make([]byte, 1<<20))
	}
	must(t, z.Close())
	var limit *layer.LimitError
	if err := layer.Expand(io.Discard, &b, layer.Limits{}); !errors.As(err, &limit) || limit.Name != "Ratio" {
		t.Errorf("want a limit, got %v", err)
	}
}
