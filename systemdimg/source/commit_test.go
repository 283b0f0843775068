package source_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/systemdimg/source"
)

// A commit adds a layer to those that are there, which it neither reads nor copies: they could not be read here.
func TestCommit(t *testing.T) {
	c := carrier(t)
	img := imported(t, c, "oci:"+build(t, archive(t, low...), archive(t, high...)).layout(t, ""), "a")
	for _, d := range img.Layers {
		_, recipe := c.Store.Parts(d)
		must(t, os.WriteFile(recipe, []byte("damaged"), 0o600))
	}
	upper := t.TempDir()
	write(t, upper+"/etc/changed", []byte("yes"))
	got, err := c.Commit(ctx, img, source.Changed{Upper: upper, By: "a test"}, source.Options{Name: "b"})
	must(t, err)
	if len(got.Layers) != 3 || !slices.Equal(got.Layers[:2], img.Layers) || !bytes.Contains(got.Raw, []byte(`"unknown":{"kept":true}`)) || !bytes.Contains(got.Raw, []byte(`"comment":"a test"`)) {
		t.Errorf("got %v\n%s", got.Layers, got.Raw)
	}
	want := append(shown(t, c, img), "etc/changed=yes")
	slices.Sort(want)
	if diff := cmp.Diff(want, shown(t, c, got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, err = c.Commit(ctx, img, source.Changed{Upper: upper}, source.Options{Name: "a"})
	if err == nil || !strings.Contains(err.Error(), `another image has the name "a"`) {
		t.Errorf("want the name refused, got %v", err)
	}
	if n := entries(t, c.Store.Dir()+"/tmp"); n != 0 {
		t.Errorf("want nothing left, got %d", n)
	}
}

// Who wants a name that another image has is told before the work, and leaves nothing, also if it shows only then.
func TestTakenName(t *testing.T) {
	c := carrier(t)
	path, other := t.TempDir()+"/a.tar", t.TempDir()+"/b.tar"
	write(t, path, archive(t, low...))
	write(t, other, []byte(strings.Repeat("it is not even looked at\n", 100)))
	imported(t, c, path, "taken")
	imported(t, c, path, "taken") // the same once more
	write(t, path, archive(t, high...))
	for _, src := range []string{other, t.TempDir(), path} {
		if src != other && src != path {
			write(t, src+"/etc/a", []byte("x"))
		}
		_, err := c.Import(ctx, src, nil, source.Options{Name: "taken"})
		if err == nil || !strings.Contains(err.Error(), "another image has the name") {
			t.Errorf("%s: want the name refused, got %v", src, err)
		}
		for _, folder := range []string{"images/sha256", "layers/sha256"} {
			if n := entries(t, c.Store.Dir()+"/"+folder); n != 1 {
				t.Errorf("%s: want one image of one layer, got %d in %s", src, n, folder)
			}
		}
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	return len(list)
}
