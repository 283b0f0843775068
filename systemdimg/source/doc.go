// Package source brings images into the store and out of it: folders, tar archives, OCI layouts, archives of
// layouts and of docker save, registries.
//
// The one default call is [Carrier.Import] or [Carrier.Pull]; [Carrier.Export] is the way back.
//
//	registry ─ blobs/ ─┐
//	OCI layout ────────┼─ manifest ─► configuration, layers ─► digest ─► expand ─► diff id ─► unpack ─► store
//	archives ──────────┘                                                              │
//	tar, folder ──────────────────────────────────────────────────────────────────────┘
//
// All of it is hostile. What is fetched by a digest is used only if it has that digest; a plain layer has the
// digest that the configuration names, and the configuration is the image's identity. A manifest is bounded, and
// one that could be read as two things is refused (CVE-2021-41190). A name in the image never becomes a name in
// the store that another image has (CVE-2026-50195). Layers are decompressed and unpacked by package worker; only
// JSON, and the headers of archives that hold blobs, are read here.
//
// A registry is asked over TLS, verified; plain HTTP only on this machine, or if the person says so. Credentials
// go to the registry and to the token server that it names, to nobody that it redirects to (CVE-2020-15157).
// A registry can make a pull slow, and fill the disk up to the sizes in its manifest.
package source
