package compose_test

import (
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
)

// everyday is a manifest of everyday size.
const everyday = `
id = "org.example.App"
accept = ["wayland-raw", "x11-raw", "sound-raw"]
[home]
mode = "private"
[files]
read = ["?xdg-pictures", "?~/.gitconfig", "?/srv/www", "?~/.config/app", "/usr/share/doc"]
write = ["?xdg-download", "?~/src", "?~/Documents"]
except = ["?~/src/.env"]
arguments = "write"
[display]
wayland = "raw"
x11 = "raw"
[sound]
raw = true
[devices]
gpu = true
[network]
mode = "user"
[process]
pass = ["EDITOR", "PAGER"]
env = { MOZ_ENABLE_WAYLAND = "1", A = "b" }
[limits]
files = 1024
`

// BenchmarkCompose composes for this machine, with every look at its files.
func BenchmarkCompose(b *testing.B) {
	for _, bm := range []struct{ name, manifest string }{{"default", ""}, {"everyday", everyday}} {
		b.Run(bm.name, func(b *testing.B) {
			w, err := compose.Session()
			if err != nil {
				b.Fatal(err)
			}
			m, err := merge(b, manifests.Facts{}, nil, bm.manifest)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compose.Compose(m, w, compose.Command{Argv: []string{"sh", "/etc/passwd"}, Fixed: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("session", func(b *testing.B) {
		for b.Loop() {
			if _, err := compose.Session(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
