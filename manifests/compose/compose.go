package compose

import (
	"slices"
	"strings"

	"snug/manifests"
	"snug/manifests/desktop"
	"snug/manifests/internal/words"
	"snug/portals"
	"snug/sandbox"
)

// Command is what a person asked to run.
type Command struct {
	Argv []string
	// Fixed is how many words at the start of Argv are never files: the program, and of a
	// desktop file all of Exec. The rest may be files that files.arguments is about.
	Fixed int
	// Files are files that words before that hold, as a launcher has marked them.
	Files []desktop.Place
	// Manifest is the file that says all this, if it was named by its path: the next start reads it, so
	// in a folder that the app may change it stays as it is.
	Manifest string
	// Here grants the working directory: "" or "off" not at all, "read", "write".
	Here string
}

// Sandbox is a manifest made concrete for one machine, one session and one command.
type Sandbox struct {
	// Spec is ready for sandbox.Run, but for what depends on the caller: terminal, inherited
	// files, whether it outlives the caller.
	Spec *sandbox.Spec
	// Folders must exist before the start: see Folder.Make.
	Folders []Folder
	// Home is the kept home outside, or "" if it is gone with the sandbox.
	Home string
	// Arguments are the files among the words of the command, for a sandbox that runs already.
	Arguments []Argument
	// Documents are those that were made of Arguments, to be taken away by World.Forget.
	Documents []string
	// Imports are what the kept home is to get a copy of, once and after asking.
	Imports []Import
	// Except are the files and folders outside, without links, that no grant shows.
	Except []string
	// UserNetwork asks for a user-mode network: a helper joins the sandbox's network namespace
	// and answers for DNS at Resolver.
	UserNetwork bool
	// Endpoints are what the app reaches by brokers, such as the message buses, each behind its filter.
	Endpoints []Endpoint
	// Identity is who the app is to portals, or nil if it is nobody.
	Identity *portals.Identity
	// Background says that the app may ask to be started at login.
	Background bool
	// Account says in words what the app can reach, for `explain`.
	Account []Entry
	// Warnings are what was asked for, or found odd, and makes the sandbox poorer, not weaker.
	Warnings manifests.Problems

	repositories []string // outside, that are guarded; see Traces
}

// Resolver is the address of the name server in a sandbox with a user-mode network: slirp4netns
// answers there by itself, pasta with --dns-forward.
const Resolver = "10.0.2.3"

// composer carries what the phases share. A phase adds steps and entries; problems are collected,
// so that a person sees all of them at once.
type composer struct {
	m   *manifests.Manifest
	w   *World
	cmd Command
	out *Sandbox

	problems manifests.Problems
	folders  map[string]File // plain folders outside, by path without links

	home        string // inside, the same path as outside
	runtime     string // XDG_RUNTIME_DIR inside
	steps       []placed
	dests       map[string]bool // of the first counted steps; see has
	counted     int
	covers      []sandbox.Step // after all others: holes, and what becomes read-only
	grants      []*grant
	fixed       *forbidden // what no grant may reach; see policy.go
	env         []string
	argv        []string
	display     struct{ wayland, x11 bool } // what the app has
	lookLinks   []linkedLook                // fonts and themes that links led to
	documentsAt string                      // the mount point of the document portal, if the app has it
	bare        []string                    // read-only folders that hold file arguments
	moved       []string                    // folders outside whose files are shown below filesDir
	live        bool                        // it is added to a sandbox that runs: see live.go
}

// placed is a step and its destination, by which steps are put in order.
type placed struct {
	dest  string
	depth int // how many folders it lies in, so that a folder comes before what lies in it
	step  sandbox.Step
}

// Compose makes a sandbox of a merged manifest, or the zero Manifest for the strictest one. It
// changes nothing outside; what it must know it asks of w. An error is of type Problems and holds
// every grant that cannot be given: nothing is left out silently.
func Compose(m *manifests.Manifest, w *World, cmd Command) (*Sandbox, error) {
	c := &composer{m: m, w: w, cmd: cmd, out: &Sandbox{Spec: &sandbox.Spec{}}, folders: make(map[string]File, 64)}
	c.out.Warnings = slices.Clone(m.Warnings)
	c.argv = slices.Clone(cmd.Argv)
	c.problems = m.NotYet()
	for _, phase := range []func(*composer){
		(*composer).system, // /usr, /etc, /dev, /proc, …
		(*composer).ownHome,
		(*composer).screen,
		(*composer).sound,
		(*composer).buses,
		(*composer).network,
		(*composer).devices,
		(*composer).looks, // fonts and themes
		(*composer).files, // what is granted by name, and file arguments
		(*composer).linkedLooks,
		(*composer).imports,
		(*composer).environment,
		(*composer).process,
	} {
		if phase(c); c.problems.Full() {
			break
		}
	}
	c.problems = append(c.problems, m.UnusedCodes()...)
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	c.arrange()
	return c.out, nil
}

// add puts a step in the sandbox.
func (c *composer) add(dest string, step sandbox.Step) { c.steps = append(c.steps, place(dest, step)) }

func place(dest string, step sandbox.Step) placed {
	return placed{dest, strings.Count(dest, "/"), step}
}

// arrange orders the steps so that folders come before what lies in them, holes and read-only
// marks last. Otherwise steps stay in the order in which they were added.
func (c *composer) arrange() {
	c.steps = append(c.stubs(), c.steps...)
	c.out.Spec.Root = append(c.ordered(), &sandbox.ReadOnly{Dest: "/dev"}, &sandbox.ReadOnly{Dest: "/"})
}

func (c *composer) ordered() []sandbox.Step {
	slices.SortStableFunc(c.steps, func(a, b placed) int { return a.depth - b.depth })
	root := make([]sandbox.Step, 0, len(c.steps)+len(c.covers)+2)
	for _, placed := range c.steps {
		root = append(root, placed.step)
	}
	return append(root, c.covers...)
}

// refuse notes that a value cannot be granted.
func (c *composer) refuse(key string, asks manifests.Text, what, hint string) {
	c.problems.Add(asks.Origin, key+" = "+words.Quote(asks.Value)+": "+what, hint)
}

// warn notes what a value does not bring.
func (c *composer) warn(key string, asks manifests.Text, what, hint string) {
	c.out.Warnings.Add(asks.Origin, key+" = "+words.Quote(asks.Value)+": "+what, hint)
}

// orDefault gives a scalar of the zero Manifest the schema's default.
func orDefault(text manifests.Text, otherwise string) string {
	if text.Value == "" {
		return otherwise
	}
	return text.Value
}

// commandOrigin says where the command came from.
func (c *composer) commandOrigin() manifests.Origin {
	if len(c.m.Command) > 0 {
		return c.m.Command[0].Origin
	}
	return ""
}

// program returns the places where the command is looked for, as a shell would.
func (c *composer) programs(path string) (programs []string) {
	if len(c.argv) == 0 || strings.Contains(c.argv[0], "/") {
		return nil
	}
	for dir := range strings.SplitSeq(path, ":") {
		if strings.HasPrefix(dir, "/") {
			programs = append(programs, child(dir, c.argv[0]))
		}
	}
	return programs
}
