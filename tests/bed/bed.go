// Package bed gives a test a session of its own: a home with a private key in it, a runtime folder,
// and as much of a desktop as the test asks for. What a test starts in it runs until the test ends;
// then nothing may be left of it.
//
//	New ──► home, runtime folder, variables
//	 ├ Bus            a message bus that starts the bed's own services alone
//	 ├ Sway or Xvfb   a screen in memory, with its windows and what is drawn on it
//	 ├ Start          a program until the end of the test
//	 └ Outside, Must  a program to its own end, as any of the person's
//
// The one default call is [New]. A bed knows nothing of sandboxes: for one, a test starts snug in it,
// as a person does.
package bed

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// Key is what no app may read: the private key in the home of every bed.
const Key = "a private key"

// Bed is a session. The folders are below the user's home, since a sandbox sees nothing below /tmp.
type Bed struct {
	testing.TB
	Dir, Home, Runtime string   // Dir holds the others
	Env                []string // the variables of what is started from now on

	x11 bool
}

// New makes a session in which nothing runs yet. Beside the key its home has Downloads, letters, and a
// place for manifests. When the test has ended it fails for whatever runs still, and all is removed.
func New(t testing.TB) *Bed {
	t.Helper()
	dir := Folder(t)
	b := &Bed{TB: t, Dir: dir, Home: dir + "/home", Runtime: dir + "/run"}
	for _, d := range []string{b.Runtime, b.Home + "/.ssh", b.Home + "/.config/snug/apps", b.Home + "/Downloads", b.Home + "/letters"} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	Write(t, b.Home+"/.ssh/id_ed25519", Key)
	b.Env = []string{"HOME=" + b.Home, "XDG_RUNTIME_DIR=" + b.Runtime, "USER=" + os.Getenv("USER"), "LANG=C.UTF-8", "SHELL=/bin/sh",
		"PATH=" + built(t) + ":/usr/bin:/bin", "GSK_RENDERER=cairo"}
	t.Cleanup(b.end)
	return b
}

// With is the bed for a part of the test: what it starts ends with that.
func (b *Bed) With(t testing.TB) *Bed {
	part := *b
	part.TB = t
	return &part
}

// end checks that nothing is left of the session.
func (b *Bed) end() {
	for end := time.Now().Add(5 * time.Second); len(b.Processes()) > 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	for _, pid := range b.Processes() {
		b.Errorf("process %d is left: %s", pid, CommandLine(pid))
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Poll is the function Poll with the patience that a desktop needs.
func (b *Bed) Poll(what string, ok func() bool) {
	b.Helper()
	Poll(b, what, 40*time.Second, ok)
}
