package boot_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"snug/tests/need"
)

// Packages are fetched by a user-mode network, and installed; without a network they are not. The archive is the
// test's own, served at an address of this machine: nothing leaves it.
func TestApt(t *testing.T) {
	s := newSession(t)
	dir := system(t, "trixie")
	url, asked := s.archive(s.TB.(*testing.T))
	sources := "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] " + url + " ./' >/etc/apt/sources.list; "
	const install = "apt-get -qq update && apt-get -qq install -y snug-greeting >/dev/null 2>&1 && snug-greeting; echo $?"

	off := s.boot("--ephemeral", "--name", "off", dir)
	s.want(off, sources+"apt-get -o Acquire::Retries=0 -qq update 2>&1 | grep -c 'Could not connect\\|unreachable'", "[1-9]\n")
	s.want(off, "exec 2>/dev/null; "+install, "100\n")
	s.Must("snug", "stop", off)
	if n := asked.Load(); n > 0 {
		t.Errorf("a system without a network has asked %d times", n)
	}

	on := s.boot("--ephemeral", "--network", "user", "--name", "on", dir)
	s.want(on, sources+install, "hello from a package\n0\n")
	s.want(on, "dpkg-query -W -f '${Status} ${Version}' snug-greeting; systemctl is-active greeting; stat -c %U:%G /var/lib/greeting", "install ok installed 1.0active\n_apt:root\n")
	s.want(on, "apt-get -qq purge -y snug-greeting >/dev/null 2>&1; command -v snug-greeting; dpkg-query -W snug-greeting 2>&1; true", "[^/]*no packages found[^/]*\n")
	s.Must("snug", "stop", on)
	if asked.Load() == 0 {
		t.Error("nobody has asked the archive")
	}
}

// archive serves a package with a program, a service and a file of another owner. It gives where, and how often it
// has been asked.
func (s *session) archive(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	need.Program(t, "dpkg-deb")
	dir, tree := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"DEBIAN/control":                          "Package: snug-greeting\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a greeting\n",
		"DEBIAN/postinst":                         "#!/bin/sh\nset -e\nmkdir -p /var/lib/greeting\nchown _apt /var/lib/greeting\nsystemctl daemon-reload\nsystemctl start greeting\n",
		"DEBIAN/postrm":                           "#!/bin/sh\nrm -rf /var/lib/greeting\n",
		"usr/bin/snug-greeting":                   "#!/bin/sh\necho hello from a package\n",
		"usr/lib/systemd/system/greeting.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/snug-greeting\n",
	} {
		path := tree + "/" + name
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Outside("dpkg-deb", "--root-owner-group", "--build", tree, dir+"/greeting.deb")
	deb, err := os.ReadFile(dir + "/greeting.deb")
	if err != nil {
		t.Fatal(err)
	}
	control, _ := os.ReadFile(tree + "/DEBIAN/control")
	index := fmt.Sprintf("%sFilename: ./greeting.deb\nSize: %d\nSHA256: %x\n\n", control, len(deb), sha256.Sum256(deb))
	release := fmt.Sprintf("Date: %s\nSHA256:\n %x %d Packages\n", time.Now().UTC().Format(time.RFC1123), sha256.Sum256([]byte(index)), len(index))
	files := map[string][]byte{"/./Packages": []byte(index), "/./Release": []byte(release), "/./greeting.deb": deb}
	asked = new(atomic.Int64)
	server := &httptest.Server{Listener: ownAddress(t), Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		path := "/./" + strings.TrimLeft(r.URL.Path, "./")
		if text, ok := files[path]; ok {
			w.Write(text)
			return
		}
		http.NotFound(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, asked
}

// ownAddress listens at an address of this machine that is not of its loopback, which a user-mode network does not
// reach. What is sent there from here stays here all the same.
func ownAddress(t *testing.T) net.Listener {
	t.Helper()
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			if l, err := net.Listen("tcp", ip.IP.String()+":0"); err == nil {
				return l
			}
		}
	}
	need.Missing(t, "wanted an address of this machine beside 127.0.0.1, got none")
	return nil
}
