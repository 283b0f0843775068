package wrap

import (
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
)

// program is what an Exec starts. Nothing is known of one that runs others' programs but its words.
type program struct {
	path  string   // as the Exec names it, found in PATH
	file  string   // that without links
	words []string // the base names of all that could be a program in the Exec, if a shell read it
}

// is reports whether two programs are one, whatever links name it. Two links with different names are not:
// their file may ask by which it was called.
func (p program) is(o program) bool {
	if p.file == "" || p.file != o.file {
		return false
	}
	name, other, file := filepath.Base(p.path), filepath.Base(o.path), filepath.Base(p.file)
	return name == other || name == file || other == file
}

// mayStart reports whether an Exec that starts another program may come to start this one.
func (p program) mayStart(o program) bool {
	return o.file != "" && (p.file == o.file || slices.Contains(p.words, filepath.Base(o.path)) || slices.Contains(p.words, filepath.Base(o.file)))
}

// programOf is what a launcher starts, behind snug if it is wrapped.
func (f *Folders) programOf(file *desktop.File) program {
	behind, err := Behind(file)
	if err != nil {
		return program{}
	}
	value, _ := behind.Get(desktop.Entry, "Exec")
	return f.programIn(value)
}

// programOfService is what a file starts by which the bus starts programs.
func (f *Folders) programOfService(file *desktop.File) program {
	return f.programIn(serviceExec(file))
}

func (f *Folders) programIn(value string) program {
	exec, err := desktop.ParseExec(value)
	if err != nil {
		return program{}
	}
	p := program{words: wordsOf(value)}
	switch name := filepath.Base(exec.Program()); {
	case name == "flatpak" || name == "snap" || name == "snug":
		return program{} // what it names starts in a sandbox
	case IsShared(name):
		return p
	}
	p.path = f.lookPath(exec.Program())
	p.file = realProgram(p.path)
	return p
}

// wordsOf takes a line apart wherever a shell might.
func wordsOf(line string) (words []string) {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n\r\"'`\\;|&()<>{}$=,", r) }) {
		words = append(words, filepath.Base(word))
	}
	return words
}

// realProgram is a program's path without links; but one that links to what runs others' programs is that
// link, or all scripts would be one.
func realProgram(path string) string {
	if !filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	if file, err := filepath.EvalSymlinks(path); err == nil && !IsShared(file) {
		return file
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return filepath.Clean(path)
}

// IsShared reports whether a program runs what others wrote, so that its name is no app's.
func IsShared(program string) bool {
	name := filepath.Base(program)
	switch strings.TrimRight(name, "0123456789.") {
	case "sh", "bash", "dash", "zsh", "fish", "ksh", "busybox", "toybox",
		"java", "javaw", "node", "nodejs", "deno", "bun", "electron", "perl", "php", "python", "ruby", "lua", "wine", "mono", "dotnet", "gjs",
		"snap", "flatpak", "snug", "firejail", "bwrap", "unshare", "qtchooser",
		"gtk-launch", "gio", "xdg-open", "exo-open", "kstart", "dex", "systemd-run", "systemd-inhibit", "uwsm", "dbus-launch", "dbus-run-session",
		"env", "nice", "ionice", "chrt", "taskset", "nohup", "setsid", "setpriv", "stdbuf", "timeout", "time", "exec",
		"gamemoderun", "mangohud", "prime-run", "optirun", "primusrun", "xvfb-run", "x-terminal-emulator", "x-www-browser":
		return true
	}
	return becomesRoot(name)
}
