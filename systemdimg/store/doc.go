// Package store keeps images of systems: their layers unpacked, each once, and what is known of them.
//
// The one default call is [Open], then [Store.Find], [Store.Hold] and [Store.Folders]: what it takes to
// boot an image. [Store.Begin] begins an import, [Store.Remove] and [Store.Prune] take away.
//
//	$XDG_DATA_HOME/snug/images/             0700: nobody else reaches the set-user-ID files in it
//	    store.json                          the version of all this, and the ids that files in layers have
//	    layers/sha256/DIFFID/root           a layer, unpacked; DIFFID is the digest of its plain tar archive
//	    layers/sha256/DIFFID/info.json      how much it is, and what could not be unpacked as it was
//	    layers/sha256/DIFFID/recipe         how to make that archive of the files again, byte by byte
//	    images/sha256/ID/config             an image's OCI configuration; ID is the digest of this very file
//	    images/sha256/ID/record.json        where it came from, and when
//	    names/NAME                          the ID that a name stands for; a slash is spelled +
//	    blobs/HEX                           what was fetched so far of a blob, to go on with after a cut
//	    tmp/…                               imports that run, and trees that are being removed
//	    machines/…                          not the store's: what systems of a --storage have changed
//
// A layer and an image appear by one rename when they are whole and on the disk, and disappear by one
// rename into tmp, so a reader never sees half of one. Nothing is ever changed in place.
//
// Locks are flock(2) on those folders themselves, so that whoever dies gives them back:
//
//   - Who uses an image or a layer shares the lock of its folder, and looks then whether the folder has its
//     name still. Who removes one has the lock alone, or does not remove it; nobody waits for anybody.
//   - An import shares the locks of the layers that its image will name until that image is there. Who has
//     the lock of a layer alone and finds no image that names it may therefore remove it.
//   - An import, and a removal, has the lock of its folder in tmp alone. What nobody has there is left over
//     from one that was killed, and goes with the next.
//
// Of attackers: who made an image. Its configuration is bounded and checked, and kept as it is; what is
// shown of it must lose its control characters. What is in a layer is never opened here: it is unpacked,
// packed and removed in a sandbox of its own (package worker). Who can write to the folder of the store is
// the person itself, and trusted. The package does not know registries or archives, and starts nothing.
package store
