package manifests

import (
	"strconv"
	"strings"

	"snug/manifests/internal/words"
)

// Each check says what is wrong with one value and what to do about it, or "". The value is plain
// text already: validate looks at that first.

// maxValue bounds one string; nothing that a manifest names is longer than a path.
const maxValue = 4096

// validate says what is wrong with one value of a key, or "".
func validate(key *Key, value string) (what, hint string) {
	if problem := words.Problem(value); problem != "" {
		return problem, "write it without"
	}
	switch {
	case len(value) > maxValue:
		return "is longer than " + strconv.Itoa(maxValue) + " bytes", ""
	case key.Values != "" && !key.Values.Has(value):
		return "is not allowed", oneOf(key)
	case key.Name == "without": // not in the table, which it reads: that would be a cycle
		return checkWithout(value)
	case key.check != nil:
		return key.check(value)
	}
	return "", ""
}

// oneOf says what a key may be in this version.
func oneOf(key *Key) string {
	switch now := key.Now(); len(now) {
	case 0:
		return "leave it out: nothing of it is in this version"
	case 1:
		return "in this version only " + now[0]
	default:
		return "one of " + strings.Join(now, ", ")
	}
}

// maxID bounds an id: files are called by it, with something before and behind, and no name of a file is longer
// than 255 bytes.
const maxID = 200

func checkID(id string) (what, hint string) {
	const syntax = "letters, digits and . _ -, as in org.example.App"
	switch {
	case id == "":
		return "is empty", syntax
	case len(id) > maxID:
		return "is longer than " + strconv.Itoa(maxID) + " bytes", "name the app by a shorter one"
	case !words.IsName(id[0]), !words.Every(id, func(c byte) bool { return words.IsLabel(c) || c == '.' }):
		return "is no id", syntax
	case strings.Contains(id, ".."), strings.HasSuffix(id, "."):
		return "has an empty part", syntax
	}
	return "", ""
}

func checkDesktop(name string) (what, hint string) {
	switch {
	case !strings.HasSuffix(name, ".desktop"):
		return "is no desktop file", "a name such as firefox.desktop, without its folder"
	case strings.Contains(name, "/"):
		return "holds a slash", "a desktop file's id has hyphens instead: kde-konsole.desktop"
	case strings.HasPrefix(name, "."), strings.HasPrefix(name, "-"):
		return "begins with a dot or a hyphen", ""
	}
	return "", ""
}

// checkWord lets every word through: validate has refused what is not plain.
func checkWord(string) (what, hint string) { return "", "" }

func checkRoot(root string) (what, hint string) {
	if root == "host" {
		return "", ""
	}
	if strings.HasPrefix(root, "/") {
		if root == "/" {
			return "is the host itself", `write "host"`
		}
		return checkPath(root)
	}
	const syntax = "host, image:NAME, image:NAME@sha256:DIGEST or /folder"
	image, found := strings.CutPrefix(root, "image:")
	if !found {
		return "is no root", syntax
	}
	name, digest, pinned := strings.Cut(image, "@")
	digest, sha := strings.CutPrefix(digest, "sha256:")
	if pinned && (!sha || len(digest) != 64 || !words.Every(digest, words.IsHex)) {
		return "has no sha256 digest behind @", syntax
	}
	if !words.Every(name, func(c byte) bool { return words.IsLabel(c) || strings.IndexByte("./:", c) >= 0 }) ||
		strings.Contains(name, "..") || !words.IsName(name[0]) {
		return "names no image", syntax
	}
	return "", ""
}

func checkHostname(name string) (what, hint string) {
	if len(name) > 64 || !words.Every(name, func(c byte) bool { return words.IsLabel(c) || c == '.' }) || strings.HasPrefix(name, "-") {
		return "is no host name", "up to 64 letters, digits, dots and hyphens"
	}
	return "", ""
}

func checkUSB(device string) (what, hint string) {
	vendor, product, _ := strings.Cut(device, ":")
	if len(vendor) != 4 || len(product) != 4 || !words.Every(vendor+product, words.IsHex) {
		return "is no USB device", "vendor and product as lsusb prints them: 1050:0407"
	}
	return "", ""
}

func checkNode(node string) (what, hint string) {
	if !strings.HasPrefix(node, "/dev/") {
		return "is no device node", "a path such as /dev/ttyUSB0"
	}
	return checkPath(node)
}

func checkVariable(name string) (what, hint string) {
	if !words.Every(name, words.IsName) || words.IsDigit(name[0]) {
		return "is no name of a variable", "letters, digits and _, not beginning with a digit"
	}
	return "", ""
}

func checkCapability(name string) (what, hint string) {
	if !words.Every(name, words.IsName) {
		return "is no capability", "a name such as CAP_NET_ADMIN or net_admin"
	}
	return "", ""
}

func checkSeccomp(filter string) (what, hint string) {
	switch {
	case filter == "default", filter == "off":
		return "", ""
	case strings.HasSuffix(filter, ".json") && (filter[0] == '/' || strings.HasPrefix(filter, "~/")):
		return checkPath(filter)
	}
	return "is no filter", "default, off, or a file such as ~/filter.json"
}

func checkSize(size string) (what, hint string) {
	digits := strings.TrimRight(size, "KMGT")
	if size == "unlimited" || len(digits) >= len(size)-1 && len(digits) <= 12 && words.Every(digits, words.IsDigit) {
		return "", ""
	}
	return "is no size", "digits and one of K, M, G, T, as in 4G; or unlimited"
}

// knownPortals are the portals of xdg-desktop-portal 1.20. Others pass, as there will be new ones, but
// not what is one of these misspelt.
const knownPortals words.Set = "Account Background Camera Clipboard Email FileChooser GameMode GlobalShortcuts Inhibit " +
	"InputCapture Location MemoryMonitor NetworkMonitor Notification OpenURI PowerProfileMonitor Print ProxyResolver " +
	"Realtime RemoteDesktop ScreenCast Screenshot Secret Settings Trash Usb Wallpaper"

func checkPortal(name string) (what, hint string) {
	switch {
	case name == "*":
		return "would allow every portal there will ever be", "name the portals: FileChooser, OpenURI, Settings"
	case name == "DynamicLauncher":
		return "would write launchers that start flatpak in place of snug", "leave it out"
	case knownPortals.Has(name):
		return "", ""
	case !words.Every(name, func(c byte) bool { return words.IsLetter(c) || words.IsDigit(c) }):
		return "is no portal", "a name such as FileChooser"
	}
	for _, known := range knownPortals.List() {
		if strings.EqualFold(known, name) {
			return "is no portal", "did you mean " + known + "?"
		}
	}
	if near := Nearest(name, knownPortals.List()); near != "" {
		return "is no portal", "did you mean " + near + "?"
	}
	return "", ""
}
