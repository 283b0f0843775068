package compose_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/portals"
	"snug/sandbox"
)

var update = flag.Bool("update", false, "write what Compose says into testdata")

// usual are the variables that every test's app has.
const usual = `
LANG=de_DE.UTF-8
PATH=/usr/local/bin:/usr/bin:/bin
SHELL=/bin/bash
HOME=/home/ann
USER=ann
LOGNAME=ann
XDG_RUNTIME_DIR=/run/user/1000
`

const ofEverySandbox = "the default sandbox"

// TestCompose composes each manifest of testdata/compose in its world. The steps that every
// sandbox has are printed in default.txtar only.
func TestCompose(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(text), "-- want --\n")
			if !found && !*update {
				t.Fatal("no section want")
			}
			got := composeText(t, txtar(input), strings.Contains(path, "/default"))
			if *update {
				if err := os.WriteFile(path, []byte(input+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("differs; -update rewrites the file\n%s", difference(want, got))
			}
		})
	}
}

// composeText composes what the sections of an archive describe and prints the result.
func composeText(t *testing.T, sections map[string]string, all bool) string {
	w := fakeWorld(t, sections["world"], sections["tree"])
	cmd := compose.Command{Argv: []string{"app"}, Fixed: 1}
	if words := strings.Fields(sections["command"]); len(words) > 0 {
		cmd.Argv = words
	}
	if _, here, found := strings.Cut(sections["world"], "here "); found {
		cmd.Here, _, _ = strings.Cut(here, "\n")
	}
	var layers []*manifests.Layer
	if text := sections["manifest"]; text != "" {
		layers = append(layers, parse(t, "app.toml", text))
	}
	m, err := manifests.Merge(layers, flags(t, strings.Fields(sections["flags"])...), manifests.Facts{})
	if err != nil {
		return "merge: " + err.Error() + "\n"
	}
	s, err := compose.Compose(m, w, cmd)
	if err != nil {
		return "refused:\n" + err.Error() + "\n"
	}
	return sandboxText(s, all)
}

func sandboxText(s *compose.Sandbox, all bool) string {
	var out strings.Builder
	for _, step := range s.Spec.Root {
		if text, origin := stepText(step); all || origin != ofEverySandbox && origin != "" {
			fmt.Fprintf(&out, "%s  # %s\n", text, origin)
		}
	}
	p := s.Spec.Process
	fmt.Fprintf(&out, "run %q in %q\n", p.Argv, p.Dirs)
	if all {
		fmt.Fprintf(&out, "as %d:%d nested %v umask %03o limits %v filters %d programs %q\n", s.Spec.Users.UID, s.Spec.Users.GID,
			s.Spec.Users.Nested, p.Umask, p.Rlimits, len(p.Filters), p.Programs)
	}
	if s.Spec.Net.Shared || s.UserNetwork || p.Landlock != nil {
		fmt.Fprintf(&out, "network shared %v user %v landlock %v\n", s.Spec.Net.Shared, s.UserNetwork, p.Landlock != nil)
	}
	for _, variable := range p.Env {
		if all || !strings.Contains(usual, "\n"+variable+"\n") {
			fmt.Fprintf(&out, "env %s\n", variable)
		}
	}
	for _, e := range s.Endpoints {
		config := portals.NewConfig(portals.Endpoint{Name: e.Name, Listen: 3, Socket: e.Socket, Protocol: e.Protocol})
		fmt.Fprintf(&out, "broker on %s\n  %s\n", e.Bind.Dest, strings.Join(config.Args(), "\n  "))
	}
	if s.Identity != nil {
		fmt.Fprintf(&out, "identity %s\n", strings.ReplaceAll(string(s.Identity.Info()), "\n", "|"))
	}
	for _, folder := range s.Folders {
		fmt.Fprintf(&out, "make %s in %s\n", folder.Rel, folder.Base)
	}
	for _, entry := range s.Account {
		danger := ""
		if entry.Danger != "" {
			danger = " !" + string(entry.Danger)
		}
		if all || entry.Origin != "" {
			fmt.Fprintf(&out, "%s: %s%s  # %s\n", entry.Group, entry.Text, danger, entry.Origin)
		}
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(&out, "warning %s\n", warning.Error())
	}
	return out.String()
}

// stepText prints a step and where it came from.
func stepText(step sandbox.Step) (string, sandbox.Origin) {
	switch s := step.(type) {
	case *sandbox.Bind:
		text := "bind"
		if s.Writable {
			text += " writable"
		}
		if s.Devices {
			text += " devices"
		}
		if s.Same != nil {
			text += " same"
		}
		if !s.NoSymlinks {
			text += " FOLLOWING"
		}
		if text += " " + s.Source; s.Dest != s.Source {
			text += " on " + s.Dest
		}
		return text, s.Origin
	case *sandbox.Tmpfs:
		return fmt.Sprintf("tmpfs %s %04o", s.Dest, s.Mode), s.Origin
	case *sandbox.Dir:
		return fmt.Sprintf("folder %s %04o", s.Dest, s.Mode), s.Origin
	case *sandbox.Data:
		return fmt.Sprintf("file %s %04o %q", s.Dest, s.Mode, s.Content), s.Origin
	case *sandbox.Symlink:
		return "link " + s.Dest + " to " + s.Target, s.Origin
	case *sandbox.Mask:
		return "mask " + s.Dest, s.Origin
	case *sandbox.ReadOnly:
		return "read-only " + s.Dest, s.Origin
	case *sandbox.Proc:
		return "proc " + s.Dest, s.Origin
	case *sandbox.Dev:
		return "dev " + s.Dest, s.Origin
	}
	return fmt.Sprintf("%T", step), ""
}

// difference shows the lines that only one of two texts has.
func difference(want, got string) string {
	var out strings.Builder
	only := func(mark, text, other string) {
		for line := range strings.SplitSeq(text, "\n") {
			if !strings.Contains("\n"+other, "\n"+line+"\n") {
				out.WriteString(mark + line + "\n")
			}
		}
	}
	only("- ", want, got)
	only("+ ", got, want)
	return out.String()
}
