package portals_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/portals"
	"snug/portals/dbus"
	"snug/portals/pulse"
	"snug/portals/wayland"
)

func TestArgs(t *testing.T) {
	policy := dbus.Policy{
		See: []string{"a.See"}, Talk: []string{"a.Talk", "b.c.*"}, Own: []string{"a.Own-*"}, Take: []string{"a.Take-*"}, Private: []string{"a.App.*"},
		Call:      []dbus.NameRule{{Name: "a.b", Rule: "c.d.E@/x/*"}, {Name: "a.b", Rule: ""}},
		Broadcast: []dbus.NameRule{{Name: "a.b", Rule: "*"}},
		Emit:      []string{"*@/a/App/*"}, UniqueNames: true,
	}
	tests := map[string]portals.Config{
		"one bus": portals.NewConfig(portals.Endpoint{Name: "session", Listen: 3, Socket: "/run/session", Protocol: &portals.Bus{}}),
		"all of it": {Log: 5, Watch: 8, Refused: 7, Ask: 9, Background: 6, App: "a.App", Endpoints: []portals.Endpoint{
			{Name: "session", Listen: 3, Socket: "/s", Protocol: &portals.Bus{Policy: policy}}, {Name: "system", Listen: 4, Socket: "@x", Protocol: &portals.Bus{}},
			{Name: "wayland", Listen: 9, Socket: "/w", With: 10, Protocol: &portals.Wayland{Policy: wayland.Policy{
				Allow: []string{"inhibit", "gpu"}, Clipboard: "focused", App: "a.App", Instance: "7"}}},
			{Name: "sound", Listen: 10, Socket: "/p", With: 11, Protocol: &portals.Sound{Policy: pulse.Policy{Play: true, Record: "ask", System: true, Mixer: true, App: "a.App"}}},
			{Name: "music", Listen: 12, Socket: "/p", Protocol: &portals.Sound{}}}},
	}
	for name, want := range tests {
		got, err := portals.Parse(want.Args())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good, sound = "--bus=session --listen=3 --socket=/s", "--sound=sound --listen=3 --socket=/s"
	const display = "--wayland=wayland --listen=4 --socket=/w"
	for _, tt := range []struct{ args, want string }{
		{"", "nothing to serve"},
		{"session", `argument 1, "session": not an option`},
		{"--bus", `argument 1, "--bus": not an option`},
		{"--talk=a.b " + good, "no endpoint before it"},
		{good + " --listen=2", "not a descriptor"},
		{good + " --listen=+3", "not a descriptor"},
		{good + " --listen=70000", "not a descriptor"},
		{good + " --log=1", "not a descriptor"},
		{good + " --call=a.b", "not NAME=RULE"},
		{good + " --unique-names=no", "not an option"},
		{good + " --talk=:1.5", "unique name"},
		{good + " --own=nodots", "is not a name"},
		{good + " --private=..", "is not a name"},
		{good + " --shout=a.b", "not an option"},
		{sound + " --record=yes", "record is not off, ask or allow"},
		{sound + " --play=no", "not an option"},
		{sound + " --talk=a.b", "not an option"},
		{sound + " --with=1", "not a descriptor"},
		{sound + " --name=\x01", "not plain"},
		{"--sound=sound --listen=3", "needs a name, --listen and --socket"},
		{"--bus=session --listen=3", "needs a name, --listen and --socket"},
		{"--bus=session --socket=x", "needs a name, --listen and --socket"},
		{display + " --allow=keys", `allow: "keys" is not known`},
		{display + " --clipboard=on", "is not off, focused or full"},
		{display + " --clipboard=off --clipboard=full", "given twice"},
		{display + " --with=2", "not a descriptor"},
		{display + " --talk=a.b", "not an option"},
		{display + " --app-id=" + strings.Repeat("x", 2000), "is not an id"},
	} {
		_, err := portals.Parse(strings.Fields(tt.args))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.args, err, tt.want)
		}
	}
}

// FuzzParse: what is read is spelled so that it is read alike.
func FuzzParse(f *testing.F) {
	f.Add("--bus=session --listen=3 --socket=x --talk=a.b --take=a.d-* --call=a.b=c.d.E@/x --emit=*@/a/* --unique-names=yes --private=a.c.*")
	f.Add("--wayland=wayland --listen=4 --socket=@x --allow=idle --clipboard=full --app-id=a.b --instance=1 --with=5")
	f.Add("--ask=8 --sound=sound --listen=4 --socket=y --play=yes --record=ask --system=yes --mixer=yes --name=a.b --with=5")
	f.Add("--app=a.b --log=9 --bus=a --listen=4 --socket=y")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := portals.Parse(strings.Split(text, " "))
		if err != nil {
			return
		}
		again, err := portals.Parse(c.Args())
		if err != nil {
			t.Fatalf("%q: %v", c.Args(), err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAllow(t *testing.T) {
	var p dbus.Policy
	portals.Allow(&p, "Settings")
	portals.Allow(&p, "Inhibit")
	portals.AllowDocuments(&p)
	portals.AllowAccessible(&p)
	portals.AllowTray(&p)
	portals.AllowInhibit(&p)
	for _, own := range []string{"a.b-c.D", "a.b.*", "org.mpris.MediaPlayer2.x", "org.kde.StatusNotifierItem-*", "a.b-*"} {
		portals.Speak(&p, own)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	count := map[dbus.NameRule]int{}
	for _, rule := range p.Call {
		if count[rule]++; count[rule] > 1 {
			t.Errorf("%v twice", rule)
		}
	}
	if diff := cmp.Diff([]string{"*@/a/b_c/D/*", "*@/a/b/*", "*@/org/mpris/MediaPlayer2", "org.kde.StatusNotifierItem.*",
		"org.freedesktop.StatusNotifierItem.*", "com.canonical.dbusmenu.*"}, p.Emit[len(p.Emit)-6:]); diff != "" {
		t.Error(diff)
	}
}

func TestInfo(t *testing.T) {
	got := string(portals.Identity{App: "a.b.C", Instance: "7", Network: true}.Info())
	want := "[Application]\nname=a.b.C\n\n[Instance]\ninstance-id=7\napp-path=/usr\nruntime-path=/usr\nsession-bus-proxy=true\n\n[Context]\nshared=network;\n"
	if got != want {
		t.Errorf("%q", got)
	}
}
