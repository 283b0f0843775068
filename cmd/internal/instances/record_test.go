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

// live is a record with a ledger behind it.
func live() *Record {
	r := full()
	r.Live = &Live{Folders: []Folder{{Source: "/data/home of x", Dest: "/home/x"}}, Grants: []Grant{
		{Number: 2, Source: "/srv/a", Write: true, Granted: sandbox.Granted{Dest: "/home/x/a\n", Mount: 88, Places: []sandbox.Place{
			{Path: "/home/x/a\n", Folder: true, Mode: 0o755, ID: sandbox.FileID{Dev: 0xfe00, Ino: 1 << 40}}, {Path: "/b", Mode: 0o444, Sealed: true}}}},
		{Number: 5, Source: "/srv/b", Below: 3, Granted: sandbox.Granted{Dest: "/srv/b"}},
	}}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	for _, want := range []*Record{full(), {}, live(), {Live: &Live{}}} {
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

// What was written into the ledger stays, whatever is lost of the line behind it.
func TestLedgerCutShort(t *testing.T) {
	r := live()
	whole := len(r.encode())
	r.Live.Grants = r.Live.Grants[:1]
	first := len(r.encode())
	text := string(live().encode())
	for n := first; n < whole; n++ {
		got, err := decode(text[:n])
		if err != nil || len(got.Live.Grants) == 0 || got.Live.Grants[0].Mount != 88 {
			t.Fatalf("%d of %d bytes: %v", n, whole, err)
		}
	}
}

func TestLedgerLines(t *testing.T) {
	text := string(live().encode()) + "made \"2 1 7 9\"\nmounted \"5 99\"\n"
	r, err := decode(text)
	if err != nil || r.Live.Grants[0].Places[1].ID != (sandbox.FileID{Dev: 7, Ino: 9}) || r.Live.Grants[1].Mount != 99 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := decode(text + "gone \"2\"\n"); err != nil || len(r.Live.Grants) != 1 || r.Live.Grants[0].Number != 5 {
		t.Errorf("gone: got %+v, %v", r, err)
	}
	// What cannot be understood keeps nobody from finding the instance.
	for _, bad := range []string{"mounted \"7 1\"\n", "made \"2 2 7 9\"\n", "nothing \"1\"\n", "gone\n", "gone \"9\"\n", "grant \"x\"\n", "\n"} {
		if r, err := decode(text + bad); err != nil || len(r.Live.Grants) != 2 {
			t.Errorf("%q: %+v, %v", bad, r, err)
		}
	}
	if r, err := decode(string(full().encode()) + "grant \"1 0 0\"\n"); err != nil || r.Live != nil {
		t.Errorf("a grant of an instance that takes none: %+v, %v", r, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(string(live().encode()) + "made \"2 1 7 9\"\nmounted \"5 99\"\ngone \"2\"\n")
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
