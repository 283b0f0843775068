package sandbox_test

import (
	"bufio"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"snug/caps"
	"snug/sandbox"
	"snug/tests/need"
)

// subids gives ranges that the caller may map: for root any, else its own of /etc/subuid.
func subids(t *testing.T) (uids, gids []sandbox.IDRange) {
	t.Helper()
	if os.Getuid() == 0 {
		r := []sandbox.IDRange{{Inside: 0, Outside: 100000, Count: 65536}}
		return r, r
	}
	me, err := user.Current()
	if err != nil {
		need.Missingf(t, "this user has no name, so no subordinate ids: %v", err)
	}
	find := func(file string, own int) []sandbox.IDRange {
		f, err := os.Open(file)
		if err != nil {
			need.Missingf(t, "wanted %s with a line for %s, got: %v", file, me.Username, err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if part := strings.Split(lines.Text(), ":"); part[0] == me.Username && len(part) == 3 {
				first, _ := strconv.ParseUint(part[1], 10, 32)
				count, _ := strconv.ParseUint(part[2], 10, 32)
				return []sandbox.IDRange{{Inside: 0, Outside: uint32(own), Count: 1}, {Inside: 1, Outside: uint32(first), Count: uint32(count)}}
			}
		}
		need.Missingf(t, "wanted a line for %s in %s, got none", me.Username, file)
		return nil
	}
	if _, err := os.Stat("/usr/bin/newuidmap"); err != nil {
		need.Missing(t, "wanted newuidmap(1) to map subordinate ids, got none: install the package uidmap")
	}
	return find("/etc/subuid", os.Getuid()), find("/etc/subgid", os.Getgid())
}

const whoami = `echo $(id -u):$(id -g) $(id -G); grep Cap /proc/self/status; cat /proc/self/setgroups; touch /tmp/x && stat -c %u:%g /tmp/x`

func TestUsers(t *testing.T) {
	const none = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n"
	chown := caps.Sets{Bounding: caps.Chown, Permitted: caps.Chown, Effective: caps.Chown, Inheritable: caps.Chown, Ambient: caps.Chown}
	held := strings.ReplaceAll(none, "0\n", "1\n")
	uids, gids := subids(t)
	for _, tt := range []struct {
		name  string
		users sandbox.Users
		caps  caps.Sets
		want  string
	}{
		{"one id", sandbox.Users{UID: 1234, GID: 55}, caps.Sets{}, "1234:55 55\n" + none + "deny\n1234:55\n"},
		{"one id as root", sandbox.Users{}, caps.Sets{}, "0:0 0\n" + none + "deny\n0:0\n"},
		{"ranges, root", sandbox.Users{UIDs: uids, GIDs: gids}, caps.Sets{}, "0:0 0\n" + none + "allow\n0:0\n"},
		{"ranges, user with groups", sandbox.Users{UID: 33, GID: 44, Groups: []uint32{7, 8}, UIDs: uids, GIDs: gids}, chown, "33:44 44 7 8\n" + held + "allow\n33:44\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shell(whoami)
			s.Users, s.Process.Capabilities = tt.users, tt.caps
			s.Users.Nested = true
			s.Process.Terminal = &sandbox.Terminal{Rows: 24, Cols: 80}
			got, code := output(t, s)
			if os.Getuid() != 0 && len(tt.users.UIDs) == 0 || os.Getuid() == 0 && len(tt.users.UIDs) == 0 {
				got = dropOverflow(got)
			}
			if got != tt.want || code != 0 {
				t.Errorf("status %d\n got %q\nwant %q", code, got, tt.want)
			}
		})
	}
}

// dropOverflow leaves out the caller's groups that a map without them shows as nobody's.
func dropOverflow(s string) string { return strings.ReplaceAll(s, " 65534", "") }

// What its groups may open outside, root of a user namespace may open with KeepGroups alone.
func TestKeepGroups(t *testing.T) {
	own := []sandbox.IDRange{{Count: 1}}
	h := sandbox.Host{UID: 1000, GID: 1000, Kernel: [2]int{6, 1}, Clone3: true, LastCapability: 40}
	for _, keep := range []bool{true, false} {
		s := shell("true")
		s.Users = sandbox.Users{UIDs: own, GIDs: own, KeepGroups: keep}
		p, err := sandbox.Compile(s, &h, sandbox.Look(s))
		if err != nil {
			t.Fatal(err)
		}
		if drops := strings.Contains(p.String(), "setgroups("); drops == keep {
			t.Errorf("KeepGroups %v: the program drops them: %v", keep, drops)
		}
	}
	s := shell("true")
	s.Users = sandbox.Users{UIDs: own, GIDs: own, Groups: []uint32{0}, KeepGroups: true}
	if _, err := sandbox.Compile(s, &h, sandbox.Look(s)); err == nil {
		t.Error("groups that are both kept and given: want an error")
	}
}

func TestEnterRanges(t *testing.T) {
	uids, gids := subids(t)
	s := shell("sleep 100")
	s.Users = sandbox.Users{UID: 33, GID: 44, Groups: []uint32{7}, UIDs: uids, GIDs: gids}
	in := start(t, s)
	got, code := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", "id -u; id -G; touch /tmp/y; stat -c %u /tmp/y; cat /proc/self/status | grep -c 'CapEff:.0000000000000000'"}})
	if want := "33\n44 7\n33\n1\n"; got != want || code != 0 {
		t.Errorf("status %d\n got %q\nwant %q", code, got, want)
	}
}

func TestUnmapped(t *testing.T) {
	s := shell("cat /proc/self/uid_map; id -u")
	s.Users = sandbox.Users{UID: 77, GID: 0, Unmapped: true}
	s.Handover.Placed = func(pid int) error {
		dir := "/proc/" + strconv.Itoa(pid) + "/"
		os.WriteFile(dir+"setgroups", []byte("deny"), 0)
		if err := os.WriteFile(dir+"gid_map", []byte("0 "+strconv.Itoa(os.Getgid())+" 1"), 0); err != nil {
			return err
		}
		return os.WriteFile(dir+"uid_map", []byte("77 "+strconv.Itoa(os.Getuid())+" 1"), 0)
	}
	got, code := output(t, s)
	if f := strings.Fields(got); code != 0 || len(f) != 4 || f[0] != "77" || f[3] != "77" {
		t.Errorf("status %d, got %q", code, got)
	}
}
