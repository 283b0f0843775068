// Package manifests reads what an app may reach: the TOML manifests of snug, schema 1.
//
// A manifest grants by name; what it does not name is not there, and the zero Manifest grants
// nothing. The usual path from a word on the command line to a whole manifest is
//
//	catalogue := manifests.Catalogue{User: configHome + "/snug/apps", System: "/etc/snug/apps"}
//	app, err := catalogue.Find("foot")
//	files, err := catalogue.Load(app, flags)
//	manifest, err := manifests.Merge(files, flags, facts)
//	world, err := manifests.Session()
//	sandbox, err := manifests.Compose(manifest, world, command)
//
// where flags is a Layer filled by Layer.Set. The table of every key is in schema.go; parsing,
// flags, merging, explain and the generated reference all read that one table.
//
// Up to Merge everything is words: no path is looked at, and no danger decided that depends on
// where one leads. Compose looks, at a World that its caller describes and Session reads from
// this machine, and makes the Spec of a sandbox, the account of it in words, and the list of what
// must be made before the start. It starts nothing. The policy of file grants is policy.go.
//
// It assumes that a manifest may be hostile. Text is bounded before it is parsed, every string is
// free of control and bidirectional characters, an unknown key is an error and never ignored, and
// a dangerous value needs its code in `accept`. A manifest is still trusted with its own id: one
// that takes another app's id takes that app's kept home, so a caller that runs a manifest by
// path should say whose home it opens.
package manifests
