// Command snug-dbus-proxy is snug's filter of buses under xdg-dbus-proxy's command line.
package main

import (
	"os"

	"snug/portals/dbusproxy"
)

func main() {
	os.Exit(dbusproxy.Main(os.Args[1:], os.Stdout, os.Stderr))
}
