package source_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/systemdimg/source"
	"snug/systemdimg/store"
	"snug/systemdimg/subid"
	"snug/systemdimg/worker"
	"snug/tests/need"
)

// The test is its own worker, and its own importer that gets killed.
func TestMain(m *testing.M) {
	if worker.Is(os.Args) {
		os.Exit(worker.Main(os.Args))
	}
	if len(os.Args) == 2 && os.Args[1] == "wait" {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	if len(os.Args) > 3 && os.Args[1] == "import" {
		os.Exit(importer(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// carrier makes an empty store.
func carrier(t *testing.T) *source.Carrier {
	t.Helper()
	if _, err := subid.Own(); err != nil {
		need.Missing(t, "wanted subordinate ids, got: "+err.Error())
	}
	c, err := open(t.TempDir() + "/images")
	must(t, err)
	t.Cleanup(func() {
		if err := c.Workers.Remove(c.Store.Dir()); err != nil {
			t.Error(err)
		}
		c.Workers.Close()
	})
	return c
}

func open(dir string) (*source.Carrier, error) {
	s, err := store.Open(dir)
	if err == nil {
		err = s.Make()
	}
	if err != nil {
		return nil, err
	}
	w, err := worker.Open(s.IDs())
	return &source.Carrier{Store: s, Workers: w}, err
}

// archive makes a tar archive: of "name=text", of "name/", of "name->target", and of whiteouts by their names.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1000, Gid: 1000}
		text := ""
		switch {
		case strings.HasSuffix(f, "/"):
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, f, 0o755
		case strings.Contains(f, "->"):
			h.Typeflag = tar.TypeSymlink
			h.Name, h.Linkname, _ = strings.Cut(f, "->")
		default:
			h.Name, text, _ = strings.Cut(f, "=")
			h.Size = int64(len(text))
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, text)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func zip(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(plain)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// built is an image made for a test.
type built struct {
	blobs    map[store.Digest][]byte
	config   []byte
	layers   []store.Digest // of blobs
	manifest []byte
}

func (b *built) add(raw []byte) store.Digest {
	d := store.DigestOf(raw)
	b.blobs[d] = raw
	return d
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
)

type object = map[string]any

func describe(kind string, raw []byte) object {
	return object{"mediaType": kind, "digest": store.DigestOf(raw), "size": len(raw)}
}

// build makes an image of plain layers. Its blobs are compressed.
func build(t testing.TB, layers ...[]byte) *built {
	t.Helper()
	b := &built{blobs: map[store.Digest][]byte{}}
	var ids []store.Digest
	var list []object
	for _, l := range layers {
		ids = append(ids, store.DigestOf(l))
		z := zip(t, l)
		b.layers = append(b.layers, b.add(z))
		list = append(list, describe("application/vnd.oci.image.layer.v1.tar+gzip", z))
	}
	b.config = encode(t, object{"os": "linux", "architecture": "amd64", "config": object{"Env": []string{"A=B"}, "Labels": object{"k": "v"}},
		"rootfs": object{"type": "layers", "diff_ids": ids}, "history": []object{{"created_by": "a test"}}, "unknown": object{"kept": true}})
	b.add(b.config)
	b.manifest = encode(t, object{"schemaVersion": 2, "mediaType": manifestType, "config": describe("application/vnd.oci.image.config.v1+json", b.config), "layers": list})
	b.add(b.manifest)
	return b
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	return raw
}

// layout writes an OCI layout with one image.
func (b *built) layout(t testing.TB, tag string) string {
	t.Helper()
	dir := t.TempDir()
	d := describe(manifestType, b.manifest)
	if tag != "" {
		d["annotations"] = object{"org.opencontainers.image.ref.name": tag}
	}
	write(t, dir+"/index.json", encode(t, object{"schemaVersion": 2, "manifests": []object{d}}))
	write(t, dir+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	for d, raw := range b.blobs {
		write(t, dir+"/blobs/sha256/"+d.Hex(), raw)
	}
	return dir
}

func write(t testing.TB, path string, raw []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, raw, 0o644))
}

func imported(t *testing.T, c *source.Carrier, src, name string) *store.Image {
	t.Helper()
	img, err := c.Import(context.Background(), src, nil, source.Options{Name: name})
	must(t, err)
	return img
}

// refused fails unless an import ends with an error that says something, and leaves nothing.
func refused(t *testing.T, c *source.Carrier, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("want an error with %q, got %v", says, err)
	}
	empty(t, c)
}

// empty fails unless the store holds nothing.
func empty(t *testing.T, c *source.Carrier) {
	t.Helper()
	for _, dir := range []string{"tmp", "images/sha256", "names"} {
		list, err := os.ReadDir(c.Store.Dir() + "/" + dir)
		must(t, err)
		for _, e := range list {
			t.Errorf("%s/%s is left", dir, e.Name())
		}
	}
	if _, err := c.Store.Prune(true, c.Workers.Remove); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(c.Store.Dir() + "/layers/sha256"); len(list) > 0 {
		t.Errorf("layers are left that prune does not remove: %v", list)
	}
}

// shown gives the files of an image as an archive: "name=text".
func shown(t *testing.T, c *source.Carrier, img *store.Image) (list []string) {
	t.Helper()
	var b bytes.Buffer
	must(t, c.Export(context.Background(), img, "-", source.Changed{}, &b))
	return names(t, b.Bytes())
}

func names(t *testing.T, raw []byte) (list []string) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		name := strings.TrimPrefix(h.Name, "./")
		switch {
		case h.Linkname != "":
			name += "->" + h.Linkname
		case h.Typeflag == tar.TypeReg:
			name += "=" + string(text)
		}
		if name != "" {
			list = append(list, name)
		}
	}
}
