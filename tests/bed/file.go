package bed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Built is the path of a program of ours, as a user gets it.
func Built(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(built(t), name)
	if !Exists(path) {
		t.Fatal("build it first: make build")
	}
	return path
}

// built is the folder of our programs, wherever below the tree the test is.
func built(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; !Exists(dir + "/go.mod"); dir = filepath.Dir(dir) {
		if err != nil || dir == "/" {
			t.Fatalf("want a go.mod in the working directory or above it: %v", err)
		}
	}
	return dir + "/bin"
}

// Folder makes a folder for a test below the user's home: below /tmp a sandbox sees nothing. Its name
// is short, as the path of a socket has to be.
func Folder(t testing.TB) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(home, "snug-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if os.RemoveAll(dir) == nil {
			return
		}
		exec.Command("chmod", "-R", "u+rwx", dir).Run() // an overlay leaves folders that nobody may enter
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Exists reports whether a path is there, be it a link to nowhere.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Write writes a file, and makes the folders that it is in. A script can be run.
func Write(t testing.TB, file, text string) {
	t.Helper()
	mode := os.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o700
	}
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(text), mode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Read gives what is in a file, or "" if there is none.
func Read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// Poll waits until something is so. If it is not in time, the test ends.
func Poll(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}
