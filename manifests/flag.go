package manifests

import (
	"strings"

	"snug/manifests/internal/words"
)

// Set adds what one flag of the command line says to the layer: the flag's name without hyphens,
// its value, and its Origin, such as "--read, argument 3". A list grows with each flag; of a
// scalar the last flag wins. An empty value of a yes-or-no flag means yes. A path must already be
// absolute or begin with ~/ or an xdg name. An error is a Problem.
//
// Merge takes the dangers that flags ask for as accepted, so Set is for what a person typed and
// for nothing that came from a file.
func (l *Layer) Set(flag, value string, origin Origin) error {
	key := lookupFlag(flag)
	if origin == "" {
		origin = Origin("--" + words.Printable(flag)) // the empty Origin would mean that nobody set it
	}
	if key == nil {
		return Problem{origin, "unknown flag --" + words.Printable(flag), suggestFlag(flag)}
	}
	if what, hint := l.set(key, value, origin); what != "" {
		return Problem{origin, "--" + flag + ": " + words.Quote(value) + " " + what, hint}
	}
	return nil
}

func (l *Layer) set(key *Key, value string, origin Origin) (what, hint string) {
	switch field := key.field(&l.Manifest).(type) {
	case *Flag:
		if value != "" && value != "true" && value != "false" {
			return "is not true or false", ""
		}
		*field = Flag{value != "false", origin}
	case *Number:
		number, ok := parseNumber(value)
		if !ok || key.Kind == kindNumber && number != float64(int64(number)) {
			return "is no number above 0", ""
		}
		*field = Number{number, origin}
	case *Text:
		if what, hint = validate(key, value); what == "" {
			*field = Text{value, origin}
		}
	case *[]Text:
		if what, hint = validate(key, value); what == "" {
			*field = append(*field, Text{value, origin})
		}
	case *[]Variable:
		return setVariable(key, field, value, origin)
	}
	return what, hint
}

func setVariable(key *Key, list *[]Variable, assignment string, origin Origin) (what, hint string) {
	name, value, found := strings.Cut(assignment, "=")
	if !found {
		return "has no value", "NAME=VALUE; --pass NAME hands on the host's"
	}
	if problem := words.Problem(assignment); problem != "" {
		return problem, "write it without"
	}
	if what, hint = key.check(name); what == "" {
		addVariables(list, []Variable{{name, value, origin}})
	}
	return what, hint
}

func lookupFlag(flag string) *Key {
	for i := range schema {
		if schema[i].Flag() == flag && flag != "" {
			return &schema[i]
		}
	}
	return nil
}

func suggestFlag(flag string) string {
	var flags []string
	for i := range schema {
		if schema[i].Short != "" && strings.ReplaceAll(schema[i].Name, ".", "-") == flag { // of which the flag is short
			return "did you mean --" + schema[i].Flag() + "?"
		}
		if schema[i].Flag() != "" {
			flags = append(flags, schema[i].Flag())
		}
	}
	for _, f := range flags { // the last part of a key: --nested for --process-nested
		if strings.HasSuffix(f, "-"+flag) {
			return "did you mean --" + f + "?"
		}
	}
	if whole := beginning(flag, flags); whole != "" {
		return "did you mean --" + whole + "?"
	}
	if near := Nearest(flag, flags); near != "" {
		return "did you mean --" + near + "?"
	}
	return ""
}

// beginning returns the shortest of the flags that begin with a word of three letters or more, or "".
func beginning(word string, flags []string) (shortest string) {
	for _, f := range flags {
		if len(word) > 2 && strings.HasPrefix(f, word) && (shortest == "" || len(f) < len(shortest)) {
			shortest = f
		}
	}
	return shortest
}
