package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// What an image says of itself reaches no terminal as it is, and machines get it whole.
func TestHostileWords(t *testing.T) {
	const word = "a\x1b[31m\x7f\u009bred\u202eback\u2066\n<"
	var out bytes.Buffer
	c := &console{out: &out}
	if err := c.printJSON(map[string]string{word: word}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(strings.TrimSuffix(out.String(), "\n"), "\x1b\x7f\u009b\u202e\u2066\n") {
		t.Errorf("as JSON: want no control characters, got %q", out.String())
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[word] != word {
		t.Errorf("as JSON: want it whole, got %q, %v", back, err)
	}
	if got := line(word); got != "a?[31m??red?back??<" {
		t.Errorf("in a line: got %q", got)
	}
}
