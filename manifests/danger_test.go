package manifests_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// TestDangers asks for each danger twice: without its code, which must be refused with the line
// that asks, and with it, which must be let through.
func TestDangers(t *testing.T) {
	tests := []struct{ ask, code string }{
		{`display.wayland = "raw"`, "wayland-raw"},
		{`display.x11 = "raw"`, "x11-raw"},
		{`display.clipboard = "full"`, "clipboard-full"},
		{`display.allow = ["screencopy"]`, "display:screencopy"},
		{`sound.raw = true`, "sound-raw"},
		{`sound.system = true`, "record-system"},
		{`devices.camera = "raw"`, "camera-raw"},
		{`devices.nodes = ["/dev/kvm"]`, "nodes"},
		{`network.mode = "host"`, "network-host"},
		{`bus.session.talk = ["org.freedesktop.systemd1"]`, "talk:org.freedesktop.systemd1"},
		{`bus.session.talk = ["org.gnome.Shell.Screenshot"]`, "talk:org.gnome.Shell.Screenshot"},
		{`bus.session.talk = ["ca.desrt.dconf.*"]`, "talk:ca.desrt.dconf.*"},
		{`bus.session.call = ["org.freedesktop.Flatpak=*"]`, "talk:org.freedesktop.Flatpak"},
		{`bus.session.talk = ["org.freedesktop.*"]`, "bus-session"},
		{`bus.session.talk = ["org.free*.*"]`, "bus-session"},
		{`bus.session.talk = ["org.freedesktop.syst*"]`, "bus-session"},
		{`bus.session.talk = ["org.freedesktop.systemd1.Sub*"]`, "talk:org.freedesktop.systemd1.Sub*"},
		{`bus.session.talk = ["org.freedesktop.systemd*.Sub"]`, "bus-session"},
		{`bus.session.call = ["org.kde.*=a.b.c"]`, "bus-session"},
		{`bus.system.talk = ["org.freedesktop.*"]`, "bus-system"},
		{`bus.session.own = ["org.kde.kwallet"]`, "own:org.kde.kwallet"},
		{"id = \"org.example.A\"\nbus.session.own = [\"org.example.AB\"]", "own:org.example.AB"},
		{`process.capabilities = ["net_admin"]`, "capabilities"},
		{`process.new-privileges = true`, "new-privileges"},
		{`process.seccomp = "off"`, "seccomp-off"},
		{`process.seccomp = "/etc/f.json"`, "seccomp-off"},
		{`process.services = ["ssh-agent"]`, "agents"},
	}
	for _, test := range tests {
		t.Run(test.ask, func(t *testing.T) {
			_, err := merge(t, manifests.Facts{}, nil, test.ask)
			hint := "\n  hint: if you mean it, write accept = [\"" + test.code + "\"]"
			if err == nil || !strings.Contains(err.Error(), " is dangerous: the app can ") || !strings.HasSuffix(err.Error(), hint) {
				t.Errorf("without the code: %v", err)
			}
			m, err := merge(t, manifests.Facts{}, nil, "accept = [\""+test.code+"\"]\n"+test.ask)
			if err != nil {
				t.Errorf("with the code: %v", err)
			} else if !strings.Contains(dump(m), " !"+test.code+"\n") {
				t.Errorf("%s is not marked in\n%s", test.code, dump(m))
			}
		})
	}
}

// TestDangersNot is what looks dangerous and is not.
func TestDangersNot(t *testing.T) {
	for _, text := range []string{
		`sound.raw = false`, `process.seccomp = "default"`, `network.mode = "off"`, `network.mode = "user"`,
		`display.allow = ["tray"]`, `process.services = ["cups"]`,
		`bus.session.talk = ["org.freedesktop.Notifications", "org.example.*"]`,
		`bus.session.talk = ["org.freedesktop.systemd1x"]`,
		"id = \"org.example.A\"\nbus.session.own = [\"org.example.A\", \"org.example.A.*\", \"org.mpris.MediaPlayer2.org.example.A\"]",
	} {
		if _, err := merge(t, manifests.Facts{}, nil, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDangerMessages(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no accept", "[network]\nmode = \"host\"",
			"a:2: network.mode = \"host\" is dangerous: the app can reach every service of this machine and of the local network\n  hint: if you mean it, write accept = [\"network-host\"]"},
		{"accept beside", "accept = [\"nodes\"]\ndevices.nodes = [\"/dev/kvm\"]\nnetwork.mode = \"host\"",
			"a:3: network.mode = \"host\" is dangerous: the app can reach every service of this machine and of the local network\n  hint: if you mean it, add \"network-host\" to accept at a:1"},
		{"once a code", `devices.nodes = ["/dev/a", "/dev/b"]`,
			"a:1: devices.nodes = \"/dev/a\" is dangerous: the app can use a device of the host directly\n  hint: if you mean it, write accept = [\"nodes\"]"},
		{"unused", `accept = ["nodes"]`, "a:1: accept: nothing asks for \"nodes\"\n  hint: leave it out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := merge(t, manifests.Facts{}, nil, test.text)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPermit asks for a danger that only the caller can see.
func TestPermit(t *testing.T) {
	const text = `files.read = ["~/.ssh"]`
	m, err := merge(t, manifests.Facts{}, nil, text)
	if err != nil {
		t.Fatal(err)
	}
	want := "a:1: files.read = \"~/.ssh\" is dangerous: the app can read your keys and passwords, or change what you run\n  hint: if you mean it, write accept = [\"files:HOME\"]"
	if err := m.Permit("files:HOME", "files.read", m.Files.Read[0]); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}

	m, err = merge(t, manifests.Facts{}, flags(t, "read=~"), "accept = [\"files:HOME\"]\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	if unused := m.UnusedCodes(); len(unused) != 1 {
		t.Errorf("before anyone asked: %v", unused)
	}
	for _, path := range m.Files.Read {
		if err := m.Permit("files:HOME", "files.read", path); err != nil {
			t.Errorf("%s: %v", path.Value, err)
		}
	}
	if unused := m.UnusedCodes(); unused != nil {
		t.Errorf("after Permit: %v", unused)
	}

	m, err = merge(t, manifests.Facts{}, flags(t, "read=~"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Permit("files:HOME", "files.read", m.Files.Read[0]); err != nil {
		t.Errorf("a flag: %v", err)
	}
}

func TestNotYet(t *testing.T) {
	m, err := merge(t, manifests.Facts{}, nil, `
[files]
live = false
[display]
wayland = "filtered"
x11 = "nested"
clipboard = "off"
[limits]
tasks = 5
[network]
mode = "user"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := `a:6: display.x11 = "nested": not in this version
  hint: in this version: off, raw
a:9: limits.tasks = "5": not in this version
  hint: leave it out`
	if diff := cmp.Diff(want, m.NotYet().Error()); diff != "" {
		t.Error(diff)
	}
	m, err = merge(t, manifests.Facts{}, flags(t, "x11=off"), `display.x11 = "nested"`)
	if err != nil {
		t.Fatal(err)
	}
	if later := m.NotYet(); later != nil {
		t.Errorf("what was overridden is refused: %v", later)
	}
}

func TestSetBad(t *testing.T) {
	tests := []struct{ flag, value, want string }{
		{"reed", "/x", "--reed, argument 1: unknown flag --reed\n  hint: did you mean --read?"},
		{"schema", "1", "--schema, argument 1: unknown flag --schema"},
		{"read", "x", "--read, argument 1: --read: \"x\" is no path\n  hint: begin with /, ~/ or an xdg name such as xdg-download"},
		{"network", "on", "--network, argument 1: --network: \"on\" is not allowed\n  hint: one of off, user, host"},
		{"gpu", "yes", "--gpu, argument 1: --gpu: \"yes\" is not true or false"},
		{"limits-tasks", "1.5", "--limits-tasks, argument 1: --limits-tasks: \"1.5\" is no number above 0"},
		{"env", "A", "--env, argument 1: --env: \"A\" has no value\n  hint: NAME=VALUE; --pass NAME hands on the host's"},
		{"env", "A=\x1b", "--env, argument 1: --env: \"A=\\x1b\" holds a control character\n  hint: write it without"},
	}
	for _, test := range tests {
		err := new(manifests.Layer).Set(test.flag, test.value, manifests.Origin("--"+test.flag+", argument 1"))
		if err == nil {
			t.Errorf("--%s=%s was let through", test.flag, test.value)
		} else if diff := cmp.Diff(test.want, err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}
