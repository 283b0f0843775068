package desktop

import (
	"errors"
	"strconv"
	"strings"
)

// Marks, in prose.
//
// Who starts a program in place of another wants to know which of its words are files that a person
// chose. A number of fixed words does not say that: %i is no word or two, %c may be empty, and words
// behind the file are fixed as well. So MarkExec puts a word before and behind each word with a code for
// files, and nothing else of the line changes: the launcher itself expands the codes, in its own way.
//
//	app --new %i --open=%f -x   →   app --new %i @@--open= --open=%f @@ -x
//	app                         →   app @@
//
// The mark before it tells what stands in the word before the file, the mark behind it what stands
// behind. A line without a code gets a mark at its end, where some launchers append files all the same.

// Place is a word that holds a file between two fixed texts, mostly empty ones.
type Place struct {
	Word          int // index in the command
	Before, After string
}

// MarkExec puts marks into the value of an Exec key as it stands in the file, with its escapes, and
// leaves all of its bytes as they are. No word of the line may become one that begins with the mark, which
// is for the caller to choose. It reports whether
// every file will be found: one of several in a word, or one behind another code, is not.
//
// It refuses what ParseExec refuses, and what some launchers give to a shell: a word that begins with #
// outside of quotes, and operators and substitutions that the specification would have in quotes.
func MarkExec(raw, mark string) (marked string, all bool, err error) {
	value, at := unescapeAt(raw)
	if _, err := ParseExec(value); err != nil {
		return "", false, err
	}
	words, spans, err := split(value)
	if err != nil {
		return "", false, err
	}
	if operator := shellOperator(value); operator != "" {
		return "", false, errors.New("exec line has " + strconv.QuoteToASCII(operator) + " outside of quotes or unescaped, which some launchers give to a shell")
	}
	var b strings.Builder
	last, found := 0, false
	for i, s := range spans {
		if value[s.from] == '#' {
			return "", false, errors.New("exec line has a word that begins with #, a comment for some launchers")
		}
		if words[i].fileCode() == 0 {
			continue
		}
		before, after, plain := words[i].around()
		if found, all = true, plain && (all || !found); !plain {
			continue
		}
		b.WriteString(raw[last:at[s.from]])
		b.WriteString(FormatExec([]string{mark + before}) + " " + raw[at[s.from]:at[s.to]] + " " + FormatExec([]string{mark + after}))
		last = at[s.to]
	}
	b.WriteString(raw[last:])
	if !found {
		b.WriteString(" " + mark)
		all = true
	}
	return b.String(), all, nil
}

// shellOperator returns what in a line would start or feed another program if a shell read it, or "". The
// line is one that split accepts.
func shellOperator(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case c == quote:
			quote = 0
		case quote == '\'':
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '`' || c == '$' && i+1 < len(line) && line[i+1] == '(':
			return line[i : i+1]
		case quote == 0 && strings.IndexByte(";|&<>()\n\r", c) >= 0:
			return line[i : i+1]
		}
	}
	return ""
}

// around returns the texts around the one code for files of a word, or reports that it is not so plain.
func (w word) around() (before, after string, plain bool) {
	var texts [2]strings.Builder
	n := 0
	for i := 0; i < len(w); i++ {
		c := w[i]
		if c == '%' {
			if i++; w[i] != '%' {
				if n++; n > 1 || strings.IndexByte("fFuU", w[i]) < 0 {
					return "", "", false
				}
				continue
			}
		}
		texts[n].WriteByte(c)
	}
	return texts[0].String(), texts[1].String(), true
}

// Unmark takes the marks out of a command that was started by a marked line, and returns where its files
// are.
func Unmark(argv []string, mark string) (command []string, places []Place) {
	open, before, start := false, "", 0
	for _, word := range argv {
		text, isMark := strings.CutPrefix(word, mark)
		switch {
		case !isMark:
			command = append(command, word)
		case open:
			places = append(places, between(command, start, before, text)...)
			open = false
		default:
			open, before, start = true, text, len(command)
		}
	}
	if open {
		places = append(places, between(command, start, before, "")...)
	}
	return command, places
}

// between returns the places of the words from start on, which stood between two marks. Of several, the
// text before the first file stands in the first word, that behind the last one in the last: so %F
// expands.
func between(command []string, start int, before, after string) (places []Place) {
	for i := start; i < len(command); i++ {
		p := Place{Word: i}
		if i == start {
			p.Before = before
		}
		if i == len(command)-1 {
			p.After = after
		}
		inner, hasBefore := strings.CutPrefix(command[i], p.Before)
		inner, hasAfter := strings.CutSuffix(inner, p.After)
		if !hasBefore || !hasAfter || inner == "" {
			continue
		}
		// A code in quotes becomes a file in quotes of its own, with GLib.
		if n := len(inner); n > 2 && inner[0] == '\'' && strings.IndexByte(inner[1:], '\'') == n-2 {
			p.Before, p.After = p.Before+"'", "'"+p.After
		}
		places = append(places, p)
	}
	return places
}
