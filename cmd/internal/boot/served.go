package boot

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/caps/landlock"
	"snug/caps/seccomp"
	"snug/sandbox"
	"snug/sandbox/cgroup"
)

// A root that fuse-overlayfs serves, in prose.
//
// The kernel makes no overlay whose changes lie on a file system that lacks what it takes, as FUSE may, and some
// kernels make none for users. Then fuse-overlayfs does the same, if it is there: the system mounts its root itself,
// in its own user namespace (sandbox.Fuse), and what comes in over the descriptor is answered by a process in a
// sandbox with the same ids. That sees the layers, the folder of the changes and the machine's programs, no network
// and no other process, and writes below the changes alone.
//
// All that the system's root writes passes through it. If it ends, the system is ended; when the system has ended,
// the kernel tells it so, and it writes what is left and ends. It dies with snug, as the system does.

// server is fuse-overlayfs at work for one boot.
type server struct {
	in    *sandbox.Instance
	group *cgroup.Group
	said  chan string // the first of what it has said, at its end
}

// serverName is the program, and the kind of the file system as mountinfo has it.
const serverName = "fuse-overlayfs"

// Paths in the sandbox of the server.
const (
	serverPath    = "/" + serverName
	serverLayers  = "/layers"
	serverChanges = "/changes"
	serverFD      = 3
)

const serverOrigin = sandbox.Origin(serverName)

// ErrServerEnded says that a system was ended because nobody served its root any more.
var ErrServerEnded = errors.New("fuse-overlayfs, which served the root of the system, has ended, and so it was ended, too")

// overlay gives the root of the system, if it is an overlay, and its place among the steps.
func (m *Machine) overlay() (*sandbox.Overlay, int) {
	for i, step := range m.System.Root {
		if o, is := step.(*sandbox.Overlay); is && o.Dest == "/" {
			return o, i
		}
	}
	return nil, 0
}

// instead finds out, when the kernel has refused the overlay, whether fuse-overlayfs can do it. The error is the
// kernel's, with what to do, or what would be weaker than with the kernel's overlay.
func (m *Machine) instead(refused *sandbox.Error) error {
	o, _ := m.overlay()
	if o == nil {
		return refused
	}
	program, err := exec.LookPath(serverName)
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return or(refused, "install fuse-overlayfs, which snug boot uses in its place")
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return or(refused, "let fuse-overlayfs do it: that needs /dev/fuse, which cannot be opened: "+err.Error())
	}
	unix.Close(fd)
	lists := true
	if o.Upper != "" && m.Changes != nil {
		if lists, err = tryChanges(m.System.Users, filepath.Dir(o.Upper)); err != nil {
			return err
		}
		if err := m.Changes.mark(); err != nil {
			return err
		}
	}
	m.server, m.noLists = program, !lists
	if m.Served != nil {
		m.Served(refused.Err, lists)
	}
	return nil
}

// or gives a refusal with one more thing to do.
func or(refused *sandbox.Error, hint string) *sandbox.Error {
	e := *refused
	if e.Hint != "" {
		hint = e.Hint + "; or " + hint
	}
	e.Hint = hint
	return &e
}

// startServer starts the server, whose file the descriptor is from now on.
func (m *Machine) startServer(device *os.File, o *sandbox.Overlay) (*server, error) {
	defer device.Close()
	group, err := m.serverGroup()
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	s := &server{group: group, said: make(chan string, 1)}
	spec, err := serverSpec(m.server, o, m.System.Users, m.noLists)
	if err == nil {
		spec.CgroupDir = group.Dir()
		spec.Process.Files = []sandbox.File{{Number: 0, Source: null}, {Number: 1, Source: w}, {Number: 2, Source: w}, {Number: serverFD, Source: device}}
		s.in, err = sandbox.Run(spec)
	}
	if err != nil {
		r.Close()
		group.Close()
		return nil, err
	}
	go func() {
		defer r.Close()
		text, _ := io.ReadAll(io.LimitReader(r, 4<<10))
		io.Copy(io.Discard, r)
		s.said <- string(text)
	}()
	return s, nil
}

// serverSpec is the sandbox of the server.
func serverSpec(program string, o *sandbox.Overlay, users sandbox.Users, noLists bool) (*sandbox.Spec, error) {
	h, err := sandbox.Probe()
	if err != nil {
		return nil, err
	}
	s := &sandbox.Spec{Users: users, Hostname: serverName, Root: serverRoot(program, o)}
	var layers []string
	for i := range o.Lower {
		layers = append(layers, serverLayers+"/"+strconv.Itoa(i))
	}
	// Without writeback what the system has written is the kernel's when write(2) returns, whoever is killed then.
	options := "writeback=0,lowerdir=" + strings.Join(layers, ":") + ",upperdir=" + serverChanges + "/upper,workdir=" + serverChanges + "/work"
	if noLists { // those of layers would count and those of changes would not
		options += ",noacl"
	}
	const rights = caps.Chown | caps.DACOverride | caps.DACReadSearch | caps.Fowner | caps.Fsetid | caps.Setfcap
	p := &s.Process
	p.Argv = []string{serverName, "-f", "-o", options, "/dev/fd/" + strconv.Itoa(serverFD)}
	p.Programs = []string{serverPath}
	p.Env = []string{"PATH=/usr/bin"}
	p.Init = true
	p.Capabilities = caps.Sets{Bounding: rights, Permitted: rights, Effective: rights, Inheritable: rights, Ambient: rights}
	p.Filters = []sandbox.Filter{{Name: "default", Code: seccomp.Default(seccomp.Options{}), Origin: serverOrigin}}
	p.Landlock = serverRules(h.Landlock)
	p.Rlimits = []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}}
	p.Origin = serverOrigin
	return s, nil
}

// serverRoot shows the layers, the folder of the changes as a whole, since files are renamed between the two in it,
// and what programs of the machine consist of.
func serverRoot(program string, o *sandbox.Overlay) []sandbox.Step {
	steps := []sandbox.Step{
		&sandbox.Tmpfs{Dest: "/", Size: 1 << 20, Origin: serverOrigin},
		&sandbox.Proc{Dest: "/proc", Origin: serverOrigin}, // files are named by descriptors through it
		&sandbox.Bind{Source: program, Dest: serverPath, Origin: serverOrigin},
	}
	for _, path := range []string{"/usr", "/nix/store", "/gnu/store", "/lib", "/lib64", "/etc/ld.so.cache"} {
		if target, err := os.Readlink(path); err == nil {
			steps = append(steps, &sandbox.Symlink{Dest: path, Target: target, Origin: serverOrigin})
		} else if _, err := os.Stat(path); err == nil {
			steps = append(steps, &sandbox.Bind{Source: path, Dest: path, Origin: serverOrigin})
		}
	}
	for i, layer := range o.Lower {
		steps = append(steps, &sandbox.Bind{Source: layer, Dest: serverLayers + "/" + strconv.Itoa(i), Origin: serverOrigin})
	}
	if o.Upper != "" {
		steps = append(steps, &sandbox.Bind{Source: filepath.Dir(o.Upper), Dest: serverChanges, Writable: true, Origin: serverOrigin})
	} else { // what is written goes to memory, as it would with the kernel's
		steps = append(steps, &sandbox.Tmpfs{Dest: serverChanges, Origin: serverOrigin},
			&sandbox.Dir{Dest: serverChanges + "/upper", Origin: serverOrigin}, &sandbox.Dir{Dest: serverChanges + "/work", Origin: serverOrigin})
	}
	return append(steps, &sandbox.ReadOnly{Dest: "/", Origin: serverOrigin})
}

// serverRules lets the server write below the two folders alone, and not beside them, where snug notes what they are.
// Landlock that forbids all renames from folder to folder (ABI 1, Linux before 5.19) would forbid its work.
func serverRules(abi int) *sandbox.Landlock {
	const writes = landlock.WriteFile | landlock.RemoveDir | landlock.RemoveFile | landlock.MakeChar | landlock.MakeDir | landlock.MakeReg |
		landlock.MakeSock | landlock.MakeFifo | landlock.MakeBlock | landlock.MakeSym | landlock.Refer | landlock.Truncate
	if abi < 2 {
		return nil
	}
	set := landlock.Ruleset{FS: writes}
	for _, path := range []string{"/upper", "/work"} {
		set.Paths = append(set.Paths, landlock.PathRule{Path: serverChanges + path, Allowed: writes})
	}
	fits, _ := landlock.Downgrade(set, abi)
	attr, err := fits.Attr(abi)
	if err != nil {
		return nil // impossible: Downgrade has fitted it
	}
	l := &sandbox.Landlock{Attr: attr, Origin: serverOrigin}
	for _, rule := range fits.Paths {
		l.Rules = append(l.Rules, sandbox.LandlockRule{Type: landlock.RulePathBeneath, Attr: rule.Bytes(), Path: rule.Path, FDAt: landlock.ParentFDOffset})
	}
	return l
}

// serverGroup makes the server's group, beside that of the system: what limits the one limits the other.
func (m *Machine) serverGroup() (*cgroup.Group, error) {
	return cgroup.Make(filepath.Join(m.Parent, "snug-"+m.Name), serverName)
}

// hasEnded reports whether there was a server and is none.
func (s *server) hasEnded() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.in.Done():
		return true
	default:
		return false
	}
}

// lastWrites is how long the server may take to end when the system has, and the kernel has told it so.
const lastWrites = 10 * time.Second

// end waits for the server's end and gives all of it back. A nil server is none.
func (s *server) end() {
	if s == nil {
		return
	}
	select {
	case <-s.in.Done():
	case <-time.After(lastWrites):
	}
	s.in.Close()
	s.group.Remove(patience)
	s.group.Close()
}

// failure says how the server has ended, with the last that it has said.
func (s *server) failure() error {
	said, _, _ := strings.Cut(strings.TrimSpace(<-s.said), "\n")
	if said == "" {
		return ErrServerEnded
	}
	return errors.New(ErrServerEnded.Error() + ": " + strconv.Quote(said))
}
