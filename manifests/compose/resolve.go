package compose

import (
	"strings"

	"golang.org/x/sys/unix"
)

// target is where a path leads on the host.
type target struct {
	path  string // without links, as far as it exists
	rest  string // the names behind path that do not exist; empty if all exist
	file  File
	links []string // the links that were followed, each by its path without links
}

// maxLinks is the kernel's own bound (path_resolution(7)).
const maxLinks = 40

// resolve follows every link of an absolute path. What does not exist is no error but a rest.
func (c *composer) resolve(path string) (target, error) {
	t := target{file: File{Mode: unix.S_IFDIR}}
	for todo := path; todo != ""; {
		var name string
		name, todo, _ = strings.Cut(todo, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			t.path = t.path[:max(strings.LastIndexByte(t.path, '/'), 0)]
			continue
		}
		here := t.path + "/" + name
		file, err := c.lstat(here)
		switch {
		case err == unix.ENOENT:
			t.path, t.rest = orRoot(t.path), strings.Trim(name+"/"+todo, "/")
			return t, nil
		case err != nil:
			return t, err
		case file.is(unix.S_IFLNK):
			if todo, err = c.follow(&t, here, todo); err != nil {
				return t, err
			}
			continue
		case !file.is(unix.S_IFDIR) && strings.Trim(todo, "/") != "":
			return t, unix.ENOTDIR
		}
		t.path, t.file = here, file
	}
	if t.path == "" {
		t.path, t.file = "/", File{Mode: unix.S_IFDIR}
	}
	return t, nil
}

// lstat looks at a file, at a plain folder only once: most paths begin alike.
func (c *composer) lstat(path string) (File, error) {
	if file, known := c.folders[path]; known {
		return file, nil
	}
	file, err := c.w.Files.Lstat(path)
	if err == nil && file.is(unix.S_IFDIR) {
		c.folders[path] = file
	}
	return file, err
}

// follow takes a link at here and returns what is still to go: its text, then the rest.
func (c *composer) follow(t *target, here, todo string) (string, error) {
	text, err := c.w.Files.Readlink(here)
	if err != nil {
		return "", err
	}
	if t.links = append(t.links, here); len(t.links) > maxLinks {
		return "", unix.ELOOP
	}
	if strings.HasPrefix(text, "/") {
		t.path = ""
	}
	return text + "/" + todo, nil
}

// exists resolves a path and reports whether something is there.
func (c *composer) exists(path string) (target, bool) {
	t, err := c.resolve(path)
	return t, err == nil && t.rest == ""
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// clean makes an absolute path of single slashes, "." and ".." taken out as words.
func clean(path string) string {
	var parts []string
	for name := range strings.SplitSeq(path, "/") {
		switch name {
		case "", ".":
		case "..":
			parts = parts[:max(len(parts)-1, 0)]
		default:
			parts = append(parts, name)
		}
	}
	return "/" + strings.Join(parts, "/")
}

// inside reports whether a clean path is a folder or lies below it.
func inside(path, folder string) bool {
	if folder == "/" {
		return true
	}
	return strings.HasPrefix(path, folder) && (len(path) == len(folder) || path[len(folder)] == '/')
}

// below returns what a path adds to a folder that it lies in: "" for the folder itself.
func relative(path, folder string) string {
	if folder == "/" {
		return strings.TrimPrefix(path, "/")
	}
	return strings.TrimPrefix(path[len(folder):], "/")
}

// child joins a folder and a relative path, which may be empty.
func child(folder, rel string) string {
	switch {
	case rel == "":
		return folder
	case folder == "/":
		return "/" + rel
	}
	return folder + "/" + rel
}

func dirname(path string) string { return orRoot(path[:strings.LastIndexByte(path, '/')]) }

func basename(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
