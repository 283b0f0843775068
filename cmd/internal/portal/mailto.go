package portal

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The policy of mailto: URIs (RFC 6068). They come from web pages and documents: of their fields only
// to, cc, bcc, subject and body count. The rest is ignored, attachments above all, which would put a file
// of the page's choice into a mail. A line break in anything but the body would be another header,
// and is an error. Of two subjects or bodies the last holds, of recipients all.

// ParseMailto reads a URI whose scheme is mailto.
func ParseMailto(uri string) (Mail, error) {
	var m Mail
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.EqualFold(scheme, "mailto") {
		return m, errors.New("not a mailto: URI")
	}
	rest, _, _ = strings.Cut(rest, "#")
	to, fields, _ := strings.Cut(rest, "?")
	if err := m.field("to", to); err != nil {
		return m, err
	}
	for field := range strings.SplitSeq(fields, "&") {
		name, value, _ := strings.Cut(field, "=")
		name, err := url.PathUnescape(name)
		if err != nil {
			return m, err
		}
		if err := m.field(strings.ToLower(name), value); err != nil {
			return m, err
		}
	}
	return m, m.Check()
}

// field adds what an encoded field says. In a mailto: URI "+" is a plus.
func (m *Mail) field(name, encoded string) error {
	value, err := url.PathUnescape(encoded)
	if err != nil {
		return err
	}
	switch name {
	case "subject":
		m.Subject = value
	case "body":
		m.Body = strings.ReplaceAll(value, "\r\n", "\n")
	case "to":
		m.To = append(m.To, Addresses(value)...)
	case "cc":
		m.Cc = append(m.Cc, Addresses(value)...)
	case "bcc":
		m.Bcc = append(m.Bcc, Addresses(value)...)
	}
	return nil
}

// URI spells a mail as a mailto: URI, without its attachments. ParseMailto reads it as the same mail.
func (m *Mail) URI() string {
	var b strings.Builder
	b.WriteString("mailto:")
	for i, a := range m.To {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(escape(a))
	}
	separator := byte('?')
	for _, f := range []struct{ name, value string }{
		{"cc", strings.Join(m.Cc, ",")}, {"bcc", strings.Join(m.Bcc, ",")}, {"subject", m.Subject},
		{"body", strings.ReplaceAll(m.Body, "\n", "\r\n")},
	} {
		if f.value != "" {
			b.WriteByte(separator)
			b.WriteString(f.name + "=" + escape(f.value))
			separator = '&'
		}
	}
	return b.String()
}

// escape encodes all but what stands for itself in every part of a URI, and "@".
func escape(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), "%40", "@")
}

// Addresses takes a header's list of recipients apart: commas between them, names before them, as in
// `"Lovelace, Ada" <ada@example.org>, bob@example.org`. What is left of each is its address, not yet
// judged.
func Addresses(list string) (found []string) {
	quoted, start := false, 0
	add := func(one string) {
		if open := strings.LastIndexByte(one, '<'); open >= 0 && strings.HasSuffix(strings.TrimSpace(one), ">") {
			one = strings.TrimSuffix(strings.TrimSpace(one[open+1:]), ">")
		}
		if one = strings.TrimSpace(one); one != "" {
			found = append(found, one)
		}
	}
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '\\' && quoted:
			i++
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			add(list[start:i])
			start = i + 1
		}
	}
	add(list[start:])
	return found
}

// Check finds what no portal takes, or D-Bus cannot carry. Whether files exist it does not look.
func (m *Mail) Check() error {
	for _, list := range [][]string{m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			if !valid(a) {
				return fmt.Errorf("%q is not an address", a)
			}
		}
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		return errors.New("the subject has a line break")
	}
	if err := carried("the subject", m.Subject); err != nil {
		return err
	}
	return carried("the body", m.Body)
}

// carried is an error if D-Bus has no way to carry a text.
func carried(what, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errors.New(what + " has a NUL byte")
	}
	if !utf8.ValidString(text) {
		return errors.New(what + " is not valid UTF-8")
	}
	return nil
}

// valid reports whether an address is one by HTML's definition, the one that the portal goes by. It
// has no quotes, comments or letters beyond ASCII.
func valid(address string) bool {
	local, domain, _ := strings.Cut(address, "@")
	if local == "" || strings.Trim(local, letters+"0123456789.!#$%&'*+/=?^_`{|}~-") != "" {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, letters+"0123456789-") != "" {
			return false
		}
	}
	return true
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
