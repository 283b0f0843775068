package bwrap

import (
	"bytes"
	"strconv"
	"strings"

	"snug/caps"
)

// maxWords is how many words one command line may have, those in files included.
const maxWords = 9000

// Parse reads words as bubblewrap does, from the first on, until one is no option or "--". env is
// the environment that --setenv and its like change. read gives what a descriptor holds, to its
// end, and closes it, for --args and --add-seccomp-fd.
func Parse(words, env []string, read func(fd int) ([]byte, error)) (*Line, error) {
	p := &parser{line: &Line{env: append([]string(nil), env...)}, read: read, total: len(words)}
	if len(words) == 0 {
		return nil, errUsage
	}
	if err := p.list(words, ""); err != nil {
		return p.line, err
	}
	if l := p.line; l.Help || l.Version {
		return l, nil
	}
	if len(p.lower) > 0 {
		return p.line, errLower
	}
	return p.line, p.line.check()
}

type parser struct {
	line  *Line
	read  func(fd int) ([]byte, error)
	total int // words so far

	perms *uint32  // of the next operation
	size  uint64   // likewise
	lower []string // likewise

	word string // the option that is being read, and where it stands
	at   int
	from string // which list
}

// list reads one list of words: the command line, or the content of a file.
func (p *parser) list(words []string, from string) error {
	if p.total > maxWords {
		return die("Exceeded maximum number of arguments " + strconv.Itoa(maxWords))
	}
	for i := 0; i < len(words); {
		word := words[i]
		if word == "--" {
			return p.finish(words[i+1:], from)
		}
		o, ok := find(word)
		switch {
		case !ok && strings.HasPrefix(word, "-"):
			return die("Unknown option " + word)
		case !ok:
			return p.finish(words[i:], from)
		case len(words)-i-1 < o.args:
			return die(o.lacks)
		}
		p.word, p.at, p.from = word, i+1, from
		if err := o.apply(p, words[i+1:i+1+o.args]); err != nil || p.line.Help || p.line.Version {
			return err
		}
		if err := p.unused(); err != nil {
			return err
		}
		i += 1 + o.args
	}
	return p.finish(nil, from)
}

// finish takes what is left of a list: the command. What is left of a file counts for nothing.
func (p *parser) finish(rest []string, from string) error {
	if from == "" {
		p.line.args = rest
	}
	return nil
}

// unused refuses a modifier before an option that it does not go with.
func (p *parser) unused() error {
	modifier := p.word == "--perms" || p.word == "--size"
	switch {
	case !modifier && p.perms != nil:
		return die("--perms must be followed by an option that creates a file")
	case !modifier && p.size != 0:
		return die("--size must be followed by --tmpfs")
	case p.word != "--overlay-src" && len(p.lower) > 0:
		return errLower
	}
	return nil
}

var errLower = die("--overlay-src must be followed by another --overlay-src or one of --overlay, --tmp-overlay, or --ro-overlay")

// args reads a list of words from a descriptor, each ended by a NUL.
func (p *parser) args(a []string) error {
	if p.from != "" {
		return die("--args not supported in arguments file")
	}
	n, err := number(a[0], "fd")
	if err != nil {
		return err
	}
	text, err := p.read(n)
	if err != nil {
		return dieWith("Can't read --args data", err)
	}
	var words []string
	for len(text) > 0 {
		word, rest, _ := bytes.Cut(text, []byte{0})
		words, text = append(words, string(word)), rest
	}
	p.total += len(words)
	at := p.at
	if err := p.list(words, "--args "+a[0]); err != nil || p.line.Help || p.line.Version {
		return err
	}
	p.word, p.at, p.from = "--args", at, ""
	return nil
}

// operation appends an operation. perms is its mode unless --perms gave another.
func (p *parser) operation(o operation, perms uint32) error {
	o.perms = perms
	if p.perms != nil && perms != 0 {
		o.perms, p.perms = *p.perms, nil
	}
	o.word, o.at, o.list = p.word, p.at, p.from
	p.line.operations = append(p.line.operations, o)
	return nil
}

// bind is --bind and its like.
func (p *parser) bind(k kind, a []string) error {
	return p.operation(operation{kind: k, source: a[0], dest: a[1], optional: strings.HasSuffix(p.word, "-try")}, 0)
}

func (p *parser) bindFD(k kind, a []string) error {
	n, err := number(a[0], "fd")
	if err != nil {
		return err
	}
	return p.operation(operation{kind: k, source: "/proc/self/fd/" + strconv.Itoa(n), fd: fd{n, true}, dest: a[1]}, 0)
}

func (p *parser) data(k kind, a []string, perms uint32) error {
	n, err := number(a[0], "fd")
	if err != nil {
		return err
	}
	return p.operation(operation{kind: k, fd: fd{n, true}, dest: a[1]}, perms)
}

func (p *parser) overlay(k kind, a []string) error {
	least := "at least one"
	if k == roOverlay {
		least = "at least two"
	}
	if len(p.lower) == 0 || k == roOverlay && len(p.lower) < 2 {
		return die(p.word + " requires " + least + " --overlay-src")
	}
	o := operation{kind: k, lower: p.lower, dest: a[len(a)-1]}
	if k == overlay {
		o.source, o.work = a[0], a[1]
	}
	p.lower = nil
	return p.operation(o, 0)
}

func (p *parser) tmpfs(a []string) error {
	o := operation{kind: tmpfs, dest: a[0], size: p.size}
	p.size = 0
	return p.operation(o, 0o755)
}

func (p *parser) setPerms(a []string) error {
	if p.perms != nil {
		return die("--perms given twice for the same action")
	}
	mode, ok := octal(a[0])
	if !ok {
		return die("--perms takes an octal argument <= 07777")
	}
	p.perms = &mode
	return nil
}

func (p *parser) chmod(a []string) error {
	mode, ok := octal(a[0])
	if !ok {
		return die("--chmod takes an octal argument <= 07777")
	}
	o := operation{kind: chmod, dest: a[1]}
	if err := p.operation(o, 0); err != nil {
		return err
	}
	p.line.operations[len(p.line.operations)-1].perms = mode
	return nil
}

func (p *parser) setSize(a []string) error {
	if p.size != 0 {
		return die("--size given twice for the same action")
	}
	n, ok := bytesOf(a[0])
	switch {
	case !ok || n == 0:
		return die("--size takes a non-zero number of bytes")
	case n > 1<<63-1:
		return die("--size (for tmpfs) is limited to " + strconv.FormatUint(1<<63-1, 10))
	}
	p.size = n
	return nil
}

// descriptor is an option that names a descriptor, of which the last counts.
func (p *parser) descriptor(to *fd, a []string) error {
	if to.given {
		p.onlyLast()
	}
	n, err := number(a[0], "fd")
	*to = fd{n, true}
	return err
}

func (p *parser) id(to **uint32, what string, a []string) error {
	if *to != nil {
		p.onlyLast()
	}
	n, err := number(a[0], what)
	id := uint32(n)
	*to = &id
	return err
}

func (p *parser) text(to **string, a []string) error {
	if *to != nil {
		p.onlyLast()
	}
	*to = &a[0]
	return nil
}

func (p *parser) onlyLast() {
	p.line.Warnings = append(p.line.Warnings, "Only the last "+p.word+" option will take effect")
}

func (p *parser) setArgv0(a []string) error {
	if p.line.argv0 != nil {
		return die("--argv0 used multiple times")
	}
	p.line.argv0 = &a[0]
	return nil
}

func (p *parser) setSeccomp(a []string) error {
	if len(p.line.filters) > 0 {
		return die("--seccomp cannot be combined with --add-seccomp-fd")
	}
	return p.descriptor(&p.line.seccomp, a)
}

func (p *parser) addSeccomp(a []string) error {
	if p.line.seccomp.given {
		return die("--add-seccomp-fd cannot be combined with --seccomp")
	}
	n, err := number(a[0], "fd")
	if err != nil {
		return err
	}
	return p.line.addFilter(n, p.read)
}

// addFilter reads a compiled filter.
func (l *Line) addFilter(fd int, read func(fd int) ([]byte, error)) error {
	code, err := read(fd)
	if err != nil {
		return dieWith("Can't read seccomp data", err)
	}
	if len(code)%8 != 0 {
		return die("Invalid seccomp data, must be multiple of 8")
	}
	l.filters = append(l.filters, code)
	return nil
}

func (p *parser) capability(add bool, a []string) error {
	if !strings.EqualFold(a[0], "ALL") {
		_, err := caps.Parse(a[0])
		if err != nil || strings.Contains(a[0], ",") || len(a[0]) < 4 || !strings.EqualFold(a[0][:4], "cap_") {
			return die("unknown cap: " + a[0])
		}
	}
	p.line.caps = append(p.line.caps, capChange{a[0], add})
	return nil
}
