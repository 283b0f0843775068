// Package boot runs a system: it starts it, waits for it, starts it again when it reboots, and sees to it
// that nothing of it stays.
//
// The one default call is Machine.Run.
//
//	snug boot ──┬── PID 1 of the system, in its control group (ends with snug: parent-death signal)
//	            ├── pasta or slirp4netns, for a user-mode network (likewise)
//	            └── keeper: fake root of the same ids, waits for the end of snug, then ends the group,
//	                and removes it and what was to be thrown away
//
// The keeper is a process of its own since snug can be killed, and since what the system has left may belong
// to ids that only a user namespace gives rights over: groups that it has delegated to its users, and their
// files. It holds no other right than to remove.
package boot
