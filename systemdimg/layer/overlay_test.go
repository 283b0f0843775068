package layer_test

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
)

// What an overlay shows is packed as it is. In a folder that one lower layer alone has, the kernel lists
// whiteouts, and finds nothing there.
func TestPackOverlay(t *testing.T) {
	root(t)
	base := t.TempDir()
	for _, dir := range []string{"/high/d", "/low/e", "/merged"} {
		must(t, os.MkdirAll(base+dir, 0o755))
	}
	must(t, os.WriteFile(base+"/high/d/b", nil, 0o644))
	must(t, os.WriteFile(base+"/low/e/c", nil, 0o644))
	must(t, unix.Mknod(base+"/high/d/a", unix.S_IFCHR, 0))
	must(t, unix.Mount("overlay", base+"/merged", "overlay", unix.MS_RDONLY, "userxattr,lowerdir="+base+"/high:"+base+"/low"))
	defer unix.Unmount(base+"/merged", unix.MNT_DETACH)
	listed, err := os.ReadDir(base + "/merged/d")
	must(t, err)
	if len(listed) != 2 {
		t.Logf("this kernel does not list the whiteout: %v", listed)
	}
	dir, err := os.Open(base + "/merged")
	must(t, err)
	defer dir.Close()
	var b bytes.Buffer
	if _, err := layer.Pack(&b, dir, layer.Options{Plain: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte("e/c")) || bytes.Contains(b.Bytes(), []byte("d/a")) {
		t.Error("want e/c without d/a")
	}
}
