package compose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/compose"
)

// TestElsewhere is which paths of an [[if]] that does not hold are dangerous, be they here or not.
func TestElsewhere(t *testing.T) {
	w := fakeWorld(t, "", "l /home/ann/keys .ssh\nd /home/ann/.ssh\nd /home/ann/doc\nd /home/ann/.config")
	m, err := merge(t, manifests.Facts{}, nil, `[[if]]
when = "host=other"
files.read = ["~/.ssh/id_rsa", "~/.aws", "?~/keys", "~/doc", "/home/ann", "xdg-music", "?xdg-data"]
files.write = ["~"]
files.except = ["~/.ssh"]
`)
	if err != nil {
		t.Fatal(err)
	}
	var dangerous, harmless []string
	for _, value := range compose.Elsewhere(m, w) {
		if value.Danger == "files:HOME" {
			dangerous = append(dangerous, value.Value)
		} else {
			harmless = append(harmless, value.Value)
		}
	}
	if diff := cmp.Diff("~/.ssh/id_rsa ~/.aws ?~/keys /home/ann ?xdg-data ~", strings.Join(dangerous, " ")); diff != "" {
		t.Errorf("dangerous: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff("~/doc xdg-music ~/.ssh", strings.Join(harmless, " ")); diff != "" {
		t.Errorf("harmless: -want +got:\n%s", diff)
	}
}
