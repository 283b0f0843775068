package main

import (
	"strconv"
	"strings"
)

// json builds one JSON value. encoding/json would cost every start of snug, also those that
// print none, some 50 µs.
type json struct {
	b     strings.Builder
	comma bool
}

func (j *json) sep() {
	if j.comma {
		j.b.WriteByte(',')
	}
	j.comma = false
}

func (j *json) open(c byte) *json { j.sep(); j.b.WriteByte(c); return j }
func (j *json) end(c byte) *json  { j.b.WriteByte(c); j.comma = true; return j }

// key begins a member of an object.
func (j *json) key(k string) *json { j.sep(); j.quote(k); j.b.WriteByte(':'); return j }

func (j *json) text(s string) *json { j.sep(); j.quote(s); j.comma = true; return j }

func (j *json) raw(s string) *json { j.sep(); j.b.WriteString(s); j.comma = true; return j }

func (j *json) number(n int64) *json { return j.raw(strconv.FormatInt(n, 10)) }

func (j *json) boolean(v bool) *json { return j.raw(strconv.FormatBool(v)) }

func (j *json) texts(list []string) *json {
	j.open('[')
	for _, s := range list {
		j.text(s)
	}
	return j.end(']')
}

// quote writes a string by RFC 8259; bytes that are not UTF-8 become the replacement character.
func (j *json) quote(s string) {
	const hex = "0123456789abcdef"
	j.b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			j.b.WriteByte('\\')
			j.b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			j.b.WriteString(`\u00` + string(hex[r>>4]) + string(hex[r&15]))
		default:
			j.b.WriteRune(r)
		}
	}
	j.b.WriteByte('"')
}

func (j *json) String() string { return j.b.String() + "\n" }
