package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/cmd/internal/terminal"
	"snug/manifests/compose"
	"snug/sandbox"
)

func execFlags(f *pflag.FlagSet) {
	f.BoolP("tty", "t", false, "insist on a terminal; the default if you sit at one")
	f.StringArray("env", nil, "set a variable, `K=V`")
	f.String("cwd", "", "start in folder `D`")
}

func runExec(c *console, args []string) error {
	f := c.newFlags()
	execFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return &hinted{"which instance?", "snug ps lists them; then: snug exec INSTANCE COMMAND"}
	}
	name, command := words[0], words[1:]
	switch {
	case len(command) > 0 && command[0] == "--":
		command = command[1:]
	case len(command) > 0 && strings.HasPrefix(command[0], "-") && command[0] != "-": // no command is called so
		return c.misplaced(f, words)
	}
	if len(command) == 0 {
		return &hinted{"no command to run in " + quote(name), "snug exec " + name + " ls; or for a shell: snug shell " + name}
	}
	r, err := findInstance(name)
	if err != nil {
		return err
	}
	if insist, _ := f.GetBool("tty"); insist && !terminal.Is(0) {
		return &hinted{"--tty: standard input is not a terminal", "leave --tty out"}
	}
	env, err := f.GetStringArray("env")
	if err != nil {
		return err
	}
	for _, e := range env {
		if key, _, ok := strings.Cut(e, "="); !ok || key == "" {
			return &hinted{"--env " + quote(e) + ": not K=V", "such as --env LANG=C.UTF-8"}
		}
	}
	cwd, _ := f.GetString("cwd")
	return enter(r, command, env, cwd)
}

// enter runs a command in a running instance and waits for it. It belongs to the sandbox: it ends
// with it. And it belongs to this snug: it ends with that, too.
func enter(r *instances.Record, command, env []string, cwd string) error {
	p := sandbox.Process{
		Argv: command,
		Env:  mergeEnv(r.Env, env),
		Dirs: r.Dirs,
	}
	if cwd != "" {
		p.Dirs = []string{cwd}
	}
	j, done, err := entering(r, p)
	if err != nil {
		return notThere(r, err)
	}
	defer done()
	return notThere(r, notEntered(r, j.serve(func(*sandbox.Instance) error { return nil })))
}

// notEntered says of an instance that keeps others from entering how to go on.
func notEntered(r *instances.Record, err error) error {
	if errors.Is(err, unix.ETIMEDOUT) {
		return &hinted{quote(r.Name) + " runs and lets nothing join it: " + err.Error(), "end it: snug stop " + shellWord(r.Name)}
	}
	return err
}

// entering is the job of running a process in an instance.
func entering(r *instances.Record, p sandbox.Process) (j *job, done func(), err error) {
	p.Programs = searchPath(p.Env, p.Argv[0])
	umask := unix.Umask(0o077)
	unix.Umask(umask)
	p.Umask = uint32(umask)
	if r.Machine != nil {
		return enteringMachine(r, p)
	}
	spec, err := r.State.Enter(p)
	if err != nil {
		return nil, nil, err
	}
	return &job{spec: spec}, func() { spec.Enter.Process.Close() }, nil
}

// mergeEnv sets variables over those of the app.
func mergeEnv(env, set []string) []string {
	merged := append([]string(nil), env...)
next:
	for _, s := range set {
		key, _, _ := strings.Cut(s, "=")
		for i, e := range merged {
			if strings.HasPrefix(e, key+"=") {
				merged[i] = s
				continue next
			}
		}
		merged = append(merged, s)
	}
	return merged
}

// searchPath gives the places where a command may be, by the PATH inside.
func searchPath(env []string, command string) []string {
	if strings.Contains(command, "/") {
		return nil
	}
	var places []string
	for _, e := range env {
		path, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(path, ":") {
			if filepath.IsAbs(dir) {
				places = append(places, filepath.Join(dir, command))
			}
		}
	}
	if places == nil {
		places = []string{"/usr/bin/" + command, "/bin/" + command}
	}
	return places
}

func shellFlags(f *pflag.FlagSet) {
	f.String("command", "", "run this command line with sh -c (`CMD`)")
	f.Bool("fresh", false, "a new sandbox of the app, even if one runs")
	f.String("login", "", "of a booted system: log `USER` in, with a session")
}

func runShell(c *console, args []string) error {
	f := c.newFlags()
	shellFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	line, err := c.typed(f, words)
	if err != nil {
		return err
	}
	fresh, _ := f.GetBool("fresh")
	login, _ := f.GetString("login")
	if !fresh {
		dir, err := openInstances()
		if err != nil {
			return err
		}
		if r, err := dir.Find(words[0]); err == nil && login != "" {
			return logIn(r, login, line)
		} else if err == nil {
			return enter(r, shellWords(r.Env, line), nil, "")
		} else if e, ok := err.(*instances.FindError); ok && e.Many {
			return &hinted{e.Error(), "there are: " + strings.Join(e.Names, ", ")}
		}
	}
	if login != "" {
		return &hinted{"no system " + quote(words[0]) + " runs, and only a system has users to log in", "snug ps lists what runs; snug boot starts a system"}
	}
	return c.freshShell(words[0], line)
}

// typed is the command line for the shell, or "" for one that a person types at: that of --command, or the words
// behind the instance.
func (c *console) typed(f *pflag.FlagSet, words []string) (string, error) {
	if len(words) == 0 {
		return "", &hinted{"a shell in which instance or app?", "snug ps lists what runs; snug shell INSTANCE"}
	}
	line, _ := f.GetString("command")
	command := words[1:]
	switch {
	case len(command) == 0:
		return line, nil
	case command[0] == "--":
		command = command[1:]
	case strings.HasPrefix(command[0], "-"):
		return "", c.misplaced(f, words)
	}
	if line != "" {
		return "", &hinted{"--command and a command behind " + quote(words[0]), "either one or the other"}
	}
	return shellLine(command), nil
}

// freshShell starts a sandbox as the app would get it, with a shell in place of the app.
func (c *console) freshShell(app, line string) error {
	p, err := c.planWith(c.newFlags(), []string{app}, func(compose.Command) compose.Command {
		return compose.Command{Argv: shellWords(os.Environ(), line), Fixed: 3}
	})
	if err != nil {
		return err
	}
	if err := c.importHome(p); err != nil {
		return err
	}
	return c.launch(p)
}

// shellWords is the shell of the environment, interactive or with a command line.
func shellWords(env []string, line string) []string {
	shell := "/bin/sh"
	for _, e := range env {
		if s, ok := strings.CutPrefix(e, "SHELL="); ok && filepath.IsAbs(s) {
			shell = s
		}
	}
	if line != "" {
		return []string{"/bin/sh", "-c", line}
	}
	return []string{shell}
}
