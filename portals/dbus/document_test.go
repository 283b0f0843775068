package dbus

import "testing"

// What a service answers is a list of strings, whole, or no answer.
func TestFirstOfList(t *testing.T) {
	for _, tt := range []struct {
		name, signature, body, want string
	}{
		{"one", "asa{sv}", "\x07\x00\x00\x00\x02\x00\x00\x00ab\x00", "ab"},
		{"empty", "as", "\x00\x00\x00\x00", ""},
		{"another type", "ay", "\x07\x00\x00\x00\x02\x00\x00\x00ab\x00", ""},
		{"no body", "as", "", ""},
		{"longer than the message", "as", "\x07\x00\x00\x00\xff\xff\xff\xffab\x00", ""},
		{"longer than the list", "as", "\x06\x00\x00\x00\x02\x00\x00\x00ab\x00", ""},
		{"without its end", "as", "\x07\x00\x00\x00\x02\x00\x00\x00abc", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h header
			h.text[fieldSignature] = []byte(tt.signature)
			got, err := h.firstOfList([]byte(tt.body))
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("want %q, got %q, %v", tt.want, got, err)
			}
		})
	}
}
