package sandbox_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
)

var update = flag.Bool("update", false, "write the golden files")

// machine is a host that is the same everywhere.
func machine() sandbox.Host {
	return sandbox.Host{UID: 1000, GID: 1000, Kernel: [2]int{6, 12}, Clone3: true, Landlock: 6, LastCapability: 40}
}

// TestGolden compares programs with testdata/NAME.txt: what a Spec becomes on a host.
func TestGolden(t *testing.T) {
	score := 100
	self := sandbox.Users{UID: 1000, GID: 1000}
	ranges := sandbox.Users{UIDs: []sandbox.IDRange{{Inside: 0, Outside: 1000, Count: 1}, {Inside: 1, Outside: 100000, Count: 65536}},
		GIDs: []sandbox.IDRange{{Inside: 0, Outside: 1000, Count: 1}, {Inside: 1, Outside: 100000, Count: 65536}}}
	usr := &sandbox.Bind{Source: "/usr", Dest: "/usr", Origin: "app.toml:3"}
	overlay := &sandbox.Overlay{Dest: "/app", Lower: []string{"/usr", "/a:b"}, ReadOnly: true, Origin: "app.toml:9"}
	run := sandbox.Process{Argv: []string{"/usr/bin/true"}, Env: []string{"A=b"}, Origin: "command line"}
	with := func(change func(*sandbox.Process)) sandbox.Process { p := run; change(&p); return p }
	f := os.Stdin
	for _, tt := range []struct {
		name string
		spec sandbox.Spec
		host func(*sandbox.Host)
	}{
		{name: "strictest", spec: sandbox.Spec{Users: self, Process: run}},
		{name: "plain", spec: sandbox.Spec{Users: self, Process: run, Root: []sandbox.Step{&sandbox.Bind{Source: "/", Dest: "/", Origin: "test"}, &sandbox.Proc{Dest: "/proc"}, &sandbox.Dev{Dest: "/dev"}}}},
		{name: "plain-by-root", spec: sandbox.Spec{Process: run, Root: []sandbox.Step{&sandbox.Bind{Source: "/", Dest: "/", Origin: "test"}, &sandbox.Proc{Dest: "/proc"}}}, host: func(h *sandbox.Host) { h.UID, h.GID = 0, 0 }},
		{name: "linger", spec: sandbox.Spec{Users: sandbox.Users{UID: 1000, GID: 1000, Below: true, Sealed: true}, Process: with(func(p *sandbox.Process) {
			p.Linger, p.Held, p.Locks = true, []*os.File{f}, []string{"/usr/.ref"}
			p.Scripts = true
		}), Root: []sandbox.Step{usr, &sandbox.Parents{Mode: 0o700}, &sandbox.Data{Dest: "/a/f", Content: []byte("x"), Replace: true}, &sandbox.Data{Dest: "/a/f", Mode: 0o600, Replace: true}}}},
		{name: "ranges", spec: sandbox.Spec{Users: ranges, Root: []sandbox.Step{usr}, Process: run}},
		{name: "everything-shared", spec: sandbox.Spec{Users: sandbox.Users{Namespace: sandbox.Namespace{Shared: true}, UID: 1000, GID: 1000, Nested: true},
			Mount: sandbox.Namespace{Shared: true}, PID: sandbox.Namespace{Shared: true}, IPC: sandbox.Namespace{Shared: true}, UTS: sandbox.Namespace{Shared: true},
			Net: sandbox.Namespace{Shared: true}, Cgroup: sandbox.Namespace{Shared: true}, Process: run}},
		{name: "enter", spec: sandbox.Spec{Users: self, Enter: &sandbox.Enter{Process: f, Namespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS}, Process: run}},
		{name: "pid-above", spec: sandbox.Spec{Users: sandbox.Users{Namespace: sandbox.Namespace{Join: f}, Nested: true}, PIDAbove: os.Stdout, Process: run}},
		{name: "terminal", spec: sandbox.Spec{Users: self, Root: []sandbox.Step{&sandbox.Dev{Dest: "/dev", Console: true}}, Process: with(func(p *sandbox.Process) {
			p.Terminal = &sandbox.Terminal{Rows: 24, Cols: 80, Stdio: [3]bool{true, true, true}}
		})}},
		{name: "process", spec: sandbox.Spec{Users: self, Hostname: "box", Process: with(func(p *sandbox.Process) {
			p.OOM, p.Init, p.Dirs = &score, true, []string{"/home", "/"}
			p.Rlimits = []sandbox.Rlimit{{Resource: unix.RLIMIT_NOFILE, Soft: 10, Hard: 20}, {Resource: unix.RLIMIT_CORE}}
			p.Files = []sandbox.File{{Number: 9, Source: f}}
			p.Programs = []string{"/bin/x", "/usr/bin/x"}
			p.Signals.Ignored = 1
			p.Capabilities = caps.Sets{Bounding: caps.Chown, Permitted: caps.Chown, Inheritable: caps.Chown, Ambient: caps.Chown}
			p.Filters = []sandbox.Filter{allowAll()}
			p.Landlock = &sandbox.Landlock{Attr: make([]byte, 8), Rules: []sandbox.LandlockRule{{Type: 1, Attr: make([]byte, 12), Path: "/usr", FDAt: 8}}}
		})}},
		{name: "steps", spec: sandbox.Spec{Users: self, Process: run, Root: []sandbox.Step{usr, &sandbox.Dir{Dest: "/a/b", Mode: 0o700}, &sandbox.Data{Dest: "/a/f", Content: []byte("x")},
			&sandbox.Data{Dest: "/usr/g", Content: []byte("x"), Bound: true}, &sandbox.Symlink{Dest: "/lib", Target: "usr/lib"}, &sandbox.Mask{Dest: "/usr/share"},
			&sandbox.Chmod{Dest: "/a", Mode: 0o711}, &sandbox.ReadOnly{Dest: "/"}, &sandbox.Sysfs{Dest: "/sys"}, &sandbox.Cgroup2{Dest: "/sys/fs/cgroup"}, &sandbox.Mqueue{Dest: "/dev/mqueue"}}}},
		{name: "overlay", spec: sandbox.Spec{Users: self, Process: run, Root: []sandbox.Step{overlay, &sandbox.Overlay{Dest: "/mem", Lower: []string{"/usr"}}}}},
		{name: "overlay-linux-6.1", spec: sandbox.Spec{Users: self, Process: run, Root: []sandbox.Step{overlay}}, host: func(h *sandbox.Host) { h.Kernel = [2]int{6, 1} }},
		{name: "fuse", spec: sandbox.Spec{Users: self, Process: run, Handover: sandbox.Handover{Serve: func(*os.File) error { return nil }},
			Root: []sandbox.Step{&sandbox.Fuse{Dest: "/", Name: "served", Setuid: true, Origin: "m:1"}, &sandbox.Dir{Dest: "/a"}}}},
		{name: "clocks-without-clone3", spec: sandbox.Spec{Users: self, Process: run, Time: sandbox.Clocks{Offset: true, Boottime: -5}}, host: func(h *sandbox.Host) { h.Clone3 = false }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := machine()
			if tt.host != nil {
				tt.host(&h)
			}
			src := sandbox.Sources{"/": sandbox.Folder, "/usr": sandbox.Folder}
			text := ""
			for range 3 { // and always the same
				p, err := sandbox.Compile(&tt.spec, &h, src)
				if err != nil {
					t.Fatal(err)
				}
				if text != "" && p.String() != text {
					t.Fatalf("compiled twice, two programs:\n%s", lineDiff(text, p.String()))
				}
				text = p.String()
			}
			golden(t, tt.name, text)
		})
	}
}

// golden compares with testdata/NAME.txt; -update writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s (go test -update writes it):\n%s", file, lineDiff(string(want), text))
	}
}

// TestSentences seeds failures, of Compile and of Start, and compares all that a person reads.
func TestSentences(t *testing.T) {
	dir := tree(t, "file", "")
	none := [3]string{}
	for _, tt := range []struct {
		name   string
		change func(*sandbox.Spec, *sandbox.Host)
		want   [3]string // what, where, what to do
	}{
		{"old kernel", func(s *sandbox.Spec, h *sandbox.Host) { h.Kernel = [2]int{5, 10} }, [3]string{"this kernel is too old", "", "snug needs Linux 5.14 or newer"}},
		{"no command", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Argv = nil }, [3]string{"no command", "cmd", ""}},
		{"no path", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Argv = []string{"ls"} }, [3]string{`execute "ls": not a path, and no list of paths to try`, "cmd", ""}},
		{"NUL", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Env = []string{"A=\x00"} }, [3]string{`a NUL byte in "A=\x00"`, "cmd", ""}},
		{"source is missing", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Bind{Source: "/no/where", Dest: "/x", Origin: "m:7"})
		}, [3]string{`bind "/no/where": no such file or directory`, "m:7", "it does not exist or cannot be reached"}},
		{"source is relative", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Bind{Source: "x", Dest: "/x", Origin: "m:7"})
		}, [3]string{`bind "x": not an absolute path`, "m:7", ""}},
		{"destination is relative", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Dir{Dest: "x\x1b", Origin: "m:8"})
		}, [3]string{`make folder "x\x1b": not an absolute path`, "m:8", "paths inside the sandbox begin with /"}},
		{"folder on a file", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Data{Dest: "/tmp/f"}, &sandbox.Bind{Source: "/usr", Dest: "/tmp/f", Origin: "m:9"})
		}, [3]string{`bind "/usr": invalid argument`, "m:9", "a folder can only be shown on a folder, a file only on a file"}},
		{"parent cannot be made", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Dir{Dest: dir + "/new", Origin: "m:10"})
			s.Root = append(s.Root[:3], s.Root[4:]...)
		}, [3]string{`make folder "` + dir + `/new": read-only file system`, "m:10", "its parent is read-only in the sandbox; make it before that is bound, or mount a tmpfs there"}},
		{"no program", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Argv = []string{"/no/prog"} }, [3]string{`execute "/no/prog": no such file or directory`, "cmd", "the program, or the interpreter or loader that it names, is not in the sandbox"}},
		{"not executable", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Argv = []string{"/etc/passwd"} }, [3]string{`execute "/etc/passwd": permission denied`, "cmd", "the file is not executable, or lies on a mount without exec"}},
		{"no folder", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Dirs = []string{"/no/where"} }, [3]string{`enter the working directory "/no/where": no such file or directory`, "cmd", "the working directory is not in the sandbox"}},
		{"sysfs", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Net.Shared = true
			s.Root = append(s.Root, &sandbox.Sysfs{Dest: "/sys", Origin: "m:11"})
		}, [3]string{`mount sysfs on "/sys": operation not permitted`, "m:11", "a new sysfs needs a network namespace of the sandbox's own"}},
		{"mqueue", func(s *sandbox.Spec, h *sandbox.Host) {
			s.IPC.Shared = true
			s.Root = append(s.Root, &sandbox.Mqueue{Dest: "/tmp/q", Origin: "m:12"})
		}, [3]string{`mount mqueue on "/tmp/q": operation not permitted`, "m:12", "message queues need an IPC namespace of the sandbox's own"}},
		{"terminal without devpts", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Root = append(s.Root, &sandbox.Tmpfs{Dest: "/dev"})
			s.Process.Terminal = &sandbox.Terminal{}
		}, [3]string{`open a terminal "/dev/pts/ptmx": no such file or directory`, "cmd", "a terminal needs a devpts on /dev/pts in the sandbox"}},
		{"overlay in memory", func(s *sandbox.Spec, h *sandbox.Host) {
			h.Kernel = [2]int{6, 1}
			s.Root = append(s.Root, &sandbox.Overlay{Dest: "/o", Lower: []string{"/usr"}, Origin: "m:13"})
		}, [3]string{`mount an overlay on "/o": changes in memory need Linux 6.6`, "m:13", "give it an upper folder on disk"}},
		{"Landlock", func(s *sandbox.Spec, h *sandbox.Host) {
			h.Landlock = 0
			s.Process.Landlock = &sandbox.Landlock{Origin: "m:14"}
		}, [3]string{"this kernel has no Landlock", "m:14", "Linux 5.13 has it, if it is not switched off by lsm="}},
		{"range wraps around", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Users = sandbox.Users{UIDs: []sandbox.IDRange{{Inside: 0, Outside: 4294967290, Count: 10}}, GIDs: []sandbox.IDRange{{Count: 1}}, Origin: "m:15"}
		}, [3]string{`map user ids: "0 4294967290 10" is not a range`, "m:15", ""}},
		{"ranges overlap", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Users = sandbox.Users{UIDs: []sandbox.IDRange{{Count: 5}, {Inside: 4, Outside: 9, Count: 1}}, GIDs: []sandbox.IDRange{{Count: 1}}, Origin: "m:16"}
		}, [3]string{`map user ids: "4 9 1" overlaps another range`, "m:16", ""}},
		{"two files", func(s *sandbox.Spec, h *sandbox.Host) {
			s.Process.Files = []sandbox.File{{Number: 4, Source: os.Stdin}, {Number: 4, Source: os.Stdin}}
		}, [3]string{"two files for descriptor 4", "cmd", ""}},
		{"nobody to stay behind", func(s *sandbox.Spec, h *sandbox.Host) { s.Process.Init, s.Process.Linger = true, true },
			[3]string{"an app that is PID 1 itself leaves nobody to stay behind or to hold files", "cmd", ""}},
		{"ranges below", func(s *sandbox.Spec, h *sandbox.Host) {
			r := []sandbox.IDRange{{Inside: 0, Outside: 100000, Count: 65536}}
			s.Users = sandbox.Users{UIDs: r, GIDs: r, Below: true, Origin: "m:15"}
		}, [3]string{"a user namespace below has one user and one group, not ranges", "m:15", ""}},
		{"control", func(s *sandbox.Spec, h *sandbox.Host) {}, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := plain("/bin/true")
			s.Process.Origin = "cmd"
			h, err := sandbox.Probe()
			if err != nil {
				t.Fatal(err)
			}
			tt.change(s, &h)
			p, err := sandbox.Compile(s, &h, sandbox.Look(s))
			if err == nil {
				var in *sandbox.Instance
				if in, err = sandbox.Start(p); err == nil {
					in.Close()
				}
			}
			got, e := none, (*sandbox.Error)(nil)
			if errors.As(err, &e) {
				got = [3]string{e.What, string(e.Origin), e.Hint}
			}
			if got != tt.want {
				t.Errorf("%v\n got %q\nwant %q", err, got, tt.want)
			}
			if err != nil && tt.want[1] != "" && !strings.HasSuffix(err.Error(), "("+tt.want[1]+")") {
				t.Errorf("%q does not say where it comes from", err)
			}
		})
	}
}
