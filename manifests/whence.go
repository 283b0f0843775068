package manifests

import "strings"

// Whence says where the manifest of an id is: its path, with ~ for the home, "builtin", or "" if there is
// none.
func (c *Catalogue) Whence(id string) string {
	for _, source := range c.sources() {
		if !source.holds(id) {
			continue
		}
		if source.builtIn {
			return source.label
		}
		return strings.TrimSuffix(source.label, "/") + "/" + id + ".toml"
	}
	return ""
}
