package layer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
)

func TestRemove(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
	}{
		{"nothing", func(*testing.T, string) {}},
		{"a file", func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0)) }},
		{"a link out", func(t *testing.T, path string) { must(t, os.Symlink("outside", path)) }},
		{"an empty folder of mode 0", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0)) }},
		{"all kinds", func(t *testing.T, path string) {
			must(t, os.MkdirAll(path+"/a/b", 0o755))
			must(t, os.WriteFile(path+"/a/b/odd \n\x1b", nil, 0))
			must(t, os.Symlink("../outside", path+"/a/link"))
			must(t, os.Symlink("../../outside/dir", path+"/a/b/link"))
			must(t, unix.Mkfifo(path+"/fifo", 0))
			must(t, os.Chmod(path+"/a", 0o1777))
		}},
		{"modes 0", func(t *testing.T, path string) {
			must(t, os.MkdirAll(path+"/a/b/c", 0o755))
			must(t, os.WriteFile(path+"/a/b/c/f", nil, 0))
			for _, p := range []string{"/a/b/c", "/a/b", "/a", ""} {
				must(t, os.Chmod(path+p, 0))
			}
		}},
		{"many files", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o755))
			for i := range 3000 {
				must(t, os.WriteFile(path+"/"+strings.Repeat("n", i%200)+string(rune('a'+i%20))+strings.Repeat("m", i/200), nil, 0o600))
			}
		}},
		{"deeper than there are descriptors and paths", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o755))
			fd, err := unix.Open(path, unix.O_RDONLY, 0)
			must(t, err)
			for range 5000 {
				must(t, unix.Mkdirat(fd, "folder", 0o700))
				next, err := unix.Openat(fd, "folder", unix.O_RDONLY, 0)
				must(t, err)
				unix.Close(fd)
				fd = next
			}
			unix.Close(fd)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := folder(t)
			untouched := outside(t, path)
			above := open(t, filepath.Dir(path))
			test.make(t, path+"/it")
			must(t, layer.Remove(open(t, path), "it"))
			if got := brief(t, path); got != "" {
				t.Errorf("want nothing left, got %s", got)
			}
			untouched(t)
			must(t, layer.Remove(above, "root"))
			must(t, os.Mkdir(path, 0o755))
		})
	}
}

func TestRemoveNames(t *testing.T) {
	path := folder(t)
	untouched := outside(t, path)
	for _, name := range []string{"", ".", "..", "/", "../outside", "a/b", "outside/", "a\x00b"} {
		if err := layer.Remove(open(t, path), name); err == nil {
			t.Errorf("%q: want an error, got none", name)
		}
	}
	untouched(t)
}
