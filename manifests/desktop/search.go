package desktop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Search is where desktop files and programs are.
type Search struct {
	Data []string // XDG_DATA_HOME and XDG_DATA_DIRS, strongest first
	Path []string // PATH, for TryExec; without it TryExec is not looked at
}

// maxDashes bounds the folders that an id may stand for.
const maxDashes = 8

// Lookup reads the desktop file of an id: "kde-konsole.desktop" is also kde/konsole.desktop. The
// first one found counts; if it is hidden, or the program of its TryExec is missing, there is
// none. That is an error that matches fs.ErrNotExist.
func (s Search) Lookup(id string) (*File, error) {
	missing := &fs.PathError{Op: "find", Path: id, Err: fs.ErrNotExist}
	if !strings.HasSuffix(id, ".desktop") || strings.ContainsAny(id, "/\x00") {
		return nil, missing
	}
	for _, data := range s.Data {
		path := locate(filepath.Join(data, "applications"), id, maxDashes)
		if path == "" {
			continue
		}
		file, err := Read(path)
		if err != nil {
			return nil, err
		}
		if file.True("Hidden") || !s.tried(file) {
			return nil, missing
		}
		return file, nil
	}
	return nil, missing
}

// Locate returns the files of an id, hidden or not, strongest first. Only the first one counts.
func (s Search) Locate(id string) (paths []string) {
	if !strings.HasSuffix(id, ".desktop") || strings.ContainsAny(id, "/\x00") {
		return nil
	}
	for _, data := range s.Data {
		if path := locate(filepath.Join(data, "applications"), id, maxDashes); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// locate returns the file of an id below a folder, or "".
func locate(dir, id string, dashes int) string {
	if stat, err := os.Stat(filepath.Join(dir, id)); err == nil && !stat.IsDir() {
		return filepath.Join(dir, id)
	}
	for i := range len(id) {
		if id[i] != '-' || dashes == 0 {
			continue
		}
		sub := id[:i]
		if !isFolder(filepath.Join(dir, sub)) || sub == "" || sub == ".." || sub == "." {
			continue
		}
		if path := locate(filepath.Join(dir, sub), id[i+1:], dashes-1); path != "" {
			return path
		}
	}
	return ""
}

// tried reports whether the program of TryExec is there, or none is named.
func (s Search) tried(file *File) bool {
	program, found := file.Get(Entry, "TryExec")
	if !found || program == "" || s.Path == nil {
		return true
	}
	if strings.Contains(program, "/") {
		return executable(program)
	}
	return slices.ContainsFunc(s.Path, func(dir string) bool {
		return filepath.IsAbs(dir) && executable(filepath.Join(dir, program))
	})
}

func executable(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.Mode().IsRegular() && stat.Mode().Perm()&0o111 != 0
}

// Read reads a desktop file by its path. It is not blocked by a FIFO, and refuses what is no
// regular file.
func Read(path string) (*File, error) {
	open, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer open.Close()
	stat, err := open.Stat()
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	text := make([]byte, min(stat.Size(), maxText)+1)
	n, err := open.ReadAt(text, 0)
	if n == len(text) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("larger than 1 MiB, or growing")}
	}
	if err != nil && n < int(stat.Size()) {
		return nil, err
	}
	file, err := Parse(text[:n])
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	file.Path = path
	return file, nil
}

// ID is the id of a desktop file that lies in one of the folders, or else its base name.
func (s Search) ID(path string) string {
	for _, data := range s.Data {
		if rest, found := strings.CutPrefix(filepath.Clean(path), filepath.Join(data, "applications")+"/"); found {
			return strings.ReplaceAll(rest, "/", "-")
		}
	}
	return filepath.Base(path)
}

// IDs returns the ids, without ".desktop", of all desktop files by name, sorted. It reads none of
// them, so hidden ones are there too.
func (s Search) IDs() []string {
	var ids []string
	for _, data := range s.Data {
		for _, file := range Files(filepath.Join(data, "applications")) {
			if name, isDesktop := strings.CutSuffix(file, ".desktop"); isDesktop {
				ids = append(ids, strings.ReplaceAll(name, "/", "-"))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Bounds of a listing.
const (
	maxFound   = 1 << 14
	maxFolders = 1 << 10
)

// Files returns the paths of all files of a folder of launchers, as they stand below it. Like GLib it follows
// links to folders, and enters hidden ones; unlike GLib it goes round no loop.
func Files(dir string) []string {
	l := listing{top: dir}
	l.enter("", nil)
	return l.files
}

type listing struct {
	top     string
	files   []string
	folders int
}

func (l *listing) enter(folder string, above []fs.FileInfo) {
	stat, err := os.Stat(filepath.Join(l.top, folder))
	if err != nil || len(above) > maxDashes || l.folders == maxFolders {
		return
	}
	if slices.ContainsFunc(above, func(other fs.FileInfo) bool { return os.SameFile(stat, other) }) {
		return
	}
	l.folders++
	above = append(above, stat)
	entries, _ := os.ReadDir(filepath.Join(l.top, folder))
	for _, e := range entries {
		file := filepath.Join(folder, e.Name())
		switch {
		case len(l.files) == maxFound:
			return
		case (e.IsDir() || e.Type() == fs.ModeSymlink) && isFolder(filepath.Join(l.top, file)):
			l.enter(file, above)
		case e.IsDir():
		default:
			l.files = append(l.files, file)
		}
	}
}

// isFolder reports whether a path leads to a folder that may hold launchers: GLib takes one that is called
// as they are for a launcher.
func isFolder(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir() && !strings.HasSuffix(path, ".desktop")
}
