package tests

import (
	"flag"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// edges are imports that must never be. A pattern ending in /... covers the packages below too.
var edges = []struct{ from, to, reason string }{
	{"snug/sandbox/internal/program", "snug/sandbox", "the child's program is raw system calls; it must be readable without the Spec"},
	{"snug/sandbox/internal/program", "snug/manifests/...", "likewise"},
	{"snug/sandbox/internal/program", "fmt", "what runs between clone and exec must not format"},
	{"snug/sandbox", "snug/sandbox/bwrap", "a front end knows the engine, never the other way round"},
	{"snug/sandbox/bwrap", "fmt", "the launch path of every caller of bwrap starts faster without"},
	{"snug/caps/...", "snug/sandbox/...", "rights are data; who applies them is the engine's affair"},
	{"snug/caps/...", "snug/manifests/...", "likewise"},
	{"snug/sandbox/...", "snug/manifests/...", "the engine never knows its own front ends"},
	{"snug/sandbox/...", "snug/cmd/...", "likewise"},
	{"snug/sandbox/...", "github.com/pelletier/go-toml/v2/...", "the engine reads no configuration"},
	{"snug/sandbox/...", "encoding/json", "nor does it speak JSON to itself: that was CVE-2024-21626's neighbourhood, and slow"},
	{"snug/sandbox/...", "github.com/godbus/dbus/v5", "the engine knows no desktop"},
	{"snug/sandbox/...", "snug/systemdimg/...", "the engine never knows what is made of it"},
	{"snug/sandbox/cgroup", "snug/sandbox", "groups are folders, whatever runs in them"},
	{"snug/systemdimg/...", "snug/cmd/...", "a library never knows the command line"},
	{"snug/systemdimg/...", "snug/manifests/...", "a system is no app"},
	{"snug/systemdimg", "snug/sandbox/cgroup", "whose group it is in is decided by who runs it"},
	{"snug/systemdimg", "github.com/godbus/dbus/v5", "a system is described without asking anybody"},
	{"snug/cmd/internal/boot", "github.com/godbus/dbus/v5", "snug-scope asks the service manager"},
	{"snug/manifests/...", "snug/cmd/...", "a library never knows the command line"},
	{"snug/manifests", "snug/manifests/compose", "what a manifest says does not depend on the machine"},
	{"snug/manifests", "snug/caps/...", "likewise; of the engine it knows the type Origin alone"},
	{"snug/manifests/internal/...", "snug/manifests", "words and files are judged without knowing what they are for"},
	{"snug/manifests/internal/...", "snug/sandbox/...", "likewise"},
	{"snug/manifests/draft", "snug/manifests/compose", "a proposal is the same on every machine that has the same bases"},
	{"snug/manifests/draft", "os", "what it reads of is handed to it"},
	{"snug/manifests/reference", "snug/manifests/compose", "the schema is written down without looking at a machine"},
	{"snug/manifests", "snug/manifests/draft", "what a manifest says does not depend on how it came to be"},
	{"snug/manifests/desktop", "snug/manifests", "desktop files are text, and others read them too"},
	{"snug/manifests/desktop", "snug/sandbox/...", "likewise"},
	{"snug/manifests/wrap", "snug/manifests", "launchers are made to start an app without knowing what it may reach"},
	{"snug/manifests/wrap", "snug/sandbox/...", "likewise"},
	{"snug/manifests/wrap", "os/exec", "it writes what starts programs, and starts none"},
	{"snug/portals/...", "snug/sandbox/...", "a broker knows protocols, and nothing of how its app is confined"},
	{"snug/portals/...", "snug/manifests/...", "what it lets through is data"},
	{"snug/portals/...", "snug/cmd/...", "a library never knows the command line"},
	{"snug/portals/...", "github.com/godbus/dbus/v5", "it decodes bodies, and loses serials and descriptors"},
	{"snug/portals/...", "net", "its poller and its addresses cost allocations for each message; unix sockets need none"},
	{"snug/portals/dbus", "snug/portals", "a protocol does not know whose broker it serves"},
	{"snug/portals/wayland", "snug/portals", "likewise"},
	{"snug/portals/wayland", "snug/portals/dbus", "a display knows no bus"},
	{"snug/portals/wayland", "encoding/json", "the log is written, never read"},
	{"snug/portals/internal/relay", "snug/portals/wayland", "bytes are carried without knowing what they say"},
	{"snug/portals/pulse", "snug/portals", "likewise"},
	{"snug/portals/pulse", "snug/portals/dbus", "sound has nothing to do with buses"},
	{"snug/portals/internal/relay", "snug/portals/pulse", "bytes are carried without knowing what they say"},
	{"snug/portals/decisions", "snug/portals/pulse", "what was decided is told without knowing of what"},
	{"snug/portals/internal/relay", "snug/portals/dbus", "bytes are carried without knowing what they say"},
	{"snug/portals/decisions", "snug/portals/dbus", "what was decided is told without knowing of what"},
	{"snug/portals/dbus", "snug/portals/dbusproxy", "a front end knows the filter, never the other way round"},
	{"snug/portals/dbus", "encoding/json", "the log is written, never read"},
	{"snug/systemdimg/layer", "snug/sandbox/...", "archives are unpacked without knowing what confines who unpacks them"},
	{"snug/systemdimg/layer", "os/exec", "it starts nothing: compression is read in the same process"},
	{"snug/systemdimg/layer", "path/filepath", "names of archives are single components below descriptors; there are no paths to join or clean"},
	{"snug/cmd/internal/brokers", "snug/cmd/internal/instances", "who keeps the account of running sandboxes starts their brokers, not the other way round"},
	{"snug/cmd/internal/...", "snug/manifests/...", "running sandboxes are found without knowing what a manifest is"},
	{"snug/cmd/internal/homes", "snug/sandbox/...", "folders that apps have filled, whether or not any sandbox runs"},
	{"snug/cmd/internal/homes", "snug/cmd/internal/instances", "who asks for a removal knows whether the app runs"},
	{"snug/cmd/internal/copies", "snug/sandbox/...", "an end of a copy is handed its root, and does not know how it is confined"},
	{"snug/cmd/snug", "snug/systemdimg/layer", "archives and their compression belong to programs of their own"},
	{"snug/cmd/internal/plain", "snug/...", "text is made safe without knowing whose it is"},
	{"snug/cmd/internal/units", "snug/sandbox/...", "a unit is text, and who runs it is not known here"},
	{"snug/cmd/internal/opener", "github.com/godbus/dbus/v5", "command lines are read without knowing how a bus is spoken to"},
	{"snug/cmd/internal/opener", "snug/sandbox/...", "it lies in sandboxes, and is no part of what makes them"},
	{"snug/cmd/internal/question", "snug/sandbox/...", "a person is asked without knowing what enforces the answer"},
	{"snug/cmd/internal/question", "snug/portals/...", "it is a client, and stands on the other side of the filter"},
	{"snug/cmd/internal/portal", "snug/cmd/internal/opener", "who asks the desktop does not depend on who wants to know"},
	{"snug/cmd/internal/portal", "snug/portals/...", "it is a client, and stands on the other side of the filter"},
	{"snug/systemdimg/store", "snug/systemdimg", "what lies on the disk is found without knowing how it came there"},
	{"snug/systemdimg/store", "snug/systemdimg/layer", "likewise"},
	{"snug/systemdimg/store", "snug/systemdimg/worker/...", "likewise"},
	{"snug/systemdimg/store", "snug/systemdimg/source", "likewise"},
	{"snug/systemdimg/subid", "os/exec", "maps are found without starting anybody; who writes them asks newuidmap"},
	{"snug/systemdimg/store", "net/http", "who boots an image links it"},
	{"snug/systemdimg/store", "github.com/google/go-containerregistry/...", "likewise"},
	{"snug/systemdimg/worker", "snug/systemdimg/source", "who works in a sandbox does not know where its stream comes from"},
	{"snug/systemdimg/worker", "net/http", "it has no network"},
	{"snug/systemdimg/worker/recipe", "snug/...", "a codec knows nobody"},
	{"snug/systemdimg/...", "snug/manifests/...", "an image is no app"},
	{"snug/systemdimg/...", "snug/cmd/...", "a library never knows the command line"},
	{"snug/sandbox/...", "snug/systemdimg/...", "the engine never knows its own front ends"},
	{"snug/cmd/snug", "snug/systemdimg/source", "registries belong to a program of their own, snug-image"},
	{"snug/cmd/snug-open", "snug/cmd/internal/portal", "main knows the command lines alone"},
}

// linked are packages that the launch path must not link.
var linked = []struct{ name, reason string }{
	{"net/http", "megabytes of code, and work before main"},
	{"crypto/tls", "belongs to a program of its own, snug-image"},
	{"text/template", "reflection that keeps every exported method alive"},
	{"html/template", "likewise"},
	{"go/parser", "no part of a launcher"},
	{"github.com/coreos/go-systemd/v22/dbus", "belongs to a program of its own, snug-scope"},
	{"testing", "no part of a program"},
	{"log", "silent on success"},
	{"os/user", "reads the user database by itself"},
	{"net", "work before main"},
	{"encoding/json", "work before main"},
	{"regexp", "compiled at every start"},
}

// known are debts of the launch path: what is linked all the same, and why it costs nothing that
// tests/bench would show.
var known = map[string]string{
	"net":           "github.com/spf13/pflag has flags for addresses",
	"os/user":       "archive/tar has it, and snug cp reads archives",
	"encoding/json": "seccomp profiles are JSON, and so is --json",
}

func TestImports(t *testing.T) {
	imports := map[string][]string{}
	for l := range strings.Lines(run(t, "..", "go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")) {
		words := strings.Fields(l)
		imports[words[0]] = words[1:]
	}
	for _, e := range edges {
		found := false
		for from, list := range imports {
			if !covers(e.from, from) {
				continue
			}
			found = true
			for _, to := range list {
				if covers(e.to, to) {
					t.Errorf("%s imports %s: %s", from, to, e.reason)
				}
			}
		}
		if !found {
			t.Errorf("the table has an edge from %s, which is not there any more", e.from)
		}
		if strings.HasPrefix(e.to, "snug/") && !slices.ContainsFunc(keys(imports), func(p string) bool { return covers(e.to, p) }) {
			t.Errorf("the table has an edge to %s, which is not there any more", e.to)
		}
	}
}

func keys(m map[string][]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

func covers(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == prefix || strings.HasPrefix(name, prefix+"/")
	}
	return name == pattern
}

// asks are the debts of snug-open, which starts nothing: godbus, a client of buses, knows TCP and looks
// for the user by itself.
var asks = map[string]string{"net": "github.com/godbus/dbus/v5", "os/user": "github.com/godbus/dbus/v5"}

// carries are the debts of snug-image, which starts no apps: it speaks to registries.
var carries = map[string]string{
	"net/http":      "registries",
	"crypto/tls":    "registries",
	"net":           "registries",
	"log":           "github.com/google/go-containerregistry, which is not told to log",
	"encoding/json": "manifests",
	"regexp":        "github.com/google/go-containerregistry",
	"os/user":       "github.com/docker/cli",
}

// What the programs link, a package a line, is read in every review. Internal packages of Go's own
// library are left out: they change from release to release.
func TestLinkedPackages(t *testing.T) {
	for program, debts := range map[string]map[string]string{"snug": known, "snug-image": carries, "snug-bwrap": nil, "snug-dbus-proxy": nil, "snug-broker": nil, "snug-open": asks} {
		list := dependencies(t, "./cmd/"+program)
		golden(t, "golden/linked-"+program+".txt", strings.Join(list, "\n")+"\n")
		for _, no := range linked {
			if slices.Contains(list, no.name) != (debts[no.name] != "") {
				t.Errorf("%s: %s: linked is %v, known debt is %q; the reason against it: %s", program, no.name, slices.Contains(list, no.name), debts[no.name], no.reason)
			}
		}
	}
}

func dependencies(t *testing.T, program string) (list []string) {
	for l := range strings.Lines(run(t, "..", "go", "list", "-deps", program)) {
		name := strings.TrimSpace(l)
		if strings.HasPrefix(name, "snug/") || !slices.Contains(strings.Split(path.Clean(name), "/"), "internal") && !strings.HasPrefix(name, "vendor/") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// golden compares with a file of the tree; -update writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test ./tests -run %s -update writes it anew), -want +got:\n%s", file, t.Name(), diff)
	}
}
