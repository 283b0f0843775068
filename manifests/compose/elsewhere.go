package compose

import (
	"snug/manifests"
)

// Elsewhere returns what the [[if]] of a manifest that do not hold in this world add where they do. It
// is words, but for paths: of these it tells by where they would lead here whether they are dangerous.
// A path that another machine has elsewhere, behind a link, is judged there.
func Elsewhere(m *manifests.Manifest, w *World) (values []manifests.Conditional) {
	c := &composer{m: m, w: w, out: &Sandbox{}, folders: map[string]File{}, home: homeOf(w)}
	for value := range m.Elsewhere() {
		if value.Danger == "" && grantsFiles(value.Key.Name) && c.wouldBeSecret(value.Grant) {
			value.Danger = "files:HOME"
		}
		values = append(values, value)
	}
	return values
}

func grantsFiles(key string) bool {
	return key == "files.read" || key == "files.write" || key == "files.create"
}

// wouldBeSecret reports whether a grant of files is the home or has to do with keys, be there such a
// path here or not.
func (c *composer) wouldBeSecret(g manifests.Grant) bool {
	path := splitEntry(g.Value)
	path.optional = true
	outside, _, ok := c.expand(g.Key.Name, manifests.Text{Value: g.Value, Origin: g.Origin}, path)
	if !ok {
		return false
	}
	return c.namesSecret(outside) || c.namesSecret(c.realPath(outside))
}
