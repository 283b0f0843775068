package manifests

import "strings"

// Problem is one thing that is wrong with a manifest, in the three parts that a person needs.
type Problem struct {
	Where Origin // "foot.toml:3:9", file, line and column; a problem of the whole has no column
	What  string // one sentence, lower case
	Hint  string // what to do about it; may be empty, or several lines
}

func (p Problem) Error() string {
	text := p.What
	if p.Where != "" {
		text = string(p.Where) + ": " + text
	}
	if p.Hint != "" {
		text += "\n  hint: " + strings.ReplaceAll(p.Hint, "\n", "\n  hint: ")
	}
	return text
}

// Problems are all that is wrong with a manifest, as one error; at most maxProblems are collected.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds a report: the twentieth typing error helps nobody, and hostile text could
// hold a hundred thousand.
const maxProblems = 20

// Full reports whether the report holds as many problems as it may: whoever looks for more can stop.
func (p Problems) Full() bool { return len(p) >= maxProblems }

// Add adds a problem, unless the report is full.
func (p *Problems) Add(where Origin, what, hint string) {
	if !p.Full() {
		*p = append(*p, Problem{where, what, hint})
	}
}

// Err returns the problems as an error, or nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
