package bwrap

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// explain puts a failure of the engine into bubblewrap's words, where callers look for them, with
// the engine's hint.
func (l *Line) explain(err error) error {
	var e *sandbox.Error
	if !errors.As(err, &e) {
		return err
	}
	text := l.words(e)
	if text == "" {
		text = e.Error()
	} else if l.operationOf(e.Origin) != nil {
		text += " (" + string(e.Origin) + ")"
	}
	return &Error{Text: text, Hint: l.hint(e), Err: err}
}

// hint is the engine's, but for what other front ends spell in another way.
func (l *Line) hint(e *sandbox.Error) string {
	o := l.operationOf(e.Origin)
	if o == nil || !o.isBind() || !errors.Is(e.Err, unix.ENOENT) {
		return e.Hint
	}
	if strings.HasPrefix(e.Call, "openat2") {
		return "a symbolic link on the way leads to nothing in the sandbox"
	}
	return "it went away; --bind-try and its like leave out what is not there"
}

func (l *Line) words(e *sandbox.Error) string {
	if e.Err == nil {
		return "" // the engine has refused it
	}
	cause := ": " + spell(e.Err)
	if e.Exec {
		return "execvp " + l.args[0] + cause
	}
	switch e.Verb {
	case "make the namespaces":
		return "Creating new namespace failed" + l.whyNot(e.Err)
	case "set the user map":
		return "setting up uid map" + cause
	case "bring up the loopback interface":
		return "loopback: Failed RTM_NEWADDR" + cause
	case "check that no user namespaces can be made":
		return "creation of new user namespaces was not disabled as requested"
	case "enter the working directory":
		if l.chdir != nil {
			return "Can't chdir to " + *l.chdir + cause
		}
	case "lock":
		verb := "lock"
		if strings.HasPrefix(e.Call, "openat") {
			verb = "open lock"
		}
		_, name, _ := strings.Cut(e.What, `"`)
		name, _, _ = strings.Cut(name, `"`)
		return "Unable to " + verb + " file " + name + cause
	case "install the seccomp filter":
		if errors.Is(e.Err, unix.EINVAL) {
			return "Unable to set up system call filtering as requested: prctl(PR_SET_SECCOMP) reported EINVAL. " +
				"(Hint: this requires a kernel configured with CONFIG_SECCOMP and CONFIG_SECCOMP_FILTER.)"
		}
		return "prctl(PR_SET_SECCOMP)" + cause
	case "set the host name":
		return "Can't set hostname to " + *l.hostname + cause
	}
	if o := l.operationOf(e.Origin); o != nil {
		if o.kind == symlink && errors.Is(e.Err, unix.EEXIST) {
			return o.subject() + ": " + l.inPlaceOf(o)
		}
		return o.failed(e, cause)
	}
	return ""
}

func (l *Line) whyNot(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ": No permissions to create a new namespace, likely because the kernel does not allow non-privileged user namespaces."
	case errors.Is(err, unix.ENOSPC):
		return ": nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)"
	case errors.Is(err, unix.EINVAL):
		return ", likely because the kernel does not support user namespaces."
	}
	return ": " + spell(err)
}

// operationOf finds the operation that an Origin names.
func (l *Line) operationOf(origin sandbox.Origin) *operation {
	for i := range l.operations {
		if o := &l.operations[i]; o.origin() == origin {
			return o
		}
	}
	return nil
}

// failed says that an operation could not be done, by the call that failed: making a parent, the
// destination itself, or what is to be mounted there.
func (o *operation) failed(e *sandbox.Error, cause string) string {
	name := path.Base(path.Clean(inside(o.dest)))
	made := strings.Contains(e.Call, `"`+name+`"`) || strings.Contains(e.Call, `/`+name+`"`)
	switch call, _, _ := strings.Cut(e.Call, "("); {
	case call == "mkdirat" && made && (o.kind != symlink):
		return "Can't mkdir " + o.dest + cause
	case o.kind == remountRO && call != "mount_setattr":
		return o.subject() + cause
	case call == "mkdirat", call == "openat2" && o.kind != chmod && o.kind != file:
		return "Can't mkdir parents for " + o.dest + cause
	case o.kind == dir && errors.Is(e.Err, unix.ENOTDIR):
		return "Can't mkdir " + o.dest + cause
	case call == "mknodat":
		return "Can't create file at " + o.dest + cause
	case call == "move_mount" && o.isBind() && errors.Is(e.Err, unix.EINVAL), errors.Is(e.Err, unix.ENOTDIR) && call == "move_mount":
		var st unix.Stat_t
		if unix.Stat(o.source, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return "Can't mkdir " + o.dest + ": Not a directory"
		}
		return "Can't create file at " + o.dest + ": Is a directory"
	case o.kind == remountRO && errors.Is(e.Err, unix.EINVAL):
		cause = `: Unable to find "` + newroot(o.dest) + `" in mount table`
	case errors.Is(e.Err, unix.ESTALE):
		return "Race condition binding dirfd"
	}
	return o.subject() + cause
}

// inPlaceOf says what is where a link was to be made. The sandbox is gone, so it looks at what the
// words before have put there, and where that is a bind, at the source: good enough for a message.
func (l *Line) inPlaceOf(link *operation) string {
	dest := path.Clean(inside(link.dest))
	for i := link.index(l) - 1; i >= 0; i-- {
		o := &l.operations[i]
		at := path.Clean(inside(o.dest))
		rest, below := strings.CutPrefix(dest, strings.TrimSuffix(at, "/")+"/")
		switch {
		case at == dest && o.kind == symlink:
			return "existing destination is " + o.source
		case below && o.isBind():
			if target, err := os.Readlink(path.Join(o.source, rest)); err == nil {
				return "existing destination is " + target
			} else if errors.Is(err, unix.EINVAL) {
				return "destination exists and is not a symlink"
			}
		case at == dest:
			return "destination exists and is not a symlink"
		}
	}
	return "destination exists and is not a symlink to " + link.source
}

// index is the place of an operation among all.
func (o *operation) index(l *Line) int {
	for i := range l.operations {
		if o == &l.operations[i] {
			return i
		}
	}
	return 0
}

func newroot(dest string) string { return "/newroot/" + strings.TrimLeft(dest, "/") }

func (o *operation) isBind() bool { return o.kind == bind || o.kind == roBind || o.kind == devBind }

// subject is what could not be done, in general.
func (o *operation) subject() string {
	switch o.kind {
	case bind, roBind, devBind:
		return "Can't bind mount /oldroot/" + strings.TrimLeft(o.source, "/") + " on " + newroot(o.dest)
	case overlay, tmpOverlay, roOverlay:
		return "Can't make overlay mount on " + newroot(o.dest)
	case proc:
		return "Can't mount proc on " + newroot(o.dest)
	case tmpfs:
		return "Can't mount tmpfs on " + newroot(o.dest)
	case mqueue:
		return "Can't mount mqueue on " + newroot(o.dest)
	case dir, dev:
		return "Can't mkdir " + o.dest
	case file, bindData, roBindData:
		return "Can't create file " + o.dest
	case symlink:
		return "Can't make symlink at " + o.dest
	case remountRO:
		return "Can't remount readonly on " + newroot(o.dest)
	}
	return "Can't chmod 0" + o.octal() + " " + o.dest
}

func (o *operation) octal() string {
	digits := ""
	for n := o.perms; n > 0 || digits == ""; n >>= 3 {
		digits = string(rune('0'+n&7)) + digits
	}
	return digits
}

// explainAt is the variable that names a file for the account of what is granted.
const explainAt = "SNUG_EXPLAIN"

// explainTo writes the account, if it is asked for: a line for each grant with the word that asked
// for it. The command does not get the variable.
func explainTo(l *Line, s *sandbox.Spec) error {
	name, ok := os.LookupEnv(explainAt)
	if !ok || name == "" {
		return nil
	}
	kept := s.Process.Env[:0:0]
	for _, e := range s.Process.Env {
		if !strings.HasPrefix(e, explainAt+"=") {
			kept = append(kept, e)
		}
	}
	s.Process.Env = kept
	if err := os.WriteFile(name, []byte(l.account(s)), 0o666); err != nil {
		return dieWith("Can't write "+name, errors.Unwrap(err))
	}
	return nil
}

// account says what the sandbox grants, most of it in the words that asked for it.
func (l *Line) account(s *sandbox.Spec) string {
	var b strings.Builder
	for i := range l.operations {
		o := &l.operations[i]
		if o.absent {
			continue
		}
		b.WriteString(o.grants() + " (" + string(o.origin()) + ")\n")
	}
	for _, n := range []struct {
		shared bool
		text   string
	}{
		{s.Users.Shared, "the caller's users, with its capabilities"},
		{s.PID.Shared, "see and signal the caller's processes"},
		{s.Net.Shared, "the caller's network, abstract sockets included"},
		{s.IPC.Shared, "the caller's message queues and shared memory"},
		{s.UTS.Shared, "the caller's host name"},
		{s.Cgroup.Shared, "see the caller's cgroups"},
		{s.Process.Session, "the caller's terminal, and to type into it (no --new-session)"},
		{s.Users.Nested, "make user namespaces (no --disable-userns)"},
		{len(s.Process.Filters) == 0, "every system call (no --seccomp)"},
		{s.Process.Capabilities.Permitted != 0, "capabilities: " + s.Process.Capabilities.Permitted.String()},
	} {
		if n.shared {
			b.WriteString(n.text + "\n")
		}
	}
	return b.String()
}

// grants says what an operation lets the command do.
func (o *operation) grants() string {
	on := " at " + quoted(o.dest)
	switch o.kind {
	case bind:
		return "change " + quoted(o.source) + on
	case roBind:
		return "read " + quoted(o.source) + on
	case devBind:
		return "change " + quoted(o.source) + ", with devices," + on
	case overlay:
		return "change " + quoted(o.source) + " over " + quoted(strings.Join(o.lower, ":")) + on
	case tmpOverlay, roOverlay:
		return "read " + quoted(strings.Join(o.lower, ":")) + on
	case file, bindData, roBindData:
		return "a file of the caller's" + on
	}
	return strings.TrimPrefix(o.word, "--") + " " + quoted(o.dest)
}

func quoted(s string) string { return `"` + printable(s) + `"` }
