package main

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/brokers"
	"snug/cmd/internal/image"
	"snug/manifests/compose"
	"snug/systemdimg/store"
)

// imageVerbs are the verbs of snug-image, for help and completion.
func imageVerbs() (list []*verb) {
	for _, v := range image.Verbs() {
		list = append(list, &verb{name: "image " + v.Name, group: "systems", args: v.Args, short: v.Short, example: v.Example,
			run: runImageVerb, flags: func(f *pflag.FlagSet) { v.Flags(f) }})
	}
	return list
}

func runImage(c *console, args []string) error {
	return c.handOver(args, func(name string) string {
		switch name {
		case "list", "images":
			return "did you mean snug image ls?"
		case "remove", "delete", "rmi":
			return "did you mean snug image rm?"
		case "load":
			return "did you mean snug image import?"
		case "save", "push":
			return "did you mean snug image export?"
		}
		return ""
	})
}

// runImageVerb has snug-image do what the words say, with the terminal and the signals of this process.
func runImageVerb(c *console, args []string) error {
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		c.print(c.verb.help())
		return nil
	}
	if c.verb.name == "image rm" {
		if err := c.checkKept(args); err != nil {
			return err
		}
	}
	f, err := brokers.Program("snug-image")
	if err != nil {
		return &hinted{"snug-image is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer f.Close()
	words := append([]string{"snug-image", lastWord(c.verb.name)}, args...)
	return &os.PathError{Op: "execute", Path: f.Name(), Err: unix.Exec(f.Name(), words, os.Environ())}
}

// checkKept refuses to remove an image by its last name that a system runs of, or of which there are systems with
// changes: these are nothing without it.
func (c *console) checkKept(args []string) error {
	f := pflag.NewFlagSet("rm", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	v := image.Verbs()[0]
	v.Flags(f)
	if f.Parse(args) == nil {
		c.storage, _ = f.GetString("storage")
	}
	w, err := compose.Session()
	if err != nil {
		return err
	}
	kept, err := boot.List(machines(w, c.storage))
	images, e := store.Open(c.storage)
	if err != nil || e != nil {
		return nil // snug-image says it
	}
	for _, word := range f.Args() {
		img, err := images.Find(word)
		if err != nil || len(img.Names) > 1 {
			continue
		}
		if err := checkRunning(images, img, word); err != nil {
			return err
		}
		if i := slices.IndexFunc(kept, func(k boot.Kept) bool { return k.Image == string(img.ID) }); i >= 0 {
			return &failure{status: exitNo, err: &hinted{"image " + quote(word) + " has changes of system " + quote(kept[i].Name) + " on it, which are nothing without it", "snug data rm " + shellWord(kept[i].Name) + " removes these"}}
		}
	}
	return nil
}

// checkRunning names the systems that run of an image.
func checkRunning(images *store.Store, img *store.Image, word string) error {
	dir, err := openInstances()
	if err != nil || !images.Held(img) { // an image of the same content in another storage is none of it
		return nil
	}
	running, _ := dir.List()
	var names, stop []string
	hint := ""
	for _, r := range running {
		if r.Machine == nil || r.Machine.Image != string(img.ID) {
			continue
		}
		names, stop = append(names, quote(r.Name)), append(stop, shellWord(r.Name))
		if r.Machine.Changes != "" && hint == "" {
			hint = "; then what it has changed: snug data rm " + shellWord(r.Name)
		}
	}
	if len(names) == 0 {
		return nil // snug-image says which process it is
	}
	what := map[bool]string{true: "system ", false: "systems "}[len(names) == 1] + strings.Join(names, ", ")
	return &failure{status: exitNo, err: &hinted{"image " + quote(word) + " is in use by " + what, "snug stop " + strings.Join(stop, " ") + hint}}
}
