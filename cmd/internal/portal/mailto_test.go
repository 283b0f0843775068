package portal_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/cmd/internal/portal"
)

func listen(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mute-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", dir+"/bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return dir + "/bus"
}

type mail = portal.Mail

func to(list ...string) []string { return list }

// Examples of RFC 6068 where it has them.
var mailtos = []struct {
	name, uri string
	mail      mail
	err       string // part of the error's text
}{
	{"one", "mailto:chris@example.com", mail{To: to("chris@example.com")}, ""},
	{"capitals", "MailTo:chris@example.com", mail{To: to("chris@example.com")}, ""},
	{"nothing", "mailto:", mail{}, ""},
	{"nobody", "mailto:?subject=x", mail{Subject: "x"}, ""},
	{"two", "mailto:addr1@an.example,addr2@an.example", mail{To: to("addr1@an.example", "addr2@an.example")}, ""},
	{"an encoded comma", "mailto:a@x%2Cb@x", mail{To: to("a@x", "b@x")}, ""},
	{"a field to", "mailto:?to=addr1@an.example,addr2@an.example", mail{To: to("addr1@an.example", "addr2@an.example")}, ""},
	{"both", "mailto:a@x?to=b@x", mail{To: to("a@x", "b@x")}, ""},
	{"a percent sign", "mailto:gorby%25kremvax@example.com", mail{To: to("gorby%kremvax@example.com")}, ""},
	{"a question mark", "mailto:unlikely%3Faddress@example.com?blat=foop", mail{To: to("unlikely?address@example.com")}, ""},
	{"a plus", "mailto:bob+tag@example.com?subject=1+1", mail{To: to("bob+tag@example.com"), Subject: "1+1"}, ""},
	{"an ampersand", "mailto:Mike%26family@example.org", mail{To: to("Mike&family@example.org")}, ""},
	{"body", "mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index", mail{To: to("infobot@example.com"), Body: "send current-issue\nsend index"}, ""},
	{"cc and body", "mailto:joe@example.com?cc=bob@example.com&body=hello", mail{To: to("joe@example.com"), Cc: to("bob@example.com"), Body: "hello"}, ""},
	{"names of fields", "mailto:?SUBJECT=a&%62cc=b@x", mail{Subject: "a", Bcc: to("b@x")}, ""},
	{"named recipients", "mailto:?cc=%22Lovelace%2C%20Ada%22%20%3Cada@x%3E%2C%20bob@x", mail{Cc: to("ada@x", "bob@x")}, ""},
	{"the last subject", "mailto:?subject=a&subject=b", mail{Subject: "b"}, ""},
	{"letters beyond ASCII", "mailto:user@example.org?subject=caf%C3%A9", mail{To: to("user@example.org"), Subject: "café"}, ""},
	{"a fragment", "mailto:a@x?subject=b#c&body=d", mail{To: to("a@x"), Subject: "b"}, ""},
	{"empty parts", "mailto:,a@x,,?&&subject&=x&cc=,", mail{To: to("a@x")}, ""},
	{"a file", "mailto:a@x?attach=/etc/passwd&attachment=file:///etc/passwd", mail{To: to("a@x")}, ""},
	{"other fields", "mailto:a@x?From=boss@x&In-Reply-To=%3C3469A91.D10AF4C@example.com%3E", mail{To: to("a@x")}, ""},

	{"not one", "https://example.org", mail{}, "not a mailto: URI"},
	{"a header in a subject", "mailto:a@x?subject=b%0D%0ABcc:%20c@x", mail{}, "line break"},
	{"a header in a recipient", "mailto:a@x%0ABcc:c@x", mail{}, "not an address"},
	{"quotes", "mailto:%22not%40me%22@example.org", mail{}, "not an address"},
	{"no domain", "mailto:root", mail{}, "not an address"},
	{"an option", "mailto:a@-x", mail{}, "not an address"},
	{"half an escape", "mailto:a%4", mail{}, "invalid URL escape"},
	{"NUL", "mailto:a@x?body=%00", mail{}, "NUL"},
	{"Latin-1", "mailto:a@x?subject=caf%E9", mail{}, "UTF-8"},
}

func TestParseMailto(t *testing.T) {
	for _, c := range mailtos {
		t.Run(c.name, func(t *testing.T) {
			got, err := portal.ParseMailto(c.uri)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("want an error with %q, got %v", c.err, err)
				}
				return
			}
			if diff := cmp.Diff(c.mail, got); err != nil || diff != "" {
				t.Errorf("error %v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// What was read is written so that it reads the same, and nothing hostile is in what was read.
func FuzzParseMailto(f *testing.F) {
	for _, c := range mailtos {
		f.Add(c.uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		m, err := portal.ParseMailto(uri)
		if err != nil {
			return
		}
		if m.Attachments != nil || strings.ContainsAny(m.Subject, "\r\n\x00") {
			t.Fatalf("%q: %+v", uri, m)
		}
		again, err := portal.ParseMailto(m.URI())
		if diff := cmp.Diff(m, again); err != nil || diff != "" {
			t.Fatalf("%q: error %v, -first +second:\n%s", m.URI(), err, diff)
		}
	})
}
