package manifests_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// elsewhere prints what a manifest adds on other machines, one value a line.
func elsewhere(m *manifests.Manifest) string {
	var lines []string
	for c := range m.Elsewhere() {
		line := fmt.Sprintf("%s %s", c.String(), c.Origin)
		if c.Danger != "" {
			line += fmt.Sprintf(" !%s %v", c.Danger, c.Accepts(string(c.Danger)))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestElsewhere is what the [[if]] that do not hold add beyond the rest.
func TestElsewhere(t *testing.T) {
	const text = `accept = ["x11-raw"]
display.x11 = "raw"
files.read = ["~/a"]
[[if]]
when = "nvidia"
accept = ["nodes"]
devices.compute = true
devices.nodes = ["/dev/ttyUSB0"]
files.read = ["~/a", "~/b"]
[[if]]
when = "!nvidia"
accept = ["network-host"]
network.mode = "host"
process.env = { A = "1" }
`
	tests := []struct {
		name  string
		facts manifests.Facts
		flags *manifests.Layer
		want  string
	}{
		{"one holds", manifests.Facts{}, nil, `if nvidia (not so here): accept = "nodes" a:6
if nvidia (not so here): files.read = "~/b" a:9
if nvidia (not so here): devices.compute = "true" a:7
if nvidia (not so here): devices.nodes = "/dev/ttyUSB0" a:8 !nodes true`},
		{"the other holds", manifests.Facts{Has: has("nvidia")}, nil, `if !nvidia (not so here): accept = "network-host" a:12
if !nvidia (not so here): network.mode = "host" a:13 !network-host true
if !nvidia (not so here): process.env = "A=1" a:14`},
		{"a flag has the last word", manifests.Facts{Has: has("nvidia")}, flags(t, "network=off", "read=~/c"), `if !nvidia (not so here): accept = "network-host" a:12
if !nvidia (not so here): process.env = "A=1" a:14`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := merge(t, tt.facts, tt.flags, text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, elsewhere(m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			again, err := merge(t, tt.facts, nil, string(m.TOML()))
			if err != nil {
				t.Fatalf("%v\n%s", err, m.TOML())
			}
			if diff := cmp.Diff(values(m), values(again)); diff != "" {
				t.Errorf("-merged +printed:\n%s\n%s", diff, m.TOML())
			}
		})
	}
}

// TestElsewhereAccepts leaves a code alone that only an [[if]] asks for which does not hold, and which
// depends on where a path leads.
func TestElsewhereAccepts(t *testing.T) {
	const text = "accept = [\"files:HOME\"]\n"
	m, err := merge(t, manifests.Facts{}, nil, text+"[[if]]\nwhen = \"nvidia\"\nfiles.read = [\"~/.ssh\"]")
	if err != nil || m.UnusedCodes() != nil {
		t.Errorf("%v, %v", err, m.UnusedCodes())
	}
	if m, err = merge(t, manifests.Facts{}, nil, text+"[[if]]\nwhen = \"nvidia\"\ndevices.gpu = true"); err != nil || m.UnusedCodes() == nil {
		t.Errorf("%v, and a code without a use passes", err)
	}
}
