// Command snug-copy is one end of a copy: snug cp starts it twice. It is a program of its own since what reads
// archives is linked with more than an app's start can bear.
package main

import (
	"fmt"
	"os"

	"snug/cmd/internal/copies"
)

func main() {
	if err := copies.Serve(os.Args[1:]); err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
}
