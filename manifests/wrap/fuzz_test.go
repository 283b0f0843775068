package wrap_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"snug/manifests/desktop"
	"snug/manifests/wrap"
)

// FuzzLauncher: whatever a launcher holds, no Exec that a reader could find is left without snug, the bus
// does not start the program, and every line but those is there as it was.
func FuzzLauncher(f *testing.F) {
	for _, seed := range []string{
		entry + "Exec=app %U\nDBusActivatable=true\n[Desktop Action a]\nExec[de]=x --y=%f\n",
		"\r\n[Desktop Entry]\n Exec\t=\tapp\r\n[a]b]\nExec=b\n[Desktop Entry]\nExec=sh -c \"a %f \\\\$b\"",
		entry + "Exec=app\n\vExec=b\n\u00a0Exec=c\n[Exec=d\nExec[$e]=e\n#Exec=f\nexec=g\nExec =h\\n\n",
	} {
		f.Add(seed)
	}
	folders := &wrap.Folders{Data: []string{"/nowhere"}, Config: []string{"/nowhere"}, Bin: "/nowhere", Snug: "/opt/my snug"}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := desktop.Parse([]byte(text))
		if err != nil {
			return
		}
		source.Path = "/x.desktop"
		out, _, err := wrap.Launcher(folders, source, app)
		if err != nil {
			return
		}
		for line := range bytes.Lines(out) {
			// As GLib reads: white space of ASCII, and the first equals sign.
			key, value, found := strings.Cut(strings.Trim(string(line), " \t\n\v\f\r"), "=")
			key, value = strings.TrimRight(key, " \t\n\v\f\r"), strings.TrimLeft(value, " \t\n\v\f\r")
			name, _, _ := strings.Cut(key, "[")
			switch {
			case !found || strings.HasPrefix(key, "#"):
			case name == "Exec" && !strings.HasPrefix(value, `"/opt/my snug" run --launcher @`):
				t.Fatalf("%q leaves %q", text, line)
			case name == "Exec" && !strings.Contains(text, "@") && !strings.Contains(value, `"@`):
				_, own, _ := strings.Cut(value, " org.example.App ")
				words := slices.DeleteFunc(strings.Fields(own), func(w string) bool { return strings.HasPrefix(w, "@") })
				if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(words, " ")) {
					t.Fatalf("%q became %q", text, line)
				}
			case name == "DBusActivatable" && strings.HasPrefix(value, "true"):
				t.Fatalf("%q leaves %q", text, line)
			}
		}
		rest := string(out)
		for line := range strings.Lines(text) {
			key, _, found := strings.Cut(line, "=")
			if found && (strings.Contains(key, "Exec") || strings.Contains(key, "DBusActivatable")) {
				continue
			}
			at := strings.Index(rest, strings.TrimSuffix(line, "\n"))
			if at < 0 {
				t.Fatalf("%q lost %q:\n%s", text, line, out)
			}
			rest = rest[at:]
		}
	})
}
