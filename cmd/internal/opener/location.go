package opener

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"snug/cmd/internal/portal"
)

// location is what to open: one of the two.
type location struct {
	uri  string
	path string
}

// locate reads a word as xdg-open does: what begins like a URI is one, all else names a file.
func locate(word string) (location, error) {
	if word == "" || strings.IndexByte(word, 0) >= 0 {
		return location{}, &lineError{"the name is empty, or has a NUL byte"}
	}
	switch strings.ToLower(scheme(word)) {
	case "":
		return location{path: word}, nil
	case "file":
		path, err := filePath(word)
		if err != nil {
			return location{}, &lineError{err.Error()}
		}
		return location{path: path}, nil
	}
	if !utf8.ValidString(word) {
		return location{}, &lineError{"not valid UTF-8: other bytes are encoded in a URI"}
	}
	return location{uri: word}, nil
}

// openLocation asks for what a word names.
func openLocation(ctx context.Context, desktop portal.Desktop, word string) error {
	at, err := locate(word)
	switch {
	case err != nil:
		return err
	case at.uri != "":
		return desktop.OpenURI(ctx, at.uri)
	}
	return desktop.OpenFile(ctx, at.path)
}

// scheme is the part of a URI before its first colon (RFC 3986), or "" if the text is none.
func scheme(text string) string {
	for i := range len(text) {
		switch c := text[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return text[:i]
		default:
			return ""
		}
	}
	return ""
}

// filePath is the path that a file: URI names (RFC 8089). What follows "?" or "#" is no part of it. A
// file of another machine has no path here, and an encoded slash or NUL stands in no name.
func filePath(uri string) (string, error) {
	rest := uri[len("file:"):]
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	if after, found := strings.CutPrefix(rest, "//"); found {
		host, path, _ := strings.Cut(after, "/")
		if host != "" && !strings.EqualFold(host, "localhost") {
			return "", errors.New("the file lies on another machine, " + quote(host))
		}
		rest = "/" + path
	}
	if !strings.HasPrefix(rest, "/") {
		return "", errors.New("the path of a file: URI begins with \"/\"")
	}
	for _, no := range []string{"%2f", "%00"} {
		if strings.Contains(strings.ToLower(rest), no) {
			return "", errors.New(no + " stands for a character that no file's name has")
		}
	}
	return url.PathUnescape(rest)
}

// session is where the environment says that the bus is.
func session() portal.Desktop {
	d := portal.Desktop{Address: os.Getenv("DBUS_SESSION_BUS_ADDRESS"), ActivationToken: os.Getenv("XDG_ACTIVATION_TOKEN")}
	if d.Address == "" || d.Address == "autolaunch:" {
		d.Address = ""
		if at := os.Getenv("XDG_RUNTIME_DIR") + "/bus"; isSocket(at) {
			d.Address = "unix:path=" + url.PathEscape(at)
		}
	}
	return d
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == os.ModeSocket
}
