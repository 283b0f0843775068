package dbus

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bus"
)

// options is a body of a text and a dictionary of two texts, in little endian.
const options = "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x4c\x00\x00\x00\x00\x00\x00\x00" +
	"\x0c\x00\x00\x00handle_token\x00\x01s\x00\x00\x00\x00\x00" + "\x03\x00\x00\x00tok\x00\x00\x00\x00\x00" +
	"\x09\x00\x00\x00autostart\x00\x01b\x00\x00\x00\x00\x01\x00\x00\x00"

func TestReadOptions(t *testing.T) {
	body := []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, tt := range []struct {
		name, signature, body string
		want                  map[string]any
		ok                    bool
	}{
		{"nothing", "sa{sv}", string(body), map[string]any{}, true},
		{"another signature", "s", string(body), nil, false},
		{"cut", "sa{sv}", string(body[:9]), nil, false},
		{"empty", "sa{sv}", "", nil, false},
		{"more behind", "sa{sv}", string(body) + "x", nil, false},
		{"an array beyond the end", "sa{sv}", "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x00", nil, false},
		{"padding that is not zero", "sa{sv}", "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", nil, false},
	} {
		got, err := readOptions(tt.signature, []byte(tt.body), false)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if tt.ok {
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}
	}
}

// FuzzReadOptions: no body makes the reader panic, or read beyond it.
func FuzzReadOptions(f *testing.F) {
	f.Add([]byte(options), false)
	f.Add([]byte(bus.String("")+"\x00\x00\x00\x00\x00\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, body []byte, big bool) {
		options, err := readOptions("sa{sv}", body, big)
		if err == nil && len(options) > len(body) {
			t.Fatalf("%d options from %d bytes", len(options), len(body))
		}
	})
}

// FuzzReaddress: a header with another destination is one, and differs in that alone.
func FuzzReaddress(f *testing.F) {
	for _, big := range []bool{false, true} {
		f.Add(bus.Message{Big: big, Type: bus.Call, Serial: 7, Path: "/x", Interface: "a.b", Member: "Do", Destination: "com.example.App", Signature: "s", Body: bus.String("x")}.Bytes())
		f.Add(bus.Message{Big: big, Type: bus.Signal, Serial: 7, Path: "/", Interface: "a.b", Member: "D", Destination: "a.b"}.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, got header
		if whole, err := h.parse(b); !whole || err != nil || len(h.destination()) == 0 {
			return
		}
		out := readdress(nil, b[:h.size], &h, ":1.42")
		if whole, err := got.parse(out); !whole || err != nil || got.size != len(out) {
			t.Fatalf("%q became %q: %v, %v", b[:h.size], out, whole, err)
		}
		if string(got.destination()) != ":1.42" || got.fields != h.fields || got.serial != h.serial || got.body != h.body || got.fds != h.fds ||
			string(got.member()) != string(h.member()) || string(got.path()) != string(h.path()) || string(got.signature()) != string(h.signature()) {
			t.Fatalf("%q became %q", b[:h.size], out)
		}
	})
}
