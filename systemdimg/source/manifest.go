package source

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"slices"
	"strings"

	"snug/systemdimg/store"
)

const (
	maxManifest = 4 << 20 // as registries bound it
	maxNested   = 3       // indexes in indexes
)

// The kinds of documents (OCI image specification, media-types.md; and docker's own from before).
const (
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociConfig      = "application/vnd.oci.image.config.v1+json"
	ociLayerGzip   = "application/vnd.oci.image.layer.v1.tar+gzip"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// refName is the annotation by which a layout calls its images.
const refName = "org.opencontainers.image.ref.name"

// descriptor says what a blob is.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      store.Digest      `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// document is a manifest or an index: which of them is for isIndex to say.
type document struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType,omitempty"`
	Config        *descriptor  `json:"config,omitempty"`
	Layers        []descriptor `json:"layers,omitempty"`
	Manifests     []descriptor `json:"manifests,omitempty"`
}

// parseDocument reads a manifest or an index that was called of a media type, which may be "".
func parseDocument(raw []byte, mediaType string) (*document, error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, &store.Error{What: "read the image's manifest", Err: err}
	}
	if d.SchemaVersion != 2 {
		return nil, &store.Error{What: "the image's manifest is not of schema version 2", Hint: "version 1 has not been written since 2017: build the image anew"}
	}
	if d.MediaType != "" && mediaType != "" && d.MediaType != mediaType {
		return nil, &store.Error{What: "the image's manifest says that it is " + quote(d.MediaType) + ", and is called " + quote(mediaType)}
	}
	if d.MediaType == "" {
		d.MediaType = mediaType
	}
	isIndex := d.Manifests != nil
	if isIndex && (d.Config != nil || d.Layers != nil) || !isIndex && d.Config == nil {
		return nil, &store.Error{What: "the image's manifest is neither a manifest nor an index"}
	}
	switch d.MediaType {
	case "":
	case ociIndex, dockerIndex:
		if !isIndex {
			return nil, &store.Error{What: "the image's index is none"}
		}
	case ociManifest, dockerManifest:
		if isIndex {
			return nil, &store.Error{What: "the image's manifest is an index"}
		}
	default:
		return nil, &store.Error{What: "not the manifest of an image: " + quote(d.MediaType)}
	}
	for _, b := range slices.Concat(d.Layers, d.Manifests) {
		if err := b.check(); err != nil {
			return nil, err
		}
	}
	if len(d.Layers) > store.MaxLayers {
		return nil, &store.Error{What: "the image has more than 128 layers"}
	}
	if d.Config != nil {
		return &d, d.Config.check()
	}
	return &d, nil
}

func (d *descriptor) check() error {
	if _, err := store.ParseDigest(string(d.Digest)); err != nil {
		return err
	}
	if d.Size < 0 || d.Size > 1<<40 {
		return &store.Error{What: "the size of blob " + string(d.Digest) + " cannot be"}
	}
	return nil
}

// place is where the blobs of images are.
type place interface {
	// manifest and blob open a blob, which need not be what it should be. The caller closes it.
	manifest(ctx context.Context, d *descriptor) (io.ReadCloser, error)
	blob(ctx context.Context, d *descriptor) (io.ReadCloser, error)
}

// whole reads a small blob that must have its digest.
func whole(r io.ReadCloser, d *descriptor, limit int64) ([]byte, error) {
	defer r.Close()
	raw, err := bounded(r, limit)
	if err != nil {
		return nil, err
	}
	if store.DigestOf(raw) != d.Digest {
		return nil, &store.Error{What: "blob " + string(d.Digest) + " has another digest: " + string(store.DigestOf(raw))}
	}
	return raw, nil
}

// bounded reads what must not be long.
func bounded(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = &store.Error{What: "the image's manifest or configuration is longer than it may be"}
	}
	return raw, err
}

// resolve goes from a descriptor to the manifest for a platform.
func resolve(ctx context.Context, p place, root *descriptor, want platform) (*document, store.Digest, error) {
	for range maxNested {
		r, err := p.manifest(ctx, root)
		if err != nil {
			return nil, "", err
		}
		raw, err := whole(r, root, maxManifest)
		if err != nil {
			return nil, "", err
		}
		d, err := parseDocument(raw, root.MediaType)
		if err != nil {
			return nil, "", err
		}
		if d.Manifests == nil {
			return d, root.Digest, nil
		}
		if root, err = want.choose(d.Manifests); err != nil {
			return nil, "", err
		}
	}
	return nil, "", &store.Error{What: "the image's index lies in too many others"}
}

// platform is a kind of machine.
type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// parsePlatform reads "linux/arm64/v8", "arm64", or "": this machine.
func parsePlatform(s string) (platform, error) {
	p := platform{OS: "linux", Architecture: runtime.GOARCH}
	words := strings.Split(s, "/")
	switch {
	case s == "":
	case slices.Contains(words, "") || len(words) > 3:
		return p, &store.Error{What: "not a platform: " + quote(s), Hint: "as in linux/amd64 or linux/arm64"}
	case len(words) == 1:
		p.Architecture = words[0]
	default:
		p.OS, p.Architecture = words[0], words[1]
		if len(words) == 3 {
			p.Variant = words[2]
		}
	}
	return p, nil
}

func (p platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// fits reports whether a machine of the kind p can use an image for q.
func (p platform) fits(q *platform) bool {
	variant := p.Variant == "" || p.Variant == q.Variant || p.Architecture == "arm64" && p.Variant == "v8" && q.Variant == ""
	return p.OS == q.OS && p.Architecture == q.Architecture && variant
}

// choose finds the manifest for a platform. One without any is for all.
func (p platform) choose(list []descriptor) (*descriptor, error) {
	var others []string
	for i := range list {
		d := &list[i]
		if d.MediaType != ociManifest && d.MediaType != dockerManifest && d.MediaType != ociIndex && d.MediaType != dockerIndex && d.MediaType != "" {
			continue
		}
		if d.Platform == nil && len(list) == 1 || d.Platform != nil && p.fits(d.Platform) {
			return d, nil
		}
		if d.Platform != nil && d.Platform.OS != "unknown" { // as attestations have it
			others = append(others, d.Platform.String())
		}
	}
	e := &store.Error{What: "the image is not made for " + p.String()}
	if len(others) > 0 {
		e.Hint = "--platform " + strings.Join(others[:min(len(others), 8)], ", ")
	}
	return nil, e
}

// marshal writes a document as all do: without escapes, and no line end.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
