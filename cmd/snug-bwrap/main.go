// Command snug-bwrap is snug's engine under bubblewrap's command line.
package main

import (
	"os"

	"snug/sandbox/bwrap"
)

func main() {
	os.Exit(bwrap.Main(os.Args, os.Stdout, os.Stderr))
}
