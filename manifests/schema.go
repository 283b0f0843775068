package manifests

import (
	"strings"

	"snug/manifests/internal/words"
)

// schemaVersion is the newest schema that this snug reads.
const schemaVersion = 1

// The kinds of value. A list adds to lower layers; argv is a list that replaces them whole.
const (
	kindText    = "text"
	kindEnum    = "enum"
	kindFlag    = "flag"
	kindNumber  = "number"  // whole
	kindDecimal = "decimal" // with or without a fraction
	kindList    = "list"
	kindArgv    = "argv"
	kindTable   = "table" // of text, by free names
)

// Key is one key of the schema: a row of the table below.
type Key struct {
	Name    string    // as a manifest spells it: "display.wayland"
	Kind    string    // "text", "enum", "flag", "number", "decimal", "list", "argv" or "table"
	Values  words.Set // what an enum, or each entry of a list, may be; empty: see Doc
	Default string    // of a scalar
	Short   string    // the flag of an everyday key; see Flag
	Danger  string    // the code for accept that a Risky value needs
	Risky   words.Set // the values that Danger is about; the default never is
	Later   words.Set // the values whose machinery this version does not have; the default never is
	Scope   string    // "app": only in the app's own file or a flag; "file": not below [[if]]
	Doc     string    // one line

	check func(value string) (what, hint string)
	field func(*Manifest) any // *Text, *Flag, *Number, *[]Text or *[]Variable
}

// Flag returns the key's flag without its hyphens, or "" if it has none: the key with hyphens for
// dots, and for the dozen everyday keys a short word.
func (k *Key) Flag() string {
	switch {
	case k.Name == "schema":
		return ""
	case k.Short != "":
		return k.Short
	}
	return strings.ReplaceAll(k.Name, ".", "-")
}

// Now returns those of Values that this version has the machinery for.
func (k *Key) Now() (values []string) {
	for _, value := range k.Values.List() {
		if value == k.Default || !k.Later.Has(value) {
			values = append(values, value)
		}
	}
	return values
}

// Schema returns every key in the order of the schema. The caller must not change it.
func Schema() []Key { return schema[:] }

var schema = [...]Key{
	{Name: "schema", Kind: kindNumber, Default: "1", Scope: "file",
		Doc:   "the schema that the file is written for, 1 if it is left out; a newer number is an error",
		field: func(m *Manifest) any { return &m.Schema }},
	{Name: "id", Kind: kindText, Scope: "app", check: checkID,
		Doc:   "the app's id: portal id, home folder and instance name",
		field: func(m *Manifest) any { return &m.ID }},
	{Name: "desktop", Kind: kindList, Scope: "app", check: checkDesktop,
		Doc:   "desktop files of the app; the first one installed is used",
		field: func(m *Manifest) any { return &m.Desktop }},
	{Name: "command", Kind: kindArgv, Scope: "file", check: checkWord,
		Doc:   "the program and its arguments, no shell; without it, Exec of the desktop file",
		field: func(m *Manifest) any { return &m.Command }},
	{Name: "extends", Kind: kindList, Scope: "file", check: checkID,
		Doc:   "bases that come first, left to right",
		field: func(m *Manifest) any { return &m.Extends }},
	{Name: "without", Kind: kindList, Scope: "file",
		Doc:   "what is taken away of lower layers: KEY or KEY:VALUE, with all that lies below",
		field: func(m *Manifest) any { return &m.Without }},
	{Name: "accept", Kind: kindList, check: checkCode,
		Doc:   "the dangers that the file takes on, by code",
		field: func(m *Manifest) any { return &m.Accept }},
	{Name: "instances", Kind: kindEnum, Values: "many join one", Default: "many", Scope: "file",
		Doc:   "what a second start does: another sandbox, join the running one, or refuse",
		field: func(m *Manifest) any { return &m.Instances }},

	{Name: "system.root", Kind: kindText, Default: "host", Short: "root", Later: "image:*", check: checkRoot,
		Doc:   "the system that the app sees: host, image:NAME[@sha256:DIGEST] or /folder",
		field: func(m *Manifest) any { return &m.System.Root }},
	{Name: "system.hostname", Kind: kindText, Default: "snug", Short: "hostname", check: checkHostname,
		Doc:   "the host name that the app sees",
		field: func(m *Manifest) any { return &m.System.Hostname }},

	{Name: "home.mode", Kind: kindEnum, Values: "ephemeral private", Default: "ephemeral", Short: "home",
		Doc:   "the app's home: gone at its end, or kept for this app alone",
		field: func(m *Manifest) any { return &m.Home.Mode }},
	{Name: "home.import", Kind: kindList, check: checkPath,
		Doc:   "copied into a kept home once, at the first start, after asking",
		field: func(m *Manifest) any { return &m.Home.Import }},

	{Name: "files.read", Kind: kindList, Short: "read", check: checkPath,
		Doc:   "files and folders that the app may read",
		field: func(m *Manifest) any { return &m.Files.Read }},
	{Name: "files.write", Kind: kindList, Short: "write", check: checkPath,
		Doc:   "files and folders that the app may read and change",
		field: func(m *Manifest) any { return &m.Files.Write }},
	{Name: "files.create", Kind: kindList, Short: "create", check: checkPath,
		Doc:   "as files.write; what is missing is made, as a folder of mode 0700",
		field: func(m *Manifest) any { return &m.Files.Create }},
	{Name: "files.except", Kind: kindList, Short: "except", check: checkPath,
		Doc:   "holes in a folder granted above",
		field: func(m *Manifest) any { return &m.Files.Except }},
	{Name: "files.arguments", Kind: kindEnum, Values: "off read write", Default: "off",
		Doc:   "what the app may do with files given to it from a menu or the command line",
		field: func(m *Manifest) any { return &m.Files.Arguments }},
	{Name: "files.live", Kind: kindFlag, Default: "false",
		Doc:   "`snug grant` may add files while the app runs",
		field: func(m *Manifest) any { return &m.Files.Live }},

	{Name: "display.wayland", Kind: kindEnum, Values: "off filtered raw", Default: "off", Short: "wayland",
		Danger: "wayland-raw", Risky: "raw",
		Doc:   "the Wayland display",
		field: func(m *Manifest) any { return &m.Display.Wayland }},
	{Name: "display.x11", Kind: kindEnum, Values: "off filtered nested raw", Default: "off", Short: "x11",
		Danger: "x11-raw", Risky: "raw", Later: "filtered nested",
		Doc:   "the X11 display, used only if no Wayland server answers",
		field: func(m *Manifest) any { return &m.Display.X11 }},
	{Name: "display.both", Kind: kindFlag, Default: "false",
		Doc:   "X11 beside Wayland instead of only in its place",
		field: func(m *Manifest) any { return &m.Display.Both }},
	{Name: "display.clipboard", Kind: kindEnum, Values: "off focused full", Default: "off",
		Danger: "clipboard-full", Risky: "full",
		Doc:   "copy and paste: never, while the app has the focus, or always",
		field: func(m *Manifest) any { return &m.Display.Clipboard }},
	{Name: "display.allow", Kind: kindList,
		Values: "tray ime inhibit idle game-input shortcuts panel screencopy layer-shell data-control",
		Danger: "display:NAME", Risky: "panel screencopy layer-shell data-control",
		Doc:   "what a plain window does not need",
		field: func(m *Manifest) any { return &m.Display.Allow }},

	{Name: "sound.play", Kind: kindFlag, Default: "false",
		Doc:   "play sound",
		field: func(m *Manifest) any { return &m.Sound.Play }},
	{Name: "sound.record", Kind: kindEnum, Values: "off ask allow", Default: "off",
		Doc:   "record from the microphone",
		field: func(m *Manifest) any { return &m.Sound.Record }},
	{Name: "sound.system", Kind: kindFlag, Default: "false", Danger: "record-system", Risky: "*",
		Doc:   "record what other apps play",
		field: func(m *Manifest) any { return &m.Sound.System }},
	{Name: "sound.mixer", Kind: kindFlag, Default: "false",
		Doc:   "change volumes and default devices",
		field: func(m *Manifest) any { return &m.Sound.Mixer }},
	{Name: "sound.raw", Kind: kindFlag, Default: "false", Danger: "sound-raw", Risky: "*",
		Doc:   "the sound server's own socket",
		field: func(m *Manifest) any { return &m.Sound.Raw }},

	{Name: "devices.gpu", Kind: kindFlag, Default: "false", Short: "gpu",
		Doc:   "graphics cards: /dev/dri, its /sys and /dev/nvidia*",
		field: func(m *Manifest) any { return &m.Devices.GPU }},
	{Name: "devices.compute", Kind: kindFlag, Default: "false",
		Doc:   "computing on graphics cards: nvidia-uvm and kfd",
		field: func(m *Manifest) any { return &m.Devices.Compute }},
	{Name: "devices.input", Kind: kindFlag, Default: "false",
		Doc:   "gamepads and joysticks plugged in at the start; keyboards and mice never",
		field: func(m *Manifest) any { return &m.Devices.Input }},
	{Name: "devices.fido", Kind: kindFlag, Default: "false",
		Doc:   "security keys plugged in at the start, by their own nodes alone",
		field: func(m *Manifest) any { return &m.Devices.FIDO }},
	{Name: "devices.camera", Kind: kindEnum, Values: "off portal raw", Default: "off",
		Danger: "camera-raw", Risky: "raw",
		Doc:   "cameras, by the portal that asks or as raw nodes",
		field: func(m *Manifest) any { return &m.Devices.Camera }},
	{Name: "devices.printer", Kind: kindEnum, Values: "off portal cups", Default: "off",
		Doc:   "printing, by the portal's dialog or CUPS's own socket",
		field: func(m *Manifest) any { return &m.Devices.Printer }},
	{Name: "devices.usb", Kind: kindList, check: checkUSB,
		Doc:   "USB devices plugged in at the start, by vendor and product: 1050:0407",
		field: func(m *Manifest) any { return &m.Devices.USB }},
	{Name: "devices.nodes", Kind: kindList, Danger: "nodes", Risky: "*", check: checkNode,
		Doc:   "device nodes by path: /dev/ttyUSB0",
		field: func(m *Manifest) any { return &m.Devices.Nodes }},

	{Name: "network.mode", Kind: kindEnum, Values: "off filtered user host", Default: "off", Short: "network",
		Danger: "network-host", Risky: "host", Later: "filtered",
		Doc:   "the network: none, an allow-list, a user-mode stack, or the host's own",
		field: func(m *Manifest) any { return &m.Network.Mode }},
	{Name: "network.allow", Kind: kindList, Later: "*", check: checkEndpoint,
		Doc:   "with mode filtered: HOST:PORT or ADDRESS/BITS:PORT; *.HOST covers what lies below",
		field: func(m *Manifest) any { return &m.Network.Allow }},
	{Name: "network.listen", Kind: kindList, Later: "*", check: checkListen,
		Doc:   "ADDRESS:PORT of the host on which the app may be reached",
		field: func(m *Manifest) any { return &m.Network.Listen }},

	{Name: "bus.session.see", Kind: kindList, check: checkBusName,
		Doc:   "names on the session bus whose presence the app may see",
		field: func(m *Manifest) any { return &m.Bus.Session.See }},
	{Name: "bus.session.talk", Kind: kindList, Danger: "talk:NAME", Risky: "*", check: checkBusName,
		Doc:   "names on the session bus that the app may call and hear",
		field: func(m *Manifest) any { return &m.Bus.Session.Talk }},
	{Name: "bus.session.own", Kind: kindList, Danger: "own:FOREIGN", Risky: "*", check: checkBusName,
		Doc:   "names on the session bus that the app may own, beside its id and its MPRIS name",
		field: func(m *Manifest) any { return &m.Bus.Session.Own }},
	{Name: "bus.session.call", Kind: kindList, Danger: "talk:NAME", Risky: "*", check: checkBusRule,
		Doc:   "single calls on the session bus: NAME=[METHOD][@PATH]",
		field: func(m *Manifest) any { return &m.Bus.Session.Call }},
	{Name: "bus.session.broadcast", Kind: kindList, check: checkBusRule,
		Doc:   "single signals on the session bus: NAME=[SIGNAL][@PATH]",
		field: func(m *Manifest) any { return &m.Bus.Session.Broadcast }},
	{Name: "bus.system.see", Kind: kindList, check: checkBusName,
		Doc:   "names on the system bus whose presence the app may see",
		field: func(m *Manifest) any { return &m.Bus.System.See }},
	{Name: "bus.system.talk", Kind: kindList, Danger: "talk:NAME", Risky: "*", check: checkBusName,
		Doc:   "names on the system bus that the app may call and hear",
		field: func(m *Manifest) any { return &m.Bus.System.Talk }},
	{Name: "bus.system.own", Kind: kindList, Danger: "own:FOREIGN", Risky: "*", check: checkBusName,
		Doc:   "names on the system bus that the app may own",
		field: func(m *Manifest) any { return &m.Bus.System.Own }},
	{Name: "bus.system.call", Kind: kindList, Danger: "talk:NAME", Risky: "*", check: checkBusRule,
		Doc:   "single calls on the system bus: NAME=[METHOD][@PATH]",
		field: func(m *Manifest) any { return &m.Bus.System.Call }},
	{Name: "bus.system.broadcast", Kind: kindList, check: checkBusRule,
		Doc:   "single signals on the system bus: NAME=[SIGNAL][@PATH]",
		field: func(m *Manifest) any { return &m.Bus.System.Broadcast }},
	{Name: "bus.a11y.enable", Kind: kindFlag, Default: "false",
		Doc:   "assistive technology may read the app; the app never walks other apps",
		field: func(m *Manifest) any { return &m.Bus.A11y.Enable }},

	{Name: "portals.allow", Kind: kindList, check: checkPortal,
		Doc:   "portals by name: FileChooser OpenURI Settings Notification Print Camera Secret Trash Background",
		field: func(m *Manifest) any { return &m.Portals.Allow }},
	{Name: "portals.documents", Kind: kindFlag, Default: "false",
		Doc:   "files picked in a portal's dialog appear in the document portal",
		field: func(m *Manifest) any { return &m.Portals.Documents }},
	{Name: "portals.flatpak-info", Kind: kindFlag, Default: "false",
		Doc:   "the app itself sees /.flatpak-info",
		field: func(m *Manifest) any { return &m.Portals.FlatpakInfo }},

	{Name: "process.pass", Kind: kindList, Short: "pass", check: checkVariable,
		Doc:   "variables of the host's environment beyond the safe list",
		field: func(m *Manifest) any { return &m.Process.Pass }},
	{Name: "process.env", Kind: kindTable, Short: "env", check: checkVariable,
		Doc:   "variables that are set",
		field: func(m *Manifest) any { return &m.Process.Env }},
	{Name: "process.nested", Kind: kindFlag, Default: "false",
		Doc:   "user namespaces inside: the own sandboxes of browsers, Electron, WebKit and Steam",
		field: func(m *Manifest) any { return &m.Process.Nested }},
	{Name: "process.debug", Kind: kindFlag, Default: "false",
		Doc:   "ptrace of own processes",
		field: func(m *Manifest) any { return &m.Process.Debug }},
	{Name: "process.abi32", Kind: kindFlag, Default: "false",
		Doc:   "32-bit system calls",
		field: func(m *Manifest) any { return &m.Process.ABI32 }},
	{Name: "process.capabilities", Kind: kindList, Danger: "capabilities", Risky: "*", check: checkCapability,
		Doc:   "capabilities inside the sandbox: CAP_NET_ADMIN or net_admin",
		field: func(m *Manifest) any { return &m.Process.Capabilities }},
	{Name: "process.new-privileges", Kind: kindFlag, Default: "false", Danger: "new-privileges", Risky: "*",
		Doc:   "setuid programs work inside; for images only",
		field: func(m *Manifest) any { return &m.Process.NewPrivileges }},
	{Name: "process.seccomp", Kind: kindText, Default: "default", Danger: "seccomp-off", Risky: "*", check: checkSeccomp,
		Doc:   "the filter of system calls: default, off or a FILE.json in the runtime-spec format",
		field: func(m *Manifest) any { return &m.Process.Seccomp }},
	{Name: "process.services", Kind: kindList, Values: "cups pcsc ssh-agent gpg-agent keyring",
		Danger: "agents", Risky: "ssh-agent gpg-agent keyring", Later: "*",
		Doc:   "sockets of the host's services, by name",
		field: func(m *Manifest) any { return &m.Process.Services }},

	{Name: "limits.memory", Kind: kindText, Later: "*", check: checkSize,
		Doc:   "memory for all of the app's processes: 4G",
		field: func(m *Manifest) any { return &m.Limits.Memory }},
	{Name: "limits.tasks", Kind: kindNumber, Later: "*",
		Doc:   "processes and threads",
		field: func(m *Manifest) any { return &m.Limits.Tasks }},
	{Name: "limits.cpus", Kind: kindDecimal, Later: "*",
		Doc:   "processors, with a fraction",
		field: func(m *Manifest) any { return &m.Limits.CPUs }},
	{Name: "limits.files", Kind: kindNumber,
		Doc:   "open files for each process",
		field: func(m *Manifest) any { return &m.Limits.Files }},
	{Name: "limits.core", Kind: kindText, Default: "0", check: checkSize,
		Doc:   "size of core dumps: 0, 100M or unlimited",
		field: func(m *Manifest) any { return &m.Limits.Core }},
}

// lookup returns the key of that name, or nil.
func lookup(name string) *Key {
	for i := range schema {
		if schema[i].Name == name {
			return &schema[i]
		}
	}
	return nil
}

// isTable reports whether name is a table of the schema: "files", "bus.session", "process.env".
func isTable(name string) bool {
	for i := range schema {
		key := &schema[i]
		if within(key.Name, name) && (key.Name != name || key.Kind == kindTable) {
			return true
		}
	}
	return false
}

// within reports whether name is the table or lies below it.
func within(name, table string) bool {
	return strings.HasPrefix(name, table) && (len(name) == len(table) || name[len(table)] == '.')
}

// suggest returns a hint for a key that does not exist, or "".
func suggest(name string) string {
	var names []string
	for i := range schema {
		key := schema[i].Name
		names = append(names, key)
		for table := key; strings.Contains(table, "."); {
			table = table[:strings.LastIndexByte(table, '.')]
			names = append(names, table)
		}
	}
	if near := Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	for _, key := range names {
		if strings.HasSuffix(key, "."+last) {
			return "did you mean " + key + "?"
		}
	}
	return ""
}
