// Package relay carries bytes and descriptors between two stream sockets, an app's and a host's,
// while a judge decides what goes on. It knows no protocol.
//
//	           ┌──────────────────── Link ─────────────────────┐
//	           │  carry ──► Judge.Judge(App, …) ──► queue       │
//	app  ◄────►│                                                │◄────►  host
//	           │  queue ◄── Judge.Judge(Host, …) ◄── carry      │
//	           └────────────────────────────────────────────────┘
//
// The one default call is [Loop.Run], after [Loop.Listen] for every socket to be served.
//
// One loop serves all links, in the goroutine of its caller, so a judge needs no lock. What has
// arrived is read into one buffer that all links share, and what the judge passes on is written from
// there: an idle link holds no buffer at all. Only what a socket does not take at once is copied to
// memory of the link, at most once, and while any is left the other socket is not read: that is the
// back-pressure, and the bound of the memory, some two buffers a direction.
//
// A loop of its own, and not two goroutines a link on Go's poller, because that was measured: with
// the judging of package dbus in it, it adds to a call 0.5 to 0.7 of the time that the goroutines add
// without any, and holds a third of their memory (51 links; two cores, Linux 6.18, Go 1.26).
//
// It assumes that every byte and every descriptor of either side is hostile in its number and its
// time of arrival; what they mean is the judge's affair. Descriptors are counted, and closed on every
// path that does not pass them on.
package relay
