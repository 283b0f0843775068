package manifests

import "strings"

// Problem is one thing that is wrong with a manifest, in the three parts that a person needs.
type Problem struct {
	Where Origin // "foot.toml:3:9", file, line and column; a problem of the whole has no column
	What  string // one sentence, lower case
	Hint  string // what to do about it; may be empty
}

func (p Problem) Error() string {
	text := p.What
	if p.Where != "" {
		text = string(p.Where) + ": " + text
	}
	if p.Hint != "" {
		text += "\n  hint: " + p.Hint
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

func (p *Problems) add(where Origin, what, hint string) {
	if len(*p) < maxProblems {
		*p = append(*p, Problem{where, what, hint})
	}
}

// err returns the problems as an error, or nil if there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
