package main

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"snug/manifests/reference"
	"snug/tests/need"
)

var update = flag.Bool("update", false, "write docs/man/snug.1 anew")

const manFile = "../../docs/man/snug.1"

// TestManPage compares snug(1) with the table of verbs, of which help is made as well.
func TestManPage(t *testing.T) {
	got := reference.Fill(manPage())
	if *update {
		if err := os.WriteFile(manFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(manFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; go test ./cmd/snug -update writes it anew, -committed +made:\n%s", manFile, diff)
	}
}

func TestManPageIsWhole(t *testing.T) {
	mandoc := need.Program(t, "mandoc")
	out, _ := exec.Command(mandoc, "-Tlint", "-W", "style", manFile).CombinedOutput() // its status counts the date, too
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // on purpose: it is made, not dated
			t.Errorf("mandoc: %s", line)
		}
	}
	text, err := exec.Command(mandoc, "-Tascii", "-Owidth=100", manFile).Output()
	if err != nil {
		t.Fatal(err)
	}
	plain := backspaced(string(text))
	for _, want := range []string{"snug manifest import [flags] ID | FILE", "--detach", "EXIT STATUS", "SNUG_EXPLAIN"} {
		if strings.Contains(plain, want) == (want == "SNUG_EXPLAIN") { // which is snug-bwrap's
			t.Errorf("%q: shown is %v", want, want == "SNUG_EXPLAIN")
		}
	}
}

// backspaced undoes the overstriking by which terminals of paper wrote bold letters.
func backspaced(text string) string {
	var out []rune
	for _, r := range text {
		if r == '\b' && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// manPage writes snug(1): one page with all verbs.
func manPage() string {
	var b strings.Builder
	b.WriteString(manHead)
	for _, v := range verbs() {
		manVerb(&b, v)
		if v.subs != nil {
			for _, sub := range v.subs() {
				manVerb(&b, sub)
			}
		}
	}
	b.WriteString(manFoot)
	return b.String()
}

func manVerb(b *strings.Builder, v *verb) {
	b.WriteString(".SS snug " + reference.Escape(strings.TrimSpace(v.name+" "+v.args)) + "\n")
	b.WriteString(sentence(v.short) + "\n")
	if takesKeys(v) {
		b.WriteString("Every key of a manifest is a flag, too: its name with hyphens for dots, or a short word;\n.BR snug\\-manifest (5)\nexplains each, and\n.B snug help flags\nlists them.\n")
	}
	f := pflag.NewFlagSet(v.name, pflag.ContinueOnError)
	f.SortFlags = false
	v.flags(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(flag)
		if kind == "string" {
			kind = ""
		}
		b.WriteString(".TP\n.B ")
		if flag.Shorthand != "" {
			b.WriteString(`\-` + flag.Shorthand + ", ")
		}
		b.WriteString(strings.TrimSpace(reference.Escape("--"+flag.Name+" "+kind)) + "\n" + sentence(usage) + "\n")
	})
	for l := range strings.Lines(v.ends) {
		b.WriteString(".PP\n" + sentence(strings.TrimSpace(l)) + "\n")
	}
	if v.runs && v.ends == "" {
		b.WriteString(".PP\nIts exit status is the program's.\n")
	}
	b.WriteString(".PP\n.nf\n    " + reference.Escape(v.example) + "\n.fi\n")
}

// sentence makes one of a line of help.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return reference.Escape(strings.ToUpper(text[:1])+text[1:]) + "."
}

const manHead = `.TH SNUG 1 "" snug "User commands"
.SH NAME
snug \- sandboxes for apps, commands and systems, without root
.SH SYNOPSIS
.B snug
.I VERB
.RI [ FLAGS ]
.RI [ WORDS ...]
.br
.B snug run
.RI [ FLAGS ]
.B \-\-
.I COMMAND
.RI [ ARGUMENT ...]
.SH DESCRIPTION
What an app needs is granted by name, by its manifest or by flags; everything else is not there.
The manifest is described in
.BR snug\-manifest (5).
.PP
Flags end at the first word that is not a flag, so an app gets its own; a lone
.B \-\-
says that a command follows.
An APP is called by its exact id, else by the name of its desktop file, else by the last part of either, or
by its program, if only one app is called so.
It is a path only if it holds a slash.
An INSTANCE is called by its name, else by the id of its app if only one runs, else by a process id.
.SH VERBS
`

const manFoot = `.SH EXIT STATUS
Of run, exec and shell: the program's; 125 if snug failed, bad usage included; 126 if the command cannot be
executed; 127 if it is not there; 128+n if signal n ended it.
.PP
Of all other verbs: 0 done or yes, 1 no or findings, 2 could not.
.SH ENVIRONMENT
.TP
.B XDG_RUNTIME_DIR
where the account of running sandboxes is
.TP
.B XDG_CONFIG_HOME, XDG_DATA_HOME
where the person's manifests and the kept homes are
.TP
.B VISUAL, EDITOR
what manifest edit opens
.SH FILES
.TP
.I ~/.config/snug/apps
the person's manifests and drop-ins
.TP
.I /etc/snug/apps
the administrator's
.TP
.I ~/.local/share/snug/home
kept homes, each in a folder of its app's id
.SH SEE ALSO
.BR snug\-manifest (5),
.BR snug\-bwrap (1),
.BR snug\-open (1)
`
