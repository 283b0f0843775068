package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"snug/systemdimg/source"
	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

func runPull(c *console, args []string) error {
	return c.bring(args, func(k *source.Carrier, o source.Options) (*store.Image, error) { return k.Pull(c.ctx, args[0], o) })
}

func runImport(c *console, args []string) error {
	if args[0] == "-" && isTerminal(c.in.Fd()) {
		return &store.Error{What: "an archive from a terminal", Hint: "send it one: zstdcat system.tar.zst | snug image import - NAME"}
	}
	return c.bring(args, func(k *source.Carrier, o source.Options) (*store.Image, error) {
		return k.Import(c.ctx, args[0], c.in, o)
	})
}

// bring brings an image into the store, and says what had to be left out.
func (c *console) bring(args []string, from func(*source.Carrier, source.Options) (*store.Image, error)) error {
	k, done, err := c.carrier()
	if err != nil {
		return err
	}
	o := source.Options{Platform: c.text("platform"), Replace: c.set("replace")}
	if len(args) > 1 {
		o.Name = args[1]
	}
	had := layersOf(k.Store)
	img, err := from(k, o)
	done()
	if err != nil {
		return err
	}
	if c.set("json") {
		return c.printJSON(list(k.Store, img))
	}
	c.notes(k.Store, img, had)
	return nil
}

// layersOf are the layers of all images that there are.
func layersOf(s *store.Store) map[store.Digest]bool {
	layers := map[store.Digest]bool{}
	images, _ := s.List()
	for _, img := range images {
		for _, d := range img.Layers {
			layers[d] = true
		}
	}
	return layers
}

// notes says what had to be left out of layers that are new. Of an image of many each may have the same to say.
func (c *console) notes(s *store.Store, img *store.Image, had map[store.Digest]bool) {
	const left = " device nodes were left out, which a user namespace cannot have"
	var all []string
	devices := 0 // that most images have, one here and there in each layer
	for _, d := range img.Layers {
		info, _ := s.Info(d)
		for _, n := range info.Notes {
			count, _, is := strings.Cut(n, left)
			switch number, err := strconv.Atoi(count); {
			case had[d]:
			case is && err == nil:
				devices += number
			default:
				all = append(all, n)
			}
		}
	}
	if devices > 0 {
		all = append([]string{strconv.Itoa(devices) + left}, all...)
	}
	const shown = 3
	for _, n := range all[:min(len(all), shown)] {
		c.say(n, "")
	}
	if more := len(all) - shown; more > 0 {
		c.say("and "+strconv.Itoa(more)+" more such notes", "snug image inspect "+img.ID.Hex()[:12]+" prints all of them")
	}
}

// listed is an image for machines.
type listed struct {
	ID       store.Digest    `json:"id"`
	Names    []string        `json:"names"`
	Source   string          `json:"source"`
	Manifest store.Digest    `json:"manifest,omitempty"`
	Imported time.Time       `json:"imported"`
	Size     int64           `json:"size"`
	Platform string          `json:"platform"`
	Layers   []listedLayer   `json:"layers"`
	Config   *store.Defaults `json:"config,omitempty"`
}

type listedLayer struct {
	Digest store.Digest `json:"digest"`
	Path   string       `json:"path"`
	store.Info
}

func list(s *store.Store, img *store.Image) *listed {
	l := &listed{ID: img.ID, Names: append([]string{}, img.Names...), Source: img.Source, Manifest: img.Manifest, Imported: img.Imported, Size: img.Size,
		Platform: strings.TrimSuffix(img.Config.OS+"/"+img.Config.Architecture+"/"+img.Config.Variant, "/")}
	for _, d := range img.Layers {
		path, _ := s.Parts(d)
		info, _ := s.Info(d)
		l.Layers = append(l.Layers, listedLayer{d, path, info})
	}
	return l
}

func runLs(c *console, args []string) error {
	s, err := c.store()
	if err != nil {
		return err
	}
	images, err := c.images(s, args)
	if c.set("json") {
		out := []*listed{}
		for _, img := range images {
			out = append(out, list(s, img))
		}
		return errors.Join(err, c.printJSON(out))
	}
	if len(images) > 0 {
		c.print(column("NAME", 32), column("ID", 14), column("SIZE", 10), "IMPORTED\n")
	}
	for _, img := range images {
		for _, name := range slices.Concat(img.Names, map[bool][]string{true: {"-"}}[len(img.Names) == 0]) {
			c.print(column(name, 32), column(img.ID.Hex()[:12], 14), column(size(img.Size), 10), img.Imported.Local().Format("2006-01-02 15:04"), "\n")
		}
	}
	return err
}

// images are those that words name, or all. Of several words each that names none is told by itself: the others are
// listed all the same.
func (c *console) images(s *store.Store, words []string) (list []*store.Image, err error) {
	if len(words) == 0 {
		return s.List()
	}
	for _, word := range words {
		img, e := find(s, word)
		if e == nil {
			list = append(list, img)
		} else if err = e; len(words) > 1 {
			err = &failure{status: c.finish(e)}
		}
	}
	return list, err
}

// find finds an image. That there is none is the answer no.
func find(s *store.Store, word string) (*store.Image, error) {
	img, err := s.Find(word)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{exitNo, err}
	}
	return img, err
}

func runInspect(c *console, args []string) error {
	s, err := c.store()
	if err != nil {
		return err
	}
	img, err := find(s, args[0])
	if err != nil {
		return err
	}
	l := list(s, img)
	l.Config = &img.Config.Config
	if c.set("json") {
		return c.printJSON(l)
	}
	row := func(key string, values ...string) {
		for _, v := range values {
			if v != "" {
				c.print(column(key, 12), line(v), "\n")
			}
			key = ""
		}
	}
	row("names", l.Names...)
	row("id", string(l.ID))
	row("manifest", string(l.Manifest))
	row("source", l.Source)
	row("imported", l.Imported.Local().Format(time.RFC3339))
	row("platform", l.Platform)
	row("size", size(l.Size))
	for i, d := range l.Layers {
		row(map[bool]string{true: "layers"}[i == 0], string(d.Digest)+"  "+size(d.Size))
		for _, n := range d.Notes {
			row("", "  "+n)
		}
	}
	row("user", l.Config.User)
	row("entrypoint", strings.Join(l.Config.Entrypoint, " "))
	row("command", strings.Join(l.Config.Cmd, " "))
	row("folder", l.Config.WorkingDir)
	row("environment", l.Config.Env...)
	for _, key := range sorted(l.Config.Labels) {
		row("label", key+"="+l.Config.Labels[key])
	}
	return nil
}

func sorted(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func runExport(c *console, args []string) error {
	k, done, err := c.carrier()
	if err != nil {
		return err
	}
	defer done()
	img, err := find(k.Store, args[0])
	if err != nil {
		return err
	}
	changed := source.Changed{Upper: c.text("changes")}
	if changed.Upper != "" {
		if changed.Upper, err = filepath.Abs(changed.Upper); err != nil {
			return err
		}
	}
	out, ok := c.out.(interface{ Fd() uintptr })
	if args[1] == "-" && ok && isTerminal(out.Fd()) {
		return &store.Error{What: "an archive on a terminal", Hint: "send it to a file or a program: snug image export " + args[0] + " - | zstd >system.tar.zst"}
	}
	if name, err := store.ParseName(args[0]); err == nil && slices.Contains(img.Names, name) {
		img.Names = []string{name} // of several it is called there as it was here
	}
	return k.Export(c.ctx, img, args[1], changed, c.out)
}

func runCommit(c *console, args []string) error {
	return c.bring(nil, func(k *source.Carrier, o source.Options) (*store.Image, error) {
		img, err := find(k.Store, args[0])
		if err != nil {
			return nil, err
		}
		o.Name = args[2]
		return k.Commit(c.ctx, img, source.Changed{Upper: args[1]}, o)
	})
}

// workers opens what it takes to remove; remove is nil if there is nothing yet.
func (c *console) workers() (s *store.Store, remove store.Remover, done func(), err error) {
	if s, err = c.store(); err != nil {
		return nil, nil, nil, err
	}
	w, err := worker.Open(s.IDs())
	if err != nil {
		return nil, nil, nil, err
	}
	return s, w.Remove, w.Close, nil
}

func runRm(c *console, args []string) error {
	s, remove, done, err := c.workers()
	if err != nil {
		return err
	}
	defer done()
	var all store.Removed
	for _, a := range args {
		img, err := find(s, a)
		if err != nil {
			return err
		}
		name, err := store.ParseName(a)
		if err != nil || !slices.Contains(img.Names, name) {
			name = ""
		}
		r, err := s.Remove(img, name, remove)
		all.Images, all.Layers, all.Bytes = append(all.Images, r.Images...), append(all.Layers, r.Layers...), all.Bytes+r.Bytes
		var used *store.InUse
		if errors.As(err, &used) {
			return &failure{exitNo, &store.Error{What: used.Error(), Hint: "end what uses it first: snug ps"}}
		}
		if err != nil {
			return err
		}
	}
	return c.removed(&all)
}

func runPrune(c *console, _ []string) error {
	s, remove, done, err := c.workers()
	if err != nil {
		return err
	}
	defer done()
	r, err := s.Prune(c.set("all"), remove)
	if err != nil {
		return err
	}
	for _, busy := range r.Busy {
		c.say(busy.Error(), "")
	}
	return c.removed(&r)
}

// removed says to machines what was removed.
func (c *console) removed(r *store.Removed) error {
	if !c.set("json") {
		return nil
	}
	return c.printJSON(struct {
		Images []store.Digest `json:"images"`
		Layers []store.Digest `json:"layers"`
		Bytes  int64          `json:"bytes"`
	}{append([]store.Digest{}, r.Images...), append([]store.Digest{}, r.Layers...), r.Bytes})
}

// column fills a word up for a table.
func column(s string, width int) string {
	s = line(s)
	return s + strings.Repeat(" ", max(width-len(s), 1))
}

// size is how many bytes, for people.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 1000 || unit == "GB" {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return ""
}
