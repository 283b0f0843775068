// Package cgroup makes control groups for sandboxes, in the unified hierarchy (cgroups(7), cgroup v2).
//
// The one default call is Delegated, which finds the folder below which the caller may make groups;
// Make makes one there, to be handed to sandbox.Spec.CgroupDir, and Remove ends what runs in it and takes
// it away.
//
//	/sys/fs/cgroup/…/delegated ── caller's own group (a leaf)
//	                           └─ NAME, of one sandbox ── whatever that makes of it
//
// The package starts nothing, and asks no service: a group that a service manager has delegated is found
// as any other is, by its owner.
//
// Of attackers: what runs in a group can make groups in it, of any depth and number, and fill their
// names; it cannot leave. So a tree is removed by descriptors and its depth is bounded. The folders
// above belong to the caller or to root.
package cgroup
