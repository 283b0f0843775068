package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"snug/manifests"
	"snug/manifests/compose"
)

// finding levels: an error keeps the app from starting, a warning is something to put right, a note
// is something to know. Notes alone are no findings.
const (
	levelError   = "error"
	levelWarning = "warning"
	levelNote    = "note"
)

// found is one thing that check has to say.
type found struct {
	Where string `json:"where,omitempty"` // FILE:LINE or FILE:LINE:COLUMN
	Level string `json:"level"`
	What  string `json:"what"`
	Hint  string `json:"hint,omitempty"`
	Code  string `json:"code,omitempty"` // of a danger
}

// report collects what is found, each thing once.
type report []found

func (r *report) add(level string, err error) {
	var problems manifests.Problems
	var p manifests.Problem
	var h *hinted
	switch {
	case err == nil:
	case errors.As(err, &problems):
		for _, p := range problems {
			r.one(found{string(p.Where), level, p.What, p.Hint, ""})
		}
	case errors.As(err, &p):
		r.one(found{string(p.Where), level, p.What, p.Hint, ""})
	case errors.As(err, &h):
		r.one(found{"", level, h.what, h.hint, ""})
	default:
		r.one(found{"", level, err.Error(), "", ""})
	}
}

func (r *report) one(f found) {
	same := func(o found) bool { return o.Where == f.Where && o.What == f.What }
	if !slices.ContainsFunc(*r, same) {
		*r = append(*r, f)
	}
}

// sort orders what is found by file and line, as one reads.
func (r report) sort() {
	slices.SortStableFunc(r, func(a, b found) int {
		fileA, lineA := place(a.Where)
		fileB, lineB := place(b.Where)
		return cmp.Or(strings.Compare(fileA, fileB), lineA-lineB)
	})
}

// place splits FILE:LINE or FILE:LINE:COLUMN.
func place(where string) (file string, number int) {
	parts := strings.Split(where, ":")
	for i, part := range parts[min(1, len(parts)):] {
		if number, err := strconv.Atoi(part); err == nil {
			return strings.Join(parts[:i+1], ":"), number
		}
	}
	return where, 0
}

func runManifestCheck(c *console, args []string) error {
	f := c.newFlags()
	words, err := c.words(f, args, 0, 1000, "")
	if err != nil {
		return err
	}
	l, err := c.shelf()
	if err != nil {
		return err
	}
	r := report{}
	for _, word := range words {
		s, err := l.find(word)
		if err != nil && !isProblemOfFile(err) {
			return err
		} else if err != nil {
			r.add(levelError, err)
			continue
		}
		l.check(s, &r)
	}
	if len(words) == 0 {
		if err := c.checkOwn(l, &r); err != nil {
			return err
		}
	}
	r.sort()
	if asJSON, _ := f.GetBool("json"); asJSON {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else {
		c.printReport(r)
	}
	if slices.ContainsFunc(r, func(f found) bool { return f.Level != levelNote }) {
		return &failure{status: exitNo}
	}
	return nil
}

// isProblemOfFile reports whether an error names a place in a file, and is no mistake of the line that
// was typed.
func isProblemOfFile(err error) bool {
	var problems manifests.Problems
	var p manifests.Problem
	return errors.As(err, &problems) || errors.As(err, &p) && p.Where != ""
}

// checkOwn checks all that lies in the person's folder.
func (c *console) checkOwn(l *shelf, r *report) error {
	apps, bases, err := l.catalogue.Own()
	if err != nil && !isProblemOfFile(err) {
		return err
	}
	r.add(levelError, err)
	for _, id := range apps {
		l.check(&subject{catalogue: l.catalogue, app: manifests.App{ID: id, Known: true}}, r)
	}
	for _, base := range bases {
		flags := new(manifests.Layer)
		if err := flags.Set("extends", base, ""); err != nil {
			return err
		}
		_, err := l.catalogue.Load(manifests.App{}, flags)
		r.add(levelError, err)
	}
	if len(apps)+len(bases) == 0 && err == nil {
		c.say("there is no manifest in "+quote(homePath(l.world, l.catalogue.User)), "snug manifest check APP looks at any other")
	}
	return nil
}

// check says all of one app: of its words first, then of what they come to on this machine.
func (l *shelf) check(s *subject, r *report) {
	layers, err := s.catalogue.Load(s.app, nil)
	if err != nil {
		r.add(levelError, err)
		return
	}
	m, wrong, odd := manifests.Examine(layers, facts(l.world))
	r.add(levelError, wrong.Err())
	r.add(levelWarning, odd.Err())
	if !s.app.Known {
		r.one(found{"", levelNote, quote(s.app.ID) + " has no manifest, and so gets what every app gets", "snug manifest new " + shellWord(s.app.ID) + " proposes one", ""})
	}
	l.checkStart(s, m, r)
	l.checkOriginal(s, r)
	for grant := range m.Grants() {
		if m.Accepts(string(grant.Danger)) {
			r.accepted(grant.Origin, grant.Key.Name+" = "+quote(grant.Value), grant.Danger)
		}
	}
	l.checkElsewhere(m, r)
}

// accepted notes a danger that the manifest takes on.
func (r *report) accepted(where manifests.Origin, what string, danger manifests.Danger) {
	r.one(found{string(where), levelNote, what + ": dangerous, and accepted: the app can " + danger.Why(), "", string(danger)})
}

// checkElsewhere looks at what an [[if]] adds on other machines, as far as its words tell.
func (l *shelf) checkElsewhere(m *manifests.Manifest, r *report) {
	for _, value := range compose.Elsewhere(m, l.world) {
		r.one(found{string(value.When.Origin), levelNote, "if " + value.When.Value + " (not so here): what it adds is not tried", "", ""})
		switch code := string(value.Danger); {
		case value.Accepts(code):
			r.accepted(value.Origin, value.String(), value.Danger)
		case code == "files:HOME": // the one that words do not tell
			r.add(levelError, m.Permit(code, value.Key.Name, manifests.Text{Value: value.Value, Origin: value.Origin}))
		}
	}
}

// checkStart looks whether the app would start: its program, its launcher, what is granted.
func (l *shelf) checkStart(s *subject, m *manifests.Manifest, r *report) {
	command, err := appCommand(m, s.app, s.catalogue.Desktop, nil)
	if err != nil {
		where := m.ID.Origin
		if len(m.Desktop) > 0 {
			where = m.Desktop[0].Origin
		}
		var one report
		one.add(levelError, err)
		for _, f := range one {
			if f.Where == "" {
				f.Where = string(where)
			}
			r.one(f)
		}
		command = compose.Command{Argv: []string{"true"}, Fixed: 1}
	} else if len(m.Desktop) > 0 {
		if _, err := findDesktop(m, s.app, s.catalogue.Desktop); err != nil {
			r.one(found{string(m.Desktop[0].Origin), levelWarning, "none of its desktop files is installed", "leave them out, or name the one that is", ""})
		}
	}
	box, err := compose.Compose(m, l.world, command)
	if err != nil {
		r.add(levelError, err)
		return
	}
	for _, warning := range box.Warnings {
		level := levelNote // of the session: no display, no portals just now
		if strings.HasPrefix(warning.What, "files.") {
			level = levelWarning
		}
		r.add(level, warning)
	}
	l.checkProgram(m, box, command.Argv[0], r)
	for _, e := range dangerous(box.Account) {
		if e.Danger == "files:HOME" { // the one that words do not tell
			r.accepted(e.Origin, e.Text, e.Danger)
		}
	}
}

// checkProgram looks for the program where the sandbox would, in the host's own system.
func (l *shelf) checkProgram(m *manifests.Manifest, box *compose.Sandbox, program string, r *report) {
	if m.System.Root.Value != "host" {
		return
	}
	where := m.ID.Origin
	if len(m.Command) > 0 {
		where = m.Command[0].Origin
	}
	path := program
	if !strings.Contains(program, "/") {
		path = ""
		for _, file := range box.Spec.Process.Programs {
			if path == "" && exists(file) {
				path = file
			}
		}
	}
	switch {
	case path == "" || !exists(path):
		r.one(found{string(where), levelError, "there is no program " + quote(program), "is it installed? command = [\"PROGRAM\"] names another", ""})
	case !box.Shows(path):
		r.one(found{string(where), levelError, "the program " + quote(path) + " is not in the sandbox", "files.read = [" + quote(path[:strings.LastIndexByte(path, '/')]) + "]", ""})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// madeFrom begins the line by which a person's manifest says of which text it was made.
const madeFrom = "# made from "

// recordOf is that line for a text.
func recordOf(name string, text []byte) string {
	return madeFrom + name + ", sha256 " + sum(text) + "\n"
}

// sum tells one text from another; eight bytes are enough, as nobody gains by two that are alike.
func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:8])
}

// checkOriginal looks whether a person's manifest stands in the place of one that has changed since.
func (l *shelf) checkOriginal(s *subject, r *report) {
	if s.app.File != "" || s.catalogue.User == "" {
		return
	}
	name, original := s.catalogue.Original(s.app.ID)
	text, err := readSmall(l.file(s.app.ID))
	if err != nil || original == nil {
		return
	}
	number := 0
	for record := range strings.Lines(string(text)) {
		number++
		of, found := strings.CutPrefix(strings.TrimSpace(record), madeFrom)
		from, old, hasSum := strings.Cut(of, ", sha256 ")
		if !found || !hasSum || from != name {
			continue
		}
		if old != sum(original) {
			r.changed(homePath(l.world, l.file(s.app.ID))+":"+strconv.Itoa(number), s.app.ID, name, sum(original))
		}
		return
	}
	r.one(found{homePath(l.world, l.file(s.app.ID)), levelNote, "it stands in the place of " + name, "snug manifest diff " + s.app.ID + " " + name, ""})
}

func (r *report) changed(where, id, name, now string) {
	r.one(found{where, levelWarning, name + " has changed since this was made from it",
		"snug manifest diff " + id + " " + name + " says how; then write here: sha256 " + now, ""})
}

// printReport prints a line for each thing, as compilers do, and its hint.
func (c *console) printReport(r report) {
	for _, f := range r {
		text := line(f.What)
		if f.Level != levelError {
			text = f.Level + ": " + text
		}
		if f.Where != "" {
			text = line(f.Where) + ": " + text
		}
		if f.Code != "" {
			text += " [" + line(f.Code) + "]"
		}
		c.print(text, "\n")
		if f.Hint != "" {
			c.print("  hint: ", strings.ReplaceAll(clean(f.Hint), "\n", "\n  hint: "), "\n")
		}
	}
}
