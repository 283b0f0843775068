// Package dbusproxy is a front end of portals/dbus with xdg-dbus-proxy's command line.
//
// The one default call is [Main], what a program of that name does: it listens for every bus that
// the words name, says so on --fd, and serves until that descriptor hangs up. [Parse] is its first
// half, for those who want to know what a command line grants.
//
// The dialect is that of xdg-dbus-proxy 0.1.7. What is known to differ stands in docs/buses.md,
// and tests send the same messages through both programs. The words are the caller's own; what
// comes through the sockets is hostile, and the affair of portals/dbus.
package dbusproxy
