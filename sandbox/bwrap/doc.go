// Package bwrap is a front end with bubblewrap's command line.
//
// The one default call is [Main], what a program of that name does: it reads the words, makes the
// sandbox they ask for, waits for it, and gives the exit status. [Parse] and [Line.Spec] are its two
// halves, for those who want to know what a command line grants without running it.
//
// The dialect is that of bubblewrap 0.11.1: the order of words is the order of operations, the texts
// that callers look for begin with "bwrap: ", and every failure of its own is exit status 1. What is
// known to differ stands in docs/conformance.md, and tests compare the two programs word by word.
//
// The words are the caller's own, and so is everything they name outside; what they name inside may
// be an attacker's, and is the engine's affair. As with bubblewrap, what the sandbox is worth is up to
// the words: without --new-session the app keeps the caller's terminal, without --unshare-pid it can
// signal the caller's processes.
package bwrap
