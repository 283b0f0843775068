// Package brokers runs snug-broker for one instance: what stands between its app and the session.
//
// The one default call is [Start], before the app's sandbox is started; then [Brokers.Placed] while
// that is made, [Brokers.Started] when the app runs, and [Brokers.Close] in the end.
//
//	Start     makes the listening sockets, and starts snug-broker in a sandbox of its own
//	          ── the app's sandbox is made meanwhile, and shows the sockets ──
//	Placed    leaves the app's identity for portals
//	Started   takes the sockets' names away outside
//	Close     ends snug-broker
//
// The app never waits for the broker: until that accepts, connections wait in the sockets.
//
// The broker parses hostile bytes. Its sandbox has no network, no capability, no process but the
// broker, a filter of system calls that carries bytes and little more, and a root that holds the
// program, the sockets of the buses, and /.flatpak-info: portals look there for who calls them.
//
// What lies in XDG_RUNTIME_DIR for portals, .flatpak/INSTANCE, carries a lock as flatpak's own folders
// do: who finds one without it, flatpak or [Sweep], removes it.
package brokers
