package source_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"snug/systemdimg/source"
	"snug/systemdimg/store"
)

// shop is a registry on this machine, which can be made to misbehave.
type shop struct {
	*httptest.Server
	host    string
	inner   http.Handler
	between func(w http.ResponseWriter, r *http.Request) bool // reports whether it has answered

	mu    sync.Mutex
	asked []string // "GET /v2/… RANGE"
}

func opened(t *testing.T) *shop {
	t.Helper()
	s := &shop{inner: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	s.Server = httptest.NewServer(s)
	s.host = strings.TrimPrefix(s.URL, "http://")
	t.Cleanup(s.Close)
	t.Setenv("REGISTRY_AUTH_FILE", "/does/not/exist")
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	s.mu.Unlock()
	if s.between == nil || !s.between(w, r) {
		s.inner.ServeHTTP(w, r)
	}
}

// count is how often something was asked for.
func (s *shop) count(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if strings.Contains(a, part) {
			n++
		}
	}
	return n
}

// push puts an image into the registry.
func (s *shop) push(t *testing.T, b *built, repo, tag string) {
	t.Helper()
	for d, raw := range b.blobs {
		s.put(t, http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+string(d), "application/octet-stream", raw)
	}
	s.put(t, http.MethodPut, "/v2/"+repo+"/manifests/"+tag, manifestType, b.manifest)
}

func (s *shop) put(t *testing.T, method, path, kind string, raw []byte) {
	t.Helper()
	q := httptest.NewRequest(method, path, bytes.NewReader(raw))
	q.Header.Set("Content-Type", kind)
	a := httptest.NewRecorder()
	s.inner.ServeHTTP(a, q)
	if a.Code/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
}

func pulled(t *testing.T, c *source.Carrier, ref string) *store.Image {
	t.Helper()
	img, err := c.Pull(ctx, ref, source.Options{Name: "x"})
	must(t, err)
	return img
}

// large is an image whose layer cannot be compressed.
func large(t *testing.T) *built {
	t.Helper()
	noise := make([]byte, 1<<20)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	return build(t, archive(t, "noise="+strings.ReplaceAll(string(noise), "-", "_")), archive(t, high...))
}

func TestPull(t *testing.T) {
	c, s := carrier(t), opened(t)
	b := build(t, archive(t, low...), archive(t, high...))
	s.push(t, b, "team/a", "1")
	img, err := c.Pull(ctx, s.host+"/team/a:1", source.Options{})
	must(t, err)
	if img.ID != store.DigestOf(b.config) || img.Manifest != store.DigestOf(b.manifest) || !slices.Equal(img.Names, []string{s.host + "/team/a:1"}) {
		t.Errorf("got %+v", img)
	}
	before := s.count("/blobs/" + string(b.layers[0]))
	if _, err := c.Pull(ctx, s.host+"/team/a:1", source.Options{}); err != nil || s.count("/blobs/"+string(b.layers[0])) != before {
		t.Errorf("want nothing fetched again, got %v", err)
	}
	newer := build(t, archive(t, low...))
	s.push(t, newer, "team/a", "1")
	if img, err := c.Pull(ctx, s.host+"/team/a:1", source.Options{}); err != nil || img.ID != store.DigestOf(newer.config) {
		t.Errorf("want the newer one under the same name, got %v, %v", img, err)
	}
	pinned, err := c.Pull(ctx, s.host+"/team/a@"+string(store.DigestOf(b.manifest)), source.Options{Name: "pinned"})
	if err != nil || pinned.ID != store.DigestOf(b.config) {
		t.Errorf("got %v, %v", pinned, err)
	}
	if left, _ := os.ReadDir(c.Store.Dir() + "/blobs"); len(left) != 0 {
		t.Errorf("blobs are left: %v", left)
	}
	_, err = c.Pull(ctx, s.host+"/team/a:none", source.Options{Name: "none"})
	if err == nil || !strings.Contains(err.Error(), "no such image") {
		t.Errorf("got %v", err)
	}
}

func TestPullPlatform(t *testing.T) {
	c, s := carrier(t), opened(t)
	var list []object
	arch := map[string]*built{"amd64": build(t, archive(t, "amd=1")), "arm64": build(t, archive(t, "arm=1"))}
	for name, b := range arch {
		s.push(t, b, "a", string(store.DigestOf(b.manifest)))
		d := describe(manifestType, b.manifest)
		d["platform"] = object{"os": "linux", "architecture": name}
		list = append(list, d)
	}
	s.put(t, http.MethodPut, "/v2/a/manifests/1", indexType, encode(t, object{"schemaVersion": 2, "mediaType": indexType, "manifests": list}))
	for name, b := range arch {
		img, err := c.Pull(ctx, s.host+"/a:1", source.Options{Name: name, Platform: "linux/" + name})
		if err != nil || img.ID != store.DigestOf(b.config) {
			t.Errorf("%s: got %v, %v", name, img, err)
		}
	}
	_, err := c.Pull(ctx, s.host+"/a:1", source.Options{Name: "none", Platform: "riscv64"})
	var e *store.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "linux/arm64") {
		t.Errorf("want the others named, got %v", err)
	}
}

// A connection that is cut is made again, and asked for the rest only.
func TestResume(t *testing.T) {
	c, s := carrier(t), opened(t)
	b := large(t)
	s.push(t, b, "a", "1")
	blob := b.blobs[b.layers[0]]
	var cuts atomic.Int32
	s.between = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, string(b.layers[0])) || cuts.Add(1) > 3 {
			return false
		}
		from := 0
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(blob)-1, len(blob)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(blob[from : from+200<<10])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if img := pulled(t, c, s.host+"/a:1"); img.ID != store.DigestOf(b.config) {
		t.Errorf("got %v", img.ID)
	}
	if n := s.count("bytes=" + fmt.Sprint(600<<10) + "-"); n != 1 {
		t.Errorf("want the rest asked for after three cuts, got %q", s.asked)
	}
}

// A pull that was given up is gone on with by the next.
func TestResumeLater(t *testing.T) {
	c, s := carrier(t), opened(t)
	b := large(t)
	s.push(t, b, "a", "1")
	giveUp, cancel := context.WithCancel(ctx)
	s.between = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, string(b.layers[0])) {
			return false
		}
		w.Write(b.blobs[b.layers[0]][:300<<10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c.Progress = func(what, of string, done, _ int64) {
		if what == "fetch" && of == b.layers[0].Hex()[:12] && done == 300<<10 {
			cancel()
		}
	}
	_, err := c.Pull(giveUp, s.host+"/a:1", source.Options{Name: "x"})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want %v, got %v", context.Canceled, err)
	}
	if tmp, _ := os.ReadDir(c.Store.Dir() + "/tmp"); len(tmp) != 0 {
		t.Errorf("left: %v", tmp)
	}
	s.between, c.Progress = nil, nil
	pulled(t, c, s.host+"/a:1")
	if n := s.count("bytes=" + fmt.Sprint(300<<10) + "-"); n != 1 {
		t.Errorf("want the rest asked for, got %q", s.asked)
	}
}

// A registry that ignores ranges, or answers with another, does not spoil the blob.
func TestRanges(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, blob []byte){
		"ignored": func(w http.ResponseWriter, blob []byte) { w.Write(blob) },
		"another": func(w http.ResponseWriter, blob []byte) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(blob)-1, len(blob)))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(blob[7:])
		},
		"refused": func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
	} {
		t.Run(name, func(t *testing.T) {
			c, s := carrier(t), opened(t)
			b := large(t)
			s.push(t, b, "a", "1")
			blob := b.blobs[b.layers[0]]
			var asked atomic.Int32
			s.between = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, string(b.layers[0])) {
					return false
				}
				switch asked.Add(1) {
				case 1:
					w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
					w.Write(blob[:100<<10])
					panic(http.ErrAbortHandler)
				case 2:
					answer(w, blob)
					return true
				}
				return false
			}
			if img := pulled(t, c, s.host+"/a:1"); img.ID != store.DigestOf(b.config) {
				t.Errorf("got %v", img.ID)
			}
		})
	}
}

// What a registry lies about is refused, and leaves nothing.
func TestPullRefused(t *testing.T) {
	b := build(t, archive(t, low...))
	layer, config := b.layers[0], store.DigestOf(b.config)
	blob := b.blobs[layer]
	for _, test := range []struct {
		name, says string
		path       string // what is answered otherwise
		answer     func(w http.ResponseWriter, r *http.Request)
	}{
		{"another layer", "another digest", string(layer), func(w http.ResponseWriter, _ *http.Request) {
			other := slices.Clone(blob)
			other[9] ^= 1 // a byte of the header that means nothing
			w.Write(other)
		}},
		{"a longer layer", "longer", string(layer), func(w http.ResponseWriter, _ *http.Request) { w.Write(append(slices.Clone(blob), "more"...)) }},
		{"another configuration", "another digest", string(config), func(w http.ResponseWriter, _ *http.Request) {
			w.Write(bytes.Replace(b.config, []byte("amd64"), []byte("arm64"), 1))
		}},
		{"a huge manifest", "longer", "/manifests/1", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", manifestType)
			for range 100 {
				w.Write(bytes.Repeat([]byte(" "), 1<<20))
			}
		}},
		{"a manifest that is none", "read the image's manifest", "/manifests/1", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }},
		{"a layer elsewhere, over plain HTTP", "plain http", string(layer), func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://mirror.example/layer", http.StatusTemporaryRedirect)
		}},
		{"not found", "no such image", string(layer), func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, s := carrier(t), opened(t)
			s.push(t, b, "a", "1")
			s.between = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, test.path) {
					return false
				}
				test.answer(w, r)
				return true
			}
			_, err := c.Pull(ctx, s.host+"/a:1", source.Options{Name: "x"})
			refused(t, c, err, test.says)
			if left, _ := os.ReadDir(c.Store.Dir() + "/blobs"); len(left) != 0 {
				t.Errorf("blobs are left: %v", left)
			}
		})
	}
}

// What is pinned must be what is pinned.
func TestPullPinned(t *testing.T) {
	c, s := carrier(t), opened(t)
	a, b := build(t, archive(t, low...)), build(t, archive(t, high...))
	s.push(t, a, "a", "1")
	s.between = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Content-Type", manifestType)
		w.Write(b.manifest)
		return true
	}
	_, err := c.Pull(ctx, s.host+"/a@"+string(store.DigestOf(a.manifest)), source.Options{Name: "x"})
	refused(t, c, err, "has sent")
}

// Credentials go to the registry, and not to whom it redirects to (CVE-2020-15157).
func TestCredentials(t *testing.T) {
	b := build(t, archive(t, low...))
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret"))
	for _, kind := range []string{"basic", "bearer"} {
		t.Run(kind, func(t *testing.T) {
			c, s := carrier(t), opened(t)
			s.push(t, b, "team/a", "1")
			var leaked atomic.Value
			mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				leaked.Store(r.Header.Get("Authorization"))
				w.Write(b.blobs[b.layers[0]])
			}))
			defer mirror.Close()
			s.between = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/token" {
					if r.Header.Get("Authorization") == want {
						io.WriteString(w, `{"token":"t0ken"}`)
					} else {
						w.WriteHeader(http.StatusUnauthorized)
					}
					return true
				}
				got := r.Header.Get("Authorization")
				switch {
				case kind == "basic" && got != want:
					w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
				case kind == "bearer" && got != "Bearer t0ken":
					w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.URL+`/token",service="shop"`)
				case strings.HasSuffix(r.URL.Path, string(b.layers[0])):
					http.Redirect(w, r, strings.Replace(mirror.URL, "127.0.0.1", "localhost", 1)+"/layer", http.StatusTemporaryRedirect)
					return true
				default:
					return false
				}
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			_, err := c.Pull(ctx, s.host+"/team/a:1", source.Options{Name: "x"})
			refused(t, c, err, "does not give")
			file := t.TempDir() + "/auth.json"
			t.Setenv("REGISTRY_AUTH_FILE", file)
			write(t, file, encode(t, object{"auths": object{s.host: object{"auth": base64.StdEncoding.EncodeToString([]byte("ann:wrong"))}}}))
			_, err = c.Pull(ctx, s.host+"/team/a:1", source.Options{Name: "x"})
			refused(t, c, err, "does not give")
			write(t, file, encode(t, object{"auths": object{s.host: object{"auth": base64.StdEncoding.EncodeToString([]byte("ann:secret"))}}}))
			pulled(t, c, s.host+"/team/a:1")
			if got := leaked.Load(); got != "" {
				t.Errorf("the mirror was asked with %q", got)
			}
		})
	}
}

// A registry whose certificate nobody vouches for is not asked, and plain HTTP is for this machine alone.
func TestInsecure(t *testing.T) {
	c := carrier(t)
	t.Setenv("REGISTRY_AUTH_FILE", "/does/not/exist")
	tls := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	_, err := c.Pull(ctx, strings.TrimPrefix(tls.URL, "https://")+"/a:1", source.Options{Name: "x"})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
	tls.Close()
	_, err = c.Pull(ctx, strings.TrimPrefix(tls.URL, "https://")+"/a:1", source.Options{Name: "x"})
	if err == nil || !strings.HasSuffix(err.Error(), `": connection refused`) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "UPPER/x", "a b", "http://x/y", "../x", "-x"} {
		if _, err := c.Pull(ctx, bad, source.Options{}); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}
