package wrap

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"snug/manifests/desktop"
)

// Refusal says why something is not wrapped, and what to do instead.
type Refusal struct {
	What, Hint string
}

func (r *Refusal) Error() string { return r.What }

// judge refuses launchers that snug cannot start, or need not.
func (f *Folders) judge(file *desktop.File) error {
	if kind, found := file.Get(desktop.Entry, "Type"); found && kind != "Application" {
		return &Refusal{"it starts no program: its Type is not Application", ""}
	}
	if text := string(file.Bytes()); strings.Count(text, "\r") != strings.Count(text, "\r\n") {
		return &Refusal{"it has a carriage return inside of a line, where some begin another", ""}
	}
	if file.True("X-KDE-SubstituteUID") {
		return &Refusal{"KDE starts it as another user, and in a sandbox nothing can become one", "leave it as it is"}
	}
	if file.True("Hidden") {
		return &Refusal{"it is hidden: its key Hidden says true", ""}
	}
	if _, found := file.Get(desktop.Entry, "Exec"); !found {
		return &Refusal{"it has no Exec", "the bus alone starts it; a launcher of its own for that program can be wrapped"}
	}
	if _, found := file.Get(desktop.Entry, "X-Flatpak"); found {
		return isFlatpak()
	}
	if _, found := file.Get(desktop.Entry, "X-SnapInstanceName"); found {
		return isSnap()
	}
	for _, group := range file.Groups() {
		value, found := file.Get(group, "Exec")
		if !found {
			continue
		}
		exec, err := desktop.ParseExec(value)
		if err != nil {
			return &Refusal{"[" + group + "]: " + err.Error(), "what it starts depends on who reads it; write the Exec anew in a launcher of your own"}
		}
		if err := f.Judge(exec.Program()); err != nil {
			return err
		}
	}
	return nil
}

// Judge refuses programs that are sandboxes already, or cannot run in one: its error is a Refusal.
func (f *Folders) Judge(program string) error {
	path := f.lookPath(program)
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	names := []string{filepath.Base(program), filepath.Base(real)}
	switch {
	case slices.Contains(names, "snug") || sameFile(path, f.Snug):
		return &Refusal{"it starts snug already", ""}
	case slices.Contains(names, "flatpak") || strings.Contains(path, "/flatpak/exports/bin/"):
		return isFlatpak()
	case slices.Contains(names, "snap") || strings.HasPrefix(path, "/snap/") || strings.HasPrefix(real, "/snap/"):
		return isSnap()
	case slices.Contains(names, "gapplication"):
		return &Refusal{"it has the message bus start the app, by gapplication, and from its sandbox no app can", "a launcher of your own can be wrapped whose Exec is the program itself: the Exec of the app's file in /usr/share/dbus-1/services names it"}
	case isAppImage(real):
		return &Refusal{"it starts an AppImage, which mounts itself, and in a sandbox nothing can", "take it apart: " + filepath.Base(path) + " --appimage-extract; then a manifest whose command is the AppRun of that folder"}
	case slices.ContainsFunc(names, becomesRoot), isSetID(real):
		return &Refusal{"it starts " + filepath.Base(path) + ", which becomes another user, and in a sandbox nothing can", "leave it as it is"}
	}
	return nil
}

func isFlatpak() error {
	return &Refusal{"it is a Flatpak, which has a sandbox of its own", "flatpak info --show-permissions APP lists its grants, flatpak override --user takes some away"}
}

func isSnap() error {
	return &Refusal{"it is a snap, which has a sandbox of its own", "snap connections NAME lists its grants; the same program from a package or an archive can be wrapped"}
}

func becomesRoot(name string) bool {
	switch name {
	case "pkexec", "sudo", "su", "doas", "gksu", "gksudo", "kdesu", "kdesudo", "beesu", "run0":
		return true
	}
	return false
}

// isSetID reports whether a program runs with the ids of its owner.
func isSetID(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.Mode().IsRegular() && stat.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0
}

// isAppImage looks at the name, and for the magic bytes in the header of an ELF file.
func isAppImage(path string) bool {
	if strings.EqualFold(filepath.Ext(path), ".appimage") {
		return true
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	var header [11]byte
	if _, err := io.ReadFull(file, header[:]); err != nil {
		return false
	}
	return string(header[:4]) == "\x7fELF" && header[8] == 'A' && header[9] == 'I' && (header[10] == 1 || header[10] == 2)
}

// lookPath is where a program is, or its name.
func (f *Folders) lookPath(program string) string {
	if strings.Contains(program, "/") {
		return program
	}
	for _, dir := range f.Path {
		path := filepath.Join(dir, program)
		if stat, err := os.Stat(path); filepath.IsAbs(dir) && err == nil && stat.Mode().IsRegular() && stat.Mode()&0o111 != 0 && !f.isShim(path) {
			return path
		}
	}
	return program
}

func sameFile(a, b string) bool {
	statA, errA := os.Stat(a)
	statB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(statA, statB)
}
