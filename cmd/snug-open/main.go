// Command snug-open is xdg-open, xdg-email and "gio open" inside a sandbox.
package main

import (
	"os"

	"snug/cmd/internal/opener"
)

// version is set by the Makefile.
var version = "0.1.0-dev"

func main() {
	os.Exit(opener.Main(os.Args, version, os.Stdout, os.Stderr))
}
