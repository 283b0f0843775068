package desktop

import (
	"errors"
	"strconv"
	"strings"
)

// Entry is the group that every desktop file begins with.
const Entry = "Desktop Entry"

const (
	maxText  = 1 << 20
	maxLines = 1 << 14
)

// File is a desktop file, line by line.
type File struct {
	Path  string // where Lookup found it; empty after Parse
	lines []line
}

// line is one line with its end. What is neither a group nor a key is kept as it is.
type line struct {
	text  string // as it stands in the file, with its line break
	group string // the group that it begins or stands in
	key   string // with its locale, "Name[de]"; empty for comments, blanks and headers
	value string // raw
}

// Parse takes a text apart. It refuses only what is too large or holds a NUL, after which other
// readers stop and would see another file (CVE-2021-43860); whatever else it does not understand
// it keeps.
func Parse(text []byte) (*File, error) {
	if len(text) > maxText {
		return nil, errors.New("desktop file is larger than 1 MiB")
	}
	rest := string(text)
	if strings.IndexByte(rest, 0) >= 0 {
		return nil, errors.New("desktop file holds a NUL byte")
	}
	file, group := &File{}, ""
	for number := 1; rest != ""; number++ {
		if number > maxLines {
			return nil, errors.New("desktop file has more than " + strconv.Itoa(maxLines) + " lines")
		}
		end := strings.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		parsed := parseLine(rest[:end], group)
		group, rest = parsed.group, rest[end:]
		file.lines = append(file.lines, parsed)
	}
	return file, nil
}

// space is what GLib takes for white space: of others it makes a part of the key or the value.
const space = " \t\n\v\f\r"

func parseLine(text, group string) line {
	parsed := line{text: text, group: group}
	content := strings.Trim(text, space)
	switch {
	case content == "" || content[0] == '#':
	case content[0] == '[':
		if name, found := strings.CutSuffix(content[1:], "]"); found {
			parsed.group = name
		}
	default:
		if key, value, found := strings.Cut(content, "="); found {
			parsed.key, parsed.value = strings.Trim(key, space), strings.Trim(value, space)
		}
	}
	return parsed
}

// Bytes returns the text, identical to what was parsed.
func (f *File) Bytes() []byte {
	var text []byte
	for i := range f.lines {
		text = append(text, f.lines[i].text...)
	}
	return text
}

// Groups returns the names of the groups in order, each once.
func (f *File) Groups() []string {
	var groups []string
	last := ""
	seen := map[string]bool{}
	for i := range f.lines {
		if group := f.lines[i].group; group != last && !seen[group] {
			groups = append(groups, group)
			last, seen[group] = group, true
		}
	}
	return groups
}

// Keys returns the keys of a group in order, each once.
func (f *File) Keys(group string) []string {
	var keys []string
	seen := map[string]bool{}
	for i := range f.lines {
		if line := &f.lines[i]; line.group == group && line.key != "" && !seen[line.key] {
			keys = append(keys, line.key)
			seen[line.key] = true
		}
	}
	return keys
}

// Get returns the value of a key with the escapes \s \n \t \r \\ undone, and whether the group has
// the key. Of a key that is given twice the last counts, as in GLib.
func (f *File) Get(group, key string) (value string, found bool) {
	for i := range f.lines {
		if f.lines[i].key == key && f.lines[i].group == group {
			value, found = f.lines[i].value, true
		}
	}
	return unescape(value), found
}

// Localized is Get for a locale such as "de_DE.UTF-8@euro": the nearest translation counts.
func (f *File) Localized(group, key, locale string) (value string, found bool) {
	locale, modifier, _ := strings.Cut(locale, "@")
	locale, _, _ = strings.Cut(locale, ".")
	language, _, hasCountry := strings.Cut(locale, "_")
	var tries []string
	if modifier != "" && hasCountry {
		tries = append(tries, locale+"@"+modifier)
	}
	if hasCountry {
		tries = append(tries, locale)
	}
	if modifier != "" {
		tries = append(tries, language+"@"+modifier)
	}
	for _, try := range append(tries, language) {
		if value, found = f.Get(group, key+"["+try+"]"); found {
			return value, true
		}
	}
	return f.Get(group, key)
}

// True reports whether a key of the first group says true.
func (f *File) True(key string) bool {
	value, _ := f.Get(Entry, key)
	return value == "true"
}

// unescape undoes the escapes that every string of a desktop file may have. What is no escape stays
// as it is: Exec has more of its own.
func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	text, _ := unescapeAt(value)
	return text
}

// unescapeAt is unescape that also says where in the value each byte of the text, and its end, stood.
func unescapeAt(value string) (text string, at []int) {
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		at = append(at, i)
		if c == '\\' && i+1 < len(value) {
			if n := strings.IndexByte(`sntr\`, value[i+1]); n >= 0 {
				c = " \n\t\r\\"[n]
				i++
			}
		}
		out.WriteByte(c)
	}
	return out.String(), append(at, len(value))
}
