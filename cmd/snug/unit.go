package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/units"
	"snug/manifests/compose"
	"snug/systemdimg/store"
)

func unitFlags(f *pflag.FlagSet) {
	f.Bool("install", false, "put it in ~/.config/systemd/user; say how to start it")
	f.String("name", "", "call what runs `NAME`, and the unit snug-NAME.service")
	f.String("restart", "no", "start it again `WHEN`: always, on-failure, no and so on")
	f.StringArray("with", nil, "a `FLAG` of snug boot or run, as --with=--network=user")
}

func runUnit(c *console, args []string) error {
	f := c.newFlags()
	unitFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return &hinted{"a unit that runs what?", "snug unit APP, or a folder with a system: snug unit ./debian"}
	}
	w, err := compose.Session()
	if err != nil {
		return err
	}
	u, err := c.unit(w, f, words)
	if err != nil {
		return err
	}
	if install, _ := f.GetBool("install"); install {
		return c.installUnit(w, u)
	}
	text, err := u.Text()
	if err == nil {
		c.print(text)
	}
	return err
}

// unit makes a service of what the words name: a system, or an app and its arguments.
func (c *console) unit(w *compose.World, f *pflag.FlagSet, words []string) (*units.Unit, error) {
	u := new(units.Unit)
	u.Name, _ = f.GetString("name")
	u.Restart, _ = f.GetString("restart")
	with, _ := f.GetStringArray("with")
	if !slices.Contains(units.Restarts(), u.Restart) {
		return nil, &hinted{"--restart " + line(u.Restart) + ": not a time to start again", strings.Join(units.Restarts(), ", ")}
	}
	for _, flag := range with {
		if !strings.HasPrefix(flag, "-") || flag == "--" {
			return nil, &hinted{"--with " + quote(flag) + ": not a flag", "such as --with=--network=user"}
		}
	}
	plan := func() error { return c.appUnit(w, u, with, words) }
	if word := words[0]; isFolder(word) && !strings.HasSuffix(word, ".toml") || c.isImage(w, word, with) {
		if err := c.misplaced(f, words); err != nil {
			return nil, err
		}
		plan = func() error { return bootUnit(w, u, with, words) }
	}
	if err := plan(); err != nil {
		return nil, err
	}
	return u, checkName(u.Name)
}

// isImage reports whether a word names an image, and no app.
func (c *console) isImage(w *compose.World, word string, with []string) bool {
	catalogue := c.apps(w)
	if _, err := catalogue.Find(word); err == nil {
		return false
	}
	storage := ""
	for _, flag := range with {
		if folder, is := strings.CutPrefix(flag, "--storage="); is {
			storage = folder
		}
	}
	images, err := store.Open(storage)
	if err == nil {
		_, err = images.Find(word)
	}
	return err == nil
}

// bootUnit has a service boot a system.
func bootUnit(w *compose.World, u *units.Unit, with, words []string) error {
	root := words[0]
	if root != "/" && isFolder(root) {
		folder, err := filepath.EvalSymlinks(from(w.Cwd, root))
		if err != nil {
			return &hinted{err.Error(), ""}
		}
		if err := looksBootable(root, []string{folder}); err != nil {
			return err
		}
		root = folder
	}
	if u.Name == "" {
		u.Name = systemName(root)
	}
	u.What, u.System = "system", true
	u.Command = slices.Concat([]string{ownProgram(), "boot", "--name", u.Name}, with, []string{root}, words[1:])
	return nil
}

// appUnit has a service run an app.
func (c *console) appUnit(w *compose.World, u *units.Unit, with, words []string) error {
	catalogue := c.apps(w)
	app, err := catalogue.Find(words[0])
	if err != nil {
		return c.noApp(err, words)
	}
	if !app.Known {
		return &hinted{"there is no manifest for " + quote(words[0]), "snug manifest new " + shellWord(app.ID) + " begins one"}
	}
	g := &wrapping{c: c, world: w, catalogue: catalogue}
	m, err := g.merge(app)
	if err != nil {
		return err
	}
	word := words[0]
	if strings.Contains(word, "/") {
		word = from(w.Cwd, word)
	}
	u.Command = []string{ownProgram(), "run"}
	if u.Name != "" {
		u.Command = append(u.Command, "--name", u.Name)
	} else {
		u.Name = appName(app.ID)
	}
	u.What, u.Window = "app", m.HasWindow()
	u.Command = slices.Concat(u.Command, with, []string{word}, words[1:])
	return nil
}

// installUnit writes a unit, and says how it is started.
func (c *console) installUnit(w *compose.World, u *units.Unit) error {
	path, err := u.Install(filepath.Join(w.Config, "systemd/user"))
	switch {
	case errors.Is(err, units.ErrForeign):
		return &failure{status: exitNo, err: &hinted{"there is a unit " + quote(u.File()) + " that snug has not written", "choose another --name, or look at it: systemctl --user cat " + u.File()}}
	case errors.Is(err, os.ErrPermission):
		return &hinted{err.Error(), "without --install it is printed, for somebody to put there"}
	case err != nil:
		return err
	}
	c.print(clean(path), "\nto start it now and at each login:\n  systemctl --user daemon-reload && systemctl --user enable --now ", u.File(), "\n")
	if u.System {
		c.print("to have it run without a login: loginctl enable-linger\n")
	}
	return nil
}
