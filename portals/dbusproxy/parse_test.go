package dbusproxy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/portals/dbus"
	"snug/portals/dbusproxy"
)

func TestParse(t *testing.T) {
	open := dbus.Policy{Everything: true, Emit: []string{"*"}}
	for _, c := range []struct {
		words string
		args  map[int]string
		want  dbusproxy.Line
	}{
		{"addr path", nil, dbusproxy.Line{FD: -1, Proxies: []dbusproxy.Proxy{{Address: "addr", Path: "path", Policy: open}}}},
		{"--fd=5 a1 p1 --log a2 p2 --filter --see=a.b --talk=c.d.* --own=e.f --call=g.h=i.j.K@/l --call=g.h= --broadcast=m.n=@/* --sloppy-names", nil,
			dbusproxy.Line{FD: 5, Proxies: []dbusproxy.Proxy{{Address: "a1", Path: "p1", Policy: open, Log: true}, {Address: "a2", Path: "p2", Policy: dbus.Policy{
				See: []string{"a.b"}, Talk: []string{"c.d.*"}, Own: []string{"e.f"}, Call: []dbus.NameRule{{Name: "g.h", Rule: "i.j.K@/l"}, {Name: "g.h"}},
				Broadcast: []dbus.NameRule{{Name: "m.n", Rule: "@/*"}}, Emit: []string{"*"}, UniqueNames: true}}}}},
		{"a --args=3 --filter", map[int]string{3: ""}, dbusproxy.Line{}},
		{"--args=3 --filter", map[int]string{3: "a\x00p\x00--args=4\x00"}, dbusproxy.Line{}},
		{"--args=3 p --filter", map[int]string{3: "a\x00p\x00--log\x00b"}, dbusproxy.Line{FD: -1, Proxies: []dbusproxy.Proxy{
			{Address: "a", Path: "p", Policy: open, Log: true}, {Address: "b", Path: "p", Policy: dbus.Policy{Emit: []string{"*"}}}}}},
		{"a p --call=a.b=nonsense --call=:1.2=* --broadcast=a=b", nil, dbusproxy.Line{FD: -1, Proxies: []dbusproxy.Proxy{{Address: "a", Path: "p", Policy: dbus.Policy{
			See: []string{"a.b"}, Emit: []string{"*"}, Everything: true}}}}},
	} {
		l, err := dbusproxy.Parse(strings.Fields(c.words), func(fd int) ([]byte, error) {
			if s, ok := c.args[fd]; ok {
				return []byte(s), nil
			}
			return nil, os.ErrInvalid
		})
		if c.want.Proxies == nil {
			if err == nil {
				t.Errorf("%s: accepted: %+v", c.words, l)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.words, err)
			continue
		}
		if diff := cmp.Diff(c.want, *l); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.words, diff)
		}
	}
}

// A list of arguments that asks for itself ends.
func TestArgsOfArgs(t *testing.T) {
	if _, err := dbusproxy.Parse([]string{"--args=3"}, func(int) ([]byte, error) { return []byte("--args=3\x00"), nil }); err == nil {
		t.Error("accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("--fd=3 unix:path=/a /b --filter --call=a.b=c.d.E@/f", "--log\x00")
	f.Fuzz(func(t *testing.T, words, args string) {
		l, err := dbusproxy.Parse(strings.Fields(words), func(int) ([]byte, error) { return []byte(args), nil })
		if err != nil {
			return
		}
		for _, p := range l.Proxies {
			if err := p.Policy.Check(); err != nil {
				t.Errorf("%q gives a policy that is none: %v", words, err)
			}
		}
	})
}
