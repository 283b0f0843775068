// Package systemdimg boots operating systems, of images and folders, as an ordinary user.
//
// The one default call is System.Spec: it turns a System into a sandbox.Spec whose PID 1 is the system's
// own init, as fake root of a user namespace with the caller's subordinate ids.
//
//	image, folder or this machine's /usr ─► System ─► sandbox.Spec ─► sandbox.Start
//	                                                      ▲
//	           Users: 0 is the caller, 1… subordinate ids │ Listener: READY=1, STATUS=…
//
// What systemd wants of whoever runs it is written down in systemd's CONTAINER_INTERFACE; each part of it
// here names its paragraph. Other inits get the same and use what they know.
//
// The package starts nothing and makes no folders but Machine's. It knows neither the command line nor
// registries: snug/systemdimg/store has what images are made of.
//
// Of attackers: the system inside is hostile, root in it included. It has no privilege over anything that
// its user namespace does not own, and is bounded by capabilities (caps.Profile), a filter
// (seccomp.System) and its control group. What it says by its notification socket is bounded and only ever
// shown, with control characters taken out, or compared with known words.
package systemdimg
