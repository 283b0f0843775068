package draft

import (
	"strings"

	"snug/manifests/internal/words"
)

// Paths are judged by their words alone, and more strictly than compose does it: what a draft leaves
// out a person can add.

// keyFolders are the folders of the home in which keys and passwords are.
var keyFolders = [...]string{".ssh", ".gnupg", ".aws", ".kube", ".password-store", ".local/share/keyrings", ".netrc", ".docker"}

// neverWhole are folders of which only parts can be granted, if any.
const neverWhole words.Set = "/ /run /run/user /tmp /etc /sys /dev /proc /var"

// judgePath says why the path of a key is never granted, or which code it needs.
func judgePath(key, value string) (why, code string) {
	path := strings.TrimPrefix(value, "?")
	home, inHome := belowHome(path)
	switch {
	case neverWhole.Has(path), strings.HasPrefix(path, "/run/"), strings.HasPrefix(path, "/dev/"), strings.HasPrefix(path, "/proc/"):
		return key + " = " + shown(value) + " is never granted, as ways out of a sandbox are there", ""
	case strings.HasPrefix(path, "xdg-run/"):
		return key + " = " + shown(value) + ": the sockets of the session have keys of their own", ""
	case path == "~" || path == "/home" || path == "/root" || inHome && home == "" || isHome(path):
		return "", "files:HOME"
	}
	for _, folder := range keyFolders {
		if inHome && (overlap(home, folder)) {
			return "", "files:HOME"
		}
	}
	if path == "xdg-data" || path == "xdg-data/keyrings" || strings.HasPrefix(path, "xdg-data/keyrings/") {
		return "", "files:HOME"
	}
	return "", ""
}

// spelled writes a path of the person's home with ~, as it would be called for anybody.
func (d *Draft) spelled(value string) string {
	path, optional := strings.CutPrefix(value, "?")
	home := d.catalogue.Home
	if rest, inHome := strings.CutPrefix(path, home); inHome && len(home) > 1 && (rest == "" || rest[0] == '/') {
		path = "~" + rest
	}
	if optional {
		return "?" + path
	}
	return path
}

// belowHome cuts a home, be it another's, off a path that lies in it: what comes from elsewhere may name
// the one that it was written in.
func belowHome(path string) (rel string, found bool) {
	for _, home := range [...]string{"~/", "/root/"} {
		if rel, found = strings.CutPrefix(path, home); found {
			return rel, true
		}
	}
	path, found = strings.CutPrefix(path, "/home/")
	_, rel, below := strings.Cut(path, "/")
	return rel, found && below
}

// isHome reports whether a path is somebody's whole home.
func isHome(path string) bool {
	name, found := strings.CutPrefix(path, "/home/")
	return found && !strings.Contains(name, "/")
}

// overlap reports whether one of two paths lies in the other.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}
