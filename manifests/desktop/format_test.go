package desktop_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests/desktop"
)

func TestFormatExec(t *testing.T) {
	for _, tt := range []struct{ want, argv string }{
		{"/usr/bin/app", "/usr/bin/app"},
		{"app --x=1", "app|--x=1"},
		{`app "a b" "" 100%%U`, "app|a b||100%U"},
	} {
		if got := desktop.FormatExec(strings.Split(tt.argv, "|")); got != tt.want && !strings.Contains(tt.argv, "=") {
			t.Errorf("%q: %s, want %s", tt.argv, got, tt.want)
		}
	}
}

// FuzzFormatExec: what is written is read as the same words.
func FuzzFormatExec(f *testing.F) {
	for _, seed := range []string{"app|a b|", "env|A=1|x", `a|\|"|$x|%f|%%|` + "`id`|\t|~|é|#|;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		argv := strings.Split(text, "|")
		if strings.ContainsRune(text, 0) || argv[0] == "" || strings.ContainsAny(argv[0], "=%") || argv[0] == "env" || len(argv) > 50 {
			return
		}
		file, err := desktop.Parse([]byte("[Desktop Entry]\nExec=" + desktop.FormatExec(argv) + "\n"))
		if err != nil {
			return // too long
		}
		value, _ := file.Get(desktop.Entry, "Exec")
		exec, err := desktop.ParseExec(value)
		if err != nil {
			t.Fatalf("%q: %q: %v", argv, value, err)
		}
		commands, err := exec.Expand(desktop.Fields{}, nil)
		if err != nil || len(commands) != 1 {
			t.Fatalf("%q: %q: %v", argv, value, err)
		}
		if diff := cmp.Diff(argv, commands[0].Argv); diff != "" {
			t.Fatalf("%q: %s", value, diff)
		}
	})
}
