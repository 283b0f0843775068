package portals

import (
	"errors"
	"os"
	"slices"
	"strings"

	"snug/portals/internal/relay"
	"snug/portals/wayland"
)

// Wayland is a display: its endpoint is called "wayland".
// Endpoint.With is a socket that the compositor has connected already, for the first connection of the app.
type Wayland struct{ wayland.Policy }

var errTwice = errors.New("given twice")

func (w *Wayland) kind() string { return "wayland" }

func (w *Wayland) words() (words []string) {
	for _, word := range w.Allow {
		words = append(words, "--allow="+word)
	}
	for _, s := range w.texts() {
		if *s.value != "" {
			words = append(words, "--"+s.key+"="+*s.value)
		}
	}
	return words
}

// wordText is a part of a policy that is one text, "" if it is not given.
type wordText struct {
	key   string
	value *string
}

func (w *Wayland) texts() []wordText {
	return []wordText{{"clipboard", &w.Clipboard}, {"app-id", &w.App}, {"instance", &w.Instance}}
}

func (w *Wayland) word(key, value string) error {
	if key == "allow" {
		w.Allow = append(w.Allow, value)
		return nil
	}
	texts := w.texts()
	i := slices.IndexFunc(texts, func(s wordText) bool { return s.key == key })
	switch {
	case i < 0:
		return errWord
	case *texts[i].value != "":
		return errTwice
	}
	*texts[i].value = value
	return nil
}

func (w *Wayland) listen(loop *relay.Loop, e *Endpoint, s *shared) error {
	d := wayland.Display{Listener: os.NewFile(uintptr(e.Listen), e.Name), Socket: e.Socket, First: e.With, Policy: w.Policy, Log: s.log, Name: e.Name}
	defer d.Listener.Close()
	if d.First == 0 {
		d.First = -1
	}
	return d.Listen(loop)
}

func (w *Wayland) advise(_, grant string) (key, value string) {
	key, value, _ = strings.Cut(grant, "=")
	return key, value
}
