// Package boot_test boots real systems as an unprivileged user: Debian images that tests/run.sh has made, and
// the machine's own. Each test has a home of its own; images are unpacked once, and shared.
package boot_test
