// Package draft proposes manifests: for an app of which only the desktop file is known, and for one
// that has been confined by Flatpak or bubblejail.
//
//	d, err := draft.FromDesktop(catalogue, draft.Launcher{File: file, Name: "notes.desktop"})
//	text := d.Text()
//
// A draft is strict: what nothing speaks for is not in it. What another sandbox grants and a draft
// does not is listed, with the reason, in the text as comments and in Draft.Left. Only FromDesktop
// writes codes of `accept`, and only those of the display; an import never does, since somebody else
// took those dangers on.
//
// What comes in may be hostile: sizes are bounded, each value is judged by the schema before it is
// written, and what is repeated in a comment is escaped. A draft always parses. Nothing is looked at
// outside but the bases of the catalogue, so a path that leads to the home by a link is left to
// `snug manifest check`.
package draft
