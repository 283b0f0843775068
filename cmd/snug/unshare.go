package main

import (
	"errors"
	"os"
	"os/signal"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/systemdimg/subid"
)

// Root of a user namespace, in prose. The letters are those of become-root.
//
// The command is user 0, which is the caller outside, and what it gives to users from 1 on is of the caller's
// subordinate ids. It has all capabilities over what is its own: files, and the namespaces that were asked
// for. All else is as it was: files, descriptors, environment, session and terminal. Nothing is confined:
// it can do what the caller can.

func unshareFlags(f *pflag.FlagSet) {
	f.BoolP("all", "a", false, "all namespaces: -cimnpu")
	f.BoolP("cgroup", "c", false, "a cgroup namespace")
	f.BoolP("ipc", "i", false, "an IPC namespace")
	f.BoolP("mount", "m", false, "a mount namespace, with all files as they are")
	f.BoolP("net", "n", false, "a network namespace, with a loopback interface alone")
	f.BoolP("pid", "p", false, "a PID namespace; it ends with the command")
	f.BoolP("uts", "u", false, "a UTS namespace: a host name")
	f.BoolP("proc", "P", false, "a new /proc, of -p; with -m and -p")
	f.BoolP("sys", "S", false, "a new /sys, of -n; with -m and -n")
	f.BoolP("connect", "N", false, "connect -n by pasta or slirp4netns; with -m and -n")
	f.String("map", "auto", "auto, or single: no ids but yours (`MODE`)")
}

func runUnshare(c *console, args []string) error {
	f := c.newFlags()
	unshareFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if os.Getuid() == 0 {
		return &hinted{"snug unshare is for ordinary users: you are root", "as another user; or as root, unshare of util-linux"}
	}
	w, err := compose.Session()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		words = []string{w.Shell}
	}
	spec := unshared(f, w, words)
	mode, _ := f.GetString("map")
	ids, err := idMaps(mode)
	spec.Users.UIDs, spec.Users.GIDs = ids.UIDs, ids.GIDs
	if err != nil {
		return err
	}
	if connect, _ := f.GetBool("connect"); connect {
		helper := &userNetwork{}
		defer helper.stop()
		spec.Handover.Placed = helper.start
	}
	return besideShell(spec, &w.Host)
}

// idMaps maps users: 0 is the caller, and from 1 on come subordinate ids, unless it is to be a single one.
func idMaps(mode string) (subid.IDs, error) {
	switch mode {
	case "single":
		return subid.IDs{}, nil
	case "auto":
	default:
		return subid.IDs{}, &hinted{"--map " + line(mode) + ": not a way to map ids", "auto, or single"}
	}
	ids, err := subid.Own()
	var few *subid.TooFew
	if errors.As(err, &few) {
		err = &hinted{err.Error(), few.Fix() + "; without, in a degraded mode: --map single"}
	}
	return ids, err
}

// unshared is a command that is root of namespaces, and else as it would be without.
func unshared(f *pflag.FlagSet, w *compose.World, words []string) *sandbox.Spec {
	on := func(names ...string) (is bool) {
		for _, name := range names {
			set, _ := f.GetBool(name)
			is = is || set
		}
		return is
	}
	kind := func(names ...string) sandbox.Namespace { return sandbox.Namespace{Shared: !on(names...)} }
	all := caps.UpTo(w.Host.LastCapability)
	s := &sandbox.Spec{
		Users:  sandbox.Users{Nested: true, KeepGroups: true},
		Mount:  kind("all", "mount", "proc", "sys", "connect"),
		PID:    kind("all", "pid", "proc"),
		IPC:    kind("all", "ipc"),
		UTS:    kind("all", "uts"),
		Net:    kind("all", "net", "sys", "connect"),
		Cgroup: kind("all", "cgroup"),
		Process: sandbox.Process{
			Argv: words, Programs: searchPath(w.Env, words[0]), Scripts: true,
			Env: w.Env, Dirs: []string{w.Cwd, "/"}, Umask: w.Umask,
			Session: true, AllFiles: true, NewPrivileges: true,
			Capabilities: caps.Sets{Bounding: all, Permitted: all, Effective: all},
			Origin:       "snug unshare",
		},
	}
	if w.Host.Caller.Known {
		s.Process.Signals = w.Host.Caller.Signals
		s.Process.Rlimits = []sandbox.Rlimit{w.Host.Caller.Files}
	}
	if s.Mount.New() {
		s.Root = wholeTree(on("proc"), on("sys"), on("connect"))
	}
	return s
}

// wholeTree is all files of the caller's, and what is to be new among them.
func wholeTree(proc, sys, resolver bool) []sandbox.Step {
	const origin = "snug unshare"
	steps := []sandbox.Step{&sandbox.Bind{Source: "/", Dest: "/", Writable: true, Devices: true, Setuid: true, Slave: true, Origin: origin}}
	if proc {
		steps = append(steps, &sandbox.Proc{Dest: "/proc", Writable: true, Origin: origin})
	}
	if sys {
		steps = append(steps, &sandbox.Sysfs{Dest: "/sys", Writable: true, Origin: origin})
	}
	const path = "/etc/resolv.conf"
	if _, err := os.Stat(path); err == nil && resolver {
		steps = append(steps, &sandbox.Data{Dest: path, Content: []byte("nameserver " + networkDNS + "\n"), Bound: true, Origin: origin})
	}
	return steps
}

// besideShell runs a command in the session and the process group of snug, as a job of the person's shell.
// What the keyboard sends reaches it without snug's doing; the rest is passed on to it.
func besideShell(spec *sandbox.Spec, h *sandbox.Host) error {
	prog, err := sandbox.Compile(spec, h, sandbox.Look(spec))
	if err != nil {
		return err
	}
	ws, err := sandbox.Supervise(prog, func(in *sandbox.Instance) error {
		signal.Ignore(unix.SIGINT, unix.SIGQUIT)
		signals := make(chan os.Signal, 16)
		signal.Notify(signals, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
		go func() {
			for s := range signals {
				in.Signal(s.(unix.Signal))
			}
		}()
		in.Stops(func(ws unix.WaitStatus) {
			if ws.StopSignal() == unix.SIGSTOP { // a shell's suspend; all others reach the whole group
				raise(unix.SIGSTOP)
				in.Signal(unix.SIGCONT)
			}
		})
		return nil
	})
	if err != nil {
		return notRun(err, spec.Process.Argv[0])
	}
	return exitStatus(ws, false)
}

// notRun is startFailure for a command that has the caller's files.
func notRun(err error, command string) error {
	var f *failure
	if err = startFailure(err); errors.As(err, &f) && f.status == exitNotFound {
		f.err = &hinted{quote(command) + ": there is no such command", "it is looked for in $PATH"}
	}
	return err
}
