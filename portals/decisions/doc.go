// Package decisions tells people what the brokers of an instance decide, a line of JSON each: those who
// watch it live, and a log.
//
// The one default call is [Log.Begin], which gives a [Line] to fill. A nil *Log is silent, and costs a
// comparison. As long as nobody reads, lines of what passes are not made at all. What was refused is kept,
// so that who comes after the fact hears of it: a person looks when the app has failed already.
//
// A watcher connects to a socket of packets (SOCK_SEQPACKET) and sends nothing. A line is a packet. One
// that does not read in time misses lines, and is told how many: no watcher holds up an app. The first
// lines are the refusals that were kept, with how often each was; {"kept":N} ends them.
//
// What an app says is hostile, and lines are for terminals: all beyond printable ASCII is escaped, and
// what is long is cut.
package decisions
