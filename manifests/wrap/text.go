package wrap

import (
	"strings"

	"snug/manifests/desktop"
)

// maxText is what package desktop reads.
const maxText = 1 << 20

// launcher writes the text that takes a launcher's place. lost are the groups of which some file will
// not be granted.
func (f *Folders) launcher(source *desktop.File, app App) (text []byte, lost []string, err error) {
	if err := f.judge(source); err != nil {
		return nil, nil, err
	}
	mark := freeMark(source)
	prefix := desktop.FormatExec([]string{f.Snug, "run", "--launcher", mark, app.Word}) + " "
	changed := source.Changed(func(group, key, raw string) string {
		name, variant, _ := strings.Cut(key, "[")
		switch {
		case err != nil:
		case strings.Contains(group+key, `\`): // KDE reads \x45xec as Exec
			err = &Refusal{"[" + group + "]: a key with a backslash in it or in its group, which some read as another", ""}
		case name == "DBusActivatable": // else the bus starts the program, and Exec is not looked at
			return "false"
		case name == "Exec" && strings.Contains(variant, "$"): // CVE-2019-14744
			err = &Refusal{"[" + group + "]: KDE fills in the value of " + key + " before anybody else sees it", ""}
		case name == "Exec":
			marked, all, e := desktop.MarkExec(raw, mark)
			if e != nil {
				err = &Refusal{"[" + group + "]: " + e.Error(), "what it starts depends on who reads it; write the Exec anew in a launcher of your own"}
				break
			}
			if !all {
				lost = append(lost, group)
			}
			return prefix + marked
		}
		return raw
	})
	if err != nil {
		return nil, nil, err
	}
	changed = changed.With(desktop.Entry, notes(app.ID, source)...)
	head, err := desktop.Parse([]byte(note + string(changed.Bytes())))
	if err != nil {
		return nil, nil, err
	}
	if text = sealed(head, desktop.Entry); len(text) > maxText {
		return nil, nil, &Refusal{"it would be larger than 1 MiB", ""}
	}
	return text, lost, nil
}

// note begins a launcher of ours. It has no TryExec for snug: without it the launcher shall be seen, and
// read.
const note = "# Written by snug wrap: the launcher in " + keySource + ", started in a sandbox. snug unwrap takes it away.\n" +
	"# Without snug it starts nothing: delete it, and the system's own is back. If you had one of your own, it is\n" +
	"# beside this one; then rename that: its name has " + keptSuffix + " behind it.\n"

// freeMark returns a mark with which no word of a launcher can begin, whatever its codes become and its
// quotes and escapes hide: in a launcher that could spell one it holds the digest of the launcher.
func freeMark(source *desktop.File) string {
	text := string(source.Bytes()) + source.Path
	if !strings.Contains(text, "@") && !strings.Contains(text, `\x`) { // which KDE takes for a character
		return "@@"
	}
	return "@" + digest([]byte(text)) + "@"
}

// serviceGroup is the group of files by which a message bus starts programs.
const serviceGroup = "D-BUS Service"

// serviceExec is the Exec of a service file. A percent sign is no code there.
func serviceExec(source *desktop.File) string {
	value, _ := source.Get(serviceGroup, "Exec")
	return strings.ReplaceAll(value, "%", "%%")
}

// service writes the text that takes the place of a bus's service file. The words stay those of a
// service: in a sandbox that keeps the app's name to itself the program finds nobody to serve and ends,
// and the caller gets an error, as is right; one that may own its name serves. Nothing starts it outside.
func (f *Folders) service(source *desktop.File, app App) ([]byte, error) {
	exec, err := desktop.ParseExec(serviceExec(source))
	if err != nil {
		return nil, &Refusal{"the service file " + source.Path + ": " + err.Error(), ""}
	}
	if err := f.Judge(exec.Program()); err != nil {
		return nil, err
	}
	mark := freeMark(source)
	prefix := strings.ReplaceAll(desktop.FormatExec([]string{f.Snug, "run", "--launcher", mark, app.Word}), "%%", "%") + " "
	changed := source.Changed(func(group, key, raw string) string {
		if key == "Exec" {
			return prefix + raw
		}
		return raw
	}).Without("SystemdService") // else systemd starts its unit, and Exec is not looked at
	return sealed(changed.With(serviceGroup, notes(app.ID, source)...), serviceGroup), nil
}

// shim writes a program that starts an app with the arguments that it gets.
func (f *Folders) shim(app App) []byte {
	text := "#!/bin/sh\n# Written by snug wrap --cli. snug unwrap takes it away; without snug, delete it.\n" +
		"# " + strings.Join(notes(app.ID, nil), "\n# ") + "\n" +
		"exec " + shellWord(f.Snug) + " run " + shellWord(app.Word) + ` "$@"` + "\n"
	return []byte(text + "# " + keyDigest + "=" + sealDigest([]byte(text)) + "\n")
}

func shellWord(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
