package main

import (
	"slices"
	"strings"

	"snug/manifests"
	"snug/manifests/compose"
)

// manifestHelp is the page on manifests as files, or with a group the keys of one table.
func manifestHelp(group string, bases []string) string {
	switch {
	case group == "":
		return manifestPage(bases)
	case !slices.Contains(keyGroups(), group):
		return ""
	}
	where := "keys of [" + group + "]"
	if group == "app" {
		where = "keys above all tables"
	}
	var b strings.Builder
	b.WriteString("snug help manifest " + group + ": " + where + ", with their types\n")
	for _, key := range manifests.Schema() {
		if keyGroup(&key) == group {
			name := strings.TrimPrefix(key.Name, group+".")
			b.WriteString(wrapped("  "+column(name+" = "+typeOf(&key), 28), strings.Fields(key.Doc+choices(&key)+risk(&key))))
		}
	}
	b.WriteString("example: snug help manifest\n")
	return b.String()
}

// manifestPage shows a manifest, and what the lists of names in it may hold.
func manifestPage(bases []string) string {
	var b strings.Builder
	b.WriteString(`snug help manifest: ~/.config/snug/apps/ID.toml makes ID an app, such as
  schema  = 1
  id      = "org.example.Notes"
  extends = ["gtk"]                    # bases, by name
  command = ["notes"]                  # or desktop = ["notes.desktop"]
  accept  = ["wayland-raw"]            # dangers, by code
  [files]
  write   = ["~/notes", "?xdg-music"]  # ?: may be missing
  [display]
  wayland = "raw"
ID.d/*.toml beside it adds to it. snug run ./FILE.toml takes it from anywhere
`)
	b.WriteString(wrapped("groups: ", keyGroups()))
	b.WriteString(wrapped("bases:  ", bases))
	b.WriteString(wrapped("codes:  ", manifests.Codes()))
	b.WriteString("snug explain APP says what it comes to, snug manifest --help lists more verbs\nexample: snug help manifest files\n")
	return b.String()
}

// basesHere are the names of bases in this session, or at least of those that are built in.
func basesHere() []string {
	catalogue := manifests.Catalogue{}
	if w, err := compose.Session(); err == nil {
		catalogue = catalogueOf(w)
	}
	return catalogue.Bases()
}

// typeOf is how the value of a key is written in TOML.
func typeOf(key *manifests.Key) string {
	switch key.Kind {
	case "flag":
		return "true"
	case "number", "decimal":
		return "N"
	case "list", "argv":
		return `["TEXT"]`
	case "table":
		return `{ NAME = "TEXT" }`
	}
	return `"TEXT"`
}

// risk names the code that a key may need in accept.
func risk(key *manifests.Key) string {
	if key.Danger == "" || key.Later == "*" {
		return ""
	}
	return " [" + key.Danger + "]"
}
