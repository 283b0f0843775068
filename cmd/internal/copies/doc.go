// Package copies is an end of a copy of files and folders between the machine and a running sandbox, of which
// snug-copy is made.
//
// The one default call is Serve. One end sends, the other receives what a first line calls a file or a
// folder, as a tar stream.
//
//	snug cp ──┬── snug-copy send PATH ─────────────┐ one of them outside, as the caller;
//	          │                                tar │ one in a sandbox of its own, with the ids of that
//	          └── snug-copy receive PATH NAME … ◄──┘ which it copies for and a descriptor of its root
//
// The end inside is a process of its own since files of a system belong to ids that only a user namespace
// gives rights over. It has no other files than those of that root, and joins nothing that is in there.
//
// Of attackers: what is in the sandbox may be exchanged for links, devices and other folders while it is
// copied. Each end looks paths up below its root by openat2(2) with RESOLVE_IN_ROOT, opens nothing but
// folders and regular files, and leaves the rest to snug/systemdimg/layer. What is received outside becomes
// the caller's own, without set-user-ID and attributes; links stay links, and what else is no file or folder
// is left out. So the sandbox decides what is read of it, and nothing more.
package copies
