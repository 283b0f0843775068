package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"snug/manifests"
)

// parse parses a text that must be good.
func parse(t testing.TB, name, text string) *manifests.Layer {
	t.Helper()
	layer, err := manifests.Parse(name, []byte(text))
	if err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
	return layer
}

// merge merges texts as the files a, b, c, …
func merge(t testing.TB, facts manifests.Facts, flags *manifests.Layer, texts ...string) (*manifests.Manifest, error) {
	t.Helper()
	var layers []*manifests.Layer
	for i, text := range texts {
		layers = append(layers, parse(t, string(rune('a'+i)), text))
	}
	return manifests.Merge(layers, flags, facts)
}

// flags makes a layer of "name=value" flags as a person types them.
func flags(t testing.TB, args ...string) *manifests.Layer {
	t.Helper()
	layer := new(manifests.Layer)
	for i, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		origin := manifests.Origin(fmt.Sprintf("--%s, argument %d", name, i+1))
		if err := layer.Set(name, value, origin); err != nil {
			t.Fatal(err)
		}
	}
	return layer
}
