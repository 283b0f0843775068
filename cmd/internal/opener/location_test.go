package opener

import (
	"strings"
	"testing"
)

var locations = []struct {
	word, uri, path string
	err             string // part of the error's text
}{
	{"https://example.org/a?b#c", "https://example.org/a?b#c", "", ""},
	{"mailto:ada@example.org", "mailto:ada@example.org", "", ""},
	{"svn+ssh://x", "svn+ssh://x", "", ""},
	{"a/b", "", "a/b", ""},
	{"/a:b", "", "/a:b", ""},
	{"./a:b", "", "./a:b", ""},
	{"1:b", "", "1:b", ""},
	{":", "", ":", ""},
	{"a b:c", "", "a b:c", ""},
	{"caf\xe9", "", "caf\xe9", ""}, // a file's name is bytes
	{"100%", "", "100%", ""},
	{"file:///a/b", "", "/a/b", ""},
	{"FILE:///a/b", "", "/a/b", ""},
	{"file:/a/b", "", "/a/b", ""},
	{"file://localhost/a", "", "/a", ""},
	{"file://LocalHost/a", "", "/a", ""},
	{"file:///", "", "/", ""},
	{"file://", "", "/", ""},
	{"file:///a%20b%C3%A4+c", "", "/a bä+c", ""},
	{"file:///a%3Fb%23c?d#e", "", "/a?b#c", ""},
	{"file:////a", "", "//a", ""},
	{"file:///caf%E9", "", "/caf\xe9", ""},

	{"", "", "", "empty"},
	{"file:/\x00", "", "", "NUL"},
	{"x:\xff", "", "", "UTF-8"},
	{"file:a", "", "", "begins with"},
	{"file:", "", "", "begins with"},
	{"file://example.org/a", "", "", "another machine"},
	{"file://localhost:80/a", "", "", "another machine"},
	{"file:///a%2Fb", "", "", "%2f"},
	{"file:///a%00b", "", "", "%00"},
	{"file:///a%4", "", "", "invalid URL escape"},
}

func TestLocate(t *testing.T) {
	for _, c := range locations {
		t.Run(c.word, func(t *testing.T) {
			got, err := locate(c.word)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("want an error with %q, got %v", c.err, err)
				}
				return
			}
			if want := (location{c.uri, c.path}); err != nil || got != want {
				t.Errorf("want %+v, got %+v, %v", want, got, err)
			}
		})
	}
}

// A word is a URI as it stands, or a path without NUL; a path from a URI is absolute.
func FuzzLocate(f *testing.F) {
	for _, c := range locations {
		f.Add(c.word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		got, err := locate(word)
		switch {
		case err != nil:
		case (got.uri == "") == (got.path == ""), got.uri != "" && got.uri != word:
			t.Errorf("%q: %+v", word, got)
		case got.path != "" && got.path != word && (got.path[0] != '/' || strings.IndexByte(got.path, 0) >= 0):
			t.Errorf("%q: %+v", word, got)
		}
	})
}
