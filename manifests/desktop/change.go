package desktop

import "strings"

// Changed returns a file in which values are others: edit gets each key, with its locale, and its value as
// it stands in the file, with its escapes, and returns the value to be. All other bytes stay.
func (f *File) Changed(edit func(group, key, raw string) string) *File {
	changed := &File{Path: f.Path}
	for _, l := range f.lines {
		if l.key != "" {
			l.setValue(edit(l.group, l.key, l.value))
		}
		changed.lines = append(changed.lines, l)
	}
	return changed
}

// setValue replaces the value and leaves what stands around it.
func (l *line) setValue(value string) {
	if value == l.value {
		return
	}
	head, rest, _ := strings.Cut(l.text, "=")
	at := strings.Index(rest, l.value) // behind white space of whatever kind; an empty value is at the front
	l.text, l.value = head+"="+rest[:at]+value+rest[at+len(l.value):], value
}

// With returns a file with more lines, KEY=VALUE or comments, behind the last one of a group that is
// neither blank nor a comment.
func (f *File) With(group string, lines ...string) *File {
	last := -1
	for i := range f.lines {
		if l := &f.lines[i]; l.group == group && (l.key != "" || last < 0) {
			last = i
		}
	}
	changed := &File{Path: f.Path}
	for i, l := range f.lines {
		if i == last && !strings.HasSuffix(l.text, "\n") {
			l.text += "\n"
		}
		changed.lines = append(changed.lines, l)
		if i != last {
			continue
		}
		for _, text := range lines {
			changed.lines = append(changed.lines, parseLine(text+"\n", group))
		}
	}
	return changed
}

// Without returns a file that lacks the lines of a key, whatever its locale.
func (f *File) Without(key string) *File {
	changed := &File{Path: f.Path}
	for _, l := range f.lines {
		if name, _, _ := strings.Cut(l.key, "["); name != key {
			changed.lines = append(changed.lines, l)
		}
	}
	return changed
}
