// Command snug-broker stands between a sandboxed app and the session: message buses and portals.
// snug starts it, in a sandbox of its own, with listening sockets and a policy as its arguments.
package main

import (
	"context"
	"fmt"
	"os"

	"snug/portals"
)

func main() {
	config, err := portals.Parse(os.Args[1:])
	if err == nil {
		err = portals.Serve(context.Background(), config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "snug-broker:", err)
		os.Exit(1)
	}
}
