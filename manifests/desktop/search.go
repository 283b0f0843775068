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
		if stat, err := os.Stat(filepath.Join(dir, sub)); sub == "" || sub == ".." || sub == "." || err != nil || !stat.IsDir() {
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

// maxFound bounds a listing.
const maxFound = 1 << 14

// IDs returns the ids, without ".desktop", of all desktop files by name, sorted. It reads none of
// them, so hidden ones are there too.
func (s Search) IDs() []string {
	var ids []string
	for _, data := range s.Data {
		list(filepath.Join(data, "applications"), "", 3, &ids)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func list(dir, prefix string, depth int, ids *[]string) {
	entries, err := os.ReadDir(dir)
	if err != nil || depth == 0 {
		return
	}
	for _, entry := range entries {
		name, isDesktop := strings.CutSuffix(entry.Name(), ".desktop")
		switch {
		case len(*ids) == maxFound:
			return
		case entry.IsDir():
			list(filepath.Join(dir, entry.Name()), prefix+entry.Name()+"-", depth-1, ids)
		case isDesktop:
			*ids = append(*ids, prefix+name)
		}
	}
}
