package landlock_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps/landlock"
	"snug/tests/need"
)

// childKey names the environment variable that turns the test binary into a
// child that restricts itself and tries things.
const childKey = "SNUG_LANDLOCK_CHILD"

// order is what the child is told: a domain, or none for the control, and what
// to try.
type order struct {
	Ruleset *landlock.Ruleset
	ABI     int
	Dir     string // with the files "open" and "shut/file"
	Port    int    // of a listener
	Parent  int
	Socket  string // abstract name of a listener
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childKey); text != "" {
		child(text)
	}
	os.Exit(m.Run())
}

// child tries each thing and prints its name and outcome.
func child(text string) {
	runtime.LockOSThread()
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if o.Ruleset != nil {
		if err := restrict(*o.Ruleset, o.ABI); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	try := func(what string, err error) { fmt.Printf("%s: %v\n", what, err) }
	try("read granted", open(filepath.Join(o.Dir, "open"), unix.O_RDONLY))
	try("write granted", open(filepath.Join(o.Dir, "open"), unix.O_WRONLY))
	try("read other", open(filepath.Join(o.Dir, "shut/file"), unix.O_RDONLY))
	try("truncate", unix.Truncate(filepath.Join(o.Dir, "shut/file"), 0))
	try("connect", dial(&unix.SockaddrInet4{Port: o.Port, Addr: [4]byte{127, 0, 0, 1}}, unix.AF_INET))
	try("abstract", dial(&unix.SockaddrUnix{Name: "@" + o.Socket}, unix.AF_UNIX))
	try("signal", unix.Kill(o.Parent, 0))
	os.Exit(0)
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

// dial connects on this very thread, which a net.Dial might not.
func dial(to unix.Sockaddr, family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, to); err != nil {
		return err
	}
	return unix.Close(fd)
}

// TestKernel enforces rulesets cut to every ABI that this kernel has, and looks
// at what they deny. The control without a domain may do everything.
func TestKernel(t *testing.T) {
	abi, err := kernelABI()
	if err != nil {
		need.Missingf(t, "wanted a kernel with Landlock, got: %v", err)
	}
	o := ground(t)
	t.Run("control", func(t *testing.T) {
		expect(t, o, map[string]string{})
	})
	full := landlock.Ruleset{
		FS: abi5, Net: landlock.ConnectTCP, Scoped: landlock.ScopeAbstractUnix | landlock.ScopeSignal,
		Log: landlock.LogSameExecOff,
		Paths: []landlock.PathRule{
			{Path: filepath.Join(o.Dir, "open"), Allowed: landlock.ReadFile},
			{Path: o.Dir, Allowed: landlock.ReadDir | landlock.MakeReg},
		},
		Ports: []landlock.PortRule{{Port: 1, Allowed: landlock.ConnectTCP}},
	}
	for n := 1; n <= min(abi, landlock.LatestABI); n++ {
		t.Run(fmt.Sprintf("ABI %d", n), func(t *testing.T) {
			small, _ := landlock.Downgrade(full, n)
			o := o
			o.Ruleset, o.ABI = &small, n
			denied := map[string]string{"write granted": "permission denied", "read other": "permission denied"}
			if n >= 3 {
				denied["truncate"] = "permission denied"
			}
			if n >= 4 {
				denied["connect"] = "permission denied"
			}
			if n >= 6 {
				denied["abstract"], denied["signal"] = "operation not permitted", "operation not permitted"
			}
			expect(t, o, denied)
		})
	}
	t.Run("a port granted", func(t *testing.T) {
		if abi < 4 {
			need.Missingf(t, "wanted Landlock ABI 4, got %d", abi)
		}
		o.Ruleset = &landlock.Ruleset{Net: landlock.ConnectTCP,
			Ports: []landlock.PortRule{{Port: uint16(o.Port), Allowed: landlock.ConnectTCP}}}
		o.ABI = 4
		expect(t, o, map[string]string{})
	})
}

// ground makes files and listeners for children to try.
func ground(t *testing.T) order {
	t.Helper()
	o := order{Dir: t.TempDir(), Parent: os.Getpid(), Socket: fmt.Sprintf("snug-landlock-%d", os.Getpid())}
	if err := os.Mkdir(filepath.Join(o.Dir, "shut"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open", "shut/file"} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	o.Port = tcp.Addr().(*net.TCPAddr).Port
	abstract, err := net.Listen("unix", "@"+o.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = abstract.Close() })
	return o
}

// expect runs a child: what is not in denied must succeed.
func expect(t *testing.T, o order, denied map[string]string) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childKey+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 7 {
		t.Fatalf("child printed:\n%s", out)
	}
	for _, line := range lines {
		what, got, _ := strings.Cut(line, ": ")
		want := denied[what]
		if want == "" {
			want = "<nil>"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
}
