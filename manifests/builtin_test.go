package manifests_test

import (
	"os"
	"strings"
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
			window := manifest.Display.Wayland.Value != "off" || manifest.Display.X11.Value != "off"
			if len(manifest.Command) == 0 || manifest.ID.Value != id || window != (len(manifest.Desktop) > 0) {
				t.Errorf("command %q, id %q, desktop %q, window %v", manifest.Command, manifest.ID.Value, manifest.Desktop, window)
			}
			if !holds(manifest.Files.Write, "?xdg-download") {
				t.Error("downloads are not shared")
			}
		})
	}
}

// TestBuiltInIsTold: README names the program of each.
func TestBuiltInIsTold(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "Built in, so")
	list, _, _ = strings.Cut(list, ". No verb")
	catalogue := manifests.Catalogue{}
	for _, id := range catalogue.IDs() {
		if !strings.Contains(list, id) {
			t.Errorf("README does not say that %s is built in", id)
		}
	}
	if told := strings.Count(list, ",") + 1; told < len(catalogue.IDs()) {
		t.Errorf("want %d names in README, got %d", len(catalogue.IDs()), told)
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
