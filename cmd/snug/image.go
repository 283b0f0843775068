package main

import (
	"os"
	"slices"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
	"snug/cmd/internal/image"
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
	f, err := brokers.Program("snug-image")
	if err != nil {
		return &hinted{"snug-image is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer f.Close()
	words := append([]string{"snug-image", lastWord(c.verb.name)}, args...)
	return &os.PathError{Op: "execute", Path: f.Name(), Err: unix.Exec(f.Name(), words, os.Environ())}
}
