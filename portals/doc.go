// Package portals is what snug-broker does: it serves all brokers of one instance, in one process.
//
// The one default call is [Serve]. What it serves is a [Config], which whoever starts the broker
// makes, spells as a command line with [Config.Args], and snug-broker reads back with [Parse]: so ps
// and a person who starts a broker by hand see the whole policy.
//
//	supervisor ── listening sockets, Config ──► snug-broker ──► the host's sockets, in its own root
//	                     ▲
//	app ── connects ─────┘
//
// A portal asks who holds the connection to the bus, and looks into that process's root for
// /.flatpak-info. So the process that calls Serve has to live in a root that holds [Identity.Info] at
// that place; then the app's calls are made by the app's id, whatever the app's own root holds.
//
// The package knows sockets and protocols. How the app is confined, what files it sees, how the
// broker itself is shut off, is the affair of whoever starts both: a broker assumes that every byte
// of the app and of its peers is hostile, and is worth as much as its parsers, so its starter gives it
// nothing that it does not need.
package portals
