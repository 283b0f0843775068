// Command snug-dbus-proxy is snug's filter of buses under xdg-dbus-proxy's command line.
package main

import (
	"os"
	"runtime"

	"snug/portals/dbusproxy"
)

func main() {
	runtime.GOMAXPROCS(1) // one loop serves all: more would only be threads that wake each other
	os.Exit(dbusproxy.Main(os.Args[1:], os.Stdout, os.Stderr))
}
