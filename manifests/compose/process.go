package compose

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps/seccomp"
	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// process fills in the command and its rights.
func (c *composer) process() {
	spec, m := c.out.Spec, c.m
	spec.Users = sandbox.Users{UID: c.w.Host.UID, GID: c.w.Host.GID, Nested: m.Process.Nested.Value, Origin: m.Process.Nested.Origin}
	spec.Process.Argv = c.argv
	spec.Process.Origin = c.commandOrigin()
	spec.Process.Dirs = []string{c.w.Cwd, c.home, "/"}
	switch {
	case !strings.HasPrefix(c.w.Cwd, "/"):
		spec.Process.Dirs = spec.Process.Dirs[1:]
	case !m.HasWindow() && m.Home.Mode.Value != "private":
		// Where a command's folder is not there, what it writes by a relative name must fail: in a home in
		// memory it would be lost.
		spec.Process.Dirs = []string{c.w.Cwd, "/"}
	}
	spec.Process.Umask = c.w.Umask
	spec.Process.Signals = c.w.Host.Caller.Signals
	c.limits()
	c.filter()
	for _, capability := range m.Process.Capabilities {
		c.refuse("process.capabilities", capability, "an app gets no capabilities; only booted images have them", "leave it out")
	}
	if asks := m.Process.NewPrivileges; asks.Value {
		c.refuse("process.new-privileges", manifests.Text{Value: "true", Origin: asks.Origin}, "setuid programs work only in booted images", "leave it out")
	}
	if asks := m.Process.Nested; asks.Value {
		c.tell(groupSystem, "make sandboxes of its own: user namespaces and mounts inside them", asks.Origin)
	}
	if asks := m.Process.Debug; asks.Value {
		c.tell(groupSystem, "trace its own processes", asks.Origin)
	}
	if asks := m.Process.ABI32; asks.Value {
		c.tell(groupSystem, "run 32-bit programs", asks.Origin)
	}
}

// limits sets what getrlimit(2) knows. The Go runtime raised the soft limit of files at its start,
// so the caller's own is put back.
func (c *composer) limits() {
	p := &c.out.Spec.Process
	caller := c.w.Host.Caller.Files
	if asks := c.m.Limits.Files; asks.Value > 0 {
		n := uint64(asks.Value)
		if c.w.Host.Caller.Known && n > caller.Hard {
			c.refuse("limits.files", manifests.Text{Value: strconv.FormatUint(n, 10), Origin: asks.Origin},
				"your session allows "+strconv.FormatUint(caller.Hard, 10), "ask for less, or raise the session's limit (man 5 limits.conf)")
			return
		}
		p.Rlimits = append(p.Rlimits, sandbox.Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: n, Hard: n})
	} else if c.w.Host.Caller.Known {
		p.Rlimits = append(p.Rlimits, sandbox.Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: caller.Soft, Hard: caller.Hard})
	}
	core := orDefault(c.m.Limits.Core, "0")
	if core == "unlimited" {
		return // the caller's own limit stays
	}
	size := parseSize(core)
	p.Rlimits = append(p.Rlimits, sandbox.Rlimit{Resource: unix.RLIMIT_CORE, Soft: size, Hard: size})
}

// parseSize reads a size that checkSize let through: digits, and one of K, M, G, T.
func parseSize(text string) uint64 {
	digits := strings.TrimRight(text, "KMGT")
	size, _ := strconv.ParseUint(digits, 10, 64)
	if digits != text {
		size <<= 10 * (1 + strings.IndexByte("KMGT", text[len(digits)]))
	}
	return size
}

// filter adds the filter of system calls.
func (c *composer) filter() {
	p, m := &c.out.Spec.Process, c.m
	asks := manifests.Text{Value: orDefault(m.Process.Seccomp, "default"), Origin: m.Process.Seccomp.Origin}
	switch asks.Value {
	case "off":
		c.tellDanger(groupSystem, "use every system call", asks.Origin, "seccomp-off")
	case "default":
		options := seccomp.Options{Nested: m.Process.Nested.Value, Debug: m.Process.Debug.Value, ABI32: m.Process.ABI32.Value}
		p.Filters = append(p.Filters, sandbox.Filter{Name: "default", Code: seccomp.Default(options), Origin: asks.Origin})
	default:
		c.customFilter(asks)
	}
}

func (c *composer) customFilter(asks manifests.Text) {
	path := asks.Value
	if rel, found := strings.CutPrefix(path, "~/"); found {
		path = child(c.home, rel)
	}
	if c.w.Seccomp == nil {
		c.refuse("process.seccomp", asks, "this program cannot compile filters", "")
		return
	}
	code, err := c.w.Seccomp(path)
	if err != nil {
		c.refuse("process.seccomp", asks, err.Error(), "a profile is linux.seccomp of the OCI runtime-spec, as a JSON file")
		return
	}
	c.out.Spec.Process.Filters = append(c.out.Spec.Process.Filters, sandbox.Filter{Name: path, Code: code, Origin: asks.Origin})
	c.tellDanger(groupSystem, "use the system calls that "+words.Quote(path)+" allows", asks.Origin, "seccomp-off")
}
