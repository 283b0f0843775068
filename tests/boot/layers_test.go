package boot_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// layout is an OCI image layout that is being made (image-layout.md of the image-spec).
type layout struct {
	t      *testing.T
	dir    string
	layers []map[string]any
	diffs  []string
}

func newLayout(t *testing.T, dir string) *layout {
	t.Helper()
	bed.Write(t, dir+"/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	return &layout{t: t, dir: dir}
}

// blob writes a blob, and gives what refers to it.
func (l *layout) blob(kind string, content []byte) map[string]any {
	l.t.Helper()
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	bed.Write(l.t, filepath.Join(l.dir, "blobs/sha256", sum), string(content))
	return map[string]any{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + sum, "size": len(content)}
}

// layer adds a layer.
func (l *layout) layer(content []byte) {
	l.t.Helper()
	b := l.blob("layer.v1.tar", content)
	l.layers, l.diffs = append(l.layers, b), append(l.diffs, b["digest"].(string))
}

// done writes what stands above the layers.
func (l *layout) done() {
	l.t.Helper()
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			l.t.Fatal(err)
		}
		return b
	}
	config := l.blob("config.v1+json", text(map[string]any{"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": l.diffs}}))
	manifest := l.blob("manifest.v1+json", text(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": l.layers}))
	bed.Write(l.t, l.dir+"/index.json", string(text(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})))
}

// files is a tar archive of small files.
func files(t *testing.T, content map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range content {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	w.Close()
	return b.Bytes()
}

// A system of a hundred layers boots; what one hides or replaces stays so. A second boot needs no copy.
func TestManyLayers(t *testing.T) {
	s := newSession(t)
	base, err := os.ReadFile(filepath.Join(os.Getenv("IMAGES"), "bookworm.tar"))
	if err != nil {
		need.Missing(t, "wanted the image bookworm: "+err.Error())
	}
	l := newLayout(t, s.Home+"/layout")
	l.layer(base)
	for i := range 99 {
		l.layer(files(t, map[string]string{fmt.Sprintf("srv/%d", i): "x", "srv/last": fmt.Sprint(i), fmt.Sprintf("srv/.wh.%d", i-1): ""}))
	}
	l.done()
	s.Must("snug", "image", "import", "oci:"+s.Home+"/layout", "many")
	before := s.Must("du", "-s", s.Home+"/.local/share/snug/images")
	for range 2 {
		name := s.boot("--ephemeral", "many")
		s.want(name, "systemctl is-system-running; ls /srv; cat /srv/last", "running\n98\nlast\n98")
		s.Must("snug", "stop", name)
	}
	if after := s.Must("du", "-s", s.Home+"/.local/share/snug/images"); after != before {
		t.Errorf("want the images as they were, %s, got %s", before, after)
	}
	s.Must("snug", "image", "rm", "many")
	s.Must("snug", "image", "prune")
}

// What every layer of an image lacks is not told of each, and not again of layers that were there.
func TestNotes(t *testing.T) {
	s := newSession(t)
	l := newLayout(t, s.Home+"/layout")
	for i := range 6 {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{{Name: fmt.Sprintf("dev/%d", i), Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "odd", Typeflag: 'Z'}, {Name: "etc/hostname", Typeflag: tar.TypeReg}} {
			w.WriteHeader(&h)
		}
		w.Close()
		l.layer(b.Bytes())
	}
	l.done()
	out := s.Must("snug", "image", "import", "oci:"+s.Home+"/layout", "noisy")
	if !strings.HasPrefix(out, "snug: 6 device nodes were left out") || strings.Count(out, "unknown kind") != 2 || !strings.Contains(out, "snug: and 4 more such notes\nhint: snug image inspect ") {
		t.Errorf("want the device nodes of all layers in one note, two others, and how many more, got %s", out)
	}
	if out := s.Must("snug", "image", "import", "oci:"+s.Home+"/layout", "again"); out != "" {
		t.Errorf("want nothing said of layers that were there, got %s", out)
	}
}
