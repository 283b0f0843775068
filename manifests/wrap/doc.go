// Package wrap makes the launchers of the desktop start their programs by snug, and takes that back.
//
// A wrapped launcher is a copy of the system's, of the same id, in the person's folder, where menus look
// first. Only what starts programs differs: each Exec begins with
//
//	snug run --launcher @@ APP
//
// and has marks around the words for files (desktop.MarkExec), so the launcher goes on expanding field
// codes, and the program gets the words that it always got. With it go what would start the program past
// it: DBusActivatable, the service file by which the bus starts it, and what starts it at login.
//
//	Folders.Wrap   ──► Changes ──► a diff, or Folders.Apply
//	Folders.Unwrap ──►
//
// A file that is not snug's is never written over. The person's own launcher of the id is kept beside
// ours, as NAME.before-snug, and comes back by one rename. Every file is whole or not there, whenever the
// process is killed: written aside, then renamed. Ours are known by the key X-Snug-App, and by a digest
// whether somebody has changed them since.
//
// The package runs nothing, and knows neither manifests nor sandboxes. It assumes that launchers may be
// hostile: they are bounded (package desktop), refused where readers differ, and their words are copied
// as bytes and never spelled anew. It assumes that the person's folders are written by nobody else.
package wrap
