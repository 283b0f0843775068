package bwrap

import (
	_ "embed"
	"strings"
)

// dialect is the version of bubblewrap whose command line this is.
const dialect = "0.11.1"

//go:embed usage.txt
var usageText string

// usage is what --help prints. Callers look in it for options, so each stands in it by its name.
func usage(name string) string { return strings.ReplaceAll(usageText, "PROGRAM", name) }
