package manifests_test

import (
	"strings"
	"testing"

	"snug/manifests"
)

// samples are good values of the keys that hold free text; of all others the schema says enough.
var samples = map[string]string{
	"id":                    "org.example.App",
	"desktop":               "app.desktop",
	"command":               "app",
	"extends":               "gtk",
	"without":               "files.read:~/src",
	"accept":                "network-host",
	"system.root":           "/srv/root",
	"system.hostname":       "box",
	"home.import":           "?~/.app",
	"files.read":            "xdg-pictures",
	"files.write":           "~/src",
	"files.create":          "xdg-data/app",
	"files.except":          "?/srv/secret",
	"devices.usb":           "1050:0407",
	"devices.nodes":         "/dev/ttyUSB0",
	"network.allow":         "*.example.org:443",
	"network.listen":        "127.0.0.1:8080",
	"bus.session.see":       "org.example.Seen",
	"bus.session.talk":      "org.example.*",
	"bus.session.own":       "org.example.App.*",
	"bus.session.call":      "org.example.B=org.example.Iface.Get@/org/example",
	"bus.session.broadcast": "org.example.B=*@/*",
	"bus.system.see":        "org.example.Seen",
	"bus.system.talk":       "org.example.*",
	"bus.system.own":        "org.example.App",
	"bus.system.call":       "org.example.B=@/org",
	"bus.system.broadcast":  "org.example.B=",
	"portals.allow":         "FileChooser",
	"process.pass":          "EDITOR",
	"process.env":           "1",
	"process.capabilities":  "CAP_NET_ADMIN",
	"process.seccomp":       "~/filter.json",
	"limits.memory":         "4G",
	"limits.core":           "unlimited",
}

// sample returns a value of a key that is not its default, as TOML and as text.
func sample(t *testing.T, key manifests.Key) (toml, text string) {
	t.Helper()
	text, found := samples[key.Name]
	switch key.Kind {
	case "flag":
		return "true", "true"
	case "number":
		if key.Name == "schema" {
			return "1", "1"
		}
		return "7", "7"
	case "decimal":
		return "1.5", "1.5"
	}
	for _, value := range key.Values.List() {
		if value != key.Default {
			text, found = value, true
		}
	}
	if !found {
		t.Fatalf("no sample for %s", key.Name)
	}
	switch key.Kind {
	case "list", "argv":
		return `["` + text + `"]`, text
	case "table":
		return `{ NAME = "` + text + `" }`, "NAME=" + text
	}
	return `"` + text + `"`, text
}

// TestSchemaEachKey parses a file with one key, for each key, and sets it by its flag: both must
// arrive as that key and no other. Beside it, a key that does not exist is refused, and so is a
// value of another type.
func TestSchemaEachKey(t *testing.T) {
	for _, key := range manifests.Schema() {
		t.Run(key.Name, func(t *testing.T) {
			toml, text := sample(t, key)
			layer := parse(t, "one.toml", key.Name+" = "+toml+"\n")
			if got, want := dumpKeys(layer), key.Name+"="+text+" one.toml:1\n"; got != want {
				t.Errorf("parsed\n got %q\nwant %q", got, want)
			}
			if key.Flag() != "" {
				byFlag := flags(t, key.Flag()+"="+text)
				want := key.Name + "=" + text + " --" + key.Flag() + ", argument 1\n"
				if got := dumpKeys(byFlag); got != want {
					t.Errorf("flag\n got %q\nwant %q", got, want)
				}
			}
			refused(t, key.Name+" = "+toml+"\n"+key.Name+"x = "+toml+"\n", "bad.toml:2:1: unknown key "+key.Name+"x")
			refused(t, key.Name+" = 1979-05-27\n", "bad.toml:1:")
			refused(t, key.Name+" = [[1]]\n", "bad.toml:1:")
			refused(t, key.Name+" = "+toml+"\n"+key.Name+" = "+toml+"\n", "twice")
		})
	}
}

// dumpKeys is dump without dangers.
func dumpKeys(layer *manifests.Layer) string {
	out := ""
	for grant := range layer.Grants() {
		out += grant.Key.Name + "=" + grant.Value + " " + string(grant.Origin) + "\n"
	}
	return out
}

func refused(t *testing.T, text, want string) {
	t.Helper()
	layer, err := manifests.Parse("bad.toml", []byte(text))
	if err == nil || layer != nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q\n got %v\nwant %s", text, err, want)
	}
}

func TestSchemaTable(t *testing.T) {
	byFlag := map[string]string{}
	for _, key := range manifests.Schema() {
		if other, taken := byFlag[key.Flag()]; taken {
			t.Errorf("%s and %s have the flag --%s", other, key.Name, key.Flag())
		}
		byFlag[key.Flag()] = key.Name
		if key.Doc == "" || strings.HasSuffix(key.Doc, ".") || len(key.Doc) > 100 {
			t.Errorf("%s: doc %q is not one line without a full stop", key.Name, key.Doc)
		}
		if key.Default != "" && key.Values != "" && !key.Values.Has(key.Default) {
			t.Errorf("%s: default %q is none of its values", key.Name, key.Default)
		}
		for _, set := range []interface{ List() []string }{key.Risky, key.Later} {
			for _, word := range set.List() {
				if key.Values != "" && !strings.HasSuffix(word, "*") && !key.Values.Has(word) {
					t.Errorf("%s: %q is none of its values", key.Name, word)
				}
			}
		}
		if (key.Danger == "") != (key.Risky == "") {
			t.Errorf("%s: danger %q for %q", key.Name, key.Danger, key.Risky)
		}
		if key.Danger != "" && !hasDanger(key.Danger) {
			t.Errorf("%s: danger %q has no row", key.Name, key.Danger)
		}
	}
	// The flags that the command line's table promises.
	for flag, key := range map[string]string{
		"read": "files.read", "write": "files.write", "network": "network.mode", "command": "command",
		"x11": "display.x11", "wayland": "display.wayland", "sound-record": "sound.record",
		"network-allow": "network.allow", "env": "process.env", "pass": "process.pass",
	} {
		if byFlag[flag] != key {
			t.Errorf("--%s is %q, want %q", flag, byFlag[flag], key)
		}
	}
}

func hasDanger(code string) bool {
	code = strings.NewReplacer(":NAME", ":org.example.App", ":FOREIGN", ":org.example.App").Replace(code)
	return manifests.Danger(code).Why() != ""
}

// TestSchemaInThisVersion pins what has its machinery: a row that moves is a decision.
func TestSchemaInThisVersion(t *testing.T) {
	var later []string
	for _, key := range manifests.Schema() {
		if key.Later != "" {
			later = append(later, key.Name+":"+string(key.Later))
		}
	}
	want := `system.root:image:* display.x11:filtered nested
		network.mode:filtered network.allow:* network.listen:*
		process.services:* limits.memory:* limits.tasks:* limits.cpus:*`
	if got, want := strings.Join(later, " "), strings.Join(strings.Fields(want), " "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// flagOf returns the flag of a key.
func flagOf(t *testing.T, name string) string {
	t.Helper()
	for _, key := range manifests.Schema() {
		if key.Name == name {
			return key.Flag()
		}
	}
	t.Fatalf("no key %s", name)
	return ""
}
