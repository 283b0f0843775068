package apps_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// session is a bed in which applications show what they were given.
type session struct{ *bed.Bed }

// newSession has a home and a runtime folder, for programs without a window.
func newSession(t *testing.T) *session {
	t.Helper()
	need.Time(t)
	s := &session{bed.New(t)}
	bed.Write(t, s.Home+"/.config/user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"$HOME/Downloads\"\n")
	return s
}

// newDesktop has a message bus, which starts no services, and a Wayland compositor.
func newDesktop(t *testing.T) *session {
	t.Helper()
	s := newSession(t)
	s.Bus()
	s.Sway()
	return s
}

// newX11 has an X server, and no bus.
func newX11(t *testing.T) *session {
	t.Helper()
	s := newSession(t)
	s.Xvfb()
	return s
}

// more leaves a test to make test-apps, whose packages are large.
func more(t *testing.T) {
	t.Helper()
	if os.Getenv("APPS") == "" {
		need.Elsewhere(t, "wanted make test-apps, which installs a gigabyte more; got make test")
	}
}

// window waits for one that is called by a word.
func (s *session) window(word string) {
	s.Helper()
	s.Await("a window called "+word, func(w bed.Window) bool { return w.Called(word) })
}

// green waits until a good part of the screen has the colour of what the tests show: a twentieth
// of it or more, clearly green and nothing else.
func (s *session) green() {
	s.Helper()
	part := 0
	defer func() { s.Logf("%d parts in a hundred are green", part) }()
	s.Poll("a twentieth of the screen is green", func() bool {
		part = s.greenPart()
		return part >= 5
	})
}

// greenPart is how much of the screen is green, in parts of a hundred.
func (s *session) greenPart() int {
	s.Helper()
	return s.Share(func(r, g, b uint32) bool { return r < 0x1000 && b < 0x1000 && g > 0x6000 && g < 0xc000 })
}

// server shows a page to those who reach this machine by its address, as a user-mode network does.
// It returns the address of the page and what counts how often it was asked for.
func (s *session) server() (url string, asked *atomic.Int32) {
	s.Helper()
	asked = new(atomic.Int32)
	l, err := net.Listen("tcp4", net.JoinHostPort(s.address(), "0"))
	if err != nil {
		s.Fatal(err)
	}
	pages := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/green.html" {
			asked.Add(1)
			fmt.Fprint(w, greenPage)
		}
	})}
	done := make(chan struct{})
	go func() { pages.Serve(l); close(done) }()
	s.Cleanup(func() { pages.Close(); <-done })
	return "http://" + l.Addr().String() + "/green.html", asked
}

// address is one of this machine's that is not its loopback.
func (s *session) address() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		s.Fatal(err)
	}
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	need.Missing(s, "wanted an address of this machine beside the loopback, got none")
	return ""
}
