// Package dbus stands between an app and a message bus, and lets through what a policy grants.
//
// The one default call is [Serve]: a bus's address, a listening socket, a [Policy].
//
// # The policy, in prose
//
// A name on the bus is hidden (NONE), visible (SEE), may be talked to (TALK) or owned (OWN); each
// includes those before it, and of several grants for a name the highest holds. A name to take may be
// owned, but who else owns such a one is SEE. A rule for calls or
// broadcasts of a name makes it visible, and lets through what it matches and nothing else.
//
// Who owns names is known by a unique name, such as ":1.42", and has the sum of what is granted for
// every name that it has ever been seen to own: a message may still be under way to it when it gives
// one up. A peer that has sent the app something is visible. The app's own unique name is TALK.
//
// From the app:
//   - to a name: by TALK, or a rule for calls. Otherwise a hidden name does not exist, and a visible
//     one denies access. What wants no answer is dropped.
//   - to the bus itself: by the table in bus.go, which has an entry for every call that passes.
//   - replies: once for each call that the bus delivered, to its caller. The type of a message decides
//     what it is: a call that carries the serial of a reply is a call (CVE-2026-94422).
//   - to nobody, that is, signals for all: by the rules of Policy.Emit.
//
// To the app:
//   - replies: once for each call that it made. Lists of names lose those that are hidden.
//   - calls, and signals for it alone: pass. Who can see the app may call it.
//   - signals for all: of names with TALK, or by a rule for broadcasts. News of owners: for what is
//     visible.
//
// A refused call is replaced by a call of Peer.Ping to the bus, with the same serial, and the bus's
// answer to that becomes the error. So answers keep their order and their serials, and nothing has
// to be invented. Messages are forwarded as they came; bodies are not looked at, but for the first
// argument of calls to the bus, and not waited for.
//
// After the app's first call, Hello, the filter makes calls of its own on the same connection: to
// hear of owners of granted names, and who they are now. The app is not read until they are
// answered, so their serials can be any; later there are none. A filter can therefore stand before
// a filter.
//
// # What it does not do
//
//   - It does not hide what bodies of permitted messages say, and does not judge the app's replies.
//   - An owner is learnt from the bus's signal. Between the change of an owner and that signal, an app
//     that already knows the new owner's unique name is refused; an app that talks to a name reaches
//     whoever owns it then.
//   - Grants of unique names are sticky: a service that gave up a granted name, and lives on, stays
//     reachable by its unique name.
//   - The app may take back the filter's own match rules (RemoveMatch of the same text). It then
//     reaches less, never more.
//   - What hides a name hides it from the protocol, not from guesses by timing.
//
// # Attackers
//
// The app is hostile in every byte, and so are its peers on the bus. The bus is trusted to name
// senders, and not to fit its messages to any buffer. Everything is counted: bytes of a header, open
// calls, peers, descriptors. A breach of the protocol by the app ends the one connection; a peer's
// message that cannot be read is left out, unless descriptors came with it: whose they are nobody can tell then.
package dbus
