package compose

import (
	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
)

// Import is a file or folder of the person's home of which the app's kept home gets a copy once, if
// the person agrees. Compose copies nothing.
type Import struct {
	Entry  string   // as the manifest spells it, without "?"
	Source string   // outside, without links; empty if there is no such file
	Rel    string   // its place below the app's home
	Skip   []string // what lies below Source and is not copied: relative paths
}

// imports judges what is to be copied as if it were to be read: the app has it for good. What may be
// missing and is, is left out.
func (c *composer) imports() {
	for _, asks := range c.m.Home.Import {
		if c.m.Home.Mode.Value != "private" {
			c.refuse("home.import", asks, "only a home that is kept takes copies", spelled(asks, `write home.mode = "private"`, "--home private keeps it"))
			return
		}
		c.importEntry(asks)
	}
}

func (c *composer) importEntry(asks manifests.Text) {
	const key = "home.import"
	path := splitEntry(asks.Value)
	outside, dest, ok := c.expand(key, asks, path)
	if !ok {
		return
	}
	if dest = clean(dest); !inside(dest, c.home) || dest == c.home {
		c.refuse(key, asks, "has no place in the app's home: it is not below yours", "files.read or files.write grants it where it is")
		return
	}
	i := Import{Entry: asks.Value, Rel: relative(dest, c.home)}
	if path.optional {
		i.Entry = i.Entry[1:]
	}
	c.tell(groupFiles, "have a copy of "+words.Quote(outside)+" in its home, if you agree at its first start", asks.Origin)
	source, err := c.resolve(outside)
	switch {
	case err != nil:
		c.refuse(key, asks, "cannot be looked at: "+files.Reason(err), "")
		return
	case source.rest != "" && path.optional:
		return
	case source.rest != "":
		c.out.Imports = append(c.out.Imports, i)
		return
	}
	g := &grant{key: key, asks: asks, dest: dest, source: source}
	if link, planted := c.planted(g); planted {
		c.refuse(key, asks, "follows the link "+words.Quote(link)+", which the app may change", "name where it leads: "+source.path)
		return
	}
	own := c.realPath(child(c.w.Data, "snug"))
	if inside(source.path, own) {
		c.refuse(key, asks, "is snug's own, or another app's home", "snug data export makes a copy of a home")
		return
	}
	if kind := source.file.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		c.refuse(key, asks, "is neither a file nor a folder", "")
		return
	}
	if !c.judge(g) {
		return
	}
	i.Source = source.path
	for _, path := range append(c.hidden(source.path), own) {
		if inside(path, source.path) {
			i.Skip = append(i.Skip, relative(path, source.path))
		}
	}
	c.out.Imports = append(c.out.Imports, i)
}
