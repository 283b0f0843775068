package bwrap_test

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestRandom runs random command lines, most of them valid, through both programs: both accept or
// both refuse, with the same exit status and the same output. The lines follow from their numbers,
// so each run tries the same; LINES and FIRST say how many, and from which number on:
//
//	RANDOM_LINES=5000 RANDOM_FIRST=1000 sh tests/run.sh go test ./tests/bwrap -run Random
//
// A line that differs is printed, and again without each group of words that makes no difference.
func TestRandom(t *testing.T) {
	ours, theirs := programs(t)
	lines, first := variable(t, "RANDOM_LINES", 700), variable(t, "RANDOM_FIRST", 0)
	dir := folder(t, "file", "text\n", "sub/inner", "inner\n", "empty/.keep", "", "odd \"name\\:,\n/x", "odd\n")
	for name, target := range map[string]string{"link": "file", "loop": "loop", "away": "/etc", "tosub": "sub"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range 2 {
		wg.Go(func() {
			for n := range numbers {
				groups := randomLine(rand.New(rand.NewPCG(uint64(n), 1)), dir)
				if listed(groups) {
					continue
				}
				first := differ(t, ours, theirs, dir, groups)
				if first == "" {
					continue
				}
				if differ(t, ours, theirs, dir, groups) == "" { // something else on the machine has changed
					t.Logf("line %d differs once: %.1000s", n, first)
					continue
				}
				small := minimise(groups, func(g [][]string) bool { return differ(t, ours, theirs, dir, g) != "" })
				t.Errorf("line %d differs: %s\n%s", n, differ(t, ours, theirs, dir, small), paste(small))
			}
		})
	}
	for n := range lines {
		numbers <- first + n
	}
	close(numbers)
	wg.Wait()
}

// listed reports whether a line makes a folder where an option has made a link: if that leads
// nowhere, we refuse, and bubblewrap makes none.
func listed(groups [][]string) bool {
	links := map[string]bool{}
	for _, g := range groups {
		dest := filepath.Clean("/" + g[len(g)-1])
		if slices.Contains(g, "--dir") && links[dest] {
			return true
		}
		links[dest] = links[dest] || g[0] == "--symlink"
	}
	return false
}

func variable(t *testing.T, name string, value int) int {
	text := os.Getenv(name)
	if text == "" {
		return value
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// look prints what a command line decides about.
const look = `cut -d' ' -f5,6 /proc/self/mountinfo; echo $?; id -u; id -g; pwd; echo "$A $B $0"; ls -ln --time-style=+ / /x /x/* 2>&1 | grep -v total | tr -s ' '; cat /proc/sys/kernel/hostname
for n in user pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done; grep -E '^(Cap|Seccomp:|NoNew)' /proc/self/status; ls /proc/$$/fd`

// differ says what differs, if something does.
func differ(t *testing.T, ours, theirs, dir string, groups [][]string) string {
	c := command{dir: dir, args: slices.Concat(groups...), files: map[int]string{3: "three\n", 4: "four\n", 5: "--dir\x00/x/list\x00--setenv\x00A\x00list\x00", 6: "\x06\x00\x00\x00\x00\x00\xff\x7f"}}
	want, err := c.try(t, theirs)
	if err != nil {
		return "" // it hangs with some words, and so has nothing to compare with
	}
	got, err := c.try(t, ours)
	if err != nil {
		return err.Error()
	}
	switch w, g := uniform(normal(t, want.stdout)), uniform(normal(t, got.stdout)); {
	case want.status != got.status:
		return fmt.Sprintf("exit status %d, bubblewrap's %d\nbubblewrap: %ssnug: %s", got.status, want.status, want.stderr, got.stderr)
	case w != g && want.status != 1: // which no command gives: one that cannot lock goes on in bubblewrap
		return fmt.Sprintf("output\nbubblewrap:\n%s\nsnug:\n%s", lacking(w, g), lacking(g, w))
	}
	return ""
}

// uniform is known for any place in the root.
func uniform(s string) string {
	s = regexp.MustCompile(`(?m)^(\S+/(?:null|zero|full|random|urandom|tty) rw,nosuid),noexec`).ReplaceAllString(s, "$1")
	s = regexp.MustCompile(`(?m)^(\S+ rw),nosuid,nodev,noexec(,relatime)$`).ReplaceAllString(s, "$1$2") // a queue
	s = regexp.MustCompile(`(?m)^d\S+ +\d+ +\d+ +\d+ +(\d+ +(?:pts|shm))$`).ReplaceAllString(s, "d $1")
	s = regexp.MustCompile(`(?m)^(-\S+ +)[01] +`).ReplaceAllString(s, "${1}N ")
	closed := closedMounts()
	lines := slices.DeleteFunc(strings.Split(known(s), "\n"), func(line string) bool {
		return slices.ContainsFunc(closed, func(path string) bool { return strings.Contains(line, path+" r") })
	})
	slices.Sort(lines) // the mounts of a copied tree have no order
	return strings.Join(lines, "\n")
}

// closedMounts are those of the machine where the tester may not go, such as another user's documents.
func closedMounts() (paths []string) {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		path := strings.Fields(line)[4]
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrPermission) {
			paths = append(paths, path)
		}
	}
	return paths
}

// lacking are the lines of one text that the other has not.
func lacking(text, other string) string {
	there := strings.Split(other, "\n")
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return slices.Contains(there, line) }), "\n")
}

// minimise leaves out groups as long as the rest still differs.
func minimise(groups [][]string, differs func([][]string) bool) [][]string {
	for i := 0; i < len(groups); {
		if less := slices.Delete(slices.Clone(groups), i, i+1); differs(less) {
			groups = less
		} else {
			i++
		}
	}
	return groups
}

// paste is a line for a shell.
func paste(groups [][]string) string {
	var b strings.Builder
	b.WriteString("snug-bwrap")
	for _, word := range slices.Concat(groups...) {
		b.WriteString(" '" + strings.ReplaceAll(word, "'", `'\''`) + "'")
	}
	return b.String()
}

// randomLine gives the groups of words of one line: the system, some options, the command.
func randomLine(r *rand.Rand, dir string) [][]string {
	groups := [][]string{system, {"--proc", "/proc"}}
	if r.IntN(5) == 0 {
		groups = [][]string{{"--ro-bind", "/", "/"}, {"--tmpfs", "/x"}}
		if r.IntN(2) == 0 {
			groups[1] = []string{"--tmpfs", "/tmp"}
		}
	}
	for range r.IntN(9) {
		at := r.IntN(len(groups) + 1)
		if r.IntN(4) > 0 {
			at = len(groups) // seldom before the system
		}
		groups = slices.Insert(groups, at, randomOption(r, dir))
	}
	if r.IntN(40) == 0 {
		return append(groups, []string{"--"}) // without a command
	}
	if r.IntN(20) == 0 {
		groups = append(groups, []string{"--"})
	}
	return append(groups, []string{"/bin/sh", "-c", look + "; exit " + strconv.Itoa(r.IntN(3)*7)})
}

func randomOption(r *rand.Rand, dir string) []string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	source := func() string {
		return pick(dir, dir+"/file", dir+"/sub", dir+"/link", dir+"/tosub", dir+"/away", dir+"/odd \"name\\:,\n", "/etc/passwd", dir+"/empty", "/dev/null", "/mnt", dir+"/none", dir+"/loop", dir+"/file/x", ".", "")
	}
	dest := func() string {
		return pick("/x", "/x/a", "/x/b", "/x/a/b", "/x/file", "/x/sub/deep", "//x/./c//d", "x/e", "/y", "/usr/share", "/usr/none", "/etc/passwd", "/proc/version", "/tmp", "/", "/x/l", "/bin", "/x/"+strings.Repeat("n", 255), "/x/"+strings.Repeat("n", 256))
	}
	mode := func() string { return pick("0700", "0755", "7", "0", "01777", "0640", "0007", "8", "10000") }
	fd := func() string { return pick("3", "4", "3", "4", "0", "9", "x", "-1") }
	switch r.IntN(26) {
	case 0, 1, 2:
		if r.IntN(2) == 0 {
			return []string{pick("--bind-try", "--ro-bind-try", "--dev-bind-try"), cmp.Or(source(), dir), dest()} // "" is the root for bubblewrap
		}
		return []string{pick("--bind", "--ro-bind", "--dev-bind"), source(), dest()}
	case 3, 4:
		return []string{"--dir", dest()}
	case 5:
		return []string{"--perms", mode(), pick("--dir", "--tmpfs"), dest()}
	case 6:
		return []string{"--tmpfs", dest()}
	case 7:
		return []string{"--perms", mode(), pick("--file", "--bind-data", "--ro-bind-data"), fd(), dest()}
	case 8:
		return []string{pick("--file", "--bind-data", "--ro-bind-data"), fd(), dest()}
	case 9:
		return []string{"--symlink", pick("file", "/etc", "a", "../..", "/x/none"), dest()}
	case 10:
		return []string{"--chmod", mode(), dest()}
	case 11:
		return []string{"--remount-ro", dest()}
	case 12:
		return []string{"--size", pick("4096", "0x10000", "010", "0", "1x", "-1"), "--tmpfs", dest()}
	case 13:
		if r.IntN(3) == 0 {
			return []string{"--proc", "/proc"} // another would show what else runs
		}
		return []string{pick("--dev", "--mqueue"), pick("/x/p", "/dev", "/proc", "/x/d", "/x")}
	case 14, 15:
		return []string{pick("--unshare-user", "--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup", "--unshare-cgroup-try", "--unshare-all", "--share-net")}
	case 16:
		return []string{pick("--new-session", "--die-with-parent", "--clearenv", "--as-pid-1", "--disable-userns", "--assert-userns-disabled")}
	case 17:
		return []string{"--setenv", pick("A", "B", "PWD", "PATH", "", "A=B"), pick("1", "", "/bin", "/usr/bin:/nowhere")}
	case 18:
		return []string{"--unsetenv", pick("A", "PATH", "PWD", "HOME", "")}
	case 19:
		return []string{pick("--uid", "--gid"), pick("0", "7", "1000", "65534", "+3", " 4", "-1", "x", "", "4294967295")}
	case 20:
		return []string{"--hostname", pick("box", "", strings.Repeat("h", 64), strings.Repeat("h", 65), "b\x01x")}
	case 21:
		return []string{"--chdir", pick("/", "/x", "/usr/lib", "/none", "", "usr", "/bin/..", "/etc/passwd")}
	case 22:
		return []string{pick("--cap-add", "--cap-drop"), pick("ALL", "all", "CAP_NET_RAW", "cap_chown", "CAP_SETUID", "NET_RAW", "CAP_", "-1")}
	case 23:
		return []string{"--args", pick("5", "5", "4", "9", "x")}
	case 24:
		return []string{pick("--seccomp", "--add-seccomp-fd"), pick("6", "6", "6", "3", "9")}
	}
	return []string{"--lock-file", pick("/x/file", "/usr/share", "/none", "/etc/passwd", "/bin/sh", "/proc/version")}
}
