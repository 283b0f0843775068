package store_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
	"snug/systemdimg/subid"
	"snug/tests/need"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made makes an empty store.
func made(t *testing.T) *store.Store {
	t.Helper()
	if _, err := subid.Own(); err != nil {
		need.Missing(t, "wanted subordinate ids, got: "+err.Error())
	}
	s, err := store.Open(t.TempDir() + "/images")
	must(t, err)
	must(t, s.Make())
	return s
}

// remove is a Remover for files of the caller's own.
func remove(path string) error { return os.RemoveAll(path) }

// add makes an image of layers that hold one file each, of the given words.
func add(t *testing.T, s *store.Store, name string, words ...string) *store.Image {
	t.Helper()
	w, err := s.Begin(remove)
	must(t, err)
	defer w.Close()
	img, err := w.Commit(config(t, addLayers(t, w, words)), store.Record{Source: name + ".tar"}, name, true)
	must(t, err)
	return img
}

func addLayers(t *testing.T, w *store.Work, words []string) (ids []store.Digest) {
	t.Helper()
	for _, word := range words {
		id := store.DigestOf([]byte(word))
		ids = append(ids, id)
		have, err := w.Have(id)
		must(t, err)
		if have {
			continue
		}
		d, err := w.Draft()
		must(t, err)
		must(t, os.WriteFile(d.Root()+"/file", []byte(word), 0o644))
		must(t, w.Add(d, id, store.Info{Size: int64(len(word)), Files: 1}))
	}
	return ids
}

func config(t *testing.T, ids []store.Digest) []byte {
	t.Helper()
	c := store.Config{Architecture: "amd64", OS: "linux"}
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", ids
	raw, err := json.Marshal(c)
	must(t, err)
	return raw
}

// left lists what lies in the store, without its own files and empty folders.
func left(t *testing.T, s *store.Store) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(s.Dir(), func(p string, d fs.DirEntry, err error) error {
		if rel := strings.TrimPrefix(p, s.Dir()+"/"); err == nil && (!d.IsDir() || strings.HasPrefix(rel, "tmp/")) && rel != "store.json" {
			list = append(list, rel)
		}
		return err
	}))
	return list
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"debian": "debian", "debian:12": "debian:12", "debian:latest": "debian", "debian:V1.0-rc_1": "debian:V1.0-rc_1",
		"ghcr.io/o/n:v1": "ghcr.io/o/n:v1", "localhost:5000/x": "localhost:5000/x", "a__b/c-----d.e": "a__b/c-----d.e", "0": "0",
		strings.Repeat("a", 200): strings.Repeat("a", 200),
	} {
		if got, err := store.ParseName(in); got != want || err != nil {
			t.Errorf("%q: want %q, got %q, %v", in, want, got, err)
		}
	}
	for _, in := range []string{"", ".", "..", "/", "a/", "/a", "a//b", "../a", "a/../b", "Debian", "a b", "a+b", "a\n", "a\x00", "ä", "-a", "a-", ".a", "a.", "a..b", "a___b", "a-_b",
		"a:", "a:b:c", "a:.b", "a:-b", "a:" + strings.Repeat("b", 129), "a@b", "host:port/a", "host:123456/a", strings.Repeat("a", 201), strings.Repeat("a", 64), "sha256:" + strings.Repeat("a", 64)} {
		if got, err := store.ParseName(in); err == nil {
			t.Errorf("%q: want an error, got %q", in, got)
		}
	}
}

// No digest leads to another file than its own (CVE-2024-3727).
func TestDigests(t *testing.T) {
	good := "sha256:" + strings.Repeat("0a", 32)
	if d, err := store.ParseDigest(good); string(d) != good || err != nil {
		t.Errorf("got %q, %v", d, err)
	}
	for _, bad := range []string{"", "sha256:", "sha256:../../x", good[1:], good + "0", strings.ToUpper(good), "sha512:" + good[7:], good[:70] + "/"} {
		if _, err := store.ParseDigest(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
		raw := `{"rootfs":{"type":"layers","diff_ids":[` + strconv.Quote(bad) + `]}}`
		if _, err := store.ParseConfig([]byte(raw)); err == nil {
			t.Errorf("a configuration with %q: want an error", bad)
		}
	}
}

func TestParseConfig(t *testing.T) {
	id := `"sha256:` + strings.Repeat("a", 64) + `"`
	for name, raw := range map[string]string{
		"nothing": "", "no layers": `{"rootfs":{"diff_ids":[]}}`, "another kind": `[]`,
		"too many":    `{"rootfs":{"diff_ids":[` + strings.Repeat(id+",", store.MaxLayers) + id + `]}}`,
		"too long":    `{"rootfs":{"diff_ids":[` + id + `]},"config":{"Env":["` + strings.Repeat("x", store.MaxConfig) + `"]}}`,
		"wrong types": `{"rootfs":{"diff_ids":[` + id + `]},"config":{"Env":"A=B"}}`,
	} {
		if _, err := store.ParseConfig([]byte(raw)); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
	c, err := store.ParseConfig([]byte(`{"os":"linux","config":{"Env":["A=B"],"Labels":{"k":"v"},"Entrypoint":["/init"],"Unknown":1},"rootfs":{"diff_ids":[` + id + `]}}`))
	must(t, err)
	want := store.Defaults{Env: []string{"A=B"}, Labels: map[string]string{"k": "v"}, Entrypoint: []string{"/init"}}
	if diff := cmp.Diff(want, c.Config); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	s := made(t)
	if _, err := s.Find("debian"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("want none, got %v", err)
	}
	a := add(t, s, "debian:12", "low", "high")
	b := add(t, s, "example.org/team/base", "low")
	for word, want := range map[string]*store.Image{
		"debian:12": a, "example.org/team/base": b, "example.org/team/base:latest": b,
		string(a.ID): a, a.ID.Hex(): a, a.ID.Hex()[:6]: a, "debian:12@" + string(a.ID): a,
		"debian": nil, "team/base": nil, a.ID.Hex()[:3]: nil, "debian:12@" + string(b.ID): nil, "../images": nil, "": nil,
	} {
		got, err := s.Find(word)
		if want == nil && !errors.Is(err, fs.ErrNotExist) || want != nil && (err != nil || got.ID != want.ID) {
			t.Errorf("%q: want %v, got %v, %v", word, want, got, err)
		}
	}
	low, high := store.DigestOf([]byte("low")), store.DigestOf([]byte("high"))
	folders := s.Folders(a)
	if want := []string{s.Dir() + "/layers/sha256/" + high.Hex() + "/root", s.Dir() + "/layers/sha256/" + low.Hex() + "/root"}; !slices.Equal(folders, want) {
		t.Errorf("want %v, got %v", want, folders)
	}
	if text, err := os.ReadFile(folders[0] + "/file"); string(text) != "high" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if got, err := s.List(); len(got) != 2 || err != nil || got[0].ID != a.ID || got[0].Size != 7 {
		t.Errorf("want two of which the first is debian:12, got %v, %v", got, err)
	}
	again, err := store.Open(s.Dir())
	must(t, err)
	if got, err := again.Find("debian:12"); err != nil || got.ID != a.ID {
		t.Errorf("opened again: got %v, %v", got, err)
	}
}

// A name that another image has is not taken away by accident (CVE-2026-50195).
func TestNameOfAnother(t *testing.T) {
	s := made(t)
	a := add(t, s, "debian", "one")
	w, err := s.Begin(remove)
	must(t, err)
	defer w.Close()
	raw := config(t, addLayers(t, w, []string{"two"}))
	if _, err := w.Commit(raw, store.Record{}, "debian", false); err == nil {
		t.Error("want an error")
	}
	if got, err := s.Find("debian"); err != nil || got.ID != a.ID {
		t.Errorf("want %v, got %v, %v", a.ID, got, err)
	}
}

// Of imports at once that want a name, one has it, and the others are told.
func TestNameAtOnce(t *testing.T) {
	s := made(t)
	for round := range 20 {
		var all sync.WaitGroup
		var had atomic.Int32
		for i := range 4 {
			w, err := s.Begin(remove)
			must(t, err)
			raw := config(t, addLayers(t, w, []string{"of " + strconv.Itoa(i)}))
			all.Go(func() {
				defer w.Close()
				if _, err := w.Commit(raw, store.Record{}, "n"+strconv.Itoa(round), false); err == nil {
					had.Add(1)
				}
			})
		}
		all.Wait()
		if n := had.Load(); n != 1 {
			t.Fatalf("%d have the name", n)
		}
	}
}

// Who uses an image keeps it and its layers; the error names that process.
func TestInUse(t *testing.T) {
	s := made(t)
	img := add(t, s, "debian", "one", "two")
	add(t, s, "other", "two")
	held, err := s.Hold(img)
	must(t, err)
	_, err = s.Remove(img, "", remove)
	var used *store.InUse
	if !errors.As(err, &used) || len(used.Holders) != 1 || used.Holders[0].Pid != os.Getpid() || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Fatalf("want this process named, got %v", err)
	}
	if _, err := s.Prune(true, remove); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Folders(img)[0]); err != nil {
		t.Error(err)
	}
	for _, f := range held {
		f.Close()
	}
	r, err := s.Remove(img, "debian", remove)
	must(t, err)
	if want := []store.Digest{store.DigestOf([]byte("one"))}; !slices.Equal(r.Layers, want) {
		t.Errorf("want the layer of no other removed, got %v", r.Layers)
	}
	if _, err := s.Hold(img); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want %v, got %v", fs.ErrNotExist, err)
	}
}

// An image goes with its last name only.
func TestRemoveName(t *testing.T) {
	s := made(t)
	add(t, s, "debian", "one")
	img := add(t, s, "debian:12", "one")
	if !slices.Equal(img.Names, []string{"debian", "debian:12"}) {
		t.Fatalf("got %v", img.Names)
	}
	if r, err := s.Remove(img, "debian", remove); err != nil || len(r.Images) != 0 {
		t.Errorf("got %v, %v", r, err)
	}
	img, err := s.Find("debian:12")
	must(t, err)
	if _, err := s.Remove(img, "debian:12", remove); err != nil {
		t.Error(err)
	}
	if got := left(t, s); len(got) != 0 {
		t.Errorf("want nothing, got %v", got)
	}
}

func TestPrune(t *testing.T) {
	s := made(t)
	add(t, s, "debian", "old", "both")
	add(t, s, "debian", "new", "both")
	w, err := s.Begin(remove)
	must(t, err)
	addLayers(t, w, []string{"orphan"})
	if r, err := s.Prune(true, remove); err != nil || len(r.Images) != 1 || !slices.Equal(r.Layers, []store.Digest{store.DigestOf([]byte("old"))}) {
		t.Errorf("while an import runs: want the old image and its layer gone, got %+v, %v", r, err)
	}
	must(t, w.Close())
	r, err := s.Prune(false, remove)
	must(t, err)
	if want := []store.Digest{store.DigestOf([]byte("orphan"))}; !slices.Equal(r.Layers, want) {
		t.Errorf("want %v, got %+v", want, r)
	}
	if img, err := s.Find("debian"); err != nil || len(img.Layers) != 2 {
		t.Errorf("got %v, %v", img, err)
	}
}

// What a killed import has left goes with the next; what a running one has does not.
func TestSweep(t *testing.T) {
	s := made(t)
	for _, name := range []string{"work-1/1/root/a", "gone-x/root", "work-2"} {
		must(t, os.MkdirAll(s.Dir()+"/tmp/"+name, 0o700))
	}
	running, err := s.Begin(remove)
	must(t, err)
	d, err := running.Draft()
	must(t, err)
	other, err := s.Begin(remove)
	must(t, err)
	must(t, other.Close())
	if _, err := os.Stat(d.Root()); err != nil {
		t.Error(err)
	}
	must(t, running.Close())
	if got := left(t, s); len(got) != 0 {
		t.Errorf("want nothing, got %v", got)
	}
}

// Many imports, removals and prunings at once: an image that can be held is whole.
func TestAtOnce(t *testing.T) {
	s := made(t)
	var all sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for i := range 4 {
		all.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				w, err := s.Begin(remove)
				if err != nil {
					t.Error(err)
					return
				}
				words := []string{"shared", "also " + strconv.Itoa(n%2), "own " + strconv.Itoa(i)}
				ids := addLayers(t, w, words)
				_, err = w.Commit(config(t, ids), store.Record{}, "n"+strconv.Itoa(i), true)
				w.Close()
				if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was removed again at once
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for time.Now().Before(end) {
			if _, err := s.Prune(true, remove); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			list, _ := s.List()
			for _, img := range list {
				held, err := s.Hold(img)
				if err != nil {
					continue
				}
				for _, f := range s.Folders(img) {
					if _, err := os.Stat(f + "/file"); err != nil {
						t.Errorf("of an image that is held: %v", err)
					}
				}
				for _, f := range held {
					f.Close()
				}
				s.Remove(img, "", remove)
			}
		}
	})
	all.Wait()
	_, err := s.Prune(true, remove)
	must(t, err)
	if tmp, _ := os.ReadDir(s.Dir() + "/tmp"); len(tmp) != 0 {
		t.Errorf("want nothing in tmp, got %v", tmp)
	}
}

func TestBlob(t *testing.T) {
	s := made(t)
	d := store.DigestOf([]byte("x"))
	f, err := s.Blob(d)
	must(t, err)
	f.WriteString("half")
	if _, err := s.Blob(d); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("want %v, got %v", unix.EWOULDBLOCK, err)
	}
	must(t, s.SweepBlobs())
	f.Close()
	must(t, s.SweepBlobs())
	if got := left(t, s); len(got) != 1 {
		t.Errorf("want it kept for a day, got %v", got)
	}
	must(t, os.Chtimes(s.Dir()+"/blobs/"+d.Hex(), time.Time{}, time.Now().Add(-25*time.Hour)))
	must(t, s.SweepBlobs())
	if got := left(t, s); len(got) != 0 {
		t.Errorf("want it gone after a day, got %v", got)
	}
}

// Others must not reach set-user-ID files of images (CVE-2017-9780).
func TestPrivate(t *testing.T) {
	s := made(t)
	must(t, os.Chmod(s.Dir(), 0o755))
	if _, err := store.Open(s.Dir()); err == nil {
		t.Error("want an error for a folder that others reach")
	}
	must(t, os.Chmod(s.Dir(), 0o700))
	if _, err := store.Open(s.Dir()); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	s := made(t)
	img := add(t, s, "debian", "one")
	good := add(t, s, "other", "two")
	must(t, os.WriteFile(s.Dir()+"/images/sha256/"+img.ID.Hex()+"/config", []byte("{}"), 0o600))
	if list, err := s.List(); err == nil || len(list) != 1 || list[0].ID != good.ID {
		t.Errorf("want the other one and an error, got %v, %v", list, err)
	}
	if r, err := s.Prune(true, remove); err == nil {
		t.Errorf("nothing may be removed while an image cannot be read, got %+v", r)
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name        string
		kind, flags int64
		want        string // a part of the error; "" is none
	}{
		{"ext4", unix.EXT4_SUPER_MAGIC, 0, ""},
		{"nosuid, nodev", unix.EXT4_SUPER_MAGIC, unix.MS_NOSUID | unix.MS_NODEV, ""},
		{"NFS", unix.NFS_SUPER_MAGIC, 0, "lies on nfs"},
		{"SMB", unix.SMB2_SUPER_MAGIC, 0, "lies on smb"},
		{"noexec", unix.EXT4_SUPER_MAGIC, unix.MS_NOEXEC, "noexec"},
		{"read-only", unix.BTRFS_SUPER_MAGIC, unix.MS_RDONLY, "read-only"},
	}
	for _, test := range tests {
		err := store.Judge("/home/u", test.kind, test.flags)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: want %q, got %v", test.name, test.want, err)
		}
		var e *store.Error
		if err != nil && (!errors.As(err, &e) || !strings.Contains(e.Hint, "--storage")) {
			t.Errorf("%s: want a hint, got %v", test.name, err)
		}
	}
}

// On file systems that are mounted for the test, in a namespace of its own.
func TestFits(t *testing.T) {
	if dir := os.Getenv("FITS"); dir != "" {
		if err := store.Fits(dir); err != nil {
			os.Stdout.WriteString("REFUSED " + err.Error() + "\n")
		}
		return
	}
	for options, want := range map[string]string{"rw": "", "nosuid,nodev": "", "noexec": "mounted noexec", "ro": "mounted read-only"} {
		cmd := exec.Command(need.Program(t, "unshare"), "-Urm", "sh", "-c", `mount -t tmpfs -o "$1" none "$2" && FITS=$2 exec "$3" -test.run=^TestFits$`, "sh", options, t.TempDir(), "/proc/self/exe")
		self, err := os.Executable()
		must(t, err)
		cmd.Args[len(cmd.Args)-1] = self
		out, err := cmd.CombinedOutput()
		must(t, err)
		if got := strings.Contains(string(out), "REFUSED"); got != (want != "") || !strings.Contains(string(out), want) {
			t.Errorf("%s: want %q, got %s", options, want, out)
		}
	}
}

// A name that is taken is written in one way, and is the name of a file in one folder.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"debian:12", "a/b:latest", "localhost:5000/x", "sha256:a", "..", "a+b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := store.ParseName(s)
		if err != nil {
			return
		}
		if again, err := store.ParseName(name); err != nil || again != name {
			t.Errorf("%q is %q, and that %q, %v", s, name, again, err)
		}
		if len(name) > 200 || strings.ContainsAny(name, "+\\\x00\n ") || strings.HasPrefix(name, "/") || strings.Contains(name, "..") && !strings.Contains(name[strings.LastIndexByte(name, ':')+1:], "..") {
			t.Errorf("%q is taken as %q", s, name)
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("a", 64) + `"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := store.ParseConfig(raw)
		if err == nil && (len(c.RootFS.DiffIDs) == 0 || len(c.RootFS.DiffIDs) > store.MaxLayers) {
			t.Errorf("%d layers", len(c.RootFS.DiffIDs))
		}
	})
}
