// Package sandbox turns the declaration of a sandbox into a running one, without root.
//
// The one default call is [Run]; it is these steps, which can be taken apart:
//
//	Spec ──► Compile(Spec, Host, Sources) ──► Program ──► Start ──► Instance
//	         pure, printed by Program.String              clone     pidfd, Wait, Signal
//
// A [Spec] says what the sandbox is. Its zero value is the strictest one: every namespace is
// new, there are no files, no capabilities, no way to gain privileges, and it dies with its
// parent; each field grants something. File-system contents are a list of [Step] values,
// performed in order. [Compile] turns a Spec into a [Program], a list of raw system calls;
// [Start] clones a child that performs them and becomes the app. [State.Enter] adds a process to a
// sandbox that runs, [State.Live] files.
//
// Of attackers: the app, and the contents of every file system that is bound into the sandbox,
// are hostile. Destinations are opened inside the new root by descriptor and cannot lead out of
// it (openat2(2), RESOLVE_IN_ROOT). The Spec itself, the user's account outside, and the kernel
// are trusted; whether a Spec grants too much is for the front ends to say, which know where
// each grant came from ([Origin]).
//
// The package does not read configuration, make folders, talk to D-Bus or know desktop files,
// and it runs no helper but newuidmap(1) and newgidmap(1). It needs Linux 5.14.
package sandbox
