package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/sandbox"
)

// ownFlags are those of run that are no key of a manifest.
type ownFlags struct {
	here   here
	name   string
	detach bool
	log    string
	login  bool   // hidden: the session starts the app, as that has asked for
	ready  int    // hidden: the descriptor on which a detached snug says that its app runs
	mark   string // hidden: the words behind the app are those of a wrapped launcher, with this mark around files
}

func runFlags(f *pflag.FlagSet) { new(ownFlags).add(f) }

func (o *ownFlags) add(f *pflag.FlagSet) {
	f.Var(&o.here, "here", "grant the current folder; --here=read to read it only")
	f.Lookup("here").NoOptDefVal = "write"
	f.StringVar(&o.name, "name", "", "call the instance `NAME`")
	f.BoolVar(&o.detach, "detach", false, "return after 0.1 s, print its name, drop its output")
	f.StringVar(&o.log, "log", "", "write what brokers decide to `FILE`, or - for here")
	f.BoolVar(&o.login, "autostart", false, "")
	f.MarkHidden("autostart")
	f.IntVar(&o.ready, "ready-fd", -1, "")
	f.MarkHidden("ready-fd")
	f.StringVar(&o.mark, "launcher", "", "")
	f.MarkHidden("launcher")
}

// here is how the current folder is granted: not at all, "read" or "write".
type here string

func (h *here) Set(value string) error {
	if value != "read" && value != "write" {
		return &hinted{"--here=" + line(value) + ": not a way to grant the current folder", "--here, or --here=read"}
	}
	*h = here(value)
	return nil
}

func (h *here) String() string { return string(*h) }

func (*here) Type() string { return "" }

// keyFlag makes a key of the manifest a flag. It keeps the account of which argument said what.
type keyFlag struct {
	c     *console
	layer *manifests.Layer
	key   *manifests.Key
}

func (k *keyFlag) Set(value string) error {
	if value == "--" { // it ends the flags; as a value it would leave the command without it
		return &hinted{"--" + k.key.Flag() + " wants a value before --", "such as --" + k.key.Flag() + "=VALUE"}
	}
	return k.layer.Set(k.key.Flag(), value, k.c.argument(k.key.Flag()))
}

func (k *keyFlag) String() string { return "" }

func (k *keyFlag) Type() string { return k.key.Kind }

// argument is the Origin of the flag that is being read: which word of the command line it is.
func (c *console) argument(flag string) sandbox.Origin {
	for i := c.cursor; i < len(c.args); i++ {
		if c.args[i] == "--"+flag || strings.HasPrefix(c.args[i], "--"+flag+"=") {
			c.cursor = i + 1
			return sandbox.Origin("--" + flag + ", argument " + strconv.Itoa(i+1))
		}
	}
	return sandbox.Origin("--" + flag)
}

// addKeys makes every key of the schema a flag that writes into the layer.
func (c *console) addKeys(f *pflag.FlagSet, layer *manifests.Layer, cwd string) {
	schema := manifests.Schema()
	for i := range schema {
		key := &schema[i]
		name := key.Flag()
		if name == "" || f.Lookup(name) != nil {
			continue
		}
		var v pflag.Value = &keyFlag{c, layer, key}
		if isPath(key.Name) {
			v = &pathFlag{keyFlag{c, layer, key}, cwd}
		}
		flag := f.VarPF(v, name, "", key.Doc)
		if key.Kind == "flag" {
			flag.NoOptDefVal = "true"
		}
	}
}

// isPath reports whether a key holds paths, which a command line may give relative to the
// working directory.
func isPath(key string) bool {
	switch key {
	case "files.read", "files.write", "files.create", "files.except":
		return true
	}
	return false
}

// pathFlag makes a relative path absolute. Words that a manifest would understand stay.
type pathFlag struct {
	keyFlag
	cwd string
}

func (p *pathFlag) Set(value string) error {
	rest, optional := strings.CutPrefix(value, "?")
	if strings.HasPrefix(value, "-") { // another flag, or --
		return &hinted{"--" + p.key.Flag() + " wants a path, not " + quote(value), "a path that begins with a hyphen is written ./" + line(value)}
	}
	if rest == "" { // an unset variable of a script must not become the working directory
		return p.keyFlag.Set(value)
	}
	if !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "~") && !strings.HasPrefix(rest, "xdg-") {
		rest = filepath.Join(p.cwd, rest)
	} else if strings.HasPrefix(rest, "/") {
		rest = filepath.Clean(rest)
	}
	if optional {
		rest = "?" + rest
	}
	return p.keyFlag.Set(rest)
}

// plan is what run and explain make of their command line.
type plan struct {
	own     ownFlags
	app     manifests.App // zero for a plain command
	merged  *manifests.Manifest
	world   *compose.World
	sandbox *compose.Sandbox
	search  desktop.Search
	command []string
	typed   []string // the flags that were given, by name
	unlock  func()   // of the app's lock, if it is held
	logins  int      // how often the app has asked to be started at login, or no more, but for what was so already
}

// plan reads the command line, finds and merges the manifest, and composes the sandbox.
func (c *console) plan(f *pflag.FlagSet, args []string) (*plan, error) {
	return c.planWith(f, args, nil)
}

// planWith is plan with another command in place of the app's.
func (c *console) planWith(f *pflag.FlagSet, args []string, instead func(compose.Command) compose.Command) (*plan, error) {
	w, err := compose.Session()
	if err != nil {
		return nil, err
	}
	w.Seccomp = compileFilter
	w.Opener = findOpener
	w.NoStart = !c.verb.runs
	p := &plan{world: w}
	p.own.add(f)
	flags := new(manifests.Layer)
	c.addKeys(f, flags, w.Cwd)
	words, err := c.parse(f, args)
	if err != nil {
		return nil, err
	}
	f.Visit(func(flag *pflag.Flag) { p.typed = append(p.typed, flag.Name) })
	if f.Changed("name") { // also to nothing, as by an unset variable
		if err := checkName(p.own.name); err != nil {
			return nil, err
		}
	}
	catalogue := c.apps(w)
	search := catalogue.Desktop
	p.search = search
	plain := f.ArgsLenAtDash() == 0
	files, err := c.layers(p, &catalogue, flags, words, plain)
	if err != nil {
		return nil, err
	}
	if p.merged, err = manifests.Merge(files, flags, facts(w)); err != nil {
		return nil, err
	}
	command := compose.Command{Argv: words, Fixed: 1}
	switch {
	case p.own.mark != "":
		command, err = launcherCommand(words[1:], p.own.mark)
	case !plain:
		command, err = appCommand(p.merged, p.app, search, words[1:])
	}
	if err != nil {
		return nil, err
	}
	command.Here, command.Manifest = string(p.own.here), p.manifestFile()
	if instead != nil {
		command = instead(command)
	}
	p.command = command.Argv
	if p.sandbox, err = compose.Compose(p.merged, w, command); err != nil {
		return nil, err
	}
	if err := p.checkBackground(); err != nil {
		return nil, err
	}
	c.note(p)
	return p, nil
}

// catalogueOf is where this session's manifests are.
func catalogueOf(w *compose.World) manifests.Catalogue {
	return manifests.Catalogue{User: w.Config + "/snug/apps", System: "/etc/snug/apps", Home: w.Home}
}

// apps is that with the desktop files of the session.
func (c *console) apps(w *compose.World) manifests.Catalogue {
	catalogue := catalogueOf(w)
	catalogue.Desktop = desktop.Search{Data: dataFolders(w), Path: strings.Split(os.Getenv("PATH"), ":")}
	return catalogue
}

// layers finds the app that the words name, if they are no plain command, and reads its manifest.
func (c *console) layers(p *plan, catalogue *manifests.Catalogue, flags *manifests.Layer, words []string, plain bool) (files []*manifests.Layer, err error) {
	switch {
	case len(words) == 0 && plain:
		return nil, &hinted{"-- and no command", "snug " + c.verb.name + " -- ls"}
	case plain && words[0] == "":
		return nil, &hinted{"the command is an empty word", "snug " + c.verb.name + " -- ls"}
	case len(words) == 0:
		return nil, &hinted{"neither an app nor -- and a command", "snug " + c.verb.name + " foot, or snug " + c.verb.name + " -- ls"}
	case plain:
		return catalogue.Load(manifests.App{}, flags)
	}
	if p.app, err = catalogue.Find(words[0]); err != nil {
		return nil, c.noApp(err, words)
	}
	if files, err = catalogue.Load(p.app, flags); err == nil && p.own.mark == "" {
		c.hintMisplaced(words)
	}
	return files, err
}

// appCommand gives the argv of an app: its manifest's command, or Exec of its desktop file.
func appCommand(m *manifests.Manifest, app manifests.App, search desktop.Search, args []string) (compose.Command, error) {
	if len(m.Command) > 0 {
		var argv []string
		for _, word := range m.Command {
			argv = append(argv, word.Value)
		}
		return compose.Command{Argv: append(argv, args...), Fixed: len(argv)}, nil
	}
	file, err := findDesktop(m, app, search)
	if app.Known && len(m.Desktop) == 0 && errors.As(err, new(*failure)) {
		return compose.Command{}, manifests.Problem{Where: m.ID.Origin, What: "command is missing",
			Hint: `write command = ["PROGRAM"], or desktop = ["FILE.desktop"] for what that starts`}
	}
	if err == nil {
		file, err = behind(file)
	}
	if err != nil {
		return compose.Command{}, err
	}
	value, _ := file.Get(desktop.Entry, "Exec")
	exec, err := desktop.ParseExec(value)
	if err != nil {
		return compose.Command{}, &hinted{file.Path + ": " + err.Error(), "give the manifest a command"}
	}
	name, _ := file.Get(desktop.Entry, "Name")
	icon, _ := file.Get(desktop.Entry, "Icon")
	commands, err := exec.Expand(desktop.Fields{Name: name, Icon: icon, Path: file.Path}, args)
	if err != nil {
		return compose.Command{}, &hinted{file.Path + ": " + err.Error(), ""}
	}
	if len(commands) > 1 {
		return compose.Command{}, &hinted{file.Path + ": takes one file a start", "start it once for each file"}
	}
	argv, fixed := commands[0].Argv, commands[0].Fixed
	if len(exec.Env) > 0 {
		argv, fixed = slices.Concat([]string{"env"}, exec.Env, argv), fixed+1+len(exec.Env)
	}
	return compose.Command{Argv: argv, Fixed: fixed}, nil
}

// findDesktop finds the first installed desktop file of an app.
func findDesktop(m *manifests.Manifest, app manifests.App, search desktop.Search) (*desktop.File, error) {
	if app.Desktop != "" {
		return desktop.Read(app.Desktop)
	}
	var names []string
	for _, d := range m.Desktop {
		names = append(names, d.Value)
	}
	for _, id := range append(names, app.ID+".desktop") {
		file, err := search.Lookup(id)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, &failure{status: exitNotFound, err: &hinted{"app " + quote(app.ID) + " is not installed", "none of its desktop files is there: " + strings.Join(names, ", ")}}
}

// dataFolders are the XDG data folders, the user's first.
func dataFolders(w *compose.World) []string {
	dirs := os.Getenv("XDG_DATA_DIRS")
	if dirs == "" {
		dirs = "/usr/local/share:/usr/share"
	}
	list := []string{w.Data}
	for d := range strings.SplitSeq(dirs, ":") {
		if filepath.IsAbs(d) {
			list = append(list, d)
		}
	}
	return list
}

// facts are what [[if]] may ask.
func facts(w *compose.World) manifests.Facts {
	return manifests.Facts{Desktop: os.Getenv("XDG_CURRENT_DESKTOP"), Host: w.Hostname, Has: func(fact string) bool {
		switch fact {
		case "wayland":
			d := os.Getenv("WAYLAND_DISPLAY")
			return d != "" && w.Answers(from(w.RuntimeDir, d))
		case "x11":
			return os.Getenv("DISPLAY") != ""
		case "portal":
			return w.CanAskPortals()
		case "nvidia":
			return unix.Access("/proc/driver/nvidia", unix.F_OK) == nil
		}
		return false
	}}
}

// from is a path that may be relative to a folder.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func runRun(c *console, args []string) error {
	err := c.start(args)
	if err != nil && len(args) > 0 && (args[0] == "--launcher" || args[0] == "--autostart") && !isTerminal(c.err) {
		notify(err)
	}
	return err
}

// notify shows a person who has started an app from the menu why it does not start: of what is printed
// they see nothing. That the app itself ends badly is its own to tell.
func notify(err error) {
	if err.Error() == "" {
		return
	}
	var text strings.Builder
	(&console{err: &text}).complain(err)
	title, body, _ := strings.Cut(strings.TrimPrefix(text.String(), "snug: "), "\n")
	// Some take a body for markup, and notify-send undoes escapes in it.
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`)
	runTool("notify-send", "--app-name=snug", "--icon=dialog-error", "--", title, plain.Replace(body))
}

// start runs an app or a command.
func (c *console) start(args []string) error {
	p, err := c.plan(c.newFlags(), args)
	if err != nil {
		return err
	}
	defer func() { p.world.Forget(p.sandbox.Documents) }()
	if err := c.importHome(p); err != nil {
		return err
	}
	if p.own.detach {
		_, err := c.detach(args)
		if err == nil {
			c.noteLostOutput()
		}
		return err
	}
	return c.runOrJoin(p)
}

// noteLostOutput tells a person that a detached app prints to nobody. It could not have this snug's own
// output: name=$(snug run --detach ...) would wait for its end.
func (c *console) noteLostOutput() {
	if isTerminal(c.out) {
		c.say("what it prints is lost", "to keep it, use & of your shell in place of --detach, and >FILE 2>&1")
	}
}

// instanceName is what the instance is called: as the person says, else after the app, else
// after the command.
func (p *plan) instanceName() string {
	switch {
	case p.own.name != "":
		return p.own.name
	case p.app.ID != "":
		return appName(p.app.ID)
	}
	name := strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '-'
	}, filepath.Base(p.command[0]))
	if name = strings.Trim(name, "-"); checkName(name) != nil {
		return "command" // such as [ or 2048
	}
	return name
}

// appName is the last part of an id, or all of it if that is no name, such as 2048.
func appName(id string) string {
	for _, name := range []string{id[strings.LastIndexByte(id, '.')+1:], id} {
		if name = name[:min(len(name), maxName)]; checkName(name) == nil {
			return name
		}
	}
	return "app"
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// maxName bounds the name of an instance: a file is called so, and -2 may follow.
const maxName = 100

// checkName refuses names that could not be a file or be told from a process id.
func checkName(name string) error {
	_, err := strconv.Atoi(name)
	odd := strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) && r != '.' })
	if name == "" || len(name) > maxName || err == nil || odd || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return &hinted{"--name " + quote(name) + ": not a name for an instance", "letters, digits, - and _, not a number alone"}
	}
	return nil
}
