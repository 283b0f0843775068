// Package manifests reads what an app may reach: the TOML manifests of snug, schema 1.
//
// A manifest grants by name; what it does not name is not there, and the zero Manifest grants
// nothing. The usual path from a word on the command line to a whole manifest is
//
//	catalogue := manifests.Catalogue{User: configHome + "/snug/apps", System: "/etc/snug/apps"}
//	app, err := catalogue.Find("foot")
//	files, err := catalogue.Load(app, flags)
//	manifest, err := manifests.Merge(files, flags, facts)
//
// where flags is a Layer filled by Layer.Set. The table of every key is in schema.go; parsing,
// flags, merging, explain and the generated reference all read that one table.
//
// All of it is words: no granted path is looked at, and no danger decided that depends on where
// one leads. What becomes of a manifest on one machine is package compose.
//
// It assumes that a manifest may be hostile. Text is bounded before it is parsed, every string is
// free of control and bidirectional characters, an unknown key is an error and never ignored, and
// a dangerous value needs its code in `accept`. A manifest is still trusted with its own id: one
// that takes another app's id takes that app's kept home, so a caller that runs a manifest by
// path should say whose home it opens.
package manifests
