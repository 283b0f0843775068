package main

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/homes"
	"snug/cmd/internal/instances"
	"snug/cmd/internal/terminal"
)

// dataVerbs are the words behind `snug data`.
func dataVerbs() []*verb {
	return []*verb{
		{name: "data ls", args: "[flags] [APP...]",
			short:   "list kept homes, and whether their apps have manifests still",
			example: "snug data ls --size", run: runDataLs, flags: dataLsFlags},
		{name: "data path", args: "[flags] APP",
			short:   "print where the home of an app is",
			example: `ls "$(snug data path mousepad)"`, run: runDataPath, flags: storageFlag},
		{name: "data import", args: "[flags] APP",
			short:   "copy into its home what its manifest names, after asking",
			example: "snug data import firefox", run: runDataImport, flags: importFlags},
		{name: "data export", args: "APP FILE.tar | -",
			short:   "write the home of an app as a tar archive",
			example: "snug data export mousepad - | zstd >mousepad.tar.zst", run: runDataExport, flags: noFlags},
		{name: "data rm", args: "[flags] APP... | --unused",
			short:   "remove homes, of apps that do not run",
			example: "snug data rm --unused", run: runDataRm, flags: dataRmFlags},
	}
}

func dataLsFlags(f *pflag.FlagSet) {
	f.Bool("size", false, "also how much each takes on the disk")
	f.Bool("unused", false, "only those of apps without a manifest")
	storageFlag(f)
	f.Bool("json", false, "print JSON")
}

func dataRmFlags(f *pflag.FlagSet) {
	f.Bool("unused", false, "all those of apps without a manifest")
	f.BoolP("yes", "y", false, "do not ask")
	storageFlag(f)
}

func runData(c *console, args []string) error {
	return c.handOver(args, func(name string) string {
		switch name {
		case "list", "show", "du":
			return "did you mean snug data ls?"
		case "remove", "delete", "purge", "clear", "prune":
			return "did you mean snug data rm?"
		case "backup", "save", "tar":
			return "did you mean snug data export?"
		}
		return ""
	})
}

// kept is what the verbs behind `snug data` work on.
type kept struct {
	*shelf
	homes   *homes.Dir
	running *instances.Dir
	known   []string // ids, once learned
	storage string   // of systems
}

// findKept finds the homes. The caller closes kept.homes.
func (c *console) findKept() (*kept, error) {
	l, err := c.shelf()
	if err != nil {
		return nil, err
	}
	k := &kept{shelf: l, storage: c.storage}
	if k.running, err = openInstances(); err != nil {
		return nil, err
	}
	k.homes, err = homes.Open(l.world.Data)
	return k, err
}

// openKept is findKept for verbs, which remove what one that was killed has left.
func (c *console) openKept() (*kept, error) {
	k, err := c.findKept()
	if err != nil {
		return nil, err
	}
	p := c.progress()
	k.homes.Sweep(func(n int) { p.show(strconv.Itoa(n) + " files removed that an interrupted snug has left") })
	p.clear()
	return k, nil
}

// openHome finds the homes, and one of them. The caller closes kept.homes.
func (c *console) openHome(word string) (*kept, *homes.Home, error) {
	k, err := c.openKept()
	if err != nil {
		return nil, nil, err
	}
	h, err := k.find(word)
	if err != nil {
		k.homes.Close()
	}
	return k, h, err
}

// find is the home that a word names: by its own name, whatever that is, else by the app's.
func (k *kept) find(word string) (*homes.Home, error) {
	h, err := k.homes.Find(word)
	if err == nil {
		return h, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if app, e := k.catalogue.Find(word); e == nil {
		word = app.ID
		if h, err = k.homes.Find(word); err == nil {
			return h, nil
		}
	}
	if slices.Contains(keptSystems(k.world, k.storage), word) {
		return nil, &failure{status: exitNo, err: &hinted{quote(word) + " is no app but a system, of which changes are kept", "snug boot --commit makes an image of them; their folder: snug data path " + shellWord(word)}}
	}
	return nil, &failure{status: exitNo, err: &hinted{"no home is kept of " + quote(word), "snug data ls lists those that are"}}
}

// learn finds out which apps there are manifests and drop-ins for, or wrapped launchers: those may start an
// app by a manifest from elsewhere.
func (k *kept) learn() (err error) {
	k.known, err = k.catalogue.All()
	for _, w := range wrapFolders(k.world, k.catalogue.Desktop).Written() {
		k.known = append(k.known, w.App)
	}
	return err
}

// isKnown reports whether some manifest is about the app of a home.
func (k *kept) isKnown(id string) bool { return slices.Contains(k.known, id) }

// user is the running instance that has a home, or nil.
func (k *kept) user(id string) (*instances.Record, error) {
	list, err := k.running.List()
	if i := slices.IndexFunc(list, func(r *instances.Record) bool { return r.Home == id }); i >= 0 {
		return list[i], nil
	}
	return nil, err
}

// shown is a name as a person can tell it from others and type it: one that is odd is quoted.
func shown(name string) string {
	if q := strconv.QuoteToASCII(name); q[1:len(q)-1] != name {
		return q
	}
	return name
}

// homeListed is a home for machines.
type homeListed struct {
	ID       string `json:"id"`
	Path     string `json:"path"`
	Folder   bool   `json:"folder"`
	Used     int64  `json:"used"` // seconds since 1970
	Manifest bool   `json:"manifest"`
	Running  string `json:"running,omitempty"`  // the name of an instance
	System   string `json:"system,omitempty"`   // it is no home, but what a system has changed of this image
	Image    string `json:"image,omitempty"`    // the name of that, if it has one still
	NotMade  string `json:"not_made,omitempty"` // the image that was to be made of that, and was not
	Size     *int64 `json:"size,omitempty"`     // bytes on the disk
}

func runDataLs(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 0, 1000, "")
	if err != nil {
		return err
	}
	c.storage, _ = f.GetString("storage")
	k, err := c.openKept()
	if err != nil {
		return err
	}
	defer k.homes.Close()
	list, err := k.homes.List()
	if err == nil {
		err = k.learn()
	}
	if err != nil {
		return err
	}
	systems, words, err := k.systems(words)
	if err != nil {
		return err
	}
	if len(words)+len(systems) > 0 {
		list = nil
		for _, word := range words {
			h, err := k.find(word)
			if err != nil {
				return err
			}
			list = append(list, *h)
		}
	}
	sizes, _ := f.GetBool("size")
	unused, _ := f.GetBool("unused")
	if len(words)+len(systems) == 0 && !unused {
		systems, err = boot.List(machines(k.world, k.storage))
	}
	if err != nil {
		return err
	}
	out := make([]homeListed, 0, len(list)+len(systems))
	for _, h := range list {
		if unused && k.isKnown(h.ID) {
			continue
		}
		l, err := k.describe(&h, sizes)
		if err != nil {
			return err
		}
		out = append(out, l)
	}
	out = append(out, k.describeSystems(systems, sizes)...)
	if asJSON, _ := f.GetBool("json"); asJSON {
		return c.printJSON(out)
	}
	c.printHomes(out, sizes)
	return nil
}

// describe looks at one home.
func (k *kept) describe(h *homes.Home, measure bool) (homeListed, error) {
	l := homeListed{ID: h.ID, Path: k.homes.Path(h.ID), Folder: h.Folder, Used: h.Used.Unix(), Manifest: k.isKnown(h.ID)}
	r, err := k.user(h.ID)
	if err != nil {
		return l, err
	}
	if r != nil {
		l.Running = r.Name
	}
	if measure && h.Folder {
		if size, err := k.homes.Size(h.ID); err == nil { // the app may have closed a folder, or move them about
			l.Size = &size
		}
	}
	return l, nil
}

func (c *console) printHomes(list []homeListed, sizes bool) {
	if len(list) == 0 {
		return
	}
	title := column("APP", 36) + column("LAST USED", 18)
	if sizes {
		title += column("SIZE", 10)
	}
	c.print(title, "MANIFEST\n")
	for _, l := range list {
		text := column(shown(l.ID), 36)
		if l.Running != "" {
			text += column("runs", 18)
		} else {
			text += column(time.Unix(l.Used, 0).Format("2006-01-02 15:04"), 18)
		}
		if sizes && l.Size != nil {
			text += column(bytesText(*l.Size), 10)
		} else if sizes {
			text += column("-", 10)
		}
		switch {
		case l.System != "":
			text += "system of " + line(imageWord(l.System, l.Image))
			if l.NotMade != "" {
				text += "; image " + line(l.NotMade) + " was not made of it"
			}
		case !l.Folder:
			text += "not a folder: no app uses it"
		case l.Manifest:
			text += "yes"
		default:
			text += "no"
		}
		c.print(text, "\n")
	}
}

// bytesText is a number of bytes for a person.
func bytesText(n int64) string {
	const units = "kMGTPE"
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[unit:unit+1] + "B"
}

func runDataPath(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "which app?")
	if err != nil {
		return err
	}
	c.storage, _ = f.GetString("storage")
	k, err := c.openKept()
	if err != nil {
		return err
	}
	defer k.homes.Close()
	if systems, _, err := k.systems(words); err != nil || len(systems) > 0 {
		for _, s := range systems {
			c.print(s.Path, "\n")
		}
		return err
	}
	h, err := k.find(words[0])
	if err != nil {
		return err
	}
	c.print(k.homes.Path(h.ID), "\n")
	return nil
}

func runDataRm(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 0, 1000, "")
	if err != nil {
		return err
	}
	unused, _ := f.GetBool("unused")
	yes, _ := f.GetBool("yes")
	c.storage, _ = f.GetString("storage")
	switch {
	case unused && len(words) > 0:
		return &hinted{"--unused and names together", "either one or the other"}
	case !unused && len(words) == 0:
		return &hinted{"the home of which app?", "snug data rm APP, or snug data rm --unused; snug data ls lists them"}
	}
	k, err := c.openKept()
	if err != nil {
		return err
	}
	defer k.homes.Close()
	systems, words, err := k.systems(words)
	if err == nil {
		err = c.removeSystems(k, systems, yes)
	}
	if err != nil || len(words) == 0 && !unused {
		return err
	}
	list, err := k.toRemove(words, unused)
	if err != nil || len(list) == 0 {
		return err
	}
	if !yes {
		if err := c.askRemoval(k, list); err != nil {
			return err
		}
	}
	for _, h := range list {
		if err := c.removeHome(k, h.ID); err != nil {
			return err
		}
	}
	return nil
}

// toRemove are the homes that were named, or those without a manifest. Of those, one in use stays.
func (k *kept) toRemove(words []string, unused bool) (list []homes.Home, err error) {
	for _, word := range words {
		h, err := k.find(word)
		if err != nil {
			return nil, err
		}
		if err := k.checkUnused(h.ID); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list, func(o homes.Home) bool { return o.ID == h.ID }) {
			list = append(list, *h)
		}
	}
	if !unused {
		return list, nil
	}
	if err := k.learn(); err != nil {
		return nil, err
	}
	all, err := k.homes.List()
	for _, h := range all {
		if !k.isKnown(h.ID) && k.checkUnused(h.ID) == nil {
			list = append(list, h)
		}
	}
	return list, err
}

// checkUnused refuses to remove the home of an app that runs.
func (k *kept) checkUnused(id string) error {
	r, err := k.user(id)
	if err != nil {
		return err
	}
	if r != nil {
		return &failure{status: exitNo, err: &hinted{quote(id) + " runs, and its home is in use", "snug stop " + shellWord(r.Name)}}
	}
	return nil
}

// askRemoval shows what goes and asks, once for all.
func (c *console) askRemoval(k *kept, list []homes.Home) error {
	if !terminal.Is(0) || !isTerminal(c.err) {
		return &hinted{"without a terminal nobody can be asked", "--yes removes without asking"}
	}
	question := "remove the homes"
	if len(list) == 1 {
		question = "remove the home"
	}
	question += " for ever, with all that is in"
	for _, h := range list {
		size, err := k.homes.Size(h.ID)
		text := "  " + shown(h.ID)
		if err == nil {
			text += " (" + bytesText(size) + ")"
		}
		io.WriteString(c.err, text+"\n")
	}
	if !c.confirm(question) {
		return &failure{status: exitNo, err: &hinted{"nothing was removed", ""}}
	}
	return nil
}

// removeHome removes one home. While it is taken out of its place its app cannot start.
func (c *console) removeHome(k *kept, id string) error {
	unlock, err := lockApp(k.running, id, true)
	if err != nil {
		return err
	}
	locked := true
	release := func() {
		if locked {
			unlock()
		}
		locked = false
	}
	defer release()
	if err := k.checkUnused(id); err != nil {
		return err
	}
	p := c.progress()
	defer p.clear()
	return k.homes.Remove(id, release, func(n int) { p.show(strconv.Itoa(n) + " files removed") })
}
