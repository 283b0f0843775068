// Package apps_test starts real applications by their built-in manifests, in a session of its own,
// and lets them do what they are for: the window appears and shows what it was given.
package apps_test
