package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
	"snug/cmd/internal/instances"
	"snug/sandbox"
	"snug/sandbox/cgroup"
	"snug/systemdimg/subid"
)

func doctorFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.Bool("print-fix", false, "print the commands that mend what is broken")
	f.String("for", "run", "what for: `USE` is run, boot or oci")
}

// finding is one thing that the doctor looked at.
type finding struct {
	name string
	ok   bool
	need bool   // without it sandboxes do not start
	text string // what was seen
	hint string // what it means, or what to do
	fix  string // commands for a shell, as root where they begin with sudo
}

func runDoctor(c *console, args []string) error {
	f := c.newFlags()
	doctorFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return &hinted{"too many words: " + quote(words[0]), "snug doctor [flags]"}
	}
	use, _ := f.GetString("for")
	if use != "run" && use != "boot" && use != "oci" {
		return &hinted{"--for " + quote(use) + ": not a use that the doctor knows", "run, boot or oci"}
	}
	list := examine(use)
	asJSON, _ := f.GetBool("json")
	fixes, _ := f.GetBool("print-fix")
	switch {
	case asJSON:
		if err := c.printJSON(findingsForMachines(list)); err != nil {
			return err
		}
	case fixes:
		for _, d := range list {
			if !d.ok && d.fix != "" {
				c.print("# ", d.name, ": ", line(d.text), "\n", d.fix, "\n")
			}
		}
	default:
		printFindings(c, list)
	}
	for _, d := range list {
		if !d.ok && d.need {
			return &failure{status: exitNo}
		}
	}
	return nil
}

func printFindings(c *console, list []finding) {
	for _, d := range list {
		mark := "ok  "
		if !d.ok {
			mark = "-   "
			if d.need {
				mark = "FAIL"
			}
		}
		c.print(mark, " ", column(d.name, 18), line(d.text), "\n")
		if !d.ok && d.hint != "" {
			c.print("     hint: ", line(d.hint), "\n")
		}
	}
}

// examined is a finding for machines.
type examined struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"`
	Found  string `json:"found"`
	Hint   string `json:"hint,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

func findingsForMachines(list []finding) []examined {
	out := make([]examined, 0, len(list))
	for _, d := range list {
		e := examined{Name: d.name, OK: d.ok, Needed: d.need, Found: d.text}
		if !d.ok {
			e.Hint, e.Fix = d.hint, d.fix
		}
		out = append(out, e)
	}
	return out
}

// examine looks at everything that a use needs.
func examine(use string) []finding {
	list := []finding{kernel(), trial(), userNamespaces(), landlockABI(), runtimeDir(), networkHelper(), programs()}
	list = append(list, subordinateIDs(use != "run"))
	if use == "boot" {
		list = append(list, controlGroup())
	}
	return list
}

// controlGroup looks for where a system's group could be made, without making one.
func controlGroup() finding {
	d := finding{name: "control group", need: true, hint: "systems need one: log in by a session of systemd, or have an administrator give you a folder below /sys/fs/cgroup"}
	own, err := cgroup.Of(os.Getpid())
	switch {
	case err != nil:
		d.text = err.Error()
		d.hint = "start the machine with systemd.unified_cgroup_hierarchy=1"
		return d
	case cgroup.IsUnit(own):
		d.ok, d.text = true, own+" is delegated to this unit"
	case hasManager():
		d.ok, d.text = true, "systemd --user makes one"
	default:
		dir, err := cgroup.Delegated()
		d.ok, d.text = err == nil, dir+" is yours"
		if err != nil {
			d.text = err.Error()
		}
	}
	return d
}

// programs looks for those that belong beside snug.
func programs() finding {
	d := finding{name: "programs", ok: true, text: "snug-broker, snug-image, snug-open and snug-scope lie beside snug"}
	for _, name := range []string{"snug-image", "snug-scope", "snug-open", "snug-broker"} {
		f, err := brokers.Program(name)
		if err == nil {
			f.Close()
			continue
		}
		d.ok, d.text = false, err.Error()
		d.hint = "message buses, portals and systems need them: install all of snug's programs into one folder"
	}
	return d
}

func kernel() finding {
	d := finding{name: "kernel", need: true}
	h, err := sandbox.Probe()
	if err != nil {
		d.text = err.Error()
		return d
	}
	d.text = "Linux " + strconv.Itoa(h.Kernel[0]) + "." + strconv.Itoa(h.Kernel[1])
	d.ok = h.Has(5, 14)
	d.hint = "snug needs Linux 5.14 or newer"
	return d
}

// trial starts a real sandbox: all the other findings only say why it may fail.
func trial() finding {
	d := finding{name: "sandbox", need: true}
	in, err := sandbox.Run(&sandbox.Spec{
		Users: sandbox.Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())},
		Root: []sandbox.Step{
			&sandbox.Bind{Source: "/", Dest: "/"},
			&sandbox.Proc{Dest: "/proc"},
			&sandbox.Dev{Dest: "/dev"},
		},
		Process: sandbox.Process{Argv: []string{"true"}, Programs: []string{"/bin/true", "/usr/bin/true"}},
	})
	var e *sandbox.Error
	if errors.As(err, &e) {
		d.text, d.hint = e.Error(), strings.TrimSuffix(e.Hint, "; run: snug doctor")
		if insideSnug() {
			d.hint = nestedHint
		}
		return d
	}
	if err != nil {
		d.text = err.Error()
		return d
	}
	defer in.Close()
	if ws := in.Wait(); ws.ExitStatus() != 0 {
		d.text = "a trial command ended with status " + strconv.Itoa(int(ws))
		return d
	}
	d.ok, d.text = true, "a trial sandbox starts and ends"
	return d
}

// userNamespaces looks for the switches by which distributions restrict user namespaces.
func userNamespaces() finding {
	d := finding{name: "user namespaces", need: true, ok: true, text: "not restricted"}
	if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" && !confinedByOurProfile() && os.Getuid() != 0 {
		d.ok, d.text = false, "AppArmor restricts them to programs with a profile (Ubuntu 24.04 and newer)"
		d.hint = "install snug's profile: snug doctor --print-fix"
		d.fix = apparmorFix()
	}
	if read("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
		d.ok, d.text = false, "kernel.unprivileged_userns_clone is 0"
		d.hint = "the administrator has switched them off"
		d.fix = "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-userns.conf\nsudo sysctl --system"
	}
	if n := read("/proc/sys/user/max_user_namespaces"); n == "0" {
		d.ok, d.text = false, "user.max_user_namespaces is 0"
		if insideSnug() {
			d.hint = nestedHint
			return d
		}
		d.hint = "the administrator has switched them off, or this is a sandbox that forbids nesting"
		d.fix = "echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/60-userns.conf\nsudo sysctl --system"
	}
	return d
}

// confinedByOurProfile reports whether AppArmor has given this process the profile that lets it.
func confinedByOurProfile() bool {
	label := read("/proc/self/attr/apparmor/current")
	if label == "" {
		label = read("/proc/self/attr/current")
	}
	return strings.HasPrefix(label, "snug")
}

// apparmorFix writes the profile for where this program really is.
func apparmorFix() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "/usr/local/bin/snug"
	}
	return "sudo tee /etc/apparmor.d/snug <<'PROFILE'\n" +
		"abi <abi/4.0>,\ninclude <tunables/global>\nprofile snug " + strconv.Quote(exe) +
		" flags=(unconfined) {\n  userns,\n  include if exists <local/snug>\n}\nPROFILE\nsudo apparmor_parser -r /etc/apparmor.d/snug"
}

func landlockABI() finding {
	h, _ := sandbox.Probe()
	d := finding{name: "landlock", ok: h.Landlock >= 6, text: "ABI " + strconv.Itoa(h.Landlock)}
	if !d.ok {
		d.hint = "ABI 6 (Linux 6.12) keeps apps with the host's network off abstract sockets, such as X11's"
	}
	return d
}

func runtimeDir() finding {
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	d := finding{name: "XDG_RUNTIME_DIR", text: runtime, ok: unix.Access(runtime, unix.F_OK) == nil}
	switch {
	case runtime == "":
		d.text = "not set"
	case !d.ok:
		d.text += ": not there"
	}
	switch dir, err := instances.Open(runtime, os.Getuid()); {
	case err != nil:
		d.need, d.ok, d.hint = true, false, err.Error()
	case !d.ok:
		d.hint = "running sandboxes are listed in " + dir.Path() + " instead; log in through a session (pam_systemd) to have one"
	}
	return d
}

func networkHelper() finding {
	d := finding{name: "user network", hint: "needed for --network user", fix: "sudo apt install passt"}
	for _, name := range []string{"pasta", "slirp4netns"} {
		if path, err := exec.LookPath(name); err == nil {
			d.ok, d.text = true, path
			return d
		}
	}
	d.text = "neither pasta nor slirp4netns is installed"
	return d
}

// subordinateIDs looks for ranges of ids and for the programs that map them.
func subordinateIDs(need bool) finding {
	d := finding{name: "subordinate ids", need: need, hint: "needed to boot images and for containers with more than one user"}
	_, err := subid.Own()
	var few *subid.TooFew
	if errors.As(err, &few) {
		d.text, d.fix = few.Error(), few.Fix()
		return d
	}
	if _, err := exec.LookPath("newuidmap"); err != nil {
		d.text, d.fix = "newuidmap is not installed", "sudo apt install uidmap"
		return d
	}
	d.ok, d.text = true, "ranges and newuidmap are there"
	return d
}

// read gives the first 64 KiB of a small file, trimmed; "" if it cannot be read.
func read(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	buf := make([]byte, 64<<10)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(buf[:n]))
}
