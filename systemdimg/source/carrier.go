package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

// Carrier carries images into a store and out of it.
type Carrier struct {
	Store    *store.Store
	Workers  *worker.Workers
	Progress Progress // or nil
	// Insecure lets a registry be asked over plain HTTP.
	Insecure bool
}

// Progress is told how far one of several things has come that are done at a time. What is "fetch", "unpack" or
// "export", Of a short digest. A Total of 0 is not known.
type Progress func(what, of string, done, total int64)

// Options are how an image is to be taken.
type Options struct {
	Name     string // in the store; "" is one made of the source
	Platform string // "linux/arm64"; "" is this machine's
	Replace  bool   // the name may be taken away from another image
}

// image is what is to be imported: a configuration and where its layers are.
type image struct {
	raw      []byte
	parts    []part // lowest first
	manifest store.Digest
}

// part is a layer, as compressed as it may be.
type part struct {
	digest store.Digest // of the blob; "": none is known
	size   int64        // of the blob; 0: not known
	open   func(context.Context) (io.ReadCloser, error)
}

// document makes an image of a manifest.
func (c *Carrier) document(ctx context.Context, p place, root *descriptor, want platform) (*image, error) {
	d, digest, err := resolve(ctx, p, root, want)
	if err != nil {
		return nil, err
	}
	r, err := p.blob(ctx, d.Config)
	if err != nil {
		return nil, err
	}
	img := &image{manifest: digest}
	if img.raw, err = whole(r, d.Config, store.MaxConfig); err != nil {
		return nil, err
	}
	for i := range d.Layers {
		l := &d.Layers[i]
		img.parts = append(img.parts, part{l.Digest, l.Size, func(ctx context.Context) (io.ReadCloser, error) { return p.blob(ctx, l) }})
	}
	return img, nil
}

// take imports an image.
func (c *Carrier) take(ctx context.Context, img *image, r store.Record, o *Options) (*store.Image, error) {
	config, err := store.ParseConfig(img.raw)
	if err != nil {
		return nil, err
	}
	ids := config.RootFS.DiffIDs
	if len(ids) != len(img.parts) {
		return nil, &store.Error{What: "the image has " + strconv.Itoa(len(img.parts)) + " layers, and its configuration names " + strconv.Itoa(len(ids))}
	}
	if err := c.Store.Free(o.Name, store.DigestOf(img.raw), o.Replace); err != nil { // before all the work
		return nil, err
	}
	w, err := c.Store.Begin(c.Workers.Remove)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := c.layers(ctx, w, img.parts, ids); err != nil {
		return nil, err
	}
	r.Manifest, r.Imported = img.manifest, now()
	return w.Commit(img.raw, r, o.Name, o.Replace)
}

// atOnce is how many layers are fetched at a time. They are unpacked one by one: that keeps a disk busy.
const atOnce = 3

// fetched is a layer that has been opened, or could not be.
type fetched struct {
	blob io.ReadCloser
	err  error
}

// layers makes sure that the store has all layers.
func (c *Carrier) layers(ctx context.Context, w *store.Work, parts []part, ids []store.Digest) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	coming := make(map[store.Digest]chan fetched)
	var all sync.WaitGroup
	defer func() {
		cancel()
		all.Wait()
		for _, ch := range coming {
			if f := <-ch; f.blob != nil {
				f.blob.Close()
			}
		}
	}()
	slots := make(chan struct{}, atOnce)
	for i, id := range ids {
		have, err := w.Have(id)
		if err != nil {
			return err
		}
		if have || coming[id] != nil {
			continue
		}
		ch := make(chan fetched, 1)
		coming[id] = ch
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			blob, err := parts[i].open(ctx)
			ch <- fetched{blob, err}
		})
	}
	for i, id := range ids {
		ch := coming[id]
		if ch == nil {
			continue
		}
		delete(coming, id)
		f := <-ch
		if f.err != nil {
			return f.err
		}
		_, err := c.layer(ctx, w, &parts[i], f.blob, wanted{id, worker.Layer})
		f.blob.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted says what a layer must be.
type wanted struct {
	id   store.Digest // "": whatever it is
	form worker.Form
}

// layer unpacks a layer and adds it to the store.
func (c *Carrier) layer(ctx context.Context, w *store.Work, p *part, blob io.Reader, want wanted) (id store.Digest, err error) {
	draft, err := w.Draft()
	if err != nil {
		return "", err
	}
	told := func(int64) {} // of what has no name yet, its source is told of
	if want.id != "" {
		told = func(done int64) { c.tell("unpack", want.id, done, p.size) }
	}
	checked := newVerifier(blob, p.digest, told)
	plain, err := c.expand(ctx, checked)
	if err != nil {
		return "", err
	}
	defer plain.Close()
	recipe, err := os.OpenFile(draft.Recipe(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer recipe.Close()
	u, err := c.Workers.Unpack(ctx, draft.Root(), want.form, plain, recipe)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, checked); err != nil { // what is behind the compressed stream counts for the digest
		return "", err
	}
	if want.id != "" && u.Digest != want.id {
		return "", &store.Error{What: "a layer is not the one that the image's configuration names: it is " + string(u.Digest) + ", not " + string(want.id)}
	}
	return u.Digest, w.Add(draft, u.Digest, store.Info{Size: u.Bytes, Files: u.Files, Notes: u.Notes})
}

// expand gives the plain stream of one that may be compressed. The caller closes it.
func (c *Carrier) expand(ctx context.Context, from io.Reader) (io.ReadCloser, error) {
	head, all, err := peek(from, worker.HeadBytes)
	if err != nil {
		return nil, err
	}
	if worker.Compressed(head) {
		return c.Workers.Expand(ctx, all)
	}
	return io.NopCloser(all), nil
}

func (c *Carrier) tell(what string, of store.Digest, done, total int64) {
	if c.Progress != nil {
		hex := of.Hex()
		c.Progress(what, hex[:min(len(hex), 12)], done, total)
	}
}

// verifier reads a blob to its end only if that has its digest.
type verifier struct {
	from io.Reader
	want store.Digest // "": whatever it has
	sum  hash.Hash
	done int64
	told func(int64)
}

func newVerifier(from io.Reader, want store.Digest, told func(int64)) *verifier {
	return &verifier{from, want, sha256.New(), 0, told}
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.from.Read(p)
	if v.want != "" {
		v.sum.Write(p[:n])
	}
	v.done += int64(n)
	v.told(v.done)
	if err == io.EOF && v.want != "" {
		if got := store.DigestFrom(v.sum.Sum(nil)); got != v.want {
			err = &store.Error{What: "blob " + string(v.want) + " has another digest: " + string(got)}
		}
	}
	return n, err
}

// peek reads the beginning of a stream, and gives all of it nevertheless.
func peek(from io.Reader, n int) ([]byte, io.Reader, error) {
	head := make([]byte, n)
	got, err := io.ReadFull(from, head)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	head = head[:got]
	return head, io.MultiReader(bytes.NewReader(head), from), nil
}

func quote(s string) string { return strconv.QuoteToASCII(s) }

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
