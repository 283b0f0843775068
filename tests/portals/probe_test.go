package portals_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// tool is the folder with the attacking app, built once for all tests.
var tool struct {
	sync.Once
	dir string
	err error
	out []byte
}

func TestMain(m *testing.M) {
	status := m.Run()
	if tool.dir != "" {
		os.RemoveAll(tool.dir)
	}
	os.Exit(status)
}

// probe is the path of the attacking app; inside, its folder has to be granted.
func probe(t testing.TB) string {
	t.Helper()
	tool.Do(func() {
		home, err := os.UserHomeDir()
		if err != nil {
			home = os.TempDir()
		}
		if tool.dir, tool.err = os.MkdirTemp(home, "probe-"); tool.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", tool.dir, "./probe")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		tool.out, tool.err = cmd.CombinedOutput()
	})
	if tool.err != nil {
		t.Fatalf("%v\n%s", tool.err, tool.out)
	}
	return filepath.Join(tool.dir, "probe")
}

// canRead is the flag that lets an app see the probe.
func canRead(t testing.TB) string {
	t.Helper()
	return "--read " + filepath.Dir(probe(t))
}
