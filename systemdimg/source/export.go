package source

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

// Changed is what an instance of an image has changed.
type Changed struct {
	Upper string // the upper folder of its overlay; "" if nothing has
	By    string // for the history of the image
}

// Export writes an image as an OCI layout ("oci:DIR" or "oci:DIR:TAG"), or all that it shows as a tar archive, to
// a file or for "-" to the stream. What has changed becomes one more layer.
//
// Layers are assembled by their recipes to the very archives that they came as, so the image keeps its identity.
// One that cannot be is packed anew, and with it the image is another one.
func (c *Carrier) Export(ctx context.Context, img *store.Image, to string, changed Changed, stream io.Writer) error {
	held, err := c.Store.Hold(img)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range held {
			f.Close()
		}
	}()
	if rest, ok := strings.CutPrefix(to, layoutPrefix); ok {
		return c.exportLayout(ctx, img, rest, changed)
	}
	folders := c.Store.Folders(img)
	if changed.Upper != "" {
		folders = append([]string{changed.Upper}, folders...)
	}
	if to == "-" {
		return c.Workers.Pack(ctx, folders, worker.System, c.counted(stream, img.ID, img.Size))
	}
	return c.exportFile(ctx, img, to, folders)
}

// exportFile writes an archive to a new file, all at once. Its name says whether it is compressed.
func (c *Carrier) exportFile(ctx context.Context, img *store.Image, to string, folders []string) error {
	compressed := strings.HasSuffix(to, ".tar.gz") || strings.HasSuffix(to, ".tgz")
	if !compressed && !strings.HasSuffix(to, ".tar") {
		return &store.Error{What: quote(to) + ": an archive is called FILE.tar, FILE.tar.gz or FILE.tgz", Hint: "an OCI layout: oci:" + to + "; other compressions: snug image export NAME - | xz >FILE.tar.xz"}
	}
	if err := vacant(to); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".snug-*.tar")
	if err != nil {
		return &store.Error{What: "write " + quote(to), Err: cause(err)}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var packed io.WriteCloser = f
	if compressed {
		packed = gzip.NewWriter(f)
	}
	err = c.Workers.Pack(ctx, folders, worker.System, c.counted(packed, img.ID, img.Size))
	if err == nil && compressed {
		err = packed.Close()
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	return putNew(f.Name(), to)
}

// vacant refuses to write over what is there.
func vacant(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &store.Error{What: quote(path) + " exists", Hint: "choose another name, or remove it first"}
	}
	return nil
}

// putNew gives what is whole its name.
func putNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL { // FUSE and NFS may know no flags
		if err := vacant(to); err != nil {
			return err
		}
		err = unix.Rename(from, to)
	}
	if err != nil {
		return &store.Error{What: "write " + quote(to), Err: err}
	}
	return nil
}

// exportLayout writes a new layout, all at once.
func (c *Carrier) exportLayout(ctx context.Context, img *store.Image, to string, changed Changed) error {
	path, tag := to, ""
	if i := strings.LastIndexByte(to, ':'); i > strings.LastIndexByte(to, '/') {
		path, tag = to[:i], to[i+1:]
	}
	if tag == "" && len(img.Names) > 0 {
		tag = img.Names[0]
	}
	if err := vacant(path); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".snug-oci-")
	if err != nil {
		return &store.Error{What: "write to " + quote(filepath.Dir(path)), Err: cause(err)}
	}
	defer os.RemoveAll(dir)
	x := &exported{c: c, dir: dir}
	if err := x.image(ctx, img, tag, changed); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return putNew(dir, path)
}

// exported is a layout that is being written.
type exported struct {
	c   *Carrier
	dir string
}

func (x *exported) image(ctx context.Context, img *store.Image, tag string, changed Changed) error {
	if err := os.MkdirAll(x.dir+"/blobs/sha256", 0o755); err != nil {
		return err
	}
	doc := document{SchemaVersion: 2, MediaType: ociManifest}
	var ids []store.Digest
	for _, id := range img.Layers {
		got, blob, err := x.layer(ctx, id)
		if err != nil {
			return err
		}
		ids, doc.Layers = append(ids, got), append(doc.Layers, *blob)
	}
	if changed.Upper != "" {
		got, blob, err := x.stream(changes, 0, func(w io.Writer) error { return x.c.Workers.Pack(ctx, []string{changed.Upper}, worker.Layer, w) })
		if err != nil {
			return err
		}
		ids, doc.Layers = append(ids, got), append(doc.Layers, *blob)
	}
	raw, err := amend(img, ids, "snug image export", changed.By)
	if err != nil {
		return err
	}
	if doc.Config, err = x.blob(raw, ociConfig); err != nil {
		return err
	}
	text, err := marshal(doc)
	if err != nil {
		return err
	}
	main, err := x.blob(text, ociManifest)
	if err != nil {
		return err
	}
	main.Platform = &platform{img.Config.OS, img.Config.Architecture, img.Config.Variant}
	if tag != "" {
		main.Annotations = map[string]string{refName: tag}
	}
	index, err := marshal(document{SchemaVersion: 2, MediaType: ociIndex, Manifests: []descriptor{*main}})
	if err == nil {
		err = os.WriteFile(x.dir+"/index.json", index, 0o644)
	}
	if err == nil {
		err = os.WriteFile(x.dir+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
	}
	return err
}

// layer writes a layer as the archive that it came as, else as one packed anew.
func (x *exported) layer(ctx context.Context, id store.Digest) (store.Digest, *descriptor, error) {
	path, recipe := x.c.Store.Parts(id)
	info, _ := x.c.Store.Info(id) // without it, it is not known how much is to come
	if f, err := os.Open(recipe); err == nil {
		defer f.Close()
		got, blob, err := x.stream(id, info.Size, func(w io.Writer) error { return x.c.Workers.Assemble(ctx, path, f, w) })
		if err == nil && got == id || ctx.Err() != nil {
			return got, blob, err
		}
		if err == nil {
			os.Remove(x.dir + "/blobs/sha256/" + blob.Digest.Hex())
		}
	}
	return x.stream(id, info.Size, func(w io.Writer) error { return x.c.Workers.Pack(ctx, []string{path}, worker.Layer, w) })
}

// changes stand for the layer that has no digest yet in what is told.
const changes store.Digest = "sha256:changes"

// counted tells how much is written.
func (c *Carrier) counted(w io.Writer, of store.Digest, total int64) io.Writer {
	return &counter{w, func(done int64) { c.tell("export", of, done, total) }, 0}
}

type counter struct {
	io.Writer
	told func(int64)
	done int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.done += int64(n)
	c.told(c.done)
	return n, err
}

// stream writes a layer of about so many bytes, compressed.
func (x *exported) stream(of store.Digest, total int64, write func(io.Writer) error) (store.Digest, *descriptor, error) {
	f, err := os.CreateTemp(x.dir+"/blobs", "layer-")
	if err != nil {
		return "", nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	plain, packed := sha256.New(), sha256.New()
	z := gzip.NewWriter(io.MultiWriter(f, packed))
	err = write(x.c.counted(io.MultiWriter(z, plain), of, total))
	if e := z.Close(); err == nil { // which on a full disk only says the same once more
		err = e
	}
	if err != nil {
		return "", nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	blob := &descriptor{MediaType: ociLayerGzip, Digest: store.DigestFrom(packed.Sum(nil)), Size: st.Size()}
	if err := f.Chmod(0o644); err != nil {
		return "", nil, err
	}
	return store.DigestFrom(plain.Sum(nil)), blob, os.Rename(f.Name(), x.dir+"/blobs/sha256/"+blob.Digest.Hex())
}

// blob writes a small blob.
func (x *exported) blob(raw []byte, mediaType string) (*descriptor, error) {
	d := &descriptor{MediaType: mediaType, Digest: store.DigestOf(raw), Size: int64(len(raw))}
	return d, os.WriteFile(x.dir+"/blobs/sha256/"+d.Digest.Hex(), raw, 0o644)
}

// amend changes the layers that a configuration names, and nothing else in it; to new ones belongs an entry in
// the history. With the layers that it names already, it stays what it is to the byte.
func amend(img *store.Image, ids []store.Digest, program, by string) ([]byte, error) {
	if slices.Equal(ids, img.Layers) {
		return img.Raw, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(img.Raw, &fields); err != nil {
		return nil, err
	}
	history, err := addHistory(fields["history"], len(img.Layers), len(ids), map[string]string{"created": now().Format(time.RFC3339), "created_by": program, "comment": by})
	if err != nil {
		return nil, err
	}
	for key, value := range map[string]any{"rootfs": map[string]any{"type": "layers", "diff_ids": ids}, "history": history} {
		text, err := marshal(value)
		if err != nil {
			return nil, err
		}
		fields[key] = text
	}
	return marshal(fields)
}

// addHistory adds an entry for each new layer to a history, which has one for each layer, or none at all.
func addHistory(raw json.RawMessage, had, has int, entry map[string]string) ([]json.RawMessage, error) {
	var history []json.RawMessage
	if err := json.Unmarshal(raw, &history); err != nil && raw != nil {
		return nil, &store.Error{What: "read the image's history", Err: err}
	}
	if history == nil && has > had {
		for range had {
			history = append(history, json.RawMessage(`{}`))
		}
	}
	for range has - had {
		text, err := marshal(entry)
		if err != nil {
			return nil, err
		}
		history = append(history, text)
	}
	return history, nil
}
