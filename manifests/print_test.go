package manifests_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// values are what a manifest says, without where.
func values(m *manifests.Manifest) (list []string) {
	codes := map[string]bool{"files:HOME": true}
	for grant := range m.Grants() {
		codes[string(grant.Danger)] = true
	}
	for grant := range m.Grants() {
		switch name := grant.Key.Name; {
		case name == "extends", name == "without", name == "accept" && !codes[grant.Value]:
		default:
			list = append(list, name+"="+grant.Value)
		}
	}
	for c := range m.Elsewhere() {
		if c.Key.Name != "accept" {
			list = append(list, c.String())
		}
	}
	return list
}

// TestPrint prints merged manifests: each comes back as the same, and every line names its origin.
func TestPrint(t *testing.T) {
	texts := map[string][]string{
		"nothing": {""},
		"layers": {`schema = 1
id = "org.example.App"
command = ["sh", "-c", 'echo "a b" \ "$1"']
accept = ["network-host", "files:HOME", "x11-raw"]
[files]
read = ["~/a", "?xdg-music"]
[display]
x11 = "raw"
[network]
mode = "host"
[process]
env = { A = "1 \" \\ ü", B = "" }
[limits]
files = 7
`, `extends = ["x"]
without = ["files.read:~/a", "display"]
instances = "one"
[files]
read = ["~/b"]
live = true
[bus.session]
talk = ["org.example.B"]
call = ["org.example.C=org.example.I.*@/"]
[bus.a11y]
enable = true
[process]
env = { B = "2" }
[[if]]
when = "nvidia"
devices.compute = true
[[if]]
when = "desktop=kde"
bus.session.talk = ["org.example.B", "org.example.D"]
process.env = { C = "3" }
[[if]]
when = "x11"
devices.compute = true
`},
	}
	for name, layers := range texts {
		t.Run(name, func(t *testing.T) {
			first, err := merge(t, manifests.Facts{Has: has("nvidia")}, nil, layers...)
			if err != nil {
				t.Fatal(err)
			}
			text := string(first.TOML())
			second, err := merge(t, manifests.Facts{}, nil, text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if diff := cmp.Diff(values(first), values(second)); diff != "" {
				t.Errorf("-first +printed:\n%s\n%s", diff, text)
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, "=") && !strings.Contains(line, "= [") && !strings.Contains(line, "# ") {
					t.Errorf("no origin: %s", line)
				}
			}
		})
	}
}

func TestPrintBuiltIn(t *testing.T) {
	catalogue := manifests.Catalogue{}
	for _, id := range catalogue.IDs() {
		layers, err := catalogue.Load(manifests.App{ID: id, Known: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, facts := range []manifests.Facts{{}, {Has: has("wayland", "x11", "nvidia", "portal")}} {
			first, err := manifests.Merge(layers, nil, facts)
			if err != nil {
				t.Fatal(err)
			}
			second, err := merge(t, manifests.Facts{}, nil, string(first.TOML()))
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if diff := cmp.Diff(values(first), values(second)); diff != "" {
				t.Errorf("%s: -merged +printed:\n%s", id, diff)
			}
		}
	}
}

// FuzzPrint: whatever merges comes back from its own print.
func FuzzPrint(f *testing.F) {
	f.Add("schema = 1\n[files]\nread = [\"~/a\"]\n", "accept = [\"x11-raw\"]\n[display]\nx11=\"raw\"\n")
	f.Add("[process.env]\nA = \"\\\\ \\\" \\U0001F600\"\n", "limits.files = 0x10")
	f.Fuzz(func(t *testing.T, one, two string) {
		a, err := manifests.Parse("a", []byte(one))
		if err != nil {
			return
		}
		b, err := manifests.Parse("b", []byte(two))
		if err != nil {
			return
		}
		first, err := manifests.Merge([]*manifests.Layer{a, b}, nil, manifests.Facts{})
		if err != nil || len(one)+len(two) > 8000 { // a merged list may be longer than one file's
			return
		}
		printed, err := manifests.Parse("printed", first.TOML())
		if err != nil {
			t.Fatalf("%v\n%s", err, first.TOML())
		}
		second, err := manifests.Merge([]*manifests.Layer{printed}, nil, manifests.Facts{})
		if err != nil {
			t.Fatalf("%v\n%s", err, first.TOML())
		}
		if diff := cmp.Diff(values(first), values(second)); diff != "" {
			t.Fatalf("%s\n%s", diff, first.TOML())
		}
	})
}
