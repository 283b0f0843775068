package plain

import (
	"encoding/json"
	"strings"
	"testing"
)

// What a name may hold is printed such that no terminal takes it for its own, and every machine reads it as it
// was.
func TestJSON(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x11000; r++ {
		if r < 0xd800 || r >= 0xe000 {
			all.WriteRune(r)
		}
	}
	for _, name := range []string{"plain <b> & ü", "\u009b2J", "a\u202eb\u2066c", "\x7f\x1b\n", all.String() + "\U0001F600"} {
		var out strings.Builder
		if err := JSON(&out, []string{name}); err != nil {
			t.Fatal(err)
		}
		printed := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsFunc(printed, deceives) || strings.Contains(printed, "\n") {
			t.Errorf("%.40q is printed as %.80q", name, printed)
		}
		var read []string
		if err := json.Unmarshal([]byte(printed), &read); err != nil || len(read) != 1 || read[0] != name {
			t.Errorf("%.40q is read as %.80q, %v", name, read, err)
		}
	}
	var out strings.Builder
	if JSON(&out, "\u009b<ü>"); out.String() != "\"\\u009b<ü>\"\n" {
		t.Errorf("got %s", out.String())
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct{ from, text, line string }{
		{"plain ü 字", "plain ü 字", "plain ü 字"},
		{"two\nlines", "two\nlines", "two?lines"},
		{"\x1b[2J\x9b\u009b\u202eback\xff", "?[2J???back?", "?[2J???back?"},
		{"\r\t\x00\x7f", "????", "????"},
	} {
		if text, line := Text(tt.from), Line(tt.from); text != tt.text || line != tt.line {
			t.Errorf("%q: want %q and %q, got %q and %q", tt.from, tt.text, tt.line, text, line)
		}
	}
}
