package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPrintJSON prints what a name may hold such that no terminal takes it for its own, and every
// machine reads it as it was.
func TestPrintJSON(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x11000; r++ {
		if r < 0xd800 || r >= 0xe000 {
			all.WriteRune(r)
		}
	}
	for _, name := range []string{"plain <b> & ü", "\u009b2J", "a\u202eb\u2066c", "\x7f\x1b\n", all.String() + "\U0001F600"} {
		var out strings.Builder
		c := &console{out: &out}
		if err := c.printJSON([]string{name}); err != nil {
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
	if (&console{out: &out}).printJSON("\u009b<ü>"); out.String() != "\"\\u009b<ü>\"\n" {
		t.Errorf("got %s", out.String())
	}
}
