package systemdimg

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Name servers, in prose.
//
// The helper of a user-mode network answers for names at one address, and only there: the servers that a copied
// resolv.conf names are the host's, which from inside are out of reach, or answer from another address than they
// were asked at. systemd-resolved is told by a file of its own. Everybody else reads /etc/resolv.conf: that of a copy
// of this machine is written anew, and over an image's own one lies another as long as it runs. A link is left
// alone: whoever manages it makes what it leads to. So is a file that names systemd-resolved itself.

const resolvConf = "/etc/resolv.conf"

// ResolverFile is what lies over the resolv.conf of an image. Folders are its changes, if any are kept, and its
// layers, topmost first.
func ResolverFile(folders []string, address string) []sandbox.Step {
	text, found := topFile(folders, resolvConf)
	if !found || namesResolved(text) && hasResolved(folders) {
		return nil
	}
	return []sandbox.Step{&sandbox.Data{Dest: resolvConf, Content: resolverText(text, address), Mode: 0o644, Bound: true, Origin: origin}}
}

// resolverText names a server, with what else a resolv.conf says.
func resolverText(text, address string) []byte {
	out := "nameserver " + address + "\n"
	for line := range strings.Lines(text) {
		if word, _, _ := strings.Cut(line, " "); word == "search" || word == "options" || word == "domain" {
			out += strings.TrimSuffix(line, "\n") + "\n"
		}
	}
	return []byte(out)
}

// namesResolved reports whether a resolv.conf leads to systemd-resolved (systemd-resolved.service(8)).
func namesResolved(text string) bool {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "nameserver" && (f[1] == "127.0.0.53" || f[1] == "127.0.0.54") {
			return true
		}
	}
	return false
}

func hasResolved(folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		for _, lib := range []string{"/usr/lib", "/lib"} {
			if _, err := os.Lstat(folder + lib + "/systemd/systemd-resolved"); err == nil {
				return true
			}
		}
		return false
	})
}

// topFile reads a file of the topmost folder that has something there; found says that it is a plain file, and no
// link. Links on the way are followed as the system would.
func topFile(folders []string, path string) (text string, found bool) {
	for _, folder := range folders {
		dir, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		fd, err := unix.Openat2(dir, strings.TrimPrefix(path, "/"), &unix.OpenHow{
			Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
		unix.Close(dir)
		if err == unix.ENOENT || err == unix.ENOTDIR {
			continue
		}
		if err != nil { // a link, a whiteout, or a file that only its owner reads
			return "", false
		}
		return readPlain(os.NewFile(uintptr(fd), path))
	}
	return "", false
}
