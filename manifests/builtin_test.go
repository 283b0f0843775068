package manifests_test

import (
	"testing"

	"snug/manifests"
)

// TestBuiltIn loads and merges every manifest that comes with snug: each is whole, warns of
// nothing, and asks for nothing that this version lacks.
func TestBuiltIn(t *testing.T) {
	catalogue := manifests.Catalogue{}
	ids := catalogue.IDs()
	if len(ids) < 4 {
		t.Fatalf("built in are only %q", ids)
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			app, err := catalogue.Find(id)
			if err != nil {
				t.Fatal(err)
			}
			layers, err := catalogue.Load(app, nil)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := manifests.Merge(layers, nil, manifests.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			if err := append(append(manifest.Warnings, manifest.NotYet()...), manifest.UnusedCodes()...); err != nil {
				t.Error(err)
			}
			if len(manifest.Command) == 0 || manifest.ID.Value != id || len(manifest.Desktop) == 0 {
				t.Errorf("command %q, id %q, desktop %q", manifest.Command, manifest.ID.Value, manifest.Desktop)
			}
			if !holds(manifest.Files.Write, "?xdg-download") {
				t.Error("downloads are not shared")
			}
		})
	}
}

func holds(list []manifests.Text, value string) bool {
	for _, text := range list {
		if text.Value == value {
			return true
		}
	}
	return false
}
