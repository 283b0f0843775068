package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/manifests/wrap"
)

func wrapFlags(f *pflag.FlagSet) {
	f.String("manifest", "", "start it by `M`, an app's id or a .toml file")
	f.Bool("all", false, "every launcher for whose app there is a manifest")
	f.Bool("dry-run", false, "print what would change, and change nothing")
	f.Bool("cli", false, "also the program's name, in ~/.local/bin")
}

// wrapping is one call of wrap or unwrap.
type wrapping struct {
	c         *console
	world     *compose.World
	catalogue manifests.Catalogue
	folders   *wrap.Folders
	dry       bool
	changes   []wrap.Change
	app       string            // the one that is wrapped
	starters  []string          // its launchers, and the path of its program's name
	imports   []string          // what starts the wrapped apps whose homes could have a copy of something
	owners    map[string]string // the app that a launcher starts, of those that are wrapped or planned
	told      []string          // the warnings so far
}

func (c *console) newWrapping(f *pflag.FlagSet) (*wrapping, error) {
	w, err := compose.Session()
	if err != nil {
		return nil, err
	}
	dry, _ := f.GetBool("dry-run")
	catalogue := c.apps(w)
	folders := wrapFolders(w, catalogue.Desktop)
	folders.Icons = w.DesktopFolder()
	folders.Units = []string{w.Config + "/systemd/user", w.Data + "/systemd/user", "/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"}
	return &wrapping{c: c, world: w, catalogue: catalogue, folders: folders, dry: dry}, nil
}

func runWrap(c *console, args []string) error {
	f := c.newFlags()
	wrapFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	manifest, _ := f.GetString("manifest")
	all, _ := f.GetBool("all")
	cli, _ := f.GetBool("cli")
	switch {
	case all && (len(words) > 0 || manifest != "" || cli):
		return &hinted{"--all is for every app by its own manifest, and takes neither an app nor --manifest nor --cli", "snug wrap --all"}
	case !all && len(words) == 0:
		return &hinted{"which app?", "snug wrap APP, or snug wrap --all; snug apps lists what there is"}
	case len(words) > 1:
		return &hinted{"too many words: " + quote(words[1]), "one app at a time, or --all"}
	}
	g, err := c.newWrapping(f)
	if err != nil {
		return err
	}
	if all {
		return g.wrapAll()
	}
	if err := g.wrapOne(words[0], manifest, cli); err != nil {
		return refused(err)
	}
	if err := g.finish(); err != nil {
		return err
	}
	g.tellStarters()
	return g.offerImports()
}

// tellStarters says what starts a wrapped app: of the menu's launchers the one word that was typed tells
// little.
func (g *wrapping) tellStarters() {
	if g.dry {
		return
	}
	before := ""
	if len(g.changes) == 0 {
		before = "as it was: "
	}
	g.c.print(before, line(g.app), " is started in its sandbox by ", line(strings.Join(g.starters, ", ")), "\n")
}

// offerImports asks about the homes of the wrapped apps now, as the menu has nowhere to ask. An app that
// could not be started says why when it is.
func (g *wrapping) offerImports() error {
	if g.dry {
		return nil
	}
	for _, word := range g.imports {
		p, err := g.c.planWith(g.c.newFlags(), []string{word}, nil)
		if err != nil {
			continue
		}
		if err := g.c.importHome(p); err != nil {
			return err
		}
	}
	return nil
}

// wrapOne plans what one word on the command line asks for.
func (g *wrapping) wrapOne(word, manifest string, cli bool) error {
	app, err := g.catalogue.Find(word)
	if err != nil {
		return g.unknown(err, word)
	}
	by := app
	if manifest != "" {
		if by, err = g.findManifest(manifest); err != nil {
			return err
		}
	}
	if !by.Known {
		return &hinted{"there is no manifest for " + quote(app.ID) + ", so nothing says what it may reach",
			"snug manifest new " + shellWord(app.ID) + " begins one; --manifest M takes another app's"}
	}
	m, err := g.merge(by)
	if err != nil {
		return err
	}
	start := wrap.App{ID: by.ID, Word: by.ID}
	if by.File != "" {
		if start.Word, err = filepath.Abs(by.File); err != nil {
			return err
		}
	}
	if len(m.Home.Import) > 0 {
		g.imports = append(g.imports, start.Word)
	}
	ids, err := g.wrapLaunchers(word, app, m, start, manifest != "")
	if err != nil {
		return err
	}
	g.app, g.starters = by.ID, ids
	if cli {
		return g.wrapProgram(m, start, ids)
	}
	if len(ids) == 0 {
		return &failure{status: exitCouldNot, err: &hinted{"no launcher of app " + quote(app.ID) + " is installed", "it has none of: " + strings.Join(launchersOf(m, app), ", ") + "; --cli wraps its program's name"}}
	}
	return nil
}

// unknown says what can be done about a word that is no app.
func (g *wrapping) unknown(err error, word string) error {
	var p manifests.Problem
	if errors.As(err, &p) && p.Hint == "" {
		p.Hint = "it needs a launcher or a manifest: snug apps lists those that have one, snug manifest new " + shellWord(word) + " begins one"
		return p
	}
	return err
}

// wrapLaunchers plans the launchers that a word means: the file that it names, or all of the app.
func (g *wrapping) wrapLaunchers(word string, app manifests.App, m *manifests.Manifest, start wrap.App, foreign bool) (wrapped []string, err error) {
	ids := launchersOf(m, app)
	switch {
	case strings.Contains(word, "/") && app.Desktop != "" && !g.inMenus(app.Desktop):
		return []string{filepath.Base(app.Desktop)}, forLauncher(app.Desktop, g.add(g.folders.WrapFile(app.Desktop, start)))
	case app.Desktop != "" && (strings.HasSuffix(word, ".desktop") || foreign):
		id := g.folders.ID(app.Desktop)
		return []string{id}, forLauncher(id, g.add(g.folders.Wrap(id, start)))
	case app.Desktop != "":
		ids = append(ids, g.folders.ID(app.Desktop))
	}
	ids, first := g.withSiblings(ids, start.ID)
	for i, id := range ids {
		err := g.add(g.folders.Wrap(id, start))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && i >= first:
			g.warn("its program is also started by " + forLauncher(id, err).Error())
		case err != nil:
			return nil, forLauncher(id, err)
		default:
			wrapped = append(wrapped, id)
		}
	}
	return wrapped, nil
}

// withSiblings are the launchers of an app, and from the first on those that start the same program, unless
// another manifest is about them or another app has them: left out, a click on a file would start it past
// the sandbox.
func (g *wrapping) withSiblings(ids []string, app string) (all []string, first int) {
	if g.owners == nil {
		g.owners = map[string]string{}
		for _, w := range g.folders.Written() {
			g.owners[w.ID] = w.App
		}
	}
	slices.Sort(ids)
	all = slices.Compact(ids)
	first = len(all)
	for _, id := range all[:first] {
		siblings, maybe := g.folders.Siblings(id)
		for _, sibling := range siblings {
			if !slices.Contains(all, sibling) && g.isFree(sibling, app) {
				all = append(all, sibling)
				g.owners[sibling] = app
			}
		}
		for _, other := range maybe {
			if !slices.Contains(all, other) && g.owners[other] == "" && g.isFree(other, app) {
				g.warn("its program may also be started by " + other + ", and that stays as it is")
			}
		}
	}
	return all, first
}

// isFree reports whether a launcher is an app's or nobody's.
func (g *wrapping) isFree(launcher, app string) bool {
	other, err := g.catalogue.Find(strings.TrimSuffix(launcher, ".desktop"))
	owner := g.owners[launcher]
	return (owner == "" || owner == app) && (err != nil || !other.Known || other.ID == app)
}

// inMenus reports whether a desktop file lies where menus look.
func (g *wrapping) inMenus(path string) bool {
	return slices.Contains(g.catalogue.Desktop.Locate(g.folders.ID(path)), path)
}

func (g *wrapping) add(changes []wrap.Change, warnings []string, err error) error {
	for _, warning := range warnings {
		g.warn(warning)
	}
	g.changes = wrap.Join(g.changes, changes)
	return err
}

// warn says something once, though several launchers give rise to it.
func (g *wrapping) warn(text string) {
	if !slices.Contains(g.told, text) {
		g.told = append(g.told, text)
		g.c.say("warning: "+line(text), "")
	}
}

// findManifest finds what --manifest names.
func (g *wrapping) findManifest(word string) (manifests.App, error) {
	if strings.HasSuffix(word, ".toml") && !strings.Contains(word, "/") {
		word = "./" + word
	}
	app, err := g.catalogue.Find(word)
	if err == nil && !app.Known {
		err = &hinted{"there is no manifest for " + quote(word), "snug manifest new " + shellWord(app.ID) + " begins one"}
	}
	return app, err
}

// merge reads the manifest of an app, so that one that cannot be started is not wrapped.
func (g *wrapping) merge(app manifests.App) (*manifests.Manifest, error) {
	files, err := g.catalogue.Load(app, nil)
	if err != nil {
		return nil, err
	}
	m, err := manifests.Merge(files, nil, facts(g.world))
	if err != nil {
		return nil, err
	}
	return m, m.NotYet().Err()
}

// launchersOf are the ids of the desktop files that an app may have.
func launchersOf(m *manifests.Manifest, app manifests.App) []string {
	var ids []string
	for _, d := range m.Desktop {
		ids = append(ids, d.Value)
	}
	return append(ids, app.ID+".desktop")
}

// wrapProgram plans a shim with the name of the app's program.
func (g *wrapping) wrapProgram(m *manifests.Manifest, start wrap.App, ids []string) error {
	program := ""
	if len(m.Command) > 0 {
		program = m.Command[0].Value
	}
	for _, id := range ids {
		if program == "" {
			program = g.folders.Program(id)
		}
	}
	if program == "" {
		return &hinted{"no program is known of app " + quote(start.ID), "give its manifest a command"}
	}
	changes, err := g.folders.Shim(program, start)
	if err != nil {
		return err
	}
	g.changes = append(g.changes, changes...)
	path := filepath.Join(g.folders.Bin, filepath.Base(program))
	g.starters = append(g.starters, homePath(g.world, path))
	if !g.dry {
		g.warnPath(path)
	}
	return nil
}

// warnPath says so if a shell does not find a shim.
func (g *wrapping) warnPath(shim string) {
	before := slices.Index(g.folders.Path, g.folders.Bin)
	if before < 0 {
		g.c.say("warning: "+quote(g.folders.Bin)+" is not in PATH, so nothing finds "+quote(filepath.Base(shim))+" there", `write into ~/.profile: PATH="$HOME/.local/bin:$PATH"`)
		return
	}
	if other := lookPath(filepath.Base(shim), strings.Join(g.folders.Path[:before], ":")); other != "" {
		g.c.say("warning: "+quote(other)+" comes before "+quote(shim)+" in PATH", `write into ~/.profile: PATH="$HOME/.local/bin:$PATH"`)
	}
}

// wrapAll wraps what there is a manifest for, and reports.
func (g *wrapping) wrapAll() error {
	var absent, lines []string
	failed, wrapped := 0, "wrapped"
	if g.dry {
		wrapped = "to wrap"
	}
	for _, id := range g.catalogue.IDs() {
		app := manifests.App{ID: id, Known: true}
		m, err := g.merge(app)
		if err != nil {
			lines = append(lines, wrapReport("skipped", id, id, err))
			failed++
			continue
		}
		found := false
		launchers, _ := g.withSiblings(launchersOf(m, app), id)
		for _, launcher := range launchers {
			before := len(g.changes)
			err := g.add(g.folders.Wrap(launcher, wrap.App{ID: id, Word: id}))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				lines = append(lines, wrapReport("skipped", launcher, id, err))
			case len(g.changes) > before:
				lines = append(lines, wrapReport(wrapped, launcher, id, nil))
			default:
				lines = append(lines, wrapReport("as it was", launcher, id, nil))
			}
			found = true
		}
		switch {
		case !found:
			absent = append(absent, id)
		case len(m.Home.Import) > 0:
			g.imports = append(g.imports, id)
		}
	}
	if err := g.finish(); err != nil {
		return err
	}
	g.c.print(lines...)
	if len(absent) > 0 {
		g.c.print(column("skipped", 10), strconv.Itoa(len(absent)), " without a launcher: ", line(strings.Join(absent, " ")), "\n")
	}
	if err := g.offerImports(); err != nil {
		return err
	}
	if failed > 0 {
		return &failure{status: exitNo}
	}
	return nil
}

// wrapReport is a line of what became of a launcher.
func wrapReport(what, launcher, app string, err error) string {
	text := column(what, 10) + column(line(launcher), 36)
	if err == nil {
		return text + line(app) + "\n"
	}
	text += line(err.Error())
	var r *wrap.Refusal
	if errors.As(err, &r) && r.Hint != "" {
		text += "\n" + column("", 10) + "hint: " + line(r.Hint)
	}
	return text + "\n"
}

// forLauncher puts the launcher before what is said of it.
func forLauncher(id string, err error) error {
	var r *wrap.Refusal
	if errors.As(err, &r) {
		return &wrap.Refusal{What: id + " stays as it is: " + r.What, Hint: r.Hint}
	}
	return err
}

// refused gives a Refusal the voice of the command line.
func refused(err error) error {
	var r *wrap.Refusal
	if errors.As(err, &r) {
		return &failure{status: exitNo, err: &hinted{line(r.What), line(r.Hint)}}
	}
	return err
}
