// Command hello connects to the session bus, says Hello, hears the answer, and ends: the least that an
// app with a bus does. bench starts it in sandboxes.
package main

import (
	"fmt"
	"os"
	"strings"

	"snug/tests/bus"
)

func main() {
	path, _, _ := strings.Cut(strings.TrimPrefix(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path="), ",")
	c, err := bus.Dial(path)
	if err == nil && c.Unique == "" {
		err = fmt.Errorf("no name from the bus")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}
