package wrap

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"snug/manifests/desktop"
)

// The keys of a file that snug wrote; in shell text they stand behind "# ".
const (
	keyApp    = "X-Snug-App"           // the app's id
	keySource = "X-Snug-Source"        // the file that was wrapped
	keyOf     = "X-Snug-Source-Digest" // of that file, then
	keyDigest = "X-Snug-Digest"        // of this one without this line

	// Those of the launchers that snug writes for other ends: one that portals want to find while an app
	// runs, and one by which an app asked to be started at login.
	keyIdentity  = "X-Snug-Identity"
	keyAutostart = "X-Snug-Autostart"
)

// digest is what tells two texts apart.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// sealDigest is the digest of a file of ours. What it opens does not count, nor do blank lines and the space
// around an equals sign: a desktop writes the file anew when somebody chooses a default program.
func sealDigest(text []byte) string {
	var rest strings.Builder
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); key == "MimeType" && found || key == "" {
			continue
		}
		rest.WriteString(key + "=" + strings.TrimSpace(value) + "\n")
	}
	return digest([]byte(rest.String()))
}

// notes returns the lines that make a file ours, but for its own digest.
func notes(app string, source *desktop.File) []string {
	list := []string{keyApp + "=" + escape(app)}
	if source != nil {
		list = append(list, keySource+"="+escape(source.Path), keyOf+"="+digest(source.Bytes()))
	}
	return list
}

func escape(value string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value)
}

// sealed adds the digest to a file.
func sealed(file *desktop.File, group string) []byte {
	return file.With(group, keyDigest+"="+sealDigest(file.Bytes())).Bytes()
}

// seal is what a file says of its making.
type seal struct {
	app, source, of string
	broken          bool // it was changed since
}

// readSeal reads the seal of a text, or reports that it is not ours.
func readSeal(text []byte) (s seal, ours bool) {
	if !strings.Contains(string(text), keyApp+"=") {
		return seal{}, false
	}
	var rest strings.Builder
	own := ""
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# ")), "=")
		switch key {
		case keyApp:
			s.app, ours = unescape(value), true
		case keySource:
			s.source = unescape(value)
		case keyOf:
			s.of = value
		case keyDigest:
			own = value
			continue
		}
		rest.WriteString(line)
	}
	s.broken = own != sealDigest([]byte(rest.String()))
	return s, ours
}

func unescape(value string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(value)
}

// Behind returns the launcher that a wrapped one stands for, and any other as it is.
func Behind(file *desktop.File) (*desktop.File, error) {
	if s, ours := readSeal(file.Bytes()); ours && s.source != "" {
		return desktop.Read(s.source)
	}
	return file, nil
}
