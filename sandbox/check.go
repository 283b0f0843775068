package sandbox

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// check refuses what no kernel could do and what would otherwise be ignored, before anything is
// built: a field of a Spec either has its effect or is an error.
func (c *compiler) check() error {
	for _, check := range []func(*Spec, *Host) *Error{checkHost, checkNamespaces, checkUsers, checkEnter, checkProcess, checkFiles, checkServed, checkText} {
		if err := check(c.spec, c.host); err != nil {
			return err
		}
	}
	return nil
}

func checkHost(_ *Spec, h *Host) *Error {
	if !h.Has(oldest[0], oldest[1]) {
		return &Error{What: "this kernel is too old", Hint: "snug needs Linux 5.14 or newer"}
	}
	return nil
}

func checkNamespaces(s *Spec, _ *Host) *Error {
	for _, n := range s.list() {
		if n.Shared && n.Join != nil {
			return &Error{What: "the " + n.name + " namespace is both shared and joined"}
		}
	}
	named := s.Hostname != "" || s.Domainname != ""
	switch {
	case s.Time.Offset && s.Time.Join != nil:
		return &Error{What: "clocks with offsets cannot be those of a namespace that is joined"}
	case !s.Time.Offset && (s.Time.Monotonic != 0 || s.Time.Boottime != 0):
		return &Error{What: "the offsets of the clocks need a time namespace"}
	case s.Enter == nil && !s.Mount.New() && len(s.Root) > 0:
		return &Error{What: "files cannot be arranged in a mount namespace that is not new"}
	case s.PIDAbove != nil && !s.owns():
		return &Error{What: "only a new PID namespace can be made in another one"}
	case s.Enter == nil && named && !s.UTS.New():
		return &Error{What: "a host name needs a UTS namespace of its own"}
	case len(s.Hostname) > 64 || len(s.Domainname) > 64:
		return &Error{What: "a host or domain name is longer than 64 bytes"}
	}
	return nil
}

// checkUsers also keeps ranges that wrap around or overlap from the set-user-ID helpers
// (CVE-2016-6252).
func checkUsers(s *Spec, h *Host) *Error {
	u := &s.Users
	bad := func(what, hint string) *Error { return &Error{What: what, Origin: u.Origin, Hint: hint} }
	ranges := len(u.UIDs) > 0
	switch {
	case ranges != (len(u.GIDs) > 0):
		return bad("user and group ids must be mapped together", "")
	case u.Unmapped && (ranges || !u.New() || s.Handover.Placed == nil && s.Handover.WaitUsers == nil && s.Handover.Made == nil):
		return bad("nobody would write the id maps, or more than one", "")
	case u.Shared && ranges:
		return bad("id maps need a user namespace that is not shared", "")
	case u.Shared && s.Enter == nil && h.UID != 0 && (u.UID != h.UID || u.GID != h.GID):
		return bad("ids cannot change in a shared user namespace", "grant a user namespace, or keep "+decimal(uint64(h.UID))+":"+decimal(uint64(h.GID)))
	case !u.New() && !u.Nested && s.Enter == nil:
		return bad("nested user namespaces can only be forbidden in a new one", "grant them, and forbid them by a seccomp filter")
	case u.Below && ranges:
		return bad("a user namespace below has one user and one group, not ranges", "")
	case len(u.Groups) > 0 && u.KeepGroups:
		return bad("supplementary groups are both kept and given", "")
	case len(u.Groups) > 0 && u.New() && !ranges && !u.Unmapped && s.Enter == nil:
		return bad("supplementary groups need a range of group ids", "")
	}
	for _, m := range []struct {
		what   string
		ranges []IDRange
		ids    []uint32
	}{{"user", u.UIDs, []uint32{u.UID}}, {"group", u.GIDs, append([]uint32{u.GID}, u.Groups...)}} {
		if what := checkRanges(m.ranges, m.ids); what != "" {
			return bad("map "+m.what+" ids: "+what, "")
		}
	}
	return nil
}

func checkRanges(ranges []IDRange, ids []uint32) string {
	const most = 340 // UID_GID_MAP_MAX_EXTENTS
	if len(ranges) > most {
		return "more than 340 ranges"
	}
	for i, r := range ranges {
		const end = 1<<32 - 1 // (uid_t)-1 is no id
		text := strings.TrimSpace(string(mapText(ranges[i : i+1])))
		if r.Count == 0 || uint64(r.Inside)+uint64(r.Count) > end || uint64(r.Outside)+uint64(r.Count) > end {
			return quote(text) + " is not a range"
		}
		for _, o := range ranges[:i] {
			if overlap(r.Inside, o.Inside, r.Count, o.Count) || overlap(r.Outside, o.Outside, r.Count, o.Count) {
				return quote(text) + " overlaps another range"
			}
		}
	}
	for _, id := range ids {
		if len(ranges) > 0 && !mapped(ranges, id) {
			return decimal(uint64(id)) + " is in no range"
		}
	}
	return ""
}

func overlap(a, b, countA, countB uint32) bool {
	return uint64(a) < uint64(b)+uint64(countB) && uint64(b) < uint64(a)+uint64(countA)
}

// checkEnter refuses what a sandbox has once, from its beginning.
func checkEnter(s *Spec, _ *Host) *Error {
	if s.Enter == nil {
		return nil
	}
	bad := func(what string) *Error {
		return &Error{What: what + " cannot change when a running sandbox is entered", Origin: s.Process.Origin}
	}
	for _, f := range s.Process.Filters {
		if f.Listen {
			return bad("the listener of a seccomp filter")
		}
	}
	switch {
	case s.Enter.Process == nil:
		return &Error{What: "no process of the sandbox to enter"}
	case len(s.Root) > 0:
		return bad("the files")
	case s.Hostname != "" || s.Domainname != "":
		return bad("the host name")
	case s.Time != Clocks{}:
		return bad("the clocks")
	case s.Process.Init:
		return bad("PID 1")
	case s.Handover.WaitUsers != nil || s.Users.Unmapped:
		return bad("the id maps")
	case s.Users.Below || s.Users.After != nil || s.Users.Sealed:
		return bad("the user namespace")
	case s.Process.Linger || len(s.Process.Held)+len(s.Process.Locks) > 0:
		return bad("what PID 1 does")
	}
	return nil
}

func checkProcess(s *Spec, h *Host) *Error {
	p := &s.Process
	bad := func(what, hint string) *Error { return &Error{What: what, Origin: p.Origin, Hint: hint} }
	switch {
	case len(p.Argv) == 0:
		return bad("no command", "")
	case len(p.Programs) == 0 && !strings.Contains(p.Argv[0], "/"):
		return bad("execute "+quote(p.Argv[0])+": not a path, and no list of paths to try", "")
	case s.Enter == nil && p.Init && !s.PID.New():
		return bad("only a new PID namespace has a PID 1", "")
	case p.Init && (p.Linger || len(p.Held)+len(p.Locks) > 0):
		return bad("an app that is PID 1 itself leaves nobody to stay behind or to hold files", "")
	case p.Terminal != nil && p.Session:
		return bad("a terminal of its own needs a session of its own", "")
	case p.OOM != nil && (*p.OOM < -1000 || *p.OOM > 1000):
		return bad("the OOM score "+strconv.Itoa(*p.OOM)+" is not between -1000 and 1000", "")
	case p.Umask > 0o777:
		return bad("the umask 0"+strconv.FormatUint(uint64(p.Umask), 8)+" has more than permission bits", "")
	case p.Landlock != nil && h.Landlock == 0:
		return &Error{What: "this kernel has no Landlock", Origin: p.Landlock.Origin, Hint: "Linux 5.13 has it, if it is not switched off by lsm="}
	}
	if p.Landlock != nil {
		for _, r := range p.Landlock.Rules {
			if r.Path != "" && (r.FDAt < 0 || r.FDAt+4 > len(r.Attr)) {
				return &Error{What: "Landlock rule for " + quote(r.Path) + ": no place for its descriptor", Origin: p.Landlock.Origin}
			}
		}
	}
	for _, l := range p.Rlimits {
		if l.Soft > l.Hard {
			return bad("resource limit "+strconv.Itoa(l.Resource)+": the soft limit is above the hard one", "")
		}
	}
	for _, f := range p.Filters {
		if len(f.Code) == 0 || len(f.Code)%8 != 0 || len(f.Code) > 8*unix.BPF_MAXINSNS {
			return &Error{What: "seccomp filter " + quote(f.Name) + ": not a list of instructions", Origin: f.Origin}
		}
	}
	if err := p.Capabilities.Validate(); err != nil {
		return bad(err.Error(), "")
	}
	return nil
}

func checkFiles(s *Spec, _ *Host) *Error {
	p := &s.Process
	var numbers []int
	for _, f := range p.Files {
		number := strconv.Itoa(f.Number)
		switch {
		case f.Source == nil || f.Number < 0:
			return &Error{What: "no file to pass on as descriptor " + number, Origin: p.Origin}
		case slices.Contains(numbers, f.Number):
			return &Error{What: "two files for descriptor " + number, Origin: p.Origin}
		case p.Terminal != nil && f.Number < 3 && p.Terminal.Stdio[f.Number]:
			return &Error{What: "descriptor " + number + " is to be both a file and the terminal", Origin: p.Origin}
		}
		numbers = append(numbers, f.Number)
	}
	if len(numbers) > 100 {
		return &Error{What: "more than 100 files are to be passed on", Origin: p.Origin}
	}
	return nil
}

func checkText(s *Spec, _ *Host) *Error {
	p := &s.Process
	for _, text := range [][]string{p.Argv, p.Programs, p.Env, p.Dirs, p.Locks, {s.Hostname, s.Domainname, p.InitName}} {
		for _, t := range text {
			if strings.IndexByte(t, 0) >= 0 {
				return &Error{What: "a NUL byte in " + quote(t), Origin: p.Origin}
			}
		}
	}
	return nil
}
