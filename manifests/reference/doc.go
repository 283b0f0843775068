// Package reference writes the schema of manifests down for others: JSON as a JSON Schema for
// editors, and ManPage as snug-manifest(5). Both are made of the one table of the schema, and are
// committed below docs, where a test finds them stale.
//
// Fill and Escape are for who writes another man page.
//
// A JSON Schema says less than the parser: that a value is a path, not which path; and that a code
// of `accept` is one, not that something asks for it. What it refuses the parser refuses as well.
package reference
