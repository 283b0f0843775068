package worker_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/systemdimg/store"
	"snug/systemdimg/subid"
	"snug/systemdimg/worker"
	"snug/tests/need"
)

func TestMain(m *testing.M) {
	switch {
	case worker.Is(os.Args) && os.Args[1] == "look":
		look(os.Stdout)
		os.NewFile(3, "answer").WriteString("{}")
		os.Exit(0)
	case worker.Is(os.Args):
		os.Exit(worker.Main(os.Args))
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T) (w *worker.Workers, ids subid.IDs) {
	t.Helper()
	ids, err := subid.Own()
	if err != nil {
		need.Missing(t, "wanted subordinate ids, got: "+err.Error())
	}
	w, err = worker.Open(ids)
	must(t, err)
	t.Cleanup(w.Close)
	return w, ids
}

// folder makes a folder for files of subordinate ids.
func folder(t *testing.T, w *worker.Workers) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := w.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// look says what a worker can reach.
func look(to io.Writer) {
	filepath.WalkDir("/", func(p string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(p, "/proc/") {
			return filepath.SkipDir
		}
		fmt.Fprintln(to, "file", p, err)
		return nil
	})
	status, _ := os.ReadFile("/proc/self/status")
	for _, m := range regexp.MustCompile(`(?m)^(Cap...|Groups|NoNewPrivs|Seccomp|Uid|Gid):[ \t]+(.*)$`).FindAllStringSubmatch(string(status), -1) {
		fmt.Fprintln(to, strings.Join(strings.Fields(m[1]+" "+m[2]), " "))
	}
	for fd := range 64 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			target, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			if kind, _, _ := strings.Cut(target, ":"); fd < 4 { // what comes behind is the runtime's own
				fmt.Fprintln(to, "descriptor", fd, kind)
			}
		}
	}
	list, _ := net.Interfaces()
	for _, i := range list {
		fmt.Fprintln(to, "interface", i.Name)
	}
	fmt.Fprintln(to, "environment", len(os.Environ()))
	fmt.Fprintln(to, "write", os.WriteFile("/x", nil, 0o600) != nil, os.WriteFile("/folder/x", nil, 0o600) != nil)
	fmt.Fprintln(to, "unshare", unix.Unshare(unix.CLONE_NEWUSER) != nil, "mount", unix.Mount("none", "/folder", "tmpfs", 0, "") != nil)
	fmt.Fprintln(to, "setuid file of another", unix.Setuid(5) != nil)
}

// A worker sees its own program and the one folder, and nobody.
func TestPosture(t *testing.T) {
	w, _ := opened(t)
	var b bytes.Buffer
	must(t, w.Look(folder(t, w), &b))
	want := `file / <nil>
file /folder <nil>
file /proc <nil>
file /snug-image-worker <nil>
Uid 0 0 0 0
Gid 0 0 0 0
Groups
CapInh 000000008000001b
CapPrm 000000008000001b
CapEff 000000008000001b
CapBnd 000000008000001b
CapAmb 000000008000001b
NoNewPrivs 1
Seccomp 2
descriptor 0 /dev/null
descriptor 1 pipe
descriptor 2 pipe
descriptor 3 pipe
interface lo
environment 0
write true false
unshare true mount true
setuid file of another true
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		must(t, w.WriteHeader(&h))
		_, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size)))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// Owners, modes and file capabilities come out as they went in; the digest is that of what went by.
func TestUnpack(t *testing.T) {
	w, ids := opened(t)
	dir := folder(t, w)
	raw := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "su", Mode: 0o4755, Size: 5},
		tar.Header{Typeflag: tar.TypeReg, Name: "closed", Mode: 0, Uid: 65534, Gid: 65534, Size: 5},
		tar.Header{Typeflag: tar.TypeReg, Name: "ping", Mode: 0o755, Size: 1, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}})
	recipe, err := os.Create(t.TempDir() + "/recipe")
	must(t, err)
	defer recipe.Close()
	u, err := w.Unpack(context.Background(), dir, worker.Layer, bytes.NewReader(raw), recipe)
	must(t, err)
	if u.Digest != store.DigestOf(raw) || u.Files != 3 || u.Bytes != 11 {
		t.Errorf("got %+v", u)
	}
	var su, closed unix.Stat_t
	must(t, unix.Stat(dir+"/su", &su))
	must(t, unix.Stat(dir+"/closed", &closed))
	if su.Mode&0o7777 != 0o4755 || int(su.Uid) != os.Getuid() || closed.Mode&0o7777 != 0 || closed.Uid != ids.UIDs[1].Outside+65533 {
		t.Errorf("got %o of %d, %o of %d", su.Mode, su.Uid, closed.Mode, closed.Uid)
	}
	if n, err := unix.Getxattr(dir+"/ping", "security.capability", make([]byte, 64)); n < 20 || err != nil {
		t.Errorf("the file capabilities are %d bytes, %v", n, err)
	}
	var again bytes.Buffer
	_, err = recipe.Seek(0, io.SeekStart)
	must(t, err)
	must(t, w.Assemble(context.Background(), dir, recipe, &again))
	if !bytes.Equal(again.Bytes(), raw) {
		t.Errorf("of %d bytes came %d others", len(raw), again.Len())
	}
	must(t, w.Remove(dir))
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A source that breaks off ends the worker, and its error is what is told.
func TestBrokenSource(t *testing.T) {
	w, _ := opened(t)
	broken := errors.New("the line is cut")
	raw := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 1 << 20})
	_, err := w.Unpack(context.Background(), folder(t, w), worker.Layer, io.MultiReader(bytes.NewReader(raw[:9000]), failing{broken}), nil)
	if !errors.Is(err, broken) {
		t.Errorf("want %v, got %v", broken, err)
	}
	r, err := w.Expand(context.Background(), io.MultiReader(strings.NewReader("\x1f\x8b\x08\x00"), failing{broken}))
	must(t, err)
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, broken) {
		t.Errorf("want %v, got %v", broken, err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// Who gives up does not wait for a source that says nothing.
func TestGivenUp(t *testing.T) {
	w, _ := opened(t)
	r, feed, err := os.Pipe()
	must(t, err)
	defer feed.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	x, err := w.Expand(ctx, r)
	must(t, err)
	done := make(chan error)
	go func() { _, err := io.ReadAll(x); done <- err }()
	<-ctx.Done()
	feed.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("want an error")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits still")
	}
	x.Close()
}

func TestExpand(t *testing.T) {
	w, _ := opened(t)
	text := strings.Repeat("some text that is not so short\n", 10000)
	for _, program := range []string{"gzip", "xz", "zstd"} {
		cmd := exec.Command(need.Program(t, program))
		cmd.Stdin = strings.NewReader(text)
		packed, err := cmd.Output()
		must(t, err)
		if !worker.Compressed(packed) {
			t.Errorf("%s: not seen to be compressed", program)
		}
		x, err := w.Expand(context.Background(), bytes.NewReader(packed))
		must(t, err)
		got, err := io.ReadAll(x)
		must(t, errors.Join(err, x.Close()))
		if string(got) != text {
			t.Errorf("%s: got %d bytes", program, len(got))
		}
		x, err = w.Expand(context.Background(), bytes.NewReader(packed[:len(packed)/2]))
		must(t, err)
		if _, err := io.ReadAll(x); err == nil {
			t.Errorf("%s, cut: want an error", program)
		}
		x.Close()
	}
}

// What grows beyond measure is an error, soon, and costs little.
func TestBomb(t *testing.T) {
	w, _ := opened(t)
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	zeros := make([]byte, 1<<20)
	for range 400 {
		z.Write(zeros)
	}
	must(t, z.Close())
	x, err := w.Expand(context.Background(), &b)
	must(t, err)
	defer x.Close()
	n, err := io.Copy(io.Discard, x)
	if err == nil || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("after %d bytes: got %v", n, err)
	}
	// An xz stream whose dictionary has nearly 4 GiB.
	xz := "\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x28\x00\x00\x00" + strings.Repeat("\x00", 100)
	x, err = w.Expand(context.Background(), strings.NewReader(xz))
	must(t, err)
	defer x.Close()
	if _, err := io.Copy(io.Discard, x); err == nil {
		t.Error("want an error")
	}
}
