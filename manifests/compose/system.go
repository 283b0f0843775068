package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/files"
	"snug/sandbox"
)

// readOnlyTrees are the folders of the host that every sandbox sees, as far as they exist.
var readOnlyTrees = [...]string{"/nix", "/opt", "/usr"}

// treeSockets lie in those trees, and a read-only mount does not keep anyone from connecting: Nix's
// daemon fetches what it is told to, and runs what it is told to outside.
var treeSockets = [...]string{"/nix/var/nix/daemon-socket"}

// varFolders are what programs in /usr keep in /var and only read.
var varFolders = [...]string{"/var/cache/fontconfig", "/var/lib/aspell", "/var/lib/ca-certificates",
	"/var/lib/ghostscript", "/var/lib/texmf"}

// systemOrigin stands in for the Origin of what every sandbox has.
const systemOrigin manifests.Origin = "the default sandbox"

// system makes all but the home: the programs, /etc, and the folders of the kernel.
func (c *composer) system() {
	c.home, c.runtime = homeOf(c.w), "/run/user/"+number(c.w.Host.UID)
	if c.hostSystem() {
		c.hostRoot()
	} else {
		c.folderRoot(c.m.System.Root)
	}
	c.kernelFolders()
	for _, folder := range [...]struct {
		path string
		mode uint32
	}{{"/dev/shm", 0o1777}, {"/tmp", 0o1777}, {"/var/tmp", 0o1777}, {c.runtime, 0o700}} {
		c.add(folder.path, &sandbox.Tmpfs{Dest: folder.path, Mode: folder.mode, Origin: systemOrigin})
	}
	if c.hostSystem() {
		c.add("/var/run", &sandbox.Symlink{Dest: "/var/run", Target: "/run", Origin: systemOrigin}) // where GLib looks for the system bus
	}
	c.out.Spec.Hostname = orDefault(c.m.System.Hostname, "snug")
}

// hostSystem reports whether the programs are the host's.
func (c *composer) hostSystem() bool { return orDefault(c.m.System.Root, "host") == "host" }

// hostRoot shows the host's programs read-only.
func (c *composer) hostRoot() {
	entries, err := c.w.Files.ReadDir("/")
	if err != nil {
		c.problems.Add(systemOrigin, "/: "+files.Reason(err), "")
		return
	}
	var trees []string
	for _, entry := range entries {
		path := "/" + entry.Name
		if isTree(path) {
			trees = append(trees, path)
		}
		switch {
		case isTree(path), strings.HasPrefix(entry.Name, "lib"), entry.Name == "bin", entry.Name == "sbin":
			c.show(path, entry)
		}
	}
	for _, path := range varFolders {
		if file, err := c.w.Files.Lstat(path); err == nil && file.is(unix.S_IFDIR) {
			c.bind(path, path)
		}
	}
	for _, path := range treeSockets {
		if _, err := c.w.Files.Lstat(path); err == nil {
			c.covers = append(c.covers, &sandbox.Mask{Dest: path, Origin: systemOrigin})
		}
	}
	c.hostEtc()
	slices.Sort(trees)
	c.tell(groupSystem, "read the host's programs in "+strings.Join(trees, ", ")+" and what they need of /etc", c.m.System.Root.Origin)
}

// isTree reports whether a path is one of readOnlyTrees.
func isTree(path string) bool {
	for _, tree := range readOnlyTrees {
		if path == tree {
			return true
		}
	}
	return false
}

// inTree reports whether a path without links is visible because a whole tree is.
func (c *composer) inTree(path string) bool {
	if !c.hostSystem() {
		return false
	}
	for _, tree := range readOnlyTrees {
		if inside(path, tree) {
			return true
		}
	}
	return inside(path, "/proc")
}

// bind shows a file of the host read-only. The source was resolved.
func (c *composer) bind(source, dest string) { c.bindFor(source, dest, systemOrigin) }

func (c *composer) bindFor(source, dest string, origin manifests.Origin) {
	c.add(dest, &sandbox.Bind{Source: source, Dest: dest, NoSymlinks: true, Origin: origin})
}

// show shows an entry of / or /etc at its own place: a link as a link where it leads to something
// visible, else what it leads to.
func (c *composer) show(path string, entry File) {
	if !entry.is(unix.S_IFLNK) {
		c.bind(path, path)
		return
	}
	text, err := c.w.Files.Readlink(path)
	if err != nil {
		return
	}
	next := text
	if !strings.HasPrefix(text, "/") {
		next = dirname(path) + "/" + text
	}
	if c.inTree(clean(next)) {
		c.add(path, &sandbox.Symlink{Dest: path, Target: text, Origin: systemOrigin})
		return
	}
	switch real, found := c.exists(path); {
	case !found:
	case c.inTree(real.path):
		c.add(path, &sandbox.Symlink{Dest: path, Target: real.path, Origin: systemOrigin})
	default:
		c.bind(real.path, path)
	}
}

// kernelFolders makes /proc and /dev.
func (c *composer) kernelFolders() {
	c.add("/proc", &sandbox.Proc{Dest: "/proc", Origin: systemOrigin})
	c.add("/dev", &sandbox.Dev{Dest: "/dev", Origin: systemOrigin})
	root := c.w.Host.UID == 0
	if c.m.Process.Nested.Value {
		// The kernel refuses a new proc inside where anything of the outer one is covered.
		c.tell(groupSystem, "see all of /proc, so that sandboxes inside can have their own", c.m.Process.Nested.Origin)
		if root {
			c.problems.Add(c.m.Process.Nested.Origin, "process.nested = true as root: the app could change the kernel's settings in /proc/sys",
				"start snug as an ordinary user")
		}
		return
	}
	if root {
		// Files in /proc that belong to root of the host belong to the app too.
		for _, path := range [...]string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"} {
			if _, err := c.w.Files.Lstat(path); err == nil {
				c.bind(path, path)
			}
		}
	}
	for _, path := range [...]string{"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/sysrq-trigger", "/proc/timer_list"} {
		if _, err := c.w.Files.Lstat(path); err == nil {
			c.covers = append(c.covers, &sandbox.Mask{Dest: path, Origin: systemOrigin})
		}
	}
}

// machineID derives the app's own machine-id: always the same for one app of one person on one
// machine, and of no use to recognise that machine or another app by.
func (c *composer) machineID() string {
	host, _ := c.w.Files.ReadFile("/etc/machine-id", 64)
	digest := sha256.New()
	digest.Write(host)
	digest.Write([]byte("\x00snug\x00" + c.m.ID.Value + "\x00" + c.home))
	return hex.EncodeToString(digest.Sum(nil)[:16])
}
