package reference

import (
	"strings"

	"snug/manifests"
)

// ManPage returns snug-manifest(5).
func ManPage() []byte {
	p := &page{}
	p.raw(manHead)
	last := ""
	schema := manifests.Schema()
	for i := range schema {
		key := &schema[i]
		table := "keys above all tables"
		if dot := strings.LastIndexByte(key.Name, '.'); dot >= 0 {
			table = "keys of [" + key.Name[:dot] + "]"
		}
		if table != last {
			p.raw(".SH " + strings.ToUpper(Escape(table)) + "\n")
			last = table
		}
		p.key(key)
	}
	p.raw(".SH DANGERS\nWhat lets an app out of its sandbox, or far into the person's life, needs its code in\n.IR accept .\nA code that nothing asks for is an error.\n")
	for _, code := range manifests.Codes() {
		p.raw(".TP\n.B " + Escape(code) + "\nthe app can " + Escape(why(code)) + ".\n")
	}
	p.raw(manFoot)
	return []byte(Fill(p.text.String()))
}

// page is text in the man macros.
type page struct{ text strings.Builder }

func (p *page) raw(text string) { p.text.WriteString(text) }

// key writes what a person must know of one key.
func (p *page) key(key *manifests.Key) {
	name := key.Name[strings.LastIndexByte(key.Name, '.')+1:]
	p.raw(".TP\n.BR " + Escape(name) + ` " = ` + kind(key) + "\"\n" + Escape(Describe(key)) + ".\n")
	if values := key.Values.List(); len(values) > 0 {
		p.raw("One of " + Escape(strings.Join(values, ", ")) + ".\n")
	}
	if key.Default != "" {
		p.raw("The default is " + Escape(key.Default) + ".\n")
	}
	switch key.Scope {
	case "app":
		p.raw("Only in the app's own file.\n")
	case "file":
		p.raw("Not below [[if]].\n")
	}
}

// kind is how a value is written.
func kind(key *manifests.Key) string {
	switch key.Kind {
	case "flag":
		return "true"
	case "number", "decimal":
		return "N"
	case "list", "argv":
		return "[\\(dqTEXT\\(dq]"
	case "table":
		return "{ NAME = \\(dqTEXT\\(dq }"
	}
	return "\\(dqTEXT\\(dq"
}

// why completes "the app can" for a code, or a family of codes.
func why(code string) string {
	code = strings.NewReplacer(":NAME", ":x", ":FOREIGN", ":x").Replace(code)
	return manifests.Danger(code).Why()
}

// Fill breaks lines of text that are longer than a screen; what stands between .nf and .fi, and the
// requests, stay.
func Fill(page string) string {
	const width = 78
	var out strings.Builder
	asIs := false
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, ".nf"):
			asIs = true
		case strings.HasPrefix(line, ".fi"):
			asIs = false
		}
		for !asIs && len(line) > width && !strings.HasPrefix(line, ".") {
			at := strings.LastIndexByte(line[:width], ' ')
			if at <= 0 || strings.IndexByte(".'", line[at+1]) >= 0 {
				break
			}
			out.WriteString(line[:at] + "\n")
			line = line[at+1:]
		}
		out.WriteString(line)
	}
	return out.String()
}

// Escape makes plain text of words that roff would read as its own.
func Escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "~", `\(ti`, "`", `\(ga`, "^", `\(ha`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

const manHead = `.TH SNUG-MANIFEST 5 "" snug "File formats"
.SH NAME
snug-manifest \- what an app may reach in its sandbox
.SH DESCRIPTION
A manifest is a TOML file, at most 256 KiB of UTF-8. It grants by name; what it does not name is not there,
and the empty manifest is the strictest sandbox. An unknown key is an error.
.PP
ID.toml is the manifest of the app ID. ID.d/*.toml are drop-ins that add to it wherever it came from, and
bases/NAME.toml is what
.I extends
names. They are looked for in the folders under FILES, the person's first: a person's ID.toml takes the place
of the administrator's whole, and that one of the built-in.
.PP
Layers come in the order bases, file, drop-ins, conditions, flags of
.BR snug (1).
Of a key with one value the last one wins. Lists add, and never replace, but for
.IR command .
What
.I without
names is taken away from the layers below its own, with all that lies below it as a path or a name; behind a
star anything may follow.
.PP
A path begins with /, ~/ or one of xdg-desktop, xdg-documents, xdg-download, xdg-music, xdg-pictures,
xdg-public-share, xdg-templates, xdg-videos, xdg-config, xdg-data, xdg-cache, xdg-state and xdg-run/NAME.
A question mark in front says that it may be missing. There are no globs.
.PP
Keys below [[if]] are added where the fact of its
.I when
holds: wayland, x11, nvidia, portal, desktop=NAME, host=GLOB, or one of these behind an exclamation mark.
`

const manFoot = `.SH FILES
.TP
.I ~/.config/snug/apps
the person's manifests; $XDG_CONFIG_HOME in place of ~/.config if it is set
.TP
.I ID.d/50-local.toml
in that folder: what snug grant \-\-keep and snug manifest edit write
.TP
.I /etc/snug/apps
the administrator's
.SH EXAMPLES
.nf
schema  = 1
id      = "org.example.Notes"
extends = ["gtk"]
command = ["notes"]
accept  = ["wayland-raw"]
[home]
mode = "private"
[files]
write = ["~/notes", "?xdg-music"]
[display]
wayland = "raw"
[[if]]
when = "portal"
portals.allow = ["FileChooser", "OpenURI"]
.fi
.SH SEE ALSO
.BR snug (1)
`
