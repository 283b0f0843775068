// Package landlock turns rules into the bytes that the kernel's Landlock takes
// (landlock(7), Documentation/userspace-api/landlock.rst), up to ABI 7, which
// is Linux 6.15.
//
// The one default call is Downgrade: it fits a Ruleset to the ABI of the
// running kernel and lists what is lost by that. A caller that wants the whole
// Ruleset refuses to start when something is lost: this package never weakens
// silently. Attr and Bytes then encode what is left.
//
// The package is pure. It makes no system call, opens no path and does not ask
// for the ABI: the caller does, by landlock_create_ruleset with
// LANDLOCK_CREATE_RULESET_VERSION. The descriptor of a path is stored by the
// launcher at ParentFDOffset of the rule's bytes, when it has opened it.
//
// # What Landlock means for a launcher
//
// A domain with any file-system right forbids mount, move_mount, umount and
// pivot_root from then on, so it comes last before seccomp and execve, and it
// excludes sandboxes inside the sandbox. A domain of scopes alone allows mounts.
// landlock_restrict_self needs no_new_privs or CAP_SYS_ADMIN. Descriptors that
// are open already keep the rights they were opened with.
//
// # Attackers
//
// The app is inside the domain and cannot leave it; its threads and children
// inherit it. Landlock does not cover what is not opened by path or named here:
// UDP, ioctl on open descriptors, chmod, chown, stat and the rest are the
// concern of mounts, namespaces and seccomp.
package landlock
