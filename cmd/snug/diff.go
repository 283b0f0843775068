package main

import (
	"strconv"
	"strings"
)

// diff is a unified diff of two texts, safe to show. An empty path is a file that is not there.
func diff(oldPath string, before []byte, newPath string, after []byte) string {
	a, b := splitLines(before), splitLines(after)
	edits := compare(a, b)
	var out strings.Builder
	out.WriteString("--- " + fileName(oldPath) + "\n+++ " + fileName(newPath) + "\n")
	const context = 2
	for i := 0; i < len(edits); {
		if edits[i].sign == ' ' {
			i++
			continue
		}
		from, to, quiet := max(i-context, 0), i, 0
		for ; to < len(edits) && quiet <= 2*context; to++ {
			if quiet++; edits[to].sign != ' ' {
				quiet = 0
			}
		}
		to = min(to-max(quiet-context, 0), len(edits))
		writeHunk(&out, edits[from:to])
		i = to
	}
	return out.String()
}

func fileName(path string) string {
	if path == "" {
		return "/dev/null"
	}
	return line(path)
}

// edit is one line that stays, goes or comes, and the numbers that the lines before it reach.
type edit struct {
	sign byte // ' ', '-' or '+'
	text string
	a, b int
}

func writeHunk(out *strings.Builder, hunk []edit) {
	a, b := 0, 0
	for _, e := range hunk {
		if e.sign != '+' {
			a++
		}
		if e.sign != '-' {
			b++
		}
	}
	out.WriteString("@@ -" + hunkRange(hunk[0].a, a) + " +" + hunkRange(hunk[0].b, b) + " @@\n")
	for _, e := range hunk {
		out.WriteString(string(e.sign) + line(e.text) + "\n")
	}
}

func hunkRange(before, n int) string {
	if n > 0 {
		before++
	}
	return strconv.Itoa(before) + "," + strconv.Itoa(n)
}

func splitLines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// compare finds the lines that stay. Launchers differ from theirs in a few lines, so the next common line
// is near: it is looked for ahead in both texts at once.
func compare(a, b []string) (edits []edit) {
	i, j := 0, 0
	take := func(sign byte, text string) {
		edits = append(edits, edit{sign, text, i, j})
		if sign != '+' {
			i++
		}
		if sign != '-' {
			j++
		}
	}
	for i < len(a) || j < len(b) {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			take(' ', a[i])
			continue
		}
		toI, toJ := nextCommon(a, b, i, j)
		for i < toI {
			take('-', a[i])
		}
		for j < toJ {
			take('+', b[j])
		}
	}
	return edits
}

// nextCommon returns the nearest pair of equal lines from i and j on, or the ends of both texts.
func nextCommon(a, b []string, i, j int) (int, int) {
	const far = 400
	for distance := 1; distance < far; distance++ {
		for di := range distance + 1 {
			if x, y := i+di, j+distance-di; x < len(a) && y < len(b) && a[x] == b[y] {
				return x, y
			}
		}
	}
	return len(a), len(b)
}
