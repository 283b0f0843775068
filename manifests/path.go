package manifests

import (
	"strings"

	"snug/manifests/internal/words"
)

// xdgNames are the names that a path may begin with. "xdg-run" alone is the folder with every
// socket of the session, so it needs something below it.
const xdgNames words.Set = "xdg-desktop xdg-documents xdg-download xdg-music xdg-pictures " +
	"xdg-public-share xdg-templates xdg-videos xdg-config xdg-data xdg-cache xdg-state xdg-run"

func checkPath(entry string) (what, hint string) {
	path := strings.TrimPrefix(entry, "?")
	if len(path) > 4095 {
		return "is longer than a path may be", ""
	}
	if i := strings.IndexAny(path, "*?["); i >= 0 {
		return "holds the glob character " + words.Quote(path[i:i+1]), "no globs: name the folder"
	}
	base, rel, below := strings.Cut(path, "/")
	switch {
	case base == "" && below, base == "~":
	case xdgNames.Has(base):
		if base == "xdg-run" && rel == "" {
			return "is the folder of every socket of the session", "name what lies below it: xdg-run/NAME"
		}
	case strings.HasPrefix(base, "xdg-"):
		hint = "known: " + strings.Join(xdgNames.List(), ", ")
		if near := Nearest(base, xdgNames.List()); near != "" {
			hint = "did you mean " + near + "?"
		}
		return "begins with an unknown xdg name", hint
	case strings.HasPrefix(base, "~"):
		return "names another user's home", "begin with ~/ or /"
	default:
		return "is no path", "begin with /, ~/ or an xdg name such as xdg-download"
	}
	return checkClean(rel, path)
}

// checkClean refuses components that a reader may take for something else than the kernel does.
func checkClean(rel, path string) (what, hint string) {
	for more := below(path); more; {
		var component string
		component, rel, more = strings.Cut(rel, "/")
		switch component {
		case "..":
			return `holds ".."`, "name the folder itself"
		case ".":
			return `holds "."`, "leave it out"
		case "":
			if path != "/" {
				return "holds an empty component", "write single slashes, and none at the end"
			}
		}
	}
	return "", ""
}

// below reports whether path goes on behind its base.
func below(path string) bool { return strings.Contains(path, "/") }
