package systemdimg

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// A throw-away copy of this machine's own system, in prose.
//
// /usr is the machine's, read-only. /etc is copied, as far as the caller may read it: in the user namespace
// the machine's root is nobody, and below what is its own nothing could be made. What the administrator has
// enabled is left out, since its data are not there; what the vendor enables stays. Nobody has a password,
// and the console logs root in. Programs with set-user-ID belong to nobody, so su and sudo do not work.
// All else is empty and in memory.

// Bounds of a copy of /etc. A usual one has two thousand files of some three megabytes.
const (
	maxFiles = 20000
	maxFile  = 1 << 20
	maxBytes = 64 << 20
)

// leftOut are what of /etc is not copied, or is made anew.
var leftOut = []string{
	"fstab", "crypttab", "machine-id", "hostname", "shadow", "shadow-", "gshadow", "gshadow-", ".pwd.lock", "ssh",
	"systemd/system", "systemd/user", "init.d", "cron.d", "modules-load.d", "sysctl.d", "sysctl.conf",
	"systemd/network", "network", "NetworkManager", "resolv.conf",
}

// errEtc says that a copy of /etc is refused.
var errEtc = errors.New("/etc has more than 20,000 files or 64 MiB")

// Own is the root of a throw-away copy of the system in a folder, as a rule "/". The resolver is the address of the
// one name server that it can reach; "" stands for those of this machine.
func Own(root, resolver string) ([]sandbox.Step, error) {
	steps := []sandbox.Step{
		&sandbox.Tmpfs{Dest: "/", Mode: 0o755, Origin: origin},
		&sandbox.Bind{Source: filepath.Join(root, "usr"), Dest: "/usr", Setuid: true, Origin: origin},
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		path := filepath.Join(root, name)
		target, err := os.Readlink(path)
		switch stat, e := os.Lstat(path); {
		case err == nil:
			steps = append(steps, &sandbox.Symlink{Dest: "/" + name, Target: target, Origin: origin})
		case e == nil && stat.IsDir():
			steps = append(steps, &sandbox.Bind{Source: path, Dest: "/" + name, Setuid: true, Origin: origin})
		}
	}
	etc, err := copyEtc(filepath.Join(root, "etc"), resolver)
	if err != nil {
		return nil, err
	}
	steps = append(append(steps, etc...), emptyFolders()...)
	return steps, nil
}

// emptyFolders are what a system has beside /usr and /etc (hier(7)).
func emptyFolders() (steps []sandbox.Step) {
	for _, d := range []struct {
		path string
		mode uint32
	}{{"/root", 0o700}, {"/home", 0}, {"/srv", 0}, {"/mnt", 0}, {"/media", 0}, {"/opt", 0}, {"/boot", 0}, {"/var", 0}, {"/var/log", 0}, {"/var/lib", 0},
		{"/var/cache", 0}, {"/var/spool", 0}, {"/var/mail", 0}, {"/var/tmp", 0o1777}} {
		steps = append(steps, &sandbox.Dir{Dest: d.path, Mode: d.mode, Origin: origin})
	}
	return append(steps, &sandbox.Symlink{Dest: "/var/run", Target: "/run", Origin: origin},
		&sandbox.Symlink{Dest: "/var/lock", Target: "/run/lock", Origin: origin})
}

// etcCopy is a copy of /etc that is being made.
type etcCopy struct {
	root         string
	steps        []sandbox.Step
	files, bytes int
}

func copyEtc(root, resolver string) ([]sandbox.Step, error) {
	c := &etcCopy{root: root}
	c.add(&sandbox.Dir{Dest: "/etc", Origin: origin})
	if err := c.folder(""); err != nil {
		return nil, err
	}
	if text, err := os.ReadFile(filepath.Join(root, "resolv.conf")); resolver != "" {
		c.file("resolv.conf", 0o644, resolverText(string(text), resolver))
	} else if err == nil { // where it is a link, who manages what it leads to is not inside
		c.file("resolv.conf", 0o644, text[:min(len(text), maxFile)])
	}
	c.file("fstab", 0o644, nil)
	c.file("machine-id", 0o444, nil)
	c.file("shadow", 0o600, shadow(filepath.Join(root, "passwd")))
	c.file("systemd/system.conf.d/50-snug.conf", 0o644, []byte(impatient))
	c.file("systemd/system/console-getty.service.d/50-snug.conf", 0o644, []byte(autologin))
	return c.steps, nil
}

// impatient bounds how long a stop takes: there is nothing to lose, and a shell on the console may miss that
// its session ends.
const impatient = "[Manager]\nDefaultTimeoutStopSec=5s\n"

// autologin has the console log root in, who has no password (agetty(8)).
const autologin = `[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud console 115200,38400,9600 $TERM
`

func (c *etcCopy) add(s sandbox.Step) { c.steps = append(c.steps, s) }

func (c *etcCopy) file(name string, mode uint32, content []byte) {
	c.add(&sandbox.Data{Dest: "/etc/" + name, Content: content, Mode: mode, Origin: origin})
}

// folder copies what a folder of /etc holds. What cannot be read is left out.
func (c *etcCopy) folder(rel string) error {
	entries, err := os.ReadDir(filepath.Join(c.root, rel))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := filepath.Join(rel, e.Name())
		if c.files++; c.files > maxFiles || c.bytes > maxBytes {
			return errEtc
		}
		if isLeftOut(name) {
			continue
		}
		if err := c.entry(name, e); err != nil {
			return err
		}
	}
	return nil
}

func isLeftOut(name string) bool {
	return slices.Contains(leftOut, name) || strings.HasPrefix(name, "rc") && strings.HasSuffix(name, ".d") && len(name) == len("rc0.d")
}

func (c *etcCopy) entry(name string, e fs.DirEntry) error {
	switch info, err := e.Info(); {
	case err != nil:
	case e.Type() == fs.ModeSymlink:
		if target, err := os.Readlink(filepath.Join(c.root, name)); err == nil {
			c.add(&sandbox.Symlink{Dest: "/etc/" + name, Target: target, Origin: origin})
		}
	case e.IsDir():
		c.add(&sandbox.Dir{Dest: "/etc/" + name, Mode: uint32(info.Mode().Perm()) | 0o700, Origin: origin})
		return c.folder(name)
	case e.Type().IsRegular() && info.Size() <= maxFile:
		if text, err := readFile(filepath.Join(c.root, name)); err == nil {
			c.bytes += len(text)
			c.file(name, uint32(info.Mode().Perm()), text)
		}
	}
	return nil
}

// readFile reads a regular file, and waits for none that has become something else.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// shadow makes a shadow(5) file in which root has no password and nobody else can use one.
func shadow(passwd string) []byte {
	text, _ := os.ReadFile(passwd)
	var out []byte
	var seen []string
	for line := range strings.Lines(string(text)) {
		name, _, ok := strings.Cut(line, ":")
		if !ok || name == "" || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		password := "*"
		if name == "root" {
			password = ""
		}
		out = append(out, name+":"+password+":19000:0:99999:7:::\n"...)
	}
	return out
}
