package source

import (
	"context"
	"io"
	"slices"

	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

// Commit makes an image of another one and of what an instance of it has changed, which becomes one more layer. The
// layers that are there are shared as they are: all that is read and written is the change.
func (c *Carrier) Commit(ctx context.Context, img *store.Image, changed Changed, o Options) (*store.Image, error) {
	var err error
	if o.Name, err = store.ParseName(o.Name); err != nil {
		return nil, err
	}
	if err := c.Store.Free(o.Name, "", o.Replace); err != nil {
		return nil, err
	}
	w, err := c.Store.Begin(c.Workers.Remove)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	for _, id := range img.Layers {
		have, err := w.Have(id)
		if err != nil {
			return nil, err
		}
		if !have {
			return nil, &store.Error{What: "layer " + string(id) + " of the image is missing"}
		}
	}
	id, err := c.packed(ctx, w, worker.Layer, func(ctx context.Context, to io.Writer) error {
		return c.Workers.Pack(ctx, []string{changed.Upper}, worker.Layer, to)
	})
	if err != nil {
		return nil, err
	}
	raw, err := amend(img, append(slices.Clone(img.Layers), id), "snug boot --commit", changed.By)
	if err != nil {
		return nil, err
	}
	return w.Commit(raw, store.Record{Source: img.Source, Imported: now()}, o.Name, o.Replace)
}

// packed makes a layer of the archive that pack writes.
func (c *Carrier) packed(ctx context.Context, w *store.Work, form worker.Form, pack func(context.Context, io.Writer) error) (store.Digest, error) {
	r, to := io.Pipe()
	packing, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		to.CloseWithError(pack(packing, to))
	}()
	defer func() {
		cancel()
		r.Close()
		<-done
	}()
	counted := newVerifier(r, "", func(bytes int64) { c.tell("unpack", "", bytes, 0) })
	return c.layer(ctx, w, &part{}, counted, wanted{form: form})
}
