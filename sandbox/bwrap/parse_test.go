package bwrap_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
	"snug/sandbox/bwrap"
)

// holding reads descriptors from a table; the others are not open.
func holding(files map[int]string) func(int) ([]byte, error) {
	return func(fd int) ([]byte, error) {
		text, ok := files[fd]
		if !ok {
			return nil, unix.EBADF
		}
		return []byte(text), nil
	}
}

// parse reads a command line with the descriptors 3 and 4 open: two words, and two instructions.
func parse(words ...string) (*bwrap.Line, error) {
	return bwrap.Parse(words, []string{"PATH=/bin", "A=1"}, holding(map[int]string{3: "--dir\x00/x\x00", 4: strings.Repeat("\x06\x00\x00\x00\x00\x00\xff\x7f", 2)}))
}

// machine and caller are the same everywhere.
func machine() *sandbox.Host {
	return &sandbox.Host{UID: 1000, GID: 1001, Kernel: [2]int{6, 12}, Clone3: true, Landlock: 6, LastCapability: 40}
}

func caller() *bwrap.Caller {
	return &bwrap.Caller{
		Dir: "/home/ada", Umask: 0o022,
		Terminal: func() string { return "" }, Caps: func() (caps.Set, error) { return 0, nil },
		NoUsers: func() bool { return false }, NoCgroups: func() bool { return false },
		Read: holding(map[int]string{3: "three\n", 4: "\x06\x00\x00\x00\x00\x00\xff\x7f", 5: "five\n"}),
		File: func(fd int) (*os.File, error) { return os.NewFile(uintptr(1000+fd), "fd "+strconv.Itoa(fd)), nil },
		Identify: func(fd int) (string, sandbox.FileID, error) {
			return "/open/" + strconv.Itoa(fd), sandbox.FileID{Dev: 1, Ino: uint64(fd)}, nil
		},
		Find: func(path string) (string, error) {
			if strings.HasPrefix(path, "/none") {
				return "", unix.ENOENT
			}
			return filepath.Clean(path), nil
		},
	}
}

// spec is what a command line becomes for an ordinary user.
func spec(t testing.TB, words ...string) *sandbox.Spec {
	t.Helper()
	l, err := parse(words...)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	s, err := l.Spec(machine(), caller())
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return s
}

// arity is how many words belong to each option of bubblewrap 0.11.1, by its manual.
func arity() map[string]int {
	all := map[string]int{"--overlay": 3}
	for n, names := range []string{
		"--help --version --level-prefix --unshare-all --unshare-user --unshare-user-try --unshare-ipc --unshare-pid --unshare-net --unshare-uts " +
			"--unshare-cgroup --unshare-cgroup-try --share-net --disable-userns --assert-userns-disabled --clearenv --new-session --die-with-parent --as-pid-1",
		"--args --argv0 --userns --userns2 --pidns --uid --gid --hostname --chdir --unsetenv --lock-file --sync-fd --block-fd --userns-block-fd --info-fd " +
			"--json-status-fd --seccomp --add-seccomp-fd --exec-label --file-label --cap-add --cap-drop --perms --size --overlay-src --tmp-overlay --ro-overlay " +
			"--remount-ro --proc --dev --tmpfs --mqueue --dir",
		"--setenv --bind --bind-try --dev-bind --dev-bind-try --ro-bind --ro-bind-try --bind-fd --ro-bind-fd --file --bind-data --ro-bind-data --symlink --chmod",
	} {
		for _, name := range strings.Fields(names) {
			all[name] = n
		}
	}
	return all
}

// TestEveryOption gives every option too few words, and enough.
func TestEveryOption(t *testing.T) {
	samples := map[string][]string{
		"--args": {"3"}, "--userns": {"7"}, "--userns2": {"7"}, "--pidns": {"7"}, "--uid": {"5"}, "--gid": {"5"}, "--sync-fd": {"7"}, "--block-fd": {"7"},
		"--userns-block-fd": {"7"}, "--info-fd": {"7"}, "--json-status-fd": {"7"}, "--seccomp": {"4"}, "--add-seccomp-fd": {"4"},
		"--cap-add": {"CAP_KILL"}, "--cap-drop": {"ALL"}, "--perms": {"0700"}, "--size": {"4096"}, "--setenv": {"B", "2"},
		"--bind-fd": {"7", "/d"}, "--ro-bind-fd": {"7", "/d"}, "--file": {"3", "/d"}, "--bind-data": {"3", "/d"}, "--ro-bind-data": {"3", "/d"}, "--chmod": {"0700", "/d"},
	}
	around := map[string][2][]string{ // what must stand before and behind
		"--perms": {nil, {"--dir", "/d"}}, "--size": {nil, {"--tmpfs", "/d"}}, "--overlay-src": {nil, {"--tmp-overlay", "/d"}},
		"--overlay": {{"--overlay-src", "/l"}, nil}, "--tmp-overlay": {{"--overlay-src", "/l"}, nil}, "--ro-overlay": {{"--overlay-src", "/l", "--overlay-src", "/m"}, nil},
		"--disable-userns": {{"--unshare-user"}, nil}, "--userns-block-fd": {{"--unshare-user", "--info-fd", "8"}, nil},
	}
	for name, n := range arity() {
		args := samples[name]
		for len(args) < n {
			args = append(args, "/d")
		}
		_, err := parse(slices.Concat(around[name][0], []string{name}, args, around[name][1], []string{"true"})...)
		if none := name == "--exec-label" || name == "--file-label"; none != (err != nil) {
			t.Errorf("%s %q: %v", name, args, err)
		}
		for have := range n {
			_, err := parse(slices.Concat(around[name][0], []string{name}, args[:have])...)
			count := map[int]string{1: "an", 2: "two", 3: "three"}[n]
			if slices.Contains([]string{"--argv0", "--chdir", "--remount-ro"}, name) {
				count = "one"
			}
			want := name + " takes " + count + " argument"
			if n > 1 {
				want += "s"
			}
			if name == "--ro-bind-fd" {
				want = "--bind-fd takes two arguments" // sic
			}
			if err == nil || err.Error() != want {
				t.Errorf("%s with %d words: got %v, want %s", name, have, err, want)
			}
		}
	}
}

// TestHelpNamesEveryOption because callers look there for what a version can do.
func TestHelpNamesEveryOption(t *testing.T) {
	var out, errs strings.Builder
	if status := bwrap.Main([]string{"/x/bwrap", "--help"}, &out, &errs); status != 0 || errs.Len() > 0 {
		t.Fatalf("exit status %d, %s", status, errs.String())
	}
	if !strings.HasPrefix(out.String(), "usage: /x/bwrap [OPTIONS...] [--] COMMAND [ARGS...]\n") {
		t.Errorf("got %.80q", out.String())
	}
	for name := range arity() {
		if !strings.Contains(out.String(), "    "+name+" ") {
			t.Errorf("%s is not in it", name)
		}
	}
	out.Reset()
	if status := bwrap.Main([]string{"bwrap", "--version", "--bogus"}, &out, &errs); status != 0 || out.String() != "bubblewrap 0.11.1\n" {
		t.Errorf("--version: %d %q", status, out.String())
	}
	if status := bwrap.Main(nil, &out, &errs); status != 1 || !strings.HasPrefix(errs.String(), "usage: bwrap ") {
		t.Errorf("without words: %d %q", status, errs.String())
	}
}

func TestMessages(t *testing.T) {
	const lower = "--overlay-src must be followed by another --overlay-src or one of --overlay, --tmp-overlay, or --ro-overlay"
	long := strings.Repeat("1", 30)
	for _, tt := range []struct{ words, want string }{
		{"--bogus true", "Unknown option --bogus"},
		{"-x", "Unknown option -x"},
		{"-", "Unknown option -"},
		{"--args 9 true", "Can't read --args data: Bad file descriptor"},
		{"--args 3x true", "Invalid fd: 3x"},
		{"--uid 1.0 true", "Invalid uid: 1.0"},
		{"--uid -1 true", "Invalid uid: -1"},
		{"--gid 2147483648 true", "Invalid gid: 2147483648"},
		{"--gid 4294967296 true", "Invalid gid: 4294967296"},
		{"--block-fd " + long + " true", "Invalid fd: " + long},
		{"--file x /f true", "Invalid fd: x"},
		{"--bind-fd x /f true", "Invalid fd: x"},
		{"--argv0 a --argv0 b true", "--argv0 used multiple times"},
		{"--perms 8 --dir /x true", "--perms takes an octal argument <= 07777"},
		{"--perms 10000 --dir /x true", "--perms takes an octal argument <= 07777"},
		{"--perms -1 --dir /x true", "--perms takes an octal argument <= 07777"},
		{"--chmod 10000 /x true", "--chmod takes an octal argument <= 07777"},
		{"--perms 7 --perms 7 --dir /x true", "--perms given twice for the same action"},
		{"--perms 7 --proc /x true", "--perms must be followed by an option that creates a file"},
		{"--perms 7 --symlink a /x true", "--perms must be followed by an option that creates a file"},
		{"--perms 7 --chmod 7 /x true", "--perms must be followed by an option that creates a file"},
		{"--perms 7 --setenv A b true", "--perms must be followed by an option that creates a file"},
		{"--size 1 --size 1 --tmpfs /x true", "--size given twice for the same action"},
		{"--size 1 --dir /x true", "--size must be followed by --tmpfs"},
		{"--size 0 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size -1 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size +1 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size 0x --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size 08 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size 1_000 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size 18446744073709551616 --tmpfs /x true", "--size takes a non-zero number of bytes"},
		{"--size 9223372036854775808 --tmpfs /x true", "--size (for tmpfs) is limited to 9223372036854775807"},
		{"--overlay /a /b /c true", "--overlay requires at least one --overlay-src"},
		{"--tmp-overlay /c true", "--tmp-overlay requires at least one --overlay-src"},
		{"--ro-overlay /c true", "--ro-overlay requires at least two --overlay-src"},
		{"--overlay-src /a --ro-overlay /c true", "--ro-overlay requires at least two --overlay-src"},
		{"--overlay-src /a true", lower},
		{"--overlay-src /a --dir /x --tmp-overlay /y true", lower},
		{"--overlay-src /a --chdir / true", lower},
		{"--cap-add CAP_BOGUS true", "unknown cap: CAP_BOGUS"},
		{"--cap-add KILL true", "unknown cap: KILL"},
		{"--cap-drop CAP_KILL,CAP_CHOWN true", "unknown cap: CAP_KILL,CAP_CHOWN"},
		{"--exec-label x true", "labeling not supported on this system"},
		{"--file-label x true", "labeling not supported on this system"},
		{"--seccomp 7 --add-seccomp-fd 4 true", "--add-seccomp-fd cannot be combined with --seccomp"},
		{"--add-seccomp-fd 4 --seccomp 7 true", "--seccomp cannot be combined with --add-seccomp-fd"},
		{"--add-seccomp-fd 3 true", "Invalid seccomp data, must be multiple of 8"},
		{"--add-seccomp-fd 9 true", "Can't read seccomp data: Bad file descriptor"},
		{"--setenv A=B c true", "setenv failed"},
		{"--unsetenv A=B true", "unsetenv failed"},
		{"--userns-block-fd 7 true", "--userns-block-fd requires --unshare-user"},
		{"--unshare-user --userns-block-fd 7 true", "--userns-block-fd requires --info-fd"},
		{"--userns 7 --unshare-user true", "--userns not compatible --unshare-user"},
		{"--userns 7 --unshare-all true", "--userns not compatible --unshare-user-try"},
		{"--disable-userns true", "--disable-userns requires --unshare-user"},
		{"--unshare-user --info-fd 7 --userns-block-fd 7 --disable-userns true", "--disable-userns is not compatible with  --userns-block-fd"},
	} {
		if _, err := parse(strings.Fields(tt.words)...); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.words, err, tt.want)
		}
	}
}

// What the words ask for is refused only when it is known who asks.
func TestMessagesOfSpec(t *testing.T) {
	for _, tt := range []struct{ words, want string }{
		{"--hostname box true", "Specifying --hostname requires --unshare-uts"},
		{"--as-pid-1 true", "Specifying --as-pid-1 requires --unshare-pid"},
		{"--unshare-pid --as-pid-1 --lock-file /x true", "Specifying --as-pid-1 and --lock-file is not permitted"},
		{"--bind /none/such /x true", "Can't find source path /none/such: No such file or directory (--bind, argument 1)"},
		{"--dir /y --overlay-src /none/such --tmp-overlay /x true", "Can't find source path /none/such: No such file or directory (--tmp-overlay, argument 5)"},
		{"--file 9 /x true", "Can't write data to file /x: Bad file descriptor"},
		{"--seccomp 9 true", "Can't read seccomp data: Bad file descriptor"},
		{"--seccomp 5 true", "Invalid seccomp data, must be multiple of 8"},
	} {
		l, err := parse(strings.Fields(tt.words)...)
		if err != nil {
			t.Errorf("%s: %v", tt.words, err)
			continue
		}
		if _, err = l.Spec(machine(), caller()); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.words, err, tt.want)
		}
	}
	l, _ := parse("--uid", "5", "true")
	h, c := machine(), caller()
	h.UID, h.GID = 0, 0
	if _, err := l.Spec(h, c); err == nil || err.Error() != "Specifying --uid requires --unshare-user or --userns" {
		t.Errorf("another user for root: %v", err)
	}
	l, _ = parse("--unshare-cgroup", "true")
	c.NoCgroups = func() bool { return true }
	if _, err := l.Spec(h, c); err == nil || !strings.HasPrefix(err.Error(), "Cannot create new cgroup namespace") {
		t.Errorf("no cgroup namespaces: %v", err)
	}
}

// Numbers are read as strtol(3) and strtoul(3) do.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint32{"0": 0, "-0": 0, " 7": 7, "\t+7": 7, "007": 7, "0000000000000000000007": 7, "2147483647": 1<<31 - 1} {
		if s := spec(t, "--unshare-user", "--uid", text, "true"); s.Users.UID != want {
			t.Errorf("uid %q: got %d, want %d", text, s.Users.UID, want)
		}
	}
	for _, text := range []string{"", " ", "-", "+", "+-0", "-+0", "--0", "0x7", "7 ", "7\n", "٧", "1e3", "-5"} {
		if _, err := parse("--uid", text, "true"); err == nil {
			t.Errorf("uid %q is accepted", text)
		}
	}
	for text, want := range map[string]uint32{"7": 7, "0007": 7, "+700": 0o700, " 1777": 0o1777, "7777": 0o7777, "-0": sandbox.NoAccess} {
		s := spec(t, "--perms", text, "--dir", "/x", "true")
		if got := s.Root[len(s.Root)-1].(*sandbox.Dir).Mode; got != want {
			t.Errorf("mode %q: got %o, want %o", text, got, want)
		}
	}
	for _, text := range []string{"", "8", "0x7", "7 ", "u+x", "-7", "99999999999999999999999"} {
		if _, err := parse("--perms", text, "--dir", "/x", "true"); err == nil {
			t.Errorf("mode %q is accepted", text)
		}
	}
	for text, want := range map[string]uint64{"1": 1, "010": 8, "0x10": 16, "0XfF": 255, "9223372036854775807": 1<<63 - 1} {
		s := spec(t, "--size", text, "--tmpfs", "/x", "true")
		if got := s.Root[len(s.Root)-1].(*sandbox.Tmpfs).Size; got != want {
			t.Errorf("size %q: got %d, want %d", text, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct{ words, want string }{
		{"", "PATH=/bin A=1"},
		{"--setenv A 2", "PATH=/bin A=2"},
		{"--setenv B 2 --setenv B 3", "PATH=/bin A=1 B=3"},
		{"--unsetenv A --setenv A 2", "PATH=/bin A=2"},
		{"--setenv B 2 --unsetenv B", "PATH=/bin A=1"},
		{"--unsetenv NONE", "PATH=/bin A=1"},
		{"--clearenv --setenv B =", "B=="},
		{"--setenv B 2 --clearenv", ""},
		{"--args 3 --setenv AB 2 --unsetenv A", "PATH=/bin AB=2"},
	} {
		s := spec(t, append(strings.Fields(tt.words), "/bin/true")...)
		if got := strings.Join(s.Process.Env, " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.words, got, tt.want)
		}
	}
	if s := spec(t, "--setenv", "B", "", "--setenv", "PATH", "/a::/b", "x"); !slices.Equal(s.Process.Programs, []string{"/a/x", "x", "/b/x"}) {
		t.Errorf("searched: %q", s.Process.Programs)
	}
	if s := spec(t, "--clearenv", "x"); !slices.Equal(s.Process.Programs, []string{"/bin/x", "/usr/bin/x"}) {
		t.Errorf("searched without a PATH: %q", s.Process.Programs)
	}
}

// TestLists are words in files.
func TestLists(t *testing.T) {
	for _, tt := range []struct {
		name, list, words, want string // want: destinations, then the command
	}{
		{"in its place", "--dir\x00/b\x00", "--dir /a --args 3 --dir /c true", "/a /b /c true"},
		{"without the last NUL", "--dir\x00/b", "--args 3 true", "/b true"},
		{"with an empty word", "--dir\x00\x00", "--args 3 true", "/ true"},
		{"of nothing", "", "--args 3 true", "true"},
		{"with a command", "--dir\x00/b\x00rm\x00--dir\x00/c\x00", "--args 3 true", "/b true"},
		{"with an end", "--\x00--dir\x00/c\x00", "--args 3 --dir /d true", "/d true"},
		{"with a modifier for what follows outside", "--perms\x000700\x00", "--args 3 --dir /d true", "--perms must be followed by an option that creates a file"},
		{"in a list", "--args\x003\x00", "--args 3 true", "--args not supported in arguments file"},
		{"that ends too early", "--dir\x00", "--args 3 /d true", "--dir takes an argument"},
		{"with what is no option", "--bogus\x00", "--args 3 true", "Unknown option --bogus"},
	} {
		l, err := bwrap.Parse(strings.Fields(tt.words), nil, holding(map[int]string{3: tt.list}))
		got := ""
		if err != nil {
			got = err.Error()
		} else if s, err := l.Spec(machine(), caller()); err != nil {
			got = err.Error()
		} else {
			for _, step := range s.Root {
				if d, ok := step.(*sandbox.Dir); ok {
					got += d.Dest + " "
				}
			}
			got += strings.Join(s.Process.Argv, " ")
		}
		if got != tt.want {
			t.Errorf("a list %s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestLimit is 9000 words in all lists together, what belongs to the command included.
func TestLimit(t *testing.T) {
	words := func(n int) []string { return append([]string{"true"}, make([]string, n-1)...) }
	list := strings.Repeat("--setenv\x00A\x00b\x00", 2999) // 8997
	for _, tt := range []struct {
		name  string
		words []string
		fails bool
	}{
		{"9000 words", words(9000), false},
		{"9001 words", words(9001), true},
		{"9000 with a list", []string{"--args", "3", "true"}, false},
		{"9001 with a list", []string{"--args", "3", "true", "x"}, true},
	} {
		_, err := bwrap.Parse(tt.words, nil, holding(map[int]string{3: list}))
		if tt.fails != (err != nil) || err != nil && err.Error() != "Exceeded maximum number of arguments 9000" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Warnings are given for options of which the last counts, also where an error follows.
func TestWarnings(t *testing.T) {
	for _, name := range []string{"--chdir", "--hostname", "--uid", "--gid", "--sync-fd", "--block-fd", "--info-fd", "--json-status-fd", "--seccomp", "--userns", "--userns2", "--pidns", "--userns-block-fd"} {
		l, err := parse(name, "7", name, "8", name, "9", "--bogus")
		want := "Only the last " + name + " option will take effect"
		if err == nil || !slices.Equal(l.Warnings, []string{want, want}) {
			t.Errorf("%s: %q, %v", name, l.Warnings, err)
		}
	}
	var out, errs strings.Builder
	bwrap.Main([]string{"bwrap", "--level-prefix", "--chdir", "/", "--chdir", "/", "--bo\x1bgus"}, &out, &errs)
	if want := "<4>bwrap: Only the last --chdir option will take effect\n<3>bwrap: Unknown option --bo\\x1bgus\n"; errs.String() != want {
		t.Errorf("got %q, want %q", errs.String(), want)
	}
}

func TestErrors(t *testing.T) {
	_, err := parse("--args", "9", "true")
	var e *bwrap.Error
	if !errors.As(err, &e) || !errors.Is(err, unix.EBADF) {
		t.Errorf("got %#v, want an *Error with its cause", err)
	}
}
