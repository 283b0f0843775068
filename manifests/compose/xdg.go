package compose

import (
	"cmp"
	"strings"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// entry is one of [files], taken apart. It is only words: nothing was looked up.
type entry struct {
	optional bool   // the entry began with "?": it may be missing
	base     string // "/", "~" for the home, or a name such as "xdg-download"
	rel      string // what lies below base: clean, relative, may be empty
}

// splitEntry takes an entry of [files] apart. The entry is one that Parse or Layer.Set let through;
// of any other the result means nothing.
func splitEntry(text string) entry {
	rest, optional := strings.CutPrefix(text, "?")
	if rel, absolute := strings.CutPrefix(rest, "/"); absolute {
		return entry{optional: optional, base: "/", rel: rel}
	}
	base, rel, _ := strings.Cut(rest, "/")
	return entry{optional: optional, base: base, rel: rel}
}

// expand turns an entry of [files] into a path outside and the place inside. It refuses a name
// that stands for nothing, and reports false then, or when an optional one does.
func (c *composer) expand(key string, asks manifests.Text, path entry) (outside, dest string, ok bool) {
	folder, at := "", ""
	switch path.base {
	case "/":
		folder, at = "/", "/"
	case "~":
		folder, at = c.home, c.home
	case "xdg-config":
		folder, at = c.w.Config, c.insideOf(c.w.Config, ".config")
	case "xdg-data":
		folder, at = c.w.Data, c.insideOf(c.w.Data, ".local/share")
	case "xdg-cache":
		folder, at = c.w.Cache, c.insideOf(c.w.Cache, ".cache")
	case "xdg-state":
		folder, at = c.w.State, c.insideOf(c.w.State, ".local/state")
	case "xdg-run":
		folder, at = c.w.RuntimeDir, c.runtime
		if folder == "" {
			if !path.optional {
				c.refuse(key, asks, "this session has no XDG_RUNTIME_DIR", "put ? in front if it may be missing")
			}
			return "", "", false
		}
	default:
		if folder = c.userDir(path.base); folder == "" {
			c.noUserDir(key, asks, path)
			return "", "", false
		}
		at = folder
	}
	return child(folder, path.rel), child(at, path.rel), true
}

// noUserDir says that an xdg name stands for no folder of its own.
func (c *composer) noUserDir(key string, asks manifests.Text, path entry) {
	what := path.base + " is not set on this machine, and would be your whole home"
	hint := "set it: xdg-user-dirs-update --set " + userDirName(path.base) + " ~/FOLDER"
	if path.optional { // as with a file that may be missing: only who asks is told
		c.tell(groupFiles, "nothing of "+path.base+", which is not set on this machine", asks.Origin)
		return
	}
	c.refuse(key, asks, what, hint)
}

// userDirName is what user-dirs.dirs calls an xdg name: xdg-public-share is PUBLICSHARE.
func userDirName(name string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(name, "xdg-"), "-", ""))
}

// userDir looks up an xdg name in user-dirs.dirs, or returns "". A name that is set to the home
// is not set (xdg-user-dirs-update(1)).
func (c *composer) userDir(name string) string {
	text, err := c.w.Files.ReadFile(child(c.w.Config, "user-dirs.dirs"), 64<<10)
	if err != nil {
		return ""
	}
	folder := findUserDir(string(text), "XDG_"+userDirName(name)+"_DIR", c.home)
	if folder == "" || inside(c.realHome(), c.realPath(folder)) || folder == c.home {
		return ""
	}
	return folder
}

// DesktopFolder is the folder whose files the desktop shows.
func (w *World) DesktopFolder() string {
	text, _ := w.Files.ReadFile(child(w.Config, "user-dirs.dirs"), 64<<10)
	return cmp.Or(findUserDir(string(text), "XDG_DESKTOP_DIR", w.Home), child(w.Home, "Desktop"))
}

// findUserDir reads user-dirs.dirs: lines of NAME="$HOME/path" or NAME="/path", as a shell would
// take them, but nothing else that a shell can do. The last line of a name counts.
func findUserDir(text, name, home string) (folder string) {
	for line := range strings.SplitSeq(text, "\n") {
		value, found := strings.CutPrefix(strings.TrimSpace(line), name)
		if !found {
			continue
		}
		value, found = strings.CutPrefix(strings.TrimLeft(value, " \t"), "=")
		if !found {
			continue
		}
		value, found = unquote(strings.TrimSpace(value))
		rest, below := strings.CutPrefix(value, "$HOME")
		switch {
		case !found || words.Problem(value) != "":
			folder = ""
		case below && (rest == "" || rest[0] == '/'):
			folder = clean(home + "/" + rest)
		case strings.HasPrefix(value, "/"):
			folder = clean(value)
		default:
			folder = ""
		}
	}
	return folder
}

// unquote takes off double quotes and the backslashes before single characters.
func unquote(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	var plain strings.Builder
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '"':
			return plain.String(), i == len(value)-1
		case '\\':
			if i++; i == len(value) {
				return "", false
			}
		}
		plain.WriteByte(value[i])
	}
	return "", false
}
