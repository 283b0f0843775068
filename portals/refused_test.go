package portals

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRefusals writes down what an app is refused: all of it counted, one name that a bus could have,
// and never more than fits.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		wanted []string
		want   Refusals
	}{
		{"nothing", nil, Refusals{}},
		{"calls", []string{"", "", ""}, Refusals{Count: 3}},
		{"the first name", []string{"", "org.example.A", "org.example.B", ""}, Refusals{4, "session", "org.example.A"}},
		{"no names", []string{"x", ":1.5", "a b.c", "a.b\nsession c.d", "\x1b[2J.x", "org.example.*", strings.Repeat("a.", 200) + "b"}, Refusals{Count: 7}},
		{"more than fits", make([]string, 1<<20), Refusals{Count: 1 << 16}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pipe[0])
			r := &refusals{fd: pipe[1]}
			for _, name := range tt.wanted {
				r.on("session")(name)
			}
			unix.Close(pipe[1])
			text := make([]byte, 1<<17)
			n, _ := unix.Read(pipe[0], text)
			if got := ParseRefusals(text[:n]); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestParseRefusals reads what a broker that was taken over might write.
func TestParseRefusals(t *testing.T) {
	for _, text := range []string{"session \x1b[2J.x\n", "elsewhere a.b\n", "session a.b c.d\n", "session\n", " \n"} {
		if got := ParseRefusals([]byte(text)); got != (Refusals{Count: 1}) {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
