package compose_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"snug/manifests/compose"
)

// xauth writes one entry of an authority file.
func xauth(family uint16, address, number, name, data string) []byte {
	entry := binary.BigEndian.AppendUint16(nil, family)
	for _, text := range []string{address, number, name, data} {
		entry = binary.BigEndian.AppendUint16(entry, uint16(len(text)))
		entry = append(entry, text...)
	}
	return entry
}

const magic = "MIT-MAGIC-COOKIE-1"

func TestFindCookie(t *testing.T) {
	const local, wild, inet = 256, 65535, 0
	join := func(entries ...[]byte) []byte { return bytes.Join(entries, nil) }
	tests := []struct {
		name string
		file []byte
		want string // the cookie; empty: none
	}{
		{"empty", nil, ""},
		{"ours", join(xauth(local, "desk", "0", magic, "c0")), "c0"},
		{"another display", join(xauth(local, "desk", "1", magic, "c1")), ""},
		{"any display", join(xauth(local, "desk", "", magic, "c")), "c"},
		{"another host only", join(xauth(local, "old", "0", magic, "c")), "c"},
		{"ours before another", join(xauth(local, "old", "0", magic, "x"), xauth(local, "desk", "0", magic, "c")), "c"},
		{"wild before another", join(xauth(local, "old", "0", magic, "x"), xauth(wild, "", "0", magic, "c")), "c"},
		{"ours before wild", join(xauth(wild, "", "0", magic, "x"), xauth(local, "desk", "0", magic, "c")), "c"},
		{"the first of two", join(xauth(local, "desk", "0", magic, "c"), xauth(local, "desk", "0", magic, "x")), "c"},
		{"a network's", join(xauth(inet, "\x0a\x00\x00\x01", "0", magic, "c")), ""},
		{"another method", join(xauth(local, "desk", "0", "XDM-AUTHORIZATION-1", "c")), ""},
		{"cut off", join(xauth(local, "desk", "0", magic, "c"))[:20], ""},
		{"cut off after ours", append(xauth(local, "desk", "0", magic, "c"), 1, 0, 255, 255), "c"},
		{"length beyond the end", []byte{1, 0, 255, 255, 'x'}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found := compose.FindCookie(tt.file, "desk", "0")
			if found != (tt.want != "") {
				t.Fatalf("found %v", found)
			}
			if !found {
				return
			}
			// One entry for any host, whatever its name inside.
			for _, number := range []string{"0", ""} {
				if bytes.Equal(got, xauth(wild, "", number, magic, tt.want)) {
					return
				}
			}
			t.Errorf("got %q", got)
		})
	}
}

// FuzzFindCookie checks that what comes out is one entry of the file, for the display, and that
// nothing else of the file comes along.
func FuzzFindCookie(f *testing.F) {
	f.Add(append(xauth(256, "desk", "0", magic, "c0"), xauth(65535, "", "", magic, "c1")...), "desk", "0")
	f.Add([]byte{1, 0, 255}, "desk", "1")
	f.Fuzz(func(t *testing.T, file []byte, hostname, number string) {
		got, found := compose.FindCookie(file, hostname, number)
		if !found {
			if got != nil {
				t.Fatal("a cookie that was not found")
			}
			return
		}
		if len(got) > len(file) {
			t.Fatalf("%d bytes of %d", len(got), len(file))
		}
		again, found := compose.FindCookie(got, hostname, number)
		if !found || !bytes.Equal(again, got) {
			t.Fatalf("%q became %q", got, again)
		}
	})
}
