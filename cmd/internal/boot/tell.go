package boot

import (
	"net"
	"os"
	"strings"
)

// Tell tells the service manager that has started this program how it is, if one has and wants to know
// (sd_notify(3)): assignments such as READY=1. Nobody waits for an answer.
func Tell(assignments ...string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" || address[0] != '/' && address[0] != '@' {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(strings.Join(assignments, "\n")))
}
