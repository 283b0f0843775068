package manifests_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// has are the facts of a machine.
func has(facts ...string) func(string) bool {
	return func(fact string) bool { return slices.Contains(facts, fact) }
}

// TestMerge is the table of the merge rules: files a, b, … and flags in, grants out.
func TestMerge(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		flags []string
		facts manifests.Facts
		want  string
	}{
		{"nothing grants nothing", []string{""}, nil, manifests.Facts{}, ""},
		{"scalars: last wins", []string{"display.both = true\nhome.mode = \"private\"", "display.both = false"}, nil, manifests.Facts{},
			"home.mode=private a:2\ndisplay.both=false b:1\n"},
		{"lists add, first origin stays", []string{`files.read = ["/a", "/b", "/a"]`, `files.read = ["/c", "/b"]`}, nil, manifests.Facts{},
			"files.read=/a a:1\nfiles.read=/b a:1\nfiles.read=/c b:1\n"},
		{"a path that may be missing is another entry", []string{`files.read = ["?/a"]`, `files.read = ["/a"]`}, nil, manifests.Facts{},
			"files.read=?/a a:1\nfiles.read=/a b:1\n"},
		{"variables add, one value each", []string{`process.env = { A = "1", B = "1" }`, `process.env = { A = "2", B = "1" }`}, nil, manifests.Facts{},
			"process.env=A=2 b:1\nprocess.env=B=1 a:1\n"},
		{"a command replaces, words may repeat", []string{`command = ["a", "x"]`, `command = ["b", "y", "y"]`}, nil, manifests.Facts{},
			"command=b b:1\ncommand=y b:1\ncommand=y b:1\n"},
		{"flags last", []string{"files.read = [\"/a\"]\nhome.mode = \"private\""}, []string{"read=/b", "read=/a", "home=ephemeral", "gpu="}, manifests.Facts{},
			"home.mode=ephemeral --home, argument 3\nfiles.read=/a a:1\nfiles.read=/b --read, argument 1\ndevices.gpu=true --gpu, argument 4\n"},

		{"without a value", []string{`files.read = ["/a", "/b"]`, `without = ["files.read:/a"]`}, nil, manifests.Facts{},
			"without=files.read:/a b:1\nfiles.read=/b a:1\n"},
		{"without what lies below", []string{`files.read = ["~/x", "?~/x/y", "~/xy"]`, `without = ["files.read:~/x"]`}, nil, manifests.Facts{},
			"without=files.read:~/x b:1\nfiles.read=~/xy a:1\n"},
		{"without a bus name and what is below", []string{`bus.session.talk = ["org.a11y.Bus", "org.a11y.*", "org.a11yx.Y"]`, `without = ["bus.session.talk:org.a11y.*"]`}, nil, manifests.Facts{},
			"without=bus.session.talk:org.a11y.* b:1\nbus.session.talk=org.a11yx.Y a:1\n"},
		{"without a table", []string{"[files]\nread = [\"/a\"]\narguments = \"write\"\n[devices]\ngpu = true", `without = ["files"]`}, nil, manifests.Facts{},
			"without=files b:1\ndevices.gpu=true a:5\n"},
		{"without a variable", []string{`process.env = { MOZ_A = "1", B = "2" }`, `without = ["process.env:MOZ_*"]`}, nil, manifests.Facts{},
			"without=process.env:MOZ_* b:1\nprocess.env=B=2 a:1\n"},
		{"without before own grants", []string{`files.read = ["/a"]`, "without = [\"files.read\"]\nfiles.read = [\"/a\", \"/c\"]"}, nil, manifests.Facts{},
			"without=files.read b:1\nfiles.read=/a b:2\nfiles.read=/c b:2\n"},
		{"without takes nothing from above", []string{"without = [\"files.read:/a\"]", `files.read = ["/a"]`}, nil, manifests.Facts{},
			"without=files.read:/a a:1\nfiles.read=/a b:1\nwarning a:1: without: \"files.read:/a\" takes nothing away\n  hint: leave it out\n"},
		{"without a scalar of another value", []string{`home.mode = "private"`, `without = ["home.mode:ephemeral"]`}, nil, manifests.Facts{},
			"without=home.mode:ephemeral b:1\nhome.mode=private a:1\nwarning b:1: without: \"home.mode:ephemeral\" takes nothing away\n  hint: leave it out\n"},
		{"without by flag", []string{`files.read = ["/a"]`}, []string{"without=files"}, manifests.Facts{},
			"without=files --without, argument 1\n"},

		{"if adds where it holds", []string{"[[if]]\nwhen = \"nvidia\"\ndevices.compute = true\n[[if]]\nwhen = \"!nvidia\"\ndevices.gpu = true"}, nil,
			manifests.Facts{Has: has("nvidia")}, "devices.compute=true a:3\n"},
		{"if of a lower layer comes after all files", []string{"[[if]]\nwhen = \"x11\"\nhome.mode = \"private\"", `home.mode = "ephemeral"`}, nil,
			manifests.Facts{Has: has("x11")}, "home.mode=private a:3\n"},
		{"flags come after if", []string{"[[if]]\nwhen = \"x11\"\nhome.mode = \"private\""}, []string{"home=ephemeral"},
			manifests.Facts{Has: has("x11")}, "home.mode=ephemeral --home, argument 1\n"},
		{"without of a file leaves if alone", []string{"[[if]]\nwhen = \"x11\"\ndevices.gpu = true", "devices.gpu = true", "without = [\"devices\"]"}, nil,
			manifests.Facts{Has: has("x11")}, "without=devices c:1\ndevices.gpu=true a:3\n"},

		{"dangers are marked", []string{"accept = [\"x11-raw\"]\ndisplay.x11 = \"raw\""}, nil, manifests.Facts{},
			"accept=x11-raw a:1\ndisplay.x11=raw a:2 !x11-raw\n"},
		{"a flag accepts for itself", []string{""}, []string{"network=host"}, manifests.Facts{},
			"network.mode=host --network, argument 1 !network-host\n"},
		{"a stricter flag leaves accept alone", []string{"accept = [\"x11-raw\"]\ndisplay.x11 = \"raw\""}, []string{"x11=off"}, manifests.Facts{},
			"accept=x11-raw a:1\ndisplay.x11=off --x11, argument 1\n"},
		{"an if that does not hold uses its code", []string{"accept = [\"x11-raw\"]\n[[if]]\nwhen = \"!wayland\"\ndisplay.x11 = \"raw\""}, nil,
			manifests.Facts{Has: has("wayland")}, "accept=x11-raw a:1\n"},
		{"a base's code counts", []string{`accept = ["network-host"]`, `network.mode = "host"`}, nil, manifests.Facts{},
			"accept=network-host a:1\nnetwork.mode=host b:1 !network-host\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var typed *manifests.Layer
			if test.flags != nil {
				typed = flags(t, test.flags...)
			}
			m, err := merge(t, test.facts, typed, test.files...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, dump(m)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMergeDefaults pins what a manifest that says nothing means.
func TestMergeDefaults(t *testing.T) {
	m, err := merge(t, manifests.Facts{}, nil, "home.mode = \"private\"\nsystem.hostname = \"box\"", `without = ["home", "system"]`)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{m.Instances.Value, m.System.Root.Value, m.System.Hostname.Value, m.Home.Mode.Value, m.Files.Arguments.Value,
		m.Display.Wayland.Value, m.Display.X11.Value, m.Display.Clipboard.Value, m.Sound.Record.Value, m.Devices.Camera.Value,
		m.Devices.Printer.Value, m.Network.Mode.Value, m.Process.Seccomp.Value, m.Limits.Core.Value, m.Limits.Memory.Value}
	want := []string{"many", "host", "snug", "ephemeral", "off", "off", "off", "off", "off", "off", "off", "off", "default", "0", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if m.Schema.Value != 1 || m.Home.Mode.Origin != "" {
		t.Errorf("schema %v, origin of a default %q", m.Schema.Value, m.Home.Mode.Origin)
	}
}

// TestMergeLeavesLayersAlone merges the same layers twice, under facts that change much.
func TestMergeLeavesLayersAlone(t *testing.T) {
	layers := []*manifests.Layer{
		parse(t, "a", "command = [\"a\"]\nfiles.read = [\"/a\", \"/b\"]\nprocess.env = { A = \"1\" }\n[[if]]\nwhen = \"x11\"\nprocess.env = { A = \"2\" }\nfiles.read = [\"/c\"]"),
		parse(t, "b", "without = [\"files.read:/a\"]\nfiles.read = [\"/d\"]\ncommand = [\"b\"]"),
	}
	first, err := manifests.Merge(layers, nil, manifests.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	want := dump(first)
	if _, err := manifests.Merge(layers, flags(t, "read=/e"), manifests.Facts{Has: has("x11")}); err != nil {
		t.Fatal(err)
	}
	again, _ := manifests.Merge(layers, nil, manifests.Facts{})
	if diff := cmp.Diff(want, dump(again)); diff != "" {
		t.Error(diff)
	}
}

func TestMergeFacts(t *testing.T) {
	all := manifests.Facts{Has: has("wayland", "x11", "nvidia", "portal"), Desktop: "ubuntu:GNOME", Host: "login3.example"}
	tests := []struct {
		when  string
		facts manifests.Facts
		want  bool
	}{
		{"wayland", all, true}, {"wayland", manifests.Facts{}, false},
		{"x11", all, true}, {"!x11", all, false}, {"!x11", manifests.Facts{}, true},
		{"nvidia", all, true}, {"portal", all, true}, {"portal", manifests.Facts{}, false},
		{"desktop=gnome", all, true}, {"desktop=kde", all, false}, {"!desktop=kde", all, true}, {"desktop=ubuntu:GNOME", all, false},
		{"host=login*", all, true}, {"host=*.example", all, true}, {"host=l*3*e", all, true},
		{"host=login3", all, false}, {"host=*x", all, false}, {"host=login3.example", all, true}, {"host=*", manifests.Facts{}, true},
	}
	for _, test := range tests {
		m, err := merge(t, test.facts, nil, "[[if]]\nwhen = \""+test.when+"\"\ndevices.gpu = true")
		if err != nil {
			t.Fatal(err)
		}
		if m.Devices.GPU.Value != test.want {
			t.Errorf("%s with %+v: %v, want %v", test.when, test.facts, !test.want, test.want)
		}
	}
}

func TestMergeBounds(t *testing.T) {
	var layers []*manifests.Layer
	for i := range 6 {
		layer := new(manifests.Layer)
		for j := range 1000 {
			path := "/" + strings.Repeat("a", i+1) + "/" + strings.Repeat("b", j/26+1) + string(rune('a'+j%26))
			layer.Files.Read = append(layer.Files.Read, manifests.Text{Value: path, Origin: "f:1"})
		}
		layers = append(layers, layer)
	}
	_, err := manifests.Merge(layers, nil, manifests.Facts{})
	if want := "f:1: files.read has more than 4096 entries\n  hint: grant a folder, not its files"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
