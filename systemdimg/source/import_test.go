package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/sandbox"
	"snug/systemdimg/source"
	"snug/systemdimg/store"
	"snug/tests/need"
)

var ctx = context.Background()

// A plain tar, and one of each compression, from a file and from a pipe, is the same image.
func TestSystemArchive(t *testing.T) {
	c := carrier(t)
	plain := archive(t, "etc/", "etc/hostname=snug\n", "bin->usr/bin", "etc/.wh.strange=a name like others")
	var first *store.Image
	for _, program := range []string{"cat", "gzip", "xz", "zstd"} {
		cmd := exec.Command(need.Program(t, program))
		cmd.Stdin = bytes.NewReader(plain)
		packed, err := cmd.Output()
		must(t, err)
		path := t.TempDir() + "/Debian-12.tar." + program
		write(t, path, packed)
		img := imported(t, c, path, "")
		if first == nil {
			first = img
			if want := []string{"debian-12.tar.cat"}; !slices.Equal(img.Names, want) {
				t.Errorf("want %v, got %v", want, img.Names)
			}
		}
		r, w, err := os.Pipe()
		must(t, err)
		go func() { w.Write(packed); w.Close() }()
		piped, err := c.Import(ctx, "-", r, source.Options{Name: "piped", Replace: true})
		must(t, err)
		if img.ID != first.ID || piped.ID != first.ID {
			t.Errorf("%s: another image", program)
		}
	}
	if diff := cmp.Diff([]string{"bin->usr/bin", "etc/", "etc/.wh.strange=a name like others", "etc/hostname=snug\n"}, shown(t, c, first)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var st unix.Stat_t
	must(t, unix.Lstat(c.Store.Folders(first)[0]+"/etc/hostname", &st))
	if ids := c.Store.IDs().UIDs; st.Uid != ids[1].Outside+999 {
		t.Errorf("want the owner 1000 to be %d here, got %d", ids[1].Outside+999, st.Uid)
	}
}

func TestNotAnArchive(t *testing.T) {
	c := carrier(t)
	for name, raw := range map[string][]byte{"empty": nil, "text": []byte(strings.Repeat("text\n", 1000)), "cut gzip": zip(t, archive(t, "a=b"))[:50],
		"cut": archive(t, "a="+strings.Repeat("x", 5000))[:3000], "bzip2": []byte("BZh91AY&SY"), "gzip of text": zip(t, []byte(strings.Repeat("text\n", 1000)))} {
		path := t.TempDir() + "/x.tar"
		write(t, path, raw)
		_, err := c.Import(ctx, path, nil, source.Options{})
		if err == nil {
			t.Errorf("%s: want an error", name)
		}
		empty(t, c)
	}
	_, err := c.Import(ctx, "/does/not/exist", nil, source.Options{})
	refused(t, c, err, "no such file")
}

// A name that leads out ends the import, and nothing of it stays. The rest is for package layer to show.
func TestHostile(t *testing.T) {
	c := carrier(t)
	for _, files := range [][]string{{"../x=1"}, {"a->/etc", "a/x=1"}, {"/../../x=1", "..=2"}} {
		path := t.TempDir() + "/x.tar"
		write(t, path, archive(t, files...))
		_, err := c.Import(ctx, path, nil, source.Options{})
		if err == nil {
			img, err := c.Store.Find("x")
			must(t, err)
			t.Logf("%q: taken as %q", files, shown(t, c, img))
			_, err = c.Store.Remove(img, "", c.Workers.Remove)
			must(t, err)
		}
		empty(t, c)
	}
}

func TestFolder(t *testing.T) {
	c := carrier(t)
	dir := t.TempDir() + "/System"
	write(t, dir+"/etc/hostname", []byte("snug\n"))
	must(t, os.Symlink("/etc", dir+"/link"))
	img := imported(t, c, dir, "")
	if diff := cmp.Diff([]string{"etc/", "etc/hostname=snug\n", "link->/etc"}, shown(t, c, img)); diff != "" || img.Names[0] != "system" {
		t.Errorf("%v (-want +got)\n%s", img.Names, diff)
	}
	write(t, dir+"/oci-layout", nil)
	if _, err := c.Import(ctx, dir, nil, source.Options{}); err == nil || !strings.Contains(err.Error(), "layout") {
		t.Errorf("want a layout told apart, got %v", err)
	}
}

var (
	low  = []string{"etc/", "etc/a=low", "etc/b=low", "gone/", "gone/c=low"}
	high = []string{"etc/", "etc/.wh.a=", "etc/b=high", ".wh.gone=", "new=high"}
)

// Layers are stacked, and one that two images have is there once.
func TestLayout(t *testing.T) {
	c := carrier(t)
	a := build(t, archive(t, low...), archive(t, high...))
	img := imported(t, c, "oci:"+a.layout(t, "example.org/a:1"), "")
	if !slices.Equal(img.Names, []string{"example.org/a:1"}) || img.ID != store.DigestOf(a.config) || img.Config.Config.Labels["k"] != "v" {
		t.Errorf("got %+v", img)
	}
	if diff := cmp.Diff([]string{"etc/", "etc/b=high", "new=high"}, shown(t, c, img)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	before, err := os.Stat(c.Store.Folders(img)[1])
	must(t, err)
	b := imported(t, c, "oci:"+build(t, archive(t, low...), archive(t, "other=1")).layout(t, ""), "b")
	after, err := os.Stat(c.Store.Folders(b)[1])
	must(t, err)
	if !os.SameFile(before, after) {
		t.Error("the shared layer was unpacked again")
	}
	list, err := os.ReadDir(c.Store.Dir() + "/layers/sha256")
	must(t, err)
	if len(list) != 3 {
		t.Errorf("want 3 layers, got %d", len(list))
	}
}

func TestLayoutRefused(t *testing.T) {
	c := carrier(t)
	secret := t.TempDir() + "/secret"
	write(t, secret, []byte("secret"))
	for _, test := range []struct {
		name, says string
		spoil      func(b *built, dir string)
	}{
		{"a layer with another digest", "another digest", func(b *built, dir string) {
			write(t, dir+"/blobs/sha256/"+b.layers[0].Hex(), zip(t, archive(t, "etc/", "etc/b=evil")))
		}},
		{"a configuration with another digest", "another digest", func(b *built, dir string) {
			write(t, dir+"/blobs/sha256/"+store.DigestOf(b.config).Hex(), append(b.config, ' '))
		}},
		{"a link in the place of a blob", "", func(b *built, dir string) {
			path := dir + "/blobs/sha256/" + b.layers[0].Hex()
			must(t, os.Remove(path))
			must(t, os.Symlink(secret, path))
		}},
		{"a FIFO in the place of a blob", "not a plain file", func(b *built, dir string) {
			path := dir + "/blobs/sha256/" + store.DigestOf(b.manifest).Hex()
			must(t, os.Remove(path))
			must(t, unix.Mkfifo(path, 0o600))
		}},
		{"a huge index", "longer", func(_ *built, dir string) { write(t, dir+"/index.json", bytes.Repeat([]byte(" "), 5<<20)) }},
		{"an index that is a manifest too", "neither", func(b *built, dir string) {
			write(t, dir+"/index.json", encode(t, object{"schemaVersion": 2, "manifests": []object{describe(manifestType, b.manifest)}, "layers": []object{}, "config": describe("", b.config)}))
		}},
		{"a manifest of another type", "says that it is", func(b *built, dir string) {
			write(t, dir+"/index.json", encode(t, object{"schemaVersion": 2, "manifests": []object{describe(indexType, b.manifest)}}))
		}},
		{"a digest that is a path", "not a digest", func(_ *built, dir string) {
			write(t, dir+"/index.json", encode(t, object{"schemaVersion": 2, "manifests": []object{{"mediaType": manifestType, "digest": "sha256:../../x", "size": 1}}}))
		}},
		{"another machine", "not made for", func(b *built, dir string) {
			d := describe(manifestType, b.manifest)
			d["platform"] = object{"os": "linux", "architecture": "s390x"}
			write(t, dir+"/index.json", encode(t, object{"schemaVersion": 2, "manifests": []object{d, d}}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := build(t, archive(t, low...))
			dir := b.layout(t, "")
			test.spoil(b, dir)
			_, err := c.Import(ctx, "oci:"+dir, nil, source.Options{Name: "x"})
			refused(t, c, err, test.says)
		})
	}
}

// A blob with the right digest is refused if the configuration has named another layer.
func TestWrongDiffID(t *testing.T) {
	c := carrier(t)
	b, other := build(t, archive(t, low...)), build(t, archive(t, high...))
	b.manifest = bytes.ReplaceAll(b.manifest, []byte(store.DigestOf(b.config)), []byte(store.DigestOf(other.config)))
	b.add(b.manifest)
	b.add(other.config)
	_, err := c.Import(ctx, "oci:"+b.layout(t, ""), nil, source.Options{Name: "x"})
	refused(t, c, err, "not the one that the image's configuration names")
}

// An archive of docker save, of old, with a layer that is a link; and the archive of a layout, through a pipe.
func TestArchivesOfImages(t *testing.T) {
	c := carrier(t)
	b := build(t, archive(t, low...), archive(t, high...))
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	add := func(name string, kind byte, link string, text []byte) {
		must(t, w.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Linkname: link, Size: int64(len(text)), Mode: 0o644}))
		_, err := w.Write(text)
		must(t, err)
	}
	id := store.DigestOf(b.config).Hex()
	add(id+".json", tar.TypeReg, "", b.config)
	add("one/layer.tar", tar.TypeReg, "", archive(t, low...))
	add("two/layer.tar", tar.TypeReg, "", archive(t, high...))
	add("three/layer.tar", tar.TypeSymlink, "../two/layer.tar", nil)
	add("manifest.json", tar.TypeReg, "", encode(t, []object{{"Config": id + ".json", "RepoTags": []string{"team/a:1"}, "Layers": []string{"one/layer.tar", "three/layer.tar"}}}))
	must(t, w.Close())
	path := t.TempDir() + "/saved.tar.gz"
	write(t, path, zip(t, raw.Bytes()))
	saved := imported(t, c, path, "")
	if saved.ID != store.DigestOf(b.config) || !slices.Equal(saved.Names, []string{"team/a:1"}) {
		t.Errorf("got %v, %v", saved.ID, saved.Names)
	}
	_, err := c.Store.Remove(saved, "", c.Workers.Remove)
	must(t, err)

	tarred, err := exec.Command(need.Program(t, "tar"), "-C", b.layout(t, ""), "-cf", "-", "oci-layout", "index.json", "blobs").Output()
	must(t, err)
	r, pipe, err := os.Pipe()
	must(t, err)
	go func() { pipe.Write(tarred); pipe.Close() }()
	img, err := c.Import(ctx, "-", r, source.Options{Name: "a"})
	must(t, err)
	if img.ID != saved.ID {
		t.Errorf("want %v, got %v", saved.ID, img.ID)
	}
	if left, _ := os.ReadDir(c.Store.Dir() + "/tmp"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// What is exported is the same image, with the same layers, wherever it is imported.
func TestRoundTrip(t *testing.T) {
	c := carrier(t)
	b := build(t, archive(t, low...), archive(t, high...))
	img := imported(t, c, "oci:"+b.layout(t, ""), "a")
	to := t.TempDir() + "/out"
	must(t, c.Export(ctx, img, "oci:"+to+":tag", source.Changed{}, nil))
	other := carrier(t)
	again := imported(t, other, "oci:"+to+":tag", "again")
	if again.ID != img.ID || !slices.Equal(again.Layers, img.Layers) {
		t.Errorf("want %v %v, got %v %v", img.ID, img.Layers, again.ID, again.Layers)
	}
	if err := c.Export(ctx, img, "oci:"+to, source.Changed{}, nil); err == nil {
		t.Error("want what is there left alone")
	}
	if _, err := other.Import(ctx, "oci:"+to+":none", nil, source.Options{}); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("want an error for a tag that is not there, got %v", err)
	}
}

// What was changed becomes one more layer; the others stay what they are, and so do fields of the configuration
// that nobody here knows.
func TestExportChanged(t *testing.T) {
	c := carrier(t)
	img := imported(t, c, "oci:"+build(t, archive(t, low...)).layout(t, ""), "a")
	upper := t.TempDir()
	write(t, upper+"/etc/changed", []byte("yes"))
	to := t.TempDir() + "/out"
	must(t, c.Export(ctx, img, "oci:"+to, source.Changed{Upper: upper, By: "a test"}, nil))
	again := imported(t, c, "oci:"+to, "b")
	if len(again.Layers) != 2 || again.Layers[0] != img.Layers[0] || !bytes.Contains(again.Raw, []byte(`"unknown":{"kept":true}`)) || !bytes.Contains(again.Raw, []byte(`"comment":"a test"`)) {
		t.Errorf("got %v\n%s", again.Layers, again.Raw)
	}
	if diff := cmp.Diff([]string{"etc/", "etc/a=low", "etc/b=low", "etc/changed=yes", "gone/", "gone/c=low"}, shown(t, c, again)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Files that were changed behind the recipe's back make another image, not a broken one.
func TestExportWithoutRecipe(t *testing.T) {
	c := carrier(t)
	img := imported(t, c, "oci:"+build(t, archive(t, low...)).layout(t, ""), "a")
	root, recipe := c.Store.Parts(img.Layers[0])
	must(t, os.WriteFile(recipe, nil, 0o600))
	to := t.TempDir() + "/out"
	must(t, c.Export(ctx, img, "oci:"+to, source.Changed{}, nil))
	again := imported(t, c, "oci:"+to, "b")
	if diff := cmp.Diff(shown(t, c, img), shown(t, c, again)); diff != "" || again.ID == img.ID {
		t.Errorf("of %s: (-want +got)\n%s", root, diff)
	}
}

func TestTwoAtOnce(t *testing.T) {
	c := carrier(t)
	src := "oci:" + build(t, archive(t, append(low, "big="+strings.Repeat("x", 8<<20))...), archive(t, high...)).layout(t, "")
	var both sync.WaitGroup
	ids := make([]store.Digest, 2)
	for i := range ids {
		both.Go(func() {
			img, err := c.Import(ctx, src, nil, source.Options{Name: "n"})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = img.ID
		})
	}
	both.Wait()
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("got %v", ids)
	}
	if left, _ := os.ReadDir(c.Store.Dir() + "/tmp"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// importer is what gets killed.
func importer(dir, src string) int {
	c, err := open(dir)
	if err == nil {
		_, err = c.Import(ctx, src, nil, source.Options{Name: "killed"})
	}
	if err != nil {
		io.WriteString(os.Stderr, err.Error())
		return 1
	}
	return 0
}

// Whenever an import is killed, the next run leaves no more than what it makes itself.
func TestKilled(t *testing.T) {
	c := carrier(t)
	files := []string{"d/"}
	for i := range 2000 {
		files = append(files, "d/"+strings.Repeat("n", i%100)+string(rune('a'+i%26))+"="+strings.Repeat("x", i))
	}
	src := "oci:" + build(t, archive(t, files...), archive(t, high...)).layout(t, "")
	other := t.TempDir() + "/other.tar"
	write(t, other, archive(t, "a=b"))
	killed := 0
	for range 12 {
		cmd := exec.Command("/proc/self/exe", "import", c.Store.Dir(), src)
		must(t, cmd.Start())
		time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
		img := imported(t, c, other, "other")
		if tmp, _ := os.ReadDir(c.Store.Dir() + "/tmp"); len(tmp) > 0 {
			t.Fatalf("left in tmp: %v", tmp)
		}
		if got, err := c.Store.Find("killed"); err == nil { // it was too late, or all but: then all must be there
			held, err := c.Store.Hold(got)
			must(t, err)
			for _, f := range held {
				f.Close()
			}
			if len(shown(t, c, got)) < 10 {
				t.Error("half an image")
			}
			_, err = c.Store.Remove(got, "", c.Workers.Remove)
			must(t, err)
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		_, err := c.Store.Remove(img, "", c.Workers.Remove)
		must(t, err)
		empty(t, c)
	}
	if killed == 0 {
		t.Error("none was killed in time: the test shows nothing")
	}
}

// Who gives up does not wait for a pipe that says nothing more.
func TestInterrupted(t *testing.T) {
	c := carrier(t)
	plain := archive(t, "a="+strings.Repeat("x", 100000))
	for name, raw := range map[string][]byte{"plain": plain, "compressed": zip(t, plain), "of images": archive(t, "blobs/", "index.json="+strings.Repeat("x", 100000))} {
		r, w, err := os.Pipe()
		must(t, err)
		defer w.Close()
		go w.Write(raw[:len(raw)*2/3])
		giveUp, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := c.Import(giveUp, "-", r, source.Options{Name: "n"})
			done <- err
		}()
		select {
		case err := <-done:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", name, err)
			}
			empty(t, c)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it waits still", name)
		}
	}
}

func TestTwoNames(t *testing.T) {
	c := carrier(t)
	path := filepath.Join(t.TempDir(), "a.tar")
	write(t, path, archive(t, "a=1"))
	imported(t, c, path, "a")
	write(t, path, archive(t, "a=2"))
	if _, err := c.Import(ctx, path, nil, source.Options{Name: "a"}); err == nil || !strings.Contains(err.Error(), "has the name") {
		t.Errorf("want the name kept, got %v", err)
	}
	if _, err := c.Import(ctx, path, nil, source.Options{Name: "a", Replace: true}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"A", "../a", "a b"} {
		if _, err := c.Import(ctx, path, nil, source.Options{Name: bad}); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}

// What imports have opened is closed again, whether they went well or not.
func TestLeaks(t *testing.T) {
	c := carrier(t)
	s := opened(t)
	b := build(t, archive(t, low...), archive(t, high...))
	s.push(t, b, "a", "1")
	path := t.TempDir() + "/a.tar"
	write(t, path, zip(t, archive(t, low...)))
	cut := t.TempDir() + "/cut.tar"
	write(t, cut, zip(t, archive(t, low...))[:60])
	count := func() int {
		http.DefaultClient.CloseIdleConnections()
		s.CloseClientConnections()
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(list)
	}
	round := func() {
		for _, src := range []string{path, cut, "oci:" + b.layout(t, ""), "oci:/does/not/exist"} {
			if img, err := c.Import(ctx, src, nil, source.Options{Name: "n", Replace: true}); err == nil {
				_, err = c.Store.Remove(img, "", c.Workers.Remove)
				must(t, err)
			}
		}
		c.Pull(ctx, s.host+"/a:1", source.Options{Name: "p", Replace: true})
		c.Pull(ctx, s.host+"/a:none", source.Options{Name: "p"})
		_, err := c.Store.Prune(true, c.Workers.Remove)
		must(t, err)
	}
	round()
	before, running := count(), runtime.NumGoroutine()
	for range 5 {
		round()
	}
	for end := time.Now().Add(5 * time.Second); (count() > before+2 || runtime.NumGoroutine() > running+4) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if after, now := count(), runtime.NumGoroutine(); after > before+2 || now > running+4 {
		t.Errorf("want %d descriptors and %d goroutines, got %d and %d", before, running, after, now)
	}
}

func FuzzDocument(f *testing.F) {
	d := object{"mediaType": manifestType, "digest": "sha256:" + strings.Repeat("a", 64), "size": 1}
	f.Add(encode(f, object{"schemaVersion": 2, "config": d, "layers": []object{d}}), manifestType)
	f.Add(encode(f, object{"schemaVersion": 2, "manifests": []object{d}}), "")
	f.Fuzz(func(t *testing.T, raw []byte, mediaType string) {
		if source.ParseDocument(raw, mediaType) == nil && !bytes.Contains(raw, []byte("2")) {
			t.Error("no schema version")
		}
	})
}

// Overlayfs lists a whiteout in a folder that one layer alone has, though there is nothing to be found.
func TestWhiteoutOfNothing(t *testing.T) {
	c := carrier(t)
	img := imported(t, c, "oci:"+build(t, archive(t, "a=1"), archive(t, high...)).layout(t, ""), "a")
	if diff := cmp.Diff([]string{"a=1", "etc/", "etc/b=high", "new=high"}, shown(t, c, img)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Who boots an image gives its locks to the first process of the sandbox: the image stays as long as that lives,
// whoever has started it.
func TestHeldBySandbox(t *testing.T) {
	c := carrier(t)
	img := imported(t, c, "oci:"+build(t, archive(t, "prog="), archive(t, high...)).layout(t, ""), "a")
	held, err := c.Store.Hold(img)
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	wait, end, err := os.Pipe()
	must(t, err)
	defer end.Close()
	spec := &sandbox.Spec{Root: []sandbox.Step{&sandbox.Overlay{Dest: "/", Lower: c.Store.Folders(img), ReadOnly: true}, &sandbox.Bind{Source: self, Dest: "/prog"}}}
	spec.Process = sandbox.Process{Argv: []string{"/prog", "wait"}, Held: held, Files: []sandbox.File{{Number: 0, Source: wait}}}
	in, err := sandbox.Run(spec)
	must(t, err)
	wait.Close()
	for _, f := range held {
		f.Close()
	}
	var used *store.InUse
	if _, err := c.Store.Remove(img, "", c.Workers.Remove); !errors.As(err, &used) {
		t.Errorf("while it runs: got %v", err)
	}
	end.Close()
	in.Wait()
	must(t, in.Close()) // Wait has the app's status a moment before PID 1 has ended, which holds the locks
	if _, err := c.Store.Remove(img, "", c.Workers.Remove); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
