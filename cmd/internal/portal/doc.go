// Package portal asks the desktop's portals to open and to mail things, as an app in a sandbox does.
//
// The one default call is [Desktop.OpenURI]; [Desktop.OpenFile] and [Desktop.ComposeEmail] are made
// alike. Each takes a connection of its own, so that nothing of one request can be mistaken for
// another's, and returns when the person has chosen, or will not any more.
//
// # A request
//
// A portal's method returns at once, with the path of a Request object; that emits Response when the
// person is done. The answer may come before the method returns, so it is listened for beforehand, at
// the path that follows from our unique name and a token. Portals before 0.9 choose another path: it
// is listened to as soon as it is known, and an answer in between is lost, as for any client.
//
//	ask ──► match Response, NameOwnerChanged ──► call ──► handle ──► wait ─┬─► Response 0, 1, 2
//	                                               │                       ├─► the portal leaves the bus
//	                                               └─► error               └─► time is over: Close
//
// A file goes as a descriptor, opened for reading and, where that is allowed, for writing: of a
// sandboxed app the portal takes "writable" if and only if the descriptor is. It is not O_PATH, which
// portals take from Flatpak's apps alone. A folder goes to OpenFile, too: OpenDirectory shows
// the folder that its argument lies in.
//
// # What it does not do
//
// It does not look for a bus, start one, or judge what is opened: what an app may ask is the business
// of the filter before the bus, and of the portal.
//
// # Attackers
//
// URIs and mails may come from anywhere; a text that D-Bus cannot carry is an error. The bus is trusted
// to name senders. Whoever guesses a token of 128 bits could answer in the portal's place, and would
// choose our exit status.
package portal
