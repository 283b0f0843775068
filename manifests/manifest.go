package manifests

import (
	"strings"

	"snug/sandbox"
)

// Origin is where a value came from: "foot.toml:12" for a file and its line, "--read, argument 3"
// for a flag. The empty Origin means that nobody set the value and it has the schema's default.
type Origin = sandbox.Origin

// fromFlag reports whether a person typed the value on the command line.
func fromFlag(o Origin) bool { return strings.HasPrefix(string(o), "--") }

// Text is a string value and where it came from.
type Text struct {
	Value  string
	Origin Origin
}

// Typed reports whether a person typed the value on the command line.
func (t Text) Typed() bool { return fromFlag(t.Origin) }

// Flag is a yes or no and where it came from.
type Flag struct {
	Value  bool
	Origin Origin
}

// Number is a number and where it came from.
type Number struct {
	Value  float64
	Origin Origin
}

// Variable is one entry of the environment and where it came from.
type Variable struct {
	Name, Value string
	Origin      Origin
}

// Manifest is what one app may reach. Its sections and fields are the tables and keys of the
// schema, in the same order and with the same meaning; schema.go documents each.
//
// A Manifest that Merge returned has every scalar filled: one that no layer set has the default
// of the schema and an empty Origin.
type Manifest struct {
	Schema    Number
	ID        Text
	Desktop   []Text
	Command   []Text
	Extends   []Text
	Without   []Text
	Accept    []Text
	Instances Text

	System struct {
		Root, Hostname Text
	}
	Home struct {
		Mode   Text
		Import []Text
	}
	Files struct {
		Read, Write, Create, Except []Text
		Arguments                   Text
		Live                        Flag
	}
	Display struct {
		Wayland, X11 Text
		Both         Flag
		Clipboard    Text
		Allow        []Text
	}
	Sound struct {
		Play               Flag
		Record             Text
		System, Mixer, Raw Flag
	}
	Devices struct {
		GPU, Compute, Input, FIDO Flag
		Camera, Printer           Text
		USB, Nodes                []Text
	}
	Network struct {
		Mode          Text
		Allow, Listen []Text
	}
	Bus struct {
		// The rules are spelled as xdg-dbus-proxy spells them.
		Session, System struct{ See, Talk, Own, Call, Broadcast []Text }
		A11y            struct{ Enable Flag }
	}
	Portals struct {
		Allow                  []Text
		Documents, FlatpakInfo Flag
	}
	Process struct {
		Pass                 []Text
		Env                  []Variable
		Nested, Debug, ABI32 Flag
		Capabilities         []Text
		NewPrivileges        Flag
		Seccomp              Text
		Services             []Text
	}
	Limits struct {
		Memory             Text
		Tasks, CPUs, Files Number
		Core               Text
	}

	// Warnings are what Merge found odd but harmless, such as a `without` that took nothing away.
	Warnings Problems

	// permitted holds the codes of Accept that some layer or caller had a use for.
	permitted []string
	// unmet are the [[if]] that Merge left out, as they do not hold on this machine.
	unmet []*condition
}

// Layer is one file's or one command line's share of a manifest: only what it sets, before any
// merging. The zero Layer sets nothing; Set adds to it.
type Layer struct {
	Manifest

	// Name is the file as Origins print it.
	Name string

	base       bool // it came by `extends`
	conditions []condition
}

// HasWindow reports whether the app gets a display, whatever this session has.
func (m *Manifest) HasWindow() bool {
	return m.Display.Wayland.Value == "raw" || m.Display.X11.Value == "raw"
}
