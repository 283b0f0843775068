// Command snug-image keeps images of systems: it imports, pulls, lists, removes and exports them.
// snug starts it for `snug image`; what touches the contents of layers it does in copies of itself, each
// in a sandbox.
package main

import (
	"os"

	"snug/systemdimg/worker"
)

func main() {
	if worker.Is(os.Args) {
		os.Exit(worker.Main(os.Args))
	}
	os.Exit(dispatch(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
