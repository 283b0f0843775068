// Package need is how a test says that a part of the machine is missing: a sentence with what was
// wanted and what was found. It is a skip for a person at home and, with REQUIRE set, a failure
// for those who have promised to have everything: continuous integration.
//
// The one default call is [Program].
package need

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Program gives the path of a program that the test cannot do without.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "wanted the program "+name+", got "+err.Error())
	}
	return path
}

// Missingf is Missing with a formatted sentence.
func Missingf(t testing.TB, format string, args ...any) {
	t.Helper()
	Missing(t, fmt.Sprintf(format, args...))
}

// Elsewhere ends the test because it belongs to another kind of run than this one: of root, of an
// ordinary user, of another build. It is a skip under REQUIRE, too, and in the list that is printed.
func Elsewhere(t testing.TB, sentence string) {
	t.Helper()
	t.Skip(AnotherRun + sentence)
}

// AnotherRun begins the sentence of a skip that is none of the machine's fault.
const AnotherRun = "for another run: "

// Missing ends the test: by a skip, or by a failure where REQUIRE is set.
func Missing(t testing.TB, sentence string) {
	t.Helper()
	if os.Getenv("REQUIRE") != "" {
		t.Fatal(sentence)
	}
	t.Skip(sentence)
}

// Time ends a test that takes longer than go test -short allows, where that was asked for. It is a skip
// even under REQUIRE.
func Time(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("wanted the time for real programs, got -short: make test runs this")
	}
}
