package sandbox_test

import "testing"

// TestPWD tells the app by PWD in which folder it starts.
func TestPWD(t *testing.T) {
	for _, c := range []struct {
		name string
		dirs []string
		want string
	}{
		{"none", nil, "PWD=/\n/\n"},
		{"the first", []string{"/usr", "/etc", "/"}, "PWD=/usr\n/usr\n"},
		{"the second", []string{"/no/such", "/etc", "/"}, "PWD=/etc\n/etc\n"},
		{"the last", []string{"/no/such", "/nor/this", "/"}, "PWD=/\n/\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shell(`tr "\0" "\n" </proc/$$/environ | grep ^PWD=; readlink /proc/$$/cwd`)
			s.Process.Dirs, s.Process.PWD = c.dirs, true
			s.Process.Env = append(s.Process.Env, "PWD=/wrong", "Z=z")
			if out, _ := output(t, s); out != c.want {
				t.Errorf("got %q, want %q", out, c.want)
			}
		})
	}
}
