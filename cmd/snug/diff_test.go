package main

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	before := "a\nb\nc\nd\ne\nf\ng\nh\ni\n"
	for _, tt := range []struct{ name, before, after, want string }{
		{"new", "", "x\ny\n", "--- /dev/null\n+++ new\n@@ -0,0 +1,2 @@\n+x\n+y\n"},
		{"gone", "x\n", "", "--- old\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n"},
		{"two places", before, "a\nB\nc\nd\ne\nf\ng\nh\nnew\ni\n",
			"--- old\n+++ new\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n d\n@@ -7,3 +7,4 @@\n g\n h\n+new\n i\n"},
		{"one place", before, "a\nB\nc\nd\nE\nf\ng\nh\ni\n",
			"--- old\n+++ new\n@@ -1,7 +1,7 @@\n a\n-b\n+B\n c\n d\n-e\n+E\n f\n g\n"},
		{"to the screen", "a\x1b[2Jb\n", "", "--- old\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a?[2Jb\n"},
	} {
		oldPath, newPath := "old", "new"
		if tt.before == "" {
			oldPath = ""
		}
		if tt.after == "" {
			newPath = ""
		}
		if d := cmp.Diff(tt.want, diff(oldPath, []byte(tt.before), newPath, []byte(tt.after))); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// TestCompare: the lines of a comparison are those of both texts.
func TestCompare(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	text := func() (lines []string) {
		for range random.Intn(12) {
			lines = append(lines, string(rune('a'+random.Intn(5))))
		}
		return lines
	}
	for range 2000 {
		a, b := text(), text()
		var gotA, gotB []string
		for _, e := range compare(a, b) {
			if e.a != len(gotA) || e.b != len(gotB) {
				t.Fatalf("%q, %q: %+v", a, b, e)
			}
			if e.sign != '+' {
				gotA = append(gotA, e.text)
			}
			if e.sign != '-' {
				gotB = append(gotB, e.text)
			}
		}
		if strings.Join(gotA, " ") != strings.Join(a, " ") || strings.Join(gotB, " ") != strings.Join(b, " ") {
			t.Fatalf("%q and %q became %q and %q", a, b, gotA, gotB)
		}
	}
}
