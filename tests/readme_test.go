package tests

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
)

// The example of the README is what somebody copies first: it is built as they would build it, in a
// module of its own, and has to run.
func TestReadmeExample(t *testing.T) {
	_, text, _ := strings.Cut(bed.Read(t, "../README.md"), "    in, err := sandbox.Run(")
	example, _, found := strings.Cut("    in, err := sandbox.Run("+text, "\n\n")
	if !found {
		t.Fatal("want the example in README.md, got none")
	}
	dir := bed.Folder(t)
	bed.Write(t, filepath.Join(dir, "main.go"), `package main

import (
	"os"

	"snug/sandbox"
)

func example() error {
`+example+`
	os.Exit(status.ExitStatus())
	return nil
}

func main() { panic(example()) }
`)
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bed.Write(t, filepath.Join(dir, "go.sum"), bed.Read(t, "../go.sum"))
	run(t, dir, "go", "mod", "init", "example.org/try")
	run(t, dir, "go", "mod", "edit", "-require=snug@v0.0.0", "-replace=snug="+top)
	run(t, dir, "go", "build", "-mod=mod", "-o", "try")
	// README's user, not the one who runs this: the sandbox has ids of its own.
	out, err := exec.Command(filepath.Join(dir, "try")).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "uid=1000") {
		t.Errorf("want uid=1000 and status 0, got %v\n%s", err, out)
	}
}
