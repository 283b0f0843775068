package systemdimg

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/caps/seccomp"
	"snug/sandbox"
)

// System is an operating system that is about to be booted.
type System struct {
	Root []sandbox.Step // what / is: Stack, or Own
	Init []string       // PID 1 and its arguments; empty: /sbin/init

	Hostname string
	UUID     string // of the machine: 32 hexadecimal digits; becomes the machine-id of an image that has none
	BootID   string // of this boot: likewise

	Users    sandbox.Users // UIDs and GIDs as Ranges gives them; empty for one id
	Cgroup   *os.File      // an open group of its own, which it manages; stays the caller's
	Network  Network
	Resolver string // the address of the name server of a user-mode network

	Capabilities caps.Set
	Credentials  []Credential
	Binds        []sandbox.Bind
	Terminal     *sandbox.Terminal // the console
	Notify       string            // the path of a Listener, or ""
}

// Network is what a system sees of the network.
type Network int

const (
	Off  Network = iota // a network of its own, of a loopback interface
	User                // that, connected by a helper in user space
	Host                // the caller's; then the system has no sysfs of its own
)

// Credential is a value for systemd (systemd.exec(5), "Credentials"): services read it by name.
type Credential struct {
	Name  string
	Value []byte
}

// Paths of the container interface.
const (
	hostFolder  = "/run/host"
	notifyPath  = hostFolder + "/notify"
	credentials = hostFolder + "/credentials"
)

const (
	origin = sandbox.Origin("snug boot")
	tty    = 5 // the group of terminals, which distributions agree on (systemd's meson option tty-gid)
)

// DefaultInit is where an init is looked for.
const DefaultInit = "/sbin/init"

// Single reports whether the system has one id.
func (s *System) Single() bool { return len(s.Users.UIDs) == 0 }

// Spec makes a sandbox of the system. The descriptors in it stay the System's.
func (s *System) Spec() (*sandbox.Spec, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	spec := &sandbox.Spec{
		Users:     s.Users,
		Hostname:  s.Hostname,
		CgroupDir: s.Cgroup,
		Root:      s.steps(),
	}
	spec.Users.Nested = true
	spec.Propagate = true // systemd leaves that to whoever runs it, and hands services their credentials by it
	spec.Net.Shared = s.Network == Host
	p := &spec.Process
	p.Argv = s.Init
	if len(p.Argv) == 0 {
		p.Argv = []string{DefaultInit}
	}
	p.Init, p.NewPrivileges, p.Umask = true, true, 0o022
	p.Env = s.environment()
	p.Terminal = s.Terminal
	p.Capabilities = caps.Sets{Bounding: s.Capabilities, Permitted: s.Capabilities, Effective: s.Capabilities}
	p.Filters = []sandbox.Filter{{Name: "system", Code: seccomp.System(s.Single()), Origin: origin}}
	p.Origin = origin
	return spec, nil
}

var (
	errUUID       = errors.New("a machine's and a boot's id have 32 hexadecimal digits")
	errCredential = errors.New("the name of a credential is 1 to 255 letters, digits and . - _, and no folder")
)

func (s *System) check() error {
	for _, id := range []string{s.UUID, s.BootID} {
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
			return errUUID
		}
	}
	for _, c := range s.Credentials {
		if !isCredential(c.Name) {
			return errCredential
		}
	}
	return nil
}

func isCredential(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"
	return name != "" && len(name) <= 255 && name != "." && name != ".." && strings.Trim(name, letters) == ""
}

// environment is all that PID 1 gets ("Environment Variables" in CONTAINER_INTERFACE).
func (s *System) environment() []string {
	env := []string{"container=snug", "container_uuid=" + dashed(s.UUID)}
	if s.Notify != "" {
		env = append(env, "NOTIFY_SOCKET="+notifyPath)
	}
	if len(s.Credentials) > 0 {
		env = append(env, "CREDENTIALS_DIRECTORY="+credentials)
	}
	return env
}

// dashed spells an id as a UUID (RFC 9562).
func dashed(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// steps makes the root ("Execution Environment" and "Advanced Integration" in CONTAINER_INTERFACE). /run is
// there before PID 1, which else mounts its own over what we put there.
func (s *System) steps() []sandbox.Step {
	steps := append([]sandbox.Step(nil), s.Root...)
	steps = append(steps, &sandbox.Proc{Dest: "/proc", Writable: true, Origin: origin},
		&sandbox.Tmpfs{Dest: "/run", Mode: 0o755, Origin: origin})
	if s.Network == Host {
		// The kernel shows a sysfs only to who owns the network namespace; what programs look for there is empty.
		steps = append(steps, &sandbox.Tmpfs{Dest: "/sys", Mode: 0o755, Origin: origin},
			&sandbox.Dir{Dest: "/sys/fs/cgroup", Origin: origin})
	} else {
		// Read-only says that devices are managed elsewhere ("/sys/ ... read-only" in CONTAINER_INTERFACE): else
		// udev asks for an event of each device and logs that it may not, networkd waits for udev to know a link,
		// and PID 1 waits for devices of fstab that never come. The kernel lets a process below mount a sysfs that
		// can be written to only if it sees such a one; so there is a second. It comes first: both are one file
		// system, which the first mount makes read-only as a whole, and a later one only for itself.
		steps = append(steps, &sandbox.Sysfs{Dest: hostFolder + "/sys", Writable: true, Origin: origin},
			&sandbox.Sysfs{Dest: "/sys", Origin: origin})
	}
	steps = append(steps,
		&sandbox.Cgroup2{Dest: "/sys/fs/cgroup", Writable: true, Origin: origin},
		&sandbox.Dev{Dest: "/dev", GID: s.terminals(), Console: true, Origin: origin},
		&sandbox.Mqueue{Dest: "/dev/mqueue", Origin: origin},
		&sandbox.Tmpfs{Dest: "/run/lock", Mode: 0o1777, Origin: origin},
		&sandbox.Tmpfs{Dest: "/tmp", Mode: 0o1777, Origin: origin})
	for _, node := range [...]string{"/dev/fuse", "/dev/net/tun"} {
		if unix.Access(node, unix.R_OK|unix.W_OK) == nil {
			steps = append(steps, &sandbox.Bind{Source: node, Dest: node, Writable: true, Devices: true, Origin: origin})
		}
	}
	steps = append(steps, s.hostSteps()...)
	steps = append(steps, s.resolverSteps()...)
	steps = append(steps, s.bootID()...)
	for i := range s.Binds {
		steps = append(steps, &s.Binds[i])
	}
	return steps
}

// terminals is the group of new terminals, if it is an id inside.
func (s *System) terminals() *uint32 {
	if s.Single() {
		return nil
	}
	gid := uint32(tty)
	return &gid
}

// hostSteps makes /run/host.
func (s *System) hostSteps() []sandbox.Step {
	steps := []sandbox.Step{
		&sandbox.Data{Dest: hostFolder + "/container-manager", Content: []byte("snug\n"), Mode: 0o444, Origin: origin},
		&sandbox.Data{Dest: hostFolder + "/container-uuid", Content: []byte(dashed(s.UUID) + "\n"), Mode: 0o444, Origin: origin},
	}
	if s.Notify != "" {
		steps = append(steps, &sandbox.Bind{Source: s.Notify, Dest: notifyPath, Writable: true, NoSymlinks: true, Origin: origin})
	}
	if len(s.Credentials) > 0 {
		steps = append(steps, &sandbox.Dir{Dest: credentials, Mode: 0o700, Origin: origin})
	}
	for _, c := range s.Credentials {
		steps = append(steps, &sandbox.Data{Dest: credentials + "/" + c.Name, Content: c.Value, Mode: 0o400, Replace: true, Origin: origin})
	}
	return steps
}

// resolverSteps tells systemd-resolved of the name server; for a system without it there is ResolverFile.
func (s *System) resolverSteps() []sandbox.Step {
	if s.Network != User || s.Resolver == "" {
		return nil
	}
	return []sandbox.Step{&sandbox.Data{Dest: "/run/systemd/resolved.conf.d/50-snug.conf",
		Content: []byte("[Resolve]\nDNS=" + s.Resolver + "\n"), Mode: 0o444, Origin: origin}}
}

// bootID hides the machine's own id of its boot, by which journals are cut into boots. The kernel lets a
// process below mount a procfs only if it sees one that nothing covers, so there is a second.
func (s *System) bootID() []sandbox.Step {
	return []sandbox.Step{
		&sandbox.Data{Dest: "/proc/sys/kernel/random/boot_id", Content: []byte(dashed(s.BootID) + "\n"), Mode: 0o444, Bound: true, Origin: origin},
		&sandbox.Proc{Dest: hostFolder + "/proc", Writable: true, Origin: origin},
	}
}

// NamedHost makes a system take its host name, and not the one of its own /etc/hostname (hostname(5)).
func NamedHost(name string) []sandbox.Step {
	return []sandbox.Step{&sandbox.Data{Dest: "/etc/hostname", Content: []byte(name + "\n"), Mode: 0o644, Bound: true, Origin: origin}}
}

// Stack is the root of an image or a folder: layers, topmost first, of which none is changed, and a folder
// for changes with another for the kernel's work on the same file system. Without these, changes go to
// memory.
func Stack(layers []string, upper, work string) []sandbox.Step {
	return []sandbox.Step{&sandbox.Overlay{Dest: "/", Lower: layers, Upper: upper, Work: work, Setuid: true, Origin: origin}}
}
