package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/desktop"
	"snug/manifests/draft"
)

// maxImport bounds what is read of others' files.
const maxImport = 256 << 10

func runManifestImport(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 1, 1, "import what?")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	path := words[0]
	if !strings.Contains(path, "/") {
		if path = l.installed(words[0]); path == "" {
			hint := "looked for in Flatpak's and bubblejail's folders; a file is written with a slash: ./FILE"
			return &hinted{"there is no Flatpak and no instance of bubblejail " + quote(words[0]), hint}
		}
	}
	d, err := l.importFile(path)
	if err != nil {
		return err
	}
	if override := l.world.Data + "/flatpak/overrides/" + d.ID; exists(override) && strings.HasSuffix(path, "/metadata") {
		d.Notes = append(d.Notes, "what "+homePath(l.world, override)+" changes of it is not imported")
	}
	return c.deliver(l, f, d)
}

// installed is the file that says what a Flatpak or an instance of bubblejail may reach, or "".
func (l *shelf) installed(id string) string {
	if id == "" || id == "." || id == ".." {
		return ""
	}
	for _, path := range []string{
		l.world.Data + "/flatpak/app/" + id + "/current/active/metadata",
		l.world.Home + "/.local/share/flatpak/app/" + id + "/current/active/metadata",
		"/var/lib/flatpak/app/" + id + "/current/active/metadata",
		l.world.Data + "/bubblejail/instances/" + id + "/services.toml",
	} {
		if exists(path) {
			return path
		}
	}
	return ""
}

// importFile makes a draft of a file, by what it is: TOML is bubblejail's, all else Flatpak's.
func (l *shelf) importFile(path string) (*draft.Draft, error) {
	if filepath.Ext(path) != ".toml" {
		file, err := desktop.Read(path)
		if err != nil {
			return nil, &hinted{quote(path) + " cannot be read: " + whyUnread(err), ""}
		}
		return draft.FromFlatpak(&l.catalogue, file)
	}
	text, err := readSmall(path)
	if err != nil {
		return nil, &hinted{quote(path) + " cannot be read: " + whyUnread(err), ""}
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	instance := strings.TrimSuffix(filepath.Base(absolute), ".toml")
	if instance == "services" {
		instance = filepath.Base(filepath.Dir(absolute))
	}
	d, err := draft.FromBubblejail(&l.catalogue, instance, text)
	if err != nil {
		return nil, err
	}
	if text, err := readSmall(filepath.Join(filepath.Dir(absolute), "metadata_instance.toml")); err == nil {
		d.Instance(text)
	}
	return d, nil
}

// readSmall reads a regular file that is not too large, and waits for nothing.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case st.Size() > maxImport:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("larger than 256 KiB")}
	}
	return io.ReadAll(io.LimitReader(f, maxImport))
}
