package instances

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/caps"
	"snug/sandbox"
)

func full() *Record {
	return &Record{
		App: "org.example.App", Supervisor: 12, Since: 1700000000,
		Command: []string{"sh", "-c", "echo \"\n\x1b\xff\""}, Env: []string{"A=b c", "EMPTY="}, Dirs: []string{"/home/x", "/"},
		State: sandbox.State{
			Pid: 77, Started: 123456789, Namespaces: 0x7e020000, UID: 1000, GID: 100,
			UIDs: []sandbox.IDRange{{Inside: 0, Outside: 1000, Count: 1}, {Inside: 1, Outside: 100000, Count: 65536}},
			GIDs: []sandbox.IDRange{{Inside: 0, Outside: 100, Count: 1}}, Groups: []uint32{5, 27},
			Capabilities: caps.Sets{Bounding: caps.All, Permitted: caps.SysAdmin}, NewPrivileges: true,
			Filters:  []sandbox.Filter{{Name: "default", Code: []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}, Flags: 4}},
			Landlock: &sandbox.Landlock{Attr: []byte{1, 2}, Rules: []sandbox.LandlockRule{{Type: 1, Attr: []byte{3}, Path: "/usr", FDAt: 8}}},
		},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for _, want := range []*Record{full(), {}} {
		got, err := decode(string(want.encode()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// A record says how a process that enters is confined: no part of one may be taken for the whole.
func TestRecordCutShort(t *testing.T) {
	text := string(full().encode())
	for n := range len(text) - 1 {
		if r, err := decode(text[:n]); err == nil {
			t.Fatalf("%d of %d bytes were read as a record: %+v", n, len(text), r)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(string(full().encode()))
	f.Add(magic + "\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(string(r.encode()))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
