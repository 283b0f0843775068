package bwrap_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
)

// probe prints everything about itself that a caller could depend on.
const probe = `
echo "[mounts]"; awk '{ o = ""; for (i = 7; $i != "-"; i++) { split($i, a, ":"); o = o " " a[1] } print $5, $6, o, $(i+1) }' /proc/self/mountinfo
echo "[status]"; grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigIgn|Umask):' /proc/$$/status
echo "[namespaces]"; for n in user mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done
echo "[files]"; for f in /proc/$$/fd/*; do echo ${f##*/} $(readlink $f); done
echo "[process]"; awk '{ print "leads its group: " ($5 == $1) ", its session: " ($6 == $1) ", of PID 1: " ($4 == 1) }' /proc/$$/stat; cat /proc/sys/kernel/hostname
echo "[folder]"; readlink /proc/$$/cwd; echo "$PWD"
echo "[environment]"; tr '\0' '\n' </proc/$$/environ | sort
`

// system is the host's programs, and nothing else.
var system = []string{"--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"}

// normal takes out of a result what differs from run to run.
func normal(t testing.TB, s string) string {
	t.Helper()
	for _, kind := range []string{"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"} {
		host, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		s = strings.ReplaceAll(s, host, kind+": the caller's")
		s = regexp.MustCompile(kind+`:\[\d+\]`).ReplaceAllString(s, kind+": another")
	}
	s = regexp.MustCompile(`(pipe|socket):\[\d+\]`).ReplaceAllString(s, "$1")
	s = regexp.MustCompile(`("[a-z]+-(?:pid|namespace)": )\d+`).ReplaceAllString(s, "${1}N")
	// Other tests' document portals come and go in the machine's mount table.
	return regexp.MustCompile(`(?m)^.*fuse\.portal.*\n`).ReplaceAllString(s, "")
}

// TestSame runs the same words through both programs.
func TestSame(t *testing.T) {
	ours, theirs := programs(t)
	dir := folder(t, "file", "text\n", "sub/inner", "inner\n", "empty/.keep", "")
	os.Symlink("file", filepath.Join(dir, "link"))
	os.WriteFile(dir+"/script", []byte("echo $0 $#; exit 5\n"), 0o755)
	os.Symlink("/etc", filepath.Join(dir, "away"))
	up, _ := filepath.Rel(dir, "/etc")
	os.Symlink(up, filepath.Join(dir, "up"))
	for _, c := range cases(dir) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want, got := c.command.do(t, theirs), c.command.do(t, ours)
			if c.alive && want.status != 0 {
				t.Fatalf("bubblewrap does not do this: exit status %d\n%s", want.status, want.stderr)
			}
			if got.status != want.status {
				t.Errorf("exit status: got %d, want %d", got.status, want.status)
			}
			if diff := cmp.Diff(known(normal(t, want.stdout)), known(normal(t, got.stdout))); diff != "" {
				t.Errorf("standard output (-bubblewrap +snug):\n%s", diff)
			}
			if diff := cmp.Diff(known(messages(want.stderr)), known(messages(got.stderr))); diff != "" {
				t.Errorf("messages (-bubblewrap +snug):\n%s", diff)
			}
			for fd, text := range want.wrote {
				if diff := cmp.Diff(normal(t, text), normal(t, got.wrote[fd])); diff != "" {
					t.Errorf("descriptor %d (-bubblewrap +snug):\n%s", fd, diff)
				}
			}
		})
	}
}

// known takes out the differences that docs/conformance.md lists.
func known(s string) string {
	s = regexp.MustCompile(`(?m)^(/dev/(?:null|zero|full|random|urandom|tty) rw,nosuid),noexec`).ReplaceAllString(s, "$1")
	s = regexp.MustCompile(`(?m)^(-r\S+ )[01]( 1002 1002 \d+ +[fg])$`).ReplaceAllString(s, "${1}N$2")
	s = regexp.MustCompile(`(?m)^d\S+ (\d+ ) *\d+ +\d+ ( *\d+ .* (?:pts|shm))$`).ReplaceAllString(s, "d $1$2")
	s = regexp.MustCompile(`(?m)^d\S+ +\d+ (.* proc)$`).ReplaceAllString(s, "d N $1")
	s = regexp.MustCompile(`(Can't make symlink at \S+): .*`).ReplaceAllString(s, "$1: it exists")
	s = regexp.MustCompile(`(?m)^usage: (.*\n)+`).ReplaceAllString(s, "usage\n")
	s = regexp.MustCompile(`(?m)^bubblewrap 0.*`).ReplaceAllString(s, "version")
	// Of two mounts on one point bubblewrap changes the upper one alone, and we both.
	last := map[string]string{}
	var kept []string
	for line := range strings.Lines(s) {
		point, options, ok := strings.Cut(line, " ")
		if ok && strings.HasPrefix(point, "/") && strings.HasPrefix(options, "r") {
			if _, again := last[point]; again {
				kept = slices.DeleteFunc(kept, func(l string) bool { return strings.HasPrefix(l, point+" ") })
			}
			last[point] = line
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

// messages takes out what ours adds: where a word stands, and hints.
func messages(s string) string {
	s = regexp.MustCompile(` \(--[a-z-]+, argument \d+( of --args \d+)?\)`).ReplaceAllString(s, "")
	return regexp.MustCompile(`(?m)^bwrap: hint: .*\n`).ReplaceAllString(s, "")
}

// folder makes a folder with files: names and what is in them.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := bed.Folder(t)
	for i := 0; i < len(files); i += 2 {
		bed.Write(t, filepath.Join(dir, files[i]), files[i+1])
	}
	return dir
}

type sameCase struct {
	name string
	command
	alive bool // it is expected to succeed
}

// words joins lists of words.
func words(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// cases cover every option, alone and with what it goes with.
func cases(dir string) []sameCase {
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	full := []string{"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"}
	var all []sameCase
	add := func(name string, c command) { all = append(all, sameCase{name: name, command: c}) }
	ok := func(name string, args ...string) {
		all = append(all, sameCase{name: name, command: command{args: args}, alive: true})
	}
	for _, ns := range []string{"--unshare-all", "--unshare-user", "--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-net",
		"--unshare-uts", "--unshare-cgroup", "--unshare-cgroup-try", "--new-session", "--die-with-parent", "--clearenv"} {
		ok(ns, words(full, []string{ns}, sh(probe))...)
	}
	ok("nothing", words([]string{"--ro-bind", "/", "/"}, sh(probe))...)
	ok("share net", words(full, []string{"--unshare-all", "--share-net"}, sh(probe))...)
	ok("system", words(system, []string{"--proc", "/proc", "--dev", "/dev", "--unshare-all"}, sh(probe+"ls -lna / /dev"))...)
	ok("ids", words(full, []string{"--unshare-user", "--uid", "0", "--gid", "7"}, sh(probe))...)
	ok("host name", words(full, []string{"--unshare-uts", "--hostname", "box"}, sh(probe))...)
	ok("as PID 1", words(full, []string{"--unshare-pid", "--as-pid-1"}, sh(probe))...)
	ok("no user namespaces", words(full, []string{"--unshare-user", "--disable-userns"}, sh("unshare -U true && echo made; echo 5 >/proc/sys/user/max_user_namespaces; unshare -U true && echo made; true"))...)
	for _, c := range [][]string{{"--cap-add", "CAP_SYS_ADMIN"}, {"--cap-add", "ALL"}, {"--cap-add", "cap_net_raw", "--cap-add", "CAP_CHOWN", "--cap-drop", "CAP_NET_RAW"}, {"--cap-add", "ALL", "--cap-drop", "CAP_KILL"}, {"--cap-drop", "ALL"}} {
		ok("capabilities "+strings.Join(c, " "), words(full, []string{"--unshare-user"}, c, sh("grep ^Cap /proc/self/status"))...)
	}
	for _, ids := range [][]string{nil, {"--uid", "0"}, {"--uid", "7", "--gid", "7"}} {
		ok("added capabilities do not undo it "+strings.Join(ids, " "), words(full, []string{"--unshare-all", "--cap-add", "ALL"}, ids,
			sh("mount -o remount,rw / || echo kept; umount /dev/pts || echo kept; ip link set lo down || echo kept; hostname x || echo kept"))...)
	}
	addFiles(dir, sh, ok, add)
	addFailures(dir, add)
	addDescriptors(dir, full, sh, add)
	return all
}

func addFiles(dir string, sh func(string) []string, ok func(string, ...string), add func(string, command)) {
	look := "cut -d' ' -f5,6 /proc/self/mountinfo; ls -lnaR --time-style=+ /x 2>&1; true"
	for name, args := range map[string][]string{
		"bind":                {"--bind", dir, "/x"},
		"bind a file":         {"--bind", dir + "/file", "/x/f"},
		"bind a link":         {"--ro-bind", dir + "/link", "/x/f"},
		"links above":         {"--ro-bind", dir + "/up/passwd", "/x/f", "--ro-bind", "/usr/../etc/group", "/x/g", "--ro-bind", dir + "/up", "/x/h"},
		"bind over a link":    {"--dir", "/y", "--symlink", "y", "/x", "--bind", dir, "/x"},
		"bind-try":            {"--bind-try", dir + "/none", "/x", "--ro-bind-try", dir + "/none", "/x/b", "--dev-bind-try", dir + "/none", "/x/c"},
		"dev-bind":            {"--dev-bind", "/dev", "/dev", "--dir", "/x"},
		"a file over a file":  {"--ro-bind", dir, "/x", "--ro-bind", "/etc/passwd", "/x/file"},
		"parents":             {"--ro-bind", "/etc/passwd", "/x/a/b/passwd", "--dir", "/x/c/d", "--symlink", "y", "/x/e/f"},
		"modes":               {"--perms", "1741", "--dir", "/x/a", "--perms", "0700", "--dir", "/x/b/c", "--perms", "0", "--dir", "/x/d", "--dir", "/x/e", "--chmod", "0711", "/x/e"},
		"existing folder":     {"--perms", "0750", "--dir", "/x", "--perms", "0700", "--dir", "/x"},
		"tmpfs":               {"--perms", "01777", "--size", "1048576", "--tmpfs", "/x", "--tmpfs", "/x/sub"},
		"tmpfs of the root":   {"--tmpfs", "/x", "--remount-ro", "/"},
		"read-only":           {"--tmpfs", "/x", "--dir", "/x/a", "--tmpfs", "/x/a/b", "--remount-ro", "/x"},
		"nested":              {"--bind", dir, "/x", "--tmpfs", "/x/sub", "--ro-bind", dir + "/empty", "/x/sub/e"},
		"a name of all kinds": {"--dir", "/x/a b\n\"\\\xff"},
		"dots":                {"--dir", "/x/../x/./a//b/", "--bind", dir, "//x//c/"},
		"relative":            {"--dir", "x/y", "--bind", dir, "x/z"},
		"a link twice":        {"--symlink", "a", "/x/l"},
	} {
		ok(name, words(system, []string{"--proc", "/proc"}, args, sh(look))...)
	}
	ok("what has no path", words(system, []string{"--proc", "/proc", "--ro-bind-try", "/proc/self/ns/user", "/x"}, sh("stat -L -c %i /x /proc/self/ns/user | uniq | wc -l; grep -c nsfs /proc/self/mountinfo"))...)
	ok("mqueue", words(system, []string{"--proc", "/proc", "--unshare-ipc", "--mqueue", "/x"}, sh("stat -f -c %T /x"))...)
	add("changes", command{args: words(system, []string{"--bind", dir, "/x"}, sh("echo new >/x/written-$$; rm /x/written-$$; echo $?"))})
	add("changes are refused", command{args: words(system, []string{"--ro-bind", dir, "/x"}, sh("echo new >/x/written; echo $?"))})
	add("relative source", command{dir: dir, args: words(system, []string{"--bind", ".", "/x", "--ro-bind", "sub/../file", "/y"}, sh("ls /x; cat /y; pwd"))})
	add("folder that is not there", command{dir: dir, args: words(system, sh("pwd"))})
	add("home", command{dir: dir, env: []string{"PATH=/bin", "HOME=/usr/lib"}, args: words(system, sh("pwd; echo $PWD"))})
	add("chdir", command{dir: dir, args: words(system, []string{"--chdir", "/usr", "--chdir", "/usr/lib"}, sh("pwd; echo $PWD"))})
	add("environment", command{env: []string{"PATH=/bin", "A=1", "B=2", "PWD=/wrong"}, args: words(system, []string{"--setenv", "A", "x y", "--unsetenv", "B", "--setenv", "C", ""}, []string{"/usr/bin/env"})})
	add("clear", command{env: []string{"PATH=/bin", "A=1"}, args: words(system, []string{"--clearenv", "--setenv", "C", "c"}, []string{"/usr/bin/env"})})
	add("path", command{env: []string{"PATH=/nowhere:/usr/bin"}, args: words(system, []string{"env"})})
	add("other path", command{env: []string{"PATH=/nowhere"}, args: words(system, []string{"--setenv", "PATH", "/usr/bin", "env"})})
	add("no path", command{env: []string{"X=1"}, args: words(system, []string{"env"})})
	add("script", command{args: words(system, []string{"--bind", dir, "/x", "/x/script", "a", "b c"})})
	add("script in PATH", command{env: []string{"PATH=/bin:/x"}, args: words(system, []string{"--bind", dir, "/x", "script", "a"})})
	add("exit", command{args: words(system, sh("exit 7"))})
	add("exit with PID", command{args: words(system, []string{"--unshare-pid"}, sh("exit 7"))})
	add("killed", command{args: words(system, sh("kill -9 $$"))})
	add("killed with PID", command{args: words(system, []string{"--unshare-pid"}, sh("kill -TERM $$"))})
	add("orphans", command{args: words(system, []string{"--proc", "/proc", "--unshare-pid"}, sh("(sleep 0.2 & exec sleep 0.1) & sleep 0.6; x=$(ps -e -o stat=,comm=); echo \"$x\" | sort"))})
	add("PID 1 is not the app", command{args: words(system, []string{"--proc", "/proc", "--unshare-pid"}, sh("echo $$ $PPID; ls -d /proc/[0-9]* | head -3"))})
}

func addFailures(dir string, add func(string, command)) {
	for _, args := range [][]string{
		{}, {"--"}, {"--bogus"}, {"-x"}, {"--bind"}, {"--bind", "/a"}, {"--args", "9", "true"}, {"--args", "x"}, {"--args"}, {"--uid", "x", "true"},
		{"--uid", "-1", "true"}, {"--chdir"}, {"--setenv", "A"}, {"--setenv", "", "x", "true"}, {"--setenv", "A=B", "x", "true"}, {"--unsetenv", "", "true"},
		{"--perms", "9", "--dir", "/x", "true"}, {"--perms", "10000", "--dir", "/x", "true"}, {"--perms", "0700", "true"}, {"--perms", "0700", "--proc", "/proc", "true"},
		{"--perms", "0700", "--perms", "0700", "--dir", "/x", "true"}, {"--size", "0", "--tmpfs", "/x", "true"}, {"--size", "1x", "--tmpfs", "/x", "true"},
		{"--size", "18446744073709551616", "--tmpfs", "/x", "true"}, {"--size", "9223372036854775809", "--tmpfs", "/x", "true"}, {"--size", "4096", "--dir", "/x", "true"},
		{"--chmod", "x", "/x", "true"}, {"--hostname", "box", "true"}, {"--as-pid-1", "true"}, {"--unshare-pid", "--as-pid-1", "--lock-file", "/x", "true"},
		{"--userns-block-fd", "3", "true"}, {"--unshare-user", "--userns-block-fd", "3", "true"}, {"--userns", "3", "--unshare-user", "true"},
		{"--disable-userns", "true"}, {"--cap-add", "CAP_BOGUS", "true"}, {"--cap-add", "sys_admin", "true"}, {"--seccomp", "3", "--add-seccomp-fd", "3", "true"},
		{"--exec-label", "x", "true"}, {"--file-label", "x", "true"}, {"--bind", "/none/such", "/x", "true"}, {"--ro-bind", dir + "/file/x", "/x", "true"},
		{"--ro-bind", "/proc/self/ns/user", "/x", "true"}, {"--bind-fd", "9", "/x", "true"}, {"--file", "9", "/x", "true"}, {"--ro-bind", "/", "/", "/no/program"}, {"--ro-bind", "/", "/", "no-program"},
		{"--ro-bind", "/", "/", "/etc/passwd"}, {"--ro-bind", "/", "/", "/"}, {"--ro-bind", "/", "/", "--chdir", "/none", "true"},
		{"--ro-bind", "/", "/", "--lock-file", "/none", "--unshare-pid", "true"}, {"--ro-bind", "/", "/", "--lock-file", "/none", "true"}, {"--ro-bind", "/", "/", "--assert-userns-disabled", "true"},
		{"--symlink", "a", "/l", "--symlink", "b", "/l", "true"}, {"--chmod", "0700", "/none", "true"}, {"--ro-bind", "/", "/", "--dir", "/etc/passwd/x", "true"},
		{"--ro-bind", "/", "/", "--dir", "/snug-test/x", "true"}, {"--ro-bind", "/", "/", "--bind", "/etc/passwd", "/etc", "true"}, {"--ro-bind", "/", "/", "--bind", "/etc", "/etc/passwd", "true"},
		{"--ro-bind", "/", "/", "--remount-ro", "/usr/bin", "true"}, {"--help"}, {"--version"}, {"--bogus", "--help"},
	} {
		name := strings.Join(args, " ")
		if name == "" {
			name = "no words"
		}
		add("fails "+name, command{args: args})
	}
}

func addDescriptors(dir string, full []string, sh func(string) []string, add func(string, command)) {
	text := map[int]string{3: "three\n", 4: "four\n"}
	add("descriptors", command{files: text, args: words(full, sh("cat <&3; ls /proc/$$/fd"))})
	add("file", command{files: text, args: words(system, []string{"--file", "3", "/x/f", "--perms", "0640", "--file", "4", "/x/g"}, sh("ls -ln --time-style=+ /x; cat /x/*"))})
	add("file twice", command{files: text, args: words(system, []string{"--file", "3", "/x/f", "--file", "4", "/x/f"}, sh("ls -ln --time-style=+ /x; cat /x/*"))})
	add("data", command{files: text, args: words(system, []string{"--proc", "/proc", "--bind-data", "3", "/x/f", "--perms", "0644", "--ro-bind-data", "4", "/x/g"}, sh("ls -ln --time-style=+ /x; cat /x/*; echo more >>/x/f; echo more >>/x/g; cat /x/f; cut -d' ' -f5,6 /proc/self/mountinfo"))})
	add("data over a file", command{files: text, args: words(system, []string{"--file", "3", "/x/f", "--ro-bind-data", "4", "/x/f"}, sh("cat /x/f"))})
	add("data from standard input", command{stdin: "in\n", args: words(system, []string{"--file", "0", "/x"}, []string{"/bin/cat", "/x"})})
	add("args", command{files: map[int]string{3: "--setenv\x00A\x00b c\x00--dir\x00/x\x00ignored\x00"}, args: words(system, []string{"--args", "3"}, sh("echo $A; ls -d /x"))})
	add("two lists", command{files: map[int]string{3: "--dir\x00/x", 4: "--dir\x00/y\x00"}, args: words(system, []string{"--args", "3", "--args", "4"}, sh("ls -d /x /y; ls /proc/self/fd 2>/dev/null"))})
	add("a list in a list", command{files: map[int]string{3: "--args\x004\x00", 4: ""}, args: words(system, []string{"--args", "3", "true"})})
	many := strings.Repeat("--setenv\x00A\x00b\x00", 2990)
	add("many words", command{files: map[int]string{3: many}, args: words(system, []string{"--args", "3"}, sh("echo $A"))})
	add("too many words", command{files: map[int]string{3: many + many}, args: words(system, []string{"--args", "3"}, sh("echo $A"))})
	add("info", command{wants: []int{3, 4}, args: words(full, []string{"--unshare-all", "--info-fd", "3", "--json-status-fd", "4"}, sh("ls /proc/$$/fd; exit 3"))})
	add("info of little", command{wants: []int{3, 4}, args: words(full, []string{"--info-fd", "3", "--json-status-fd", "4"}, sh("kill -9 $$"))})
	add("info of a failure", command{wants: []int{3, 4}, args: words(full, []string{"--info-fd", "3", "--json-status-fd", "4", "/no/program"})})
	add("info of a failed set-up", command{wants: []int{3, 4}, args: words(full, []string{"--info-fd", "3", "--json-status-fd", "4", "--chmod", "0700", "/none", "true"})})
	add("block", command{files: map[int]string{3: "x"}, args: words(full, []string{"--block-fd", "3"}, sh("ls /proc/$$/fd"))})
	add("sync", command{wants: []int{3}, args: words(full, []string{"--sync-fd", "3"}, sh("ls /proc/$$/fd"))})
	add("sync with PID", command{wants: []int{3}, args: words(full, []string{"--unshare-pid", "--sync-fd", "3"}, sh("ls /proc/$$/fd"))})
	add("sync of PID 1", command{wants: []int{3}, args: words(full, []string{"--unshare-pid", "--as-pid-1", "--sync-fd", "3"}, sh("ls /proc/$$/fd"))})
	add("lock", command{args: words([]string{"--bind", "/", "/", "--lock-file", dir + "/file"}, sh("flock -n "+dir+"/file true; grep -c POSIX /proc/locks >/dev/null; echo $?"))})
	// BPF_RET|BPF_K: allow; one that forbids uname(2) with EPERM would need the machine's number.
	allow := "\x06\x00\x00\x00\x00\x00\xff\x7f"
	add("seccomp", command{files: map[int]string{3: allow, 4: allow}, args: words(full, []string{"--seccomp", "3"}, sh("grep Seccomp: /proc/$$/status; ls /proc/$$/fd"))})
	add("seccomp twice", command{files: map[int]string{3: allow, 4: allow}, args: words(full, []string{"--add-seccomp-fd", "3", "--add-seccomp-fd", "4"}, sh("grep Seccomp /proc/$$/status"))})
	add("seccomp the last", command{files: map[int]string{3: "bad", 4: allow}, args: words(full, []string{"--seccomp", "3", "--seccomp", "4"}, sh("grep Seccomp: /proc/$$/status"))})
	add("seccomp of bad length", command{files: map[int]string{3: "bad"}, args: words(full, []string{"--seccomp", "3", "true"})})
	add("seccomp of bad code", command{files: map[int]string{3: strings.Repeat("\xff", 8)}, args: words(full, []string{"--seccomp", "3", "true"})})
}
