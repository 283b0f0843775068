package desktop

import (
	"errors"
	"strconv"
	"strings"
)

// Exec is an Exec line, taken apart into words. The codes in the words are not expanded yet.
type Exec struct {
	Env   []string // NAME=VALUE, of `Exec=env NAME=VALUE program …`
	words []word
}

// span is where a word stands in a line.
type span struct{ from, to int }

// word is one word of the line. Codes count in quotes as well, as in GLib.
type word string

// Fields are what the codes of an Exec line stand for.
type Fields struct {
	Name string // %c, in the person's language
	Icon string // %i
	Path string // %k, of the desktop file
}

// Command is one program start.
type Command struct {
	Argv  []string
	Files []int // the indexes in Argv that are files or URLs or hold one
	Fixed int   // how many words of Argv at its beginning can never be a file
}

const (
	maxWords = 4096
	maxFiles = 4096
)

// ParseExec takes the value of an Exec key, as File.Get returns it, apart into words.
func ParseExec(value string) (Exec, error) {
	words, _, err := split(value)
	if err != nil {
		return Exec{}, err
	}
	for _, word := range words {
		if err := checkCodes(word); err != nil {
			return Exec{}, err
		}
	}
	exec := Exec{words: words}
	if len(words) > 1 && (words[0] == "env" || strings.HasSuffix(string(words[0]), "/env")) {
		exec.cutEnv()
	}
	if len(exec.words) == 0 || exec.words[0] == "" {
		return Exec{}, errors.New("exec line names no program")
	}
	if strings.Contains(string(exec.words[0]), "%") {
		return Exec{}, errors.New("exec line has a field code for its program")
	}
	return exec, nil
}

// cutEnv takes `env NAME=VALUE…` off the front. With options env does more than set variables, so
// then it stays what it is: the program.
func (e *Exec) cutEnv() {
	for i, word := range e.words[1:] {
		name, _, isAssignment := strings.Cut(string(word), "=")
		switch {
		case strings.HasPrefix(string(word), "-"):
			return
		case isAssignment && name != "" && !strings.Contains(string(word), "%"):
			continue
		}
		for _, assignment := range e.words[1 : 1+i] {
			e.Env = append(e.Env, string(assignment))
		}
		e.words = e.words[1+i:]
		return
	}
}

// Program returns the program behind `env`.
func (e Exec) Program() string { return string(e.words[0]) }

// split cuts a line into words as g_shell_parse_argv does: double quotes in which a backslash
// escapes " ` $ and \, single quotes in which nothing does, and a backslash outside both.
func split(line string) (words []word, spans []span, err error) {
	var current []byte
	inWord, start := false, 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if inWord {
				words, spans = append(words, word(current)), append(spans, span{start, i})
				current, inWord = nil, false
			}
			start = i + 1
			continue
		case '"', '\'':
			if current, i, err = quoted(line, i, current); err != nil {
				return nil, nil, err
			}
		case '\\':
			if i++; i == len(line) {
				return nil, nil, errors.New("exec line ends with a backslash")
			}
			current = append(current, line[i])
		case 0:
			return nil, nil, errors.New("exec line holds a NUL byte")
		default:
			current = append(current, c)
		}
		if inWord = true; len(words) == maxWords {
			return nil, nil, errors.New("exec line has too many words")
		}
	}
	if inWord {
		words, spans = append(words, word(current)), append(spans, span{start, len(line)})
	}
	return words, spans, nil
}

// quoted reads from a quote to its end, and returns the index of the closing one.
func quoted(line string, i int, current []byte) ([]byte, int, error) {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch c := line[i]; {
		case c == quote:
			return current, i, nil
		case c == '\\' && quote == '"' && i+1 < len(line) && strings.IndexByte("\"`$\\", line[i+1]) >= 0:
			i++
			current = append(current, line[i])
		case c == 0:
			return nil, 0, errors.New("exec line holds a NUL byte")
		default:
			current = append(current, c)
		}
	}
	return nil, 0, errors.New("exec line has a quote without its end")
}

// checkCodes refuses codes that the specification does not know: what they should become is
// anybody's guess.
func checkCodes(w word) error {
	for i := 0; i < len(w); i++ {
		if w[i] != '%' {
			continue
		}
		if i++; i == len(w) {
			return errors.New("exec line has a % without a field code")
		}
		if strings.IndexByte("fFuUick%dDnNvm", w[i]) < 0 {
			return errors.New("exec line has an unknown field code " + strconv.QuoteToASCII(string(w[i-1:i+1])))
		}
	}
	return nil
}

// fileCode returns the first code of a word that stands for files, or 0.
func (w word) fileCode() byte {
	for i := 0; i+1 < len(w); i++ {
		if w[i] == '%' {
			if i++; strings.IndexByte("fFuU", w[i]) >= 0 {
				return w[i]
			}
		}
	}
	return 0
}

// Expand returns the commands that a launcher starts for some files or URLs: one for none of them
// and for %F and %U, else one for each file. A line without a code for files still gets them at
// its end, as in GLib: any argument may be a file.
func (e Exec) Expand(fields Fields, files []string) ([]Command, error) {
	if len(files) > maxFiles {
		return nil, errors.New("more than 4096 files for one launch")
	}
	words, code := e.words, byte(0)
	for _, word := range words {
		if code == 0 {
			code = word.fileCode()
		}
	}
	if code == 0 {
		code = 'f'
		words = append(words[:len(words):len(words)], "%f")
	}
	if len(files) < 2 || code == 'F' || code == 'U' {
		return []Command{expand(words, fields, files)}, nil
	}
	var commands []Command
	for i := range files {
		commands = append(commands, expand(words, fields, files[i:i+1]))
	}
	return commands, nil
}

// expand makes one command of the words and the files.
func expand(words []word, fields Fields, files []string) Command {
	var command Command
	fixed := true
	for _, word := range words {
		if fixed = fixed && word.fileCode() == 0; fixed {
			command.Argv = word.expand(command.Argv, nil, fields, nil)
			command.Fixed = len(command.Argv)
			continue
		}
		command.Argv = word.expand(command.Argv, files, fields, &command.Files)
	}
	return command
}

// expand appends what a word becomes to argv and notes which arguments hold files. A word that is
// nothing but a code for nothing disappears; one that the line has in quotes as "" stays.
func (w word) expand(argv, files []string, fields Fields, at *[]int) []string {
	if w == "%i" {
		if fields.Icon == "" {
			return argv
		}
		return append(argv, "--icon", fields.Icon)
	}
	var current []byte
	hasFile, onlyCodes := false, w != ""
	for i := 0; i < len(w); i++ {
		if w[i] != '%' {
			current, onlyCodes = append(current, w[i]), false
			continue
		}
		i++
		switch w[i] {
		case '%':
			current, onlyCodes = append(current, '%'), false
		case 'c':
			current = append(current, fields.Name...)
		case 'k':
			current = append(current, fields.Path...)
		case 'i':
			current = append(current, fields.Icon...)
		case 'f', 'u', 'F', 'U':
			for n, file := range files {
				if n > 0 { // %F: each file but the first begins another argument
					argv, *at = append(argv, string(current)), append(*at, len(argv))
					current = nil
				}
				current, hasFile = append(current, file...), true
				if w[i] == 'f' || w[i] == 'u' {
					break
				}
			}
		}
	}
	if len(current) == 0 && onlyCodes {
		return argv
	}
	if hasFile {
		*at = append(*at, len(argv))
	}
	return append(argv, string(current))
}
