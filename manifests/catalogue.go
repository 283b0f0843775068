package manifests

import (
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
	"snug/manifests/internal/words"
)

// Catalogue is the search path for manifests: the user's folder, the administrator's, and what
// snug brings along. In each folder, ID.toml is the manifest of an app, ID.d/*.toml are drop-ins
// that add to it wherever it came from, and bases/NAME.toml is what `extends` names. A user's
// ID.toml takes the place of the administrator's whole, and that one of the built-in.
//
// The zero Catalogue holds only what is built in.
type Catalogue struct {
	User    string         // $XDG_CONFIG_HOME/snug/apps
	System  string         // /etc/snug/apps
	Home    string         // the person's home, which Origins print as ~
	Desktop desktop.Search // where desktop files are

	pending map[string][]byte // what is about to be written, by path: see Keep
}

// App is what Find made of a word on the command line.
type App struct {
	ID      string // of a manifest, or else of the desktop file
	File    string // the manifest, if the word was the path of one
	Desktop string // the path of the desktop file by whose name or path the app was found
	Known   bool   // there is a manifest; else only the desktop file says what the app is
}

// sources returns the search path, strongest first.
func (c *Catalogue) sources() []source {
	var sources []source
	for _, dir := range []string{c.User, c.System} {
		if dir != "" {
			sources = append(sources, source{dir: dir, label: c.label(dir), pending: c.pending})
		}
	}
	return append(sources, source{dir: "builtin", label: "builtin", builtIn: true})
}

// label shortens a path below the home.
func (c *Catalogue) label(path string) string {
	if rest, found := strings.CutPrefix(path, c.Home+"/"); found && c.Home != "" && c.Home != "/" {
		return "~/" + rest
	}
	return path
}

// first returns a file from the strongest source that has it, or nil.
func (c *Catalogue) first(name string) (*Layer, error) {
	for _, source := range c.sources() {
		if layer, err := source.read(name); layer != nil || err != nil {
			return layer, err
		}
	}
	return nil, nil
}

// Load reads the layers of an app in the order in which Merge takes them: every base that the
// app's file, its drop-ins or the flags extend, the file, the administrator's drop-ins, the
// user's. The flags may be nil and are only asked for their bases. For no app at all, as in
// `snug run -- xterm`, Load takes the zero App.
func (c *Catalogue) Load(app App, flags *Layer) ([]*Layer, error) {
	layers, err := c.own(app)
	if err != nil {
		return nil, err
	}
	bases := bases{catalogue: c}
	for _, layer := range layers {
		if err := bases.extend(layer.Extends); err != nil {
			return nil, err
		}
	}
	if flags != nil {
		if err := bases.extend(flags.Extends); err != nil {
			return nil, err
		}
	}
	return append(bases.layers, layers...), nil
}

// own returns the app's file and its drop-ins.
func (c *Catalogue) own(app App) (layers []*Layer, err error) {
	if app.ID == "" {
		return nil, nil
	}
	var file *Layer
	if app.File != "" {
		file, err = c.file(app.File)
	} else {
		file, err = c.first(app.ID + ".toml")
	}
	if err != nil {
		return nil, err
	}
	if file == nil {
		file = &Layer{Name: app.ID}
	}
	if err := file.claim(app.ID); err != nil {
		return nil, err
	}
	layers = append(layers, file)
	sources := c.sources()
	slices.Reverse(sources) // weakest first: the administrator's, then the user's
	for _, source := range sources {
		dropIns, err := source.dropIns(app.ID)
		if err != nil {
			return nil, err
		}
		layers = append(layers, dropIns...)
	}
	return layers, nil
}

// claim gives the app's own file its id, or refuses another one than that of its name: a file
// would get the home of an app that it is not.
func (l *Layer) claim(id string) error {
	switch {
	case l.ID.Origin == "":
		l.ID = Text{id, Origin(l.Name)}
	case l.ID.Value != id:
		return Problem{l.ID.Origin, "id is " + words.Quote(l.ID.Value) + " in the file of " + words.Quote(id), "rename the file or change the id"}
	}
	return nil
}

// maxDropIns bounds the drop-ins of one app from one source.
const maxDropIns = 64

func (s source) dropIns(id string) ([]*Layer, error) {
	names, err := s.names(id + ".d")
	if err != nil {
		return nil, err
	}
	if len(names) > maxDropIns {
		return nil, Problem{"", words.Quote(s.label+"/"+id+".d") + " holds more than 64 drop-ins", "join some of them"}
	}
	var layers []*Layer
	for _, name := range names {
		layer, err := s.read(id + ".d/" + name + ".toml")
		if err != nil {
			return nil, err
		}
		if layer == nil {
			continue // gone since it was listed
		}
		if err := layer.foreign("a drop-in"); err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// foreign refuses in a layer what only the app's own file may say.
func (l *Layer) foreign(kind string) error {
	for i := range schema {
		key := &schema[i]
		if key.Scope != "app" {
			continue
		}
		origin := Origin("")
		eachValue(key, &l.Manifest, func(_ string, o Origin) bool { origin = o; return false })
		if origin != "" {
			return Problem{origin, key.Name + " does not belong in " + kind, "only the app's own file has it"}
		}
	}
	return nil
}

// bases collects what is extended, each base once and behind its own bases.
type bases struct {
	catalogue *Catalogue
	layers    []*Layer
	loaded    []string
	open      []string // the bases that are being extended just now, for cycles
}

const (
	maxDepth = 8
	maxBases = 32
)

func (b *bases) extend(names []Text) error {
	for _, name := range names {
		if slices.Contains(b.open, name.Value) {
			return Problem{name.Origin, "extends goes in a circle: " + strings.Join(append(b.open, name.Value), " → "), "leave one of them out"}
		}
		if slices.Contains(b.loaded, name.Value) {
			continue
		}
		if len(b.open) == maxDepth || len(b.loaded) == maxBases {
			return Problem{name.Origin, "extends goes more than 8 deep or names more than 32 bases", ""}
		}
		if err := b.load(name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bases) load(name Text) error {
	layer, err := b.catalogue.first("bases/" + name.Value + ".toml")
	if err != nil {
		return err
	}
	if layer == nil {
		return Problem{name.Origin, "there is no base " + words.Quote(name.Value), b.catalogue.suggestBase(name.Value)}
	}
	if err := layer.foreign("a base"); err != nil {
		return err
	}
	layer.base = true
	b.open = append(b.open, name.Value)
	err = b.extend(layer.Extends)
	b.open = b.open[:len(b.open)-1]
	b.loaded = append(b.loaded, name.Value)
	b.layers = append(b.layers, layer)
	return err
}

func (c *Catalogue) suggestBase(name string) string {
	known := c.Bases()
	if near := Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "known: " + strings.Join(known, ", ")
}

// IDs returns the ids of all manifests, sorted.
func (c *Catalogue) IDs() []string { return c.list(".") }

// Bases returns the names of all bases, sorted: what extends may hold.
func (c *Catalogue) Bases() []string { return c.list("bases") }

// Own returns the apps of which the person's own folder says something, by a manifest or a drop-in,
// and the bases in it, both sorted.
func (c *Catalogue) Own() (apps, bases []string, err error) {
	own := source{dir: c.User, label: c.label(c.User)}
	if apps, err = own.apps(); err != nil {
		return nil, nil, err
	}
	bases, err = own.names("bases")
	return apps, bases, err
}

// All returns the apps of which any source says something, by a manifest or a drop-in, sorted. Unlike IDs it
// is for who takes an app that is not there for gone: a source that cannot be listed is an error.
func (c *Catalogue) All() (apps []string, err error) {
	for _, source := range c.sources() {
		if err := source.check(); err != nil {
			return nil, err
		}
		more, err := source.apps()
		if err != nil {
			return nil, err
		}
		apps = append(apps, more...)
	}
	slices.Sort(apps)
	return slices.Compact(apps), nil
}

// Original returns the manifest of which a person's own file takes the place, the administrator's
// or the built-in one, with its name as Origins print it, or nil.
func (c *Catalogue) Original(id string) (name string, text []byte) {
	for _, source := range c.sources() {
		if source.dir == c.User {
			continue
		}
		if text, err := source.text(id + ".toml"); err == nil {
			return source.label + "/" + id + ".toml", text
		}
	}
	return "", nil
}

// list returns what all sources hold; a source that cannot be listed has nothing to suggest.
func (c *Catalogue) list(dir string) (all []string) {
	for _, source := range c.sources() {
		names, _ := source.names(dir)
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// file reads a manifest by its path.
func (c *Catalogue) file(name string) (*Layer, error) {
	dir, base := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	dir = strings.TrimSuffix(dir, "/")
	return source{dir: dir, label: c.label(dir)}.read(base)
}
