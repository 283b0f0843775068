package recipe_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
	"snug/systemdimg/worker/recipe"
	"snug/tests/need"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cooked makes a recipe of an archive while that is unpacked, and an archive of it with the files of a folder.
func cooked(t *testing.T, archive []byte, dir string) ([]byte, int, error) {
	t.Helper()
	where, err := os.Open(t.TempDir())
	must(t, err)
	defer where.Close()
	var text bytes.Buffer
	w := recipe.NewWriter(&text)
	_, err = layer.Unpack(where, bytes.NewReader(archive), layer.Options{Plain: true, Recorder: w, WriteOut: true})
	must(t, err)
	must(t, w.Close())
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	n := text.Len()
	var got bytes.Buffer
	err = recipe.Cook(&text, f, &got)
	return got.Bytes(), n, err
}

// cook makes a recipe of one file, as a hostile one may say it, and reads that file of a folder.
func cook(t *testing.T, name string, size int64, dir string) ([]byte, error) {
	t.Helper()
	var text, got bytes.Buffer
	w := recipe.NewWriter(&text)
	w.File(name, size)
	must(t, w.Close())
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	err = recipe.Cook(&text, f, &got)
	return got.Bytes(), err
}

// What other programs write comes out again byte by byte, whatever their dialect.
func TestRoundTrip(t *testing.T) {
	need.Program(t, "tar")
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/"+strings.Repeat("long/", 40), 0o755))
	must(t, os.WriteFile(dir+"/"+strings.Repeat("long/", 40)+"file", bytes.Repeat([]byte("text"), 100), 0o644))
	must(t, os.WriteFile(dir+"/large", bytes.Repeat([]byte("0123456789abcdef"), 1<<16), 0o644))
	must(t, os.WriteFile(dir+"/empty", nil, 0o644))
	must(t, os.WriteFile(dir+"/ü \n", []byte("odd"), 0o600))
	must(t, os.Link(dir+"/large", dir+"/second"))
	must(t, os.Symlink("large", dir+"/link"))
	must(t, unix.Mkfifo(dir+"/fifo", 0o600))
	sparse, err := os.Create(dir + "/sparse")
	must(t, err)
	must(t, sparse.Truncate(8<<20))
	_, err = sparse.WriteAt([]byte("in the middle"), 4<<20)
	must(t, err)
	sparse.Close()
	for _, words := range [][]string{{"--format=gnu"}, {"--format=pax"}, {"--format=gnu", "-S"}, {"--format=pax", "-S"}, {"--format=pax", "-b", "200"}, {"--format=gnu", "--transform=s,^,./,"}} {
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			archive, err := exec.Command("tar", append(words, "-C", dir, "-cf", "-", ".")...).Output()
			must(t, err)
			got, size, err := cooked(t, archive, dir)
			must(t, err)
			if !bytes.Equal(got, archive) {
				t.Errorf("of %d bytes came %d others", len(archive), len(got))
			}
			if size > len(archive)/10 {
				t.Errorf("the recipe of %d bytes has %d", len(archive), size)
			}
			tail := append(archive, "and what follows"...)
			if got, _, err := cooked(t, tail, dir); err != nil || !bytes.Equal(got, tail) {
				t.Errorf("with more behind it: %v", err)
			}
		})
	}
}

// A file that has changed since, or was never a plain one in the folder, is no content.
func TestCookRefuses(t *testing.T) {
	outside := t.TempDir() + "/secret"
	must(t, os.WriteFile(outside, []byte("secret"), 0o600))
	for name, put := range map[string]func(path string) error{
		"missing": func(string) error { return nil },
		"shorter": func(p string) error { return os.WriteFile(p, []byte("sec"), 0o600) },
		"link":    func(p string) error { return os.Symlink(outside, p) },
		"FIFO":    func(p string) error { return unix.Mkfifo(p, 0o600) },
		"folder":  func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		dir := t.TempDir()
		must(t, put(dir+"/file"))
		got, err := cook(t, "file", 6, dir)
		if !errors.Is(err, recipe.ErrRecipe) || bytes.Contains(got, []byte("secret")) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// A name that leads up, or by a link, stays in the folder.
func TestCookStaysInside(t *testing.T) {
	base := t.TempDir()
	must(t, os.MkdirAll(base+"/in/etc", 0o700))
	must(t, os.WriteFile(base+"/secret", []byte("secret"), 0o600))
	must(t, os.WriteFile(base+"/in/secret", []byte("inside"), 0o600))
	must(t, os.Symlink("/..", base+"/in/etc/up"))
	for _, name := range []string{"../secret", "/secret", "etc/up/secret", base + "/secret"} {
		got, err := cook(t, name, 6, base+"/in")
		if err == nil && string(got) != "inside" {
			t.Errorf("%s: led out to %q", name, got)
		}
	}
}

func FuzzCook(f *testing.F) {
	f.Add([]byte("L\x03abcF\x02\x04file"))
	f.Add([]byte("F\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01/"))
	f.Add([]byte("L\xff\xff\xff\xff\x0f"))
	dir := f.TempDir()
	must(f, os.WriteFile(dir+"/file", []byte("text"), 0o600))
	d, err := os.Open(dir)
	must(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(text)
		must(t, w.Close())
		var got bytes.Buffer
		recipe.Cook(&z, d, &got)
		if got.Len() > 5*len(text)+5 { // a file costs 7 bytes and gives 4
			t.Errorf("%d bytes of %d", got.Len(), len(text))
		}
	})
}
