// Package worker does what touches the contents of layers, each piece of work in a process in a sandbox of
// its own: decompressing, unpacking, packing and removing.
//
// The one default call is [Open], then [Workers.Unpack] and its kin. The process is the calling program
// itself, so that program's main begins with [Is] and [Main].
//
//	blob ──► expand ──► caller: counts, hashes ──► unpack ──► the one folder
//	         sandbox                               sandbox
//
// What comes out of an archive is hostile, and so are the files in a folder that came out of one. The sandbox
// has the program's own file, the folder, and descriptors: a stream in, a stream out, an answer. It has no
// network and no other process, the ids of the store and nobody else's, the capabilities to give files to
// those, and the default seccomp filter. A hole in a decompressor or in the unpacker reaches a folder that
// holds the same image's files anyhow.
//
// The digest of a layer is that of the bytes which the caller has seen go by between the two, not what a
// worker says: one that an image has taken over cannot put its files under another image's digest.
package worker
