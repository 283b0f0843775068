package source

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
)

// Pull imports an image from a registry, by a reference such as debian:12 or example.org/base@sha256:….
func (c *Carrier) Pull(ctx context.Context, ref string, o Options) (*store.Image, error) {
	want, err := parsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	var how []name.Option
	if c.Insecure {
		how = append(how, name.Insecure)
	}
	to, err := name.ParseReference(ref, how...)
	if err != nil {
		return nil, &store.Error{What: "not the reference of an image: " + quote(ref), Hint: "as in debian:12 or example.org/team/base:1"}
	}
	if o.Name == "" {
		plain, _, _ := strings.Cut(ref, "@")
		o.Name = plain
	}
	if o.Name, err = store.ParseName(o.Name); err != nil {
		return nil, err
	}
	if old, err := c.Store.Find(o.Name); err == nil && old.Source == ref {
		o.Replace = true // the registry has a newer one under the same reference
	}
	if err := c.Store.SweepBlobs(); err != nil {
		return nil, err
	}
	r := &registry{c: c, repo: to.Context()}
	defer r.base().CloseIdleConnections()
	if err := r.enter(ctx); err != nil {
		return nil, r.explain(err)
	}
	root, err := r.find(ctx, to)
	if err != nil {
		return nil, r.explain(err)
	}
	img, err := c.document(ctx, r, root, want)
	if err != nil {
		return nil, r.explain(err)
	}
	got, err := c.take(ctx, img, store.Record{Source: ref}, &o)
	return got, r.explain(err)
}

// registry is a repository at a registry.
type registry struct {
	c      *Carrier
	repo   name.Repository
	plain  *http.Transport // that all goes by
	client *http.Client    // with what the registry wants to see
	first  []byte          // the manifest or index that the reference stands for
}

// Each step may take this long. A blob may take as long as it likes, if only something comes (see patient).
const patience = 30 * time.Second

func (r *registry) base() *http.Transport {
	if r.plain == nil {
		r.plain = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DialContext: (&net.Dialer{Timeout: patience}).DialContext,
			TLSHandshakeTimeout: patience, ResponseHeaderTimeout: 2 * patience, IdleConnTimeout: patience, MaxResponseHeaderBytes: 64 << 10}
	}
	return r.plain
}

// enter shows the person's credentials, if there are any.
func (r *registry) enter(ctx context.Context) error {
	who, err := credentials(r.repo)
	if err != nil {
		return err
	}
	base := transport.NewRetry(&guard{inner: r.base(), insecure: r.c.Insecure, patience: 2 * patience}, transport.WithRetryStatusCodes(408, 429, 500, 502, 503, 504))
	t, err := transport.NewWithContext(ctx, r.repo.Registry, who, transport.NewUserAgent(base, "snug"), []string{r.repo.Scope(transport.PullScope)})
	r.client = &http.Client{Transport: t}
	return err
}

// guard stands below all requests: those for tokens and redirected ones, too.
type guard struct {
	inner    http.RoundTripper
	insecure bool
	patience time.Duration // how long a short answer may take, to its end
	distrust atomic.Value  // the error of a certificate: who has one is not asked without
}

// large marks a request whose answer may be long.
type large struct{}

func (g *guard) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Scheme != "https" && !g.insecure && !loopback(q.URL.Hostname()) {
		return nil, &store.Error{What: "plain http to " + quote(q.URL.Host) + " is refused", Hint: "if nobody can listen in there: --insecure"}
	}
	if e, ok := g.distrust.Load().(error); ok && q.URL.Scheme != "https" {
		return nil, e
	}
	ask := g.inner.RoundTrip
	if q.Context().Value(large{}) == nil {
		ask = g.short
	}
	a, err := ask(q)
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		g.distrust.Store(error(bad))
	}
	return a, err
}

// short is for an answer that must not be long, in bytes and in time.
func (g *guard) short(q *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(q.Context(), g.patience, errStalled)
	a, err := g.inner.RoundTrip(q.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	a.Body = &limited{a.Body, maxManifest + 1, func() error { return context.Cause(ctx) }, cancel}
	return a, nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// limited is the body of a short answer.
type limited struct {
	io.ReadCloser
	left   int64
	cause  func() error // why the request has ended
	cancel func()
}

func (l *limited) Close() error {
	l.cancel()
	return l.ReadCloser.Close()
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("the registry's answer is longer than it may be")
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err != nil && err != io.EOF && l.cause() == errStalled {
		err = errStalled
	}
	return n, err
}

// get asks for something of the repository.
func (r *registry) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	u := r.repo.Registry.Scheme() + "://" + r.repo.RegistryStr() + "/v2/" + r.repo.RepositoryStr() + "/" + path
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	q.Header = header
	a, err := r.client.Do(q)
	if err != nil {
		return nil, err
	}
	if a.StatusCode/100 != 2 && a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		defer a.Body.Close()
		return nil, transport.CheckError(a, http.StatusOK)
	}
	return a, nil
}

// find asks what a reference stands for. What is pinned by its digest must have it.
func (r *registry) find(ctx context.Context, ref name.Reference) (*descriptor, error) {
	a, err := r.get(ctx, "manifests/"+ref.Identifier(), accepted())
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	raw, err := bounded(a.Body, maxManifest)
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	r.first = raw
	d := &descriptor{MediaType: strings.TrimSpace(mediaType), Digest: store.DigestOf(raw), Size: int64(len(raw))}
	if pinned, ok := ref.(name.Digest); ok && pinned.DigestStr() != string(d.Digest) {
		return nil, &store.Error{What: "the registry has sent " + string(d.Digest) + " for " + pinned.DigestStr()}
	}
	return d, nil
}

func accepted() http.Header {
	return http.Header{"Accept": {ociIndex, ociManifest, dockerIndex, dockerManifest}}
}

func (r *registry) manifest(ctx context.Context, d *descriptor) (io.ReadCloser, error) {
	if d.Digest == store.DigestOf(r.first) {
		return io.NopCloser(bytes.NewReader(r.first)), nil
	}
	a, err := r.get(ctx, "manifests/"+string(d.Digest), accepted())
	if err != nil {
		return nil, err
	}
	return a.Body, nil
}

// explain says what a person can do about an error of the registry's.
func (r *registry) explain(err error) error {
	var said *transport.Error
	host := quote(r.repo.RegistryStr())
	var ours *store.Error
	switch {
	case err == nil, errors.As(err, &ours):
		if ours != nil {
			return ours // net/http wraps it in the whole request
		}
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &said):
		return &store.Error{What: "ask the registry " + host, Err: innermost(err)}
	case said.StatusCode == http.StatusUnauthorized || said.StatusCode == http.StatusForbidden:
		return &store.Error{What: "the registry " + host + " does not give " + quote(r.repo.RepositoryStr()) + " to you, or has none",
			Hint: "log in where its credentials are kept: podman login " + r.repo.RegistryStr() + ", or docker login"}
	case said.StatusCode == http.StatusNotFound:
		return &store.Error{What: "the registry " + host + " has no such image of " + quote(r.repo.RepositoryStr())}
	case said.StatusCode == http.StatusTooManyRequests:
		return &store.Error{What: "the registry " + host + " has had too many requests", Hint: "wait, or log in"}
	}
	return &store.Error{What: "the registry " + host + " answers " + http.StatusText(said.StatusCode)}
}

// refused reports whether the registry has answered that it will not.
func refused(err error) bool {
	var said *transport.Error
	return errors.As(err, &said) && said.StatusCode/100 == 4 && said.StatusCode != http.StatusTooManyRequests
}

// innermost is the cause of a failure of the network, without all who have passed it on.
func innermost(err error) error {
	var certificate *tls.CertificateVerificationError
	var host *net.DNSError
	var errno unix.Errno
	switch {
	case errors.As(err, &certificate):
		return certificate.Err
	case errors.As(err, &host):
		return errors.New(host.Err)
	case errors.As(err, &errno):
		return errno
	}
	return err
}
