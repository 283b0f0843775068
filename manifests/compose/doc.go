// Package compose makes a sandbox of a manifest, for one machine, one session and one command:
//
//	world, err := compose.Session()
//	sandbox, err := compose.Compose(manifest, world, command)
//
// Compose looks, at a World that its caller describes and Session reads from this machine, and
// makes the Spec of a sandbox, the account of it in words, and the list of what must be made before
// the start. It starts nothing and changes nothing outside. The phases are listed in compose.go;
// the policy of file grants is policy.go, that of file arguments arguments.go, of the network
// network.go.
//
// It assumes that the app was hostile at its last run: whatever the app could have written, a link
// in a granted folder or in its kept home, must not widen the next sandbox.
package compose
