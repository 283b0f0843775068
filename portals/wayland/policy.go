package wayland

import (
	"fmt"
	"strings"
)

// Policy is what an app may do on a display beyond plain windows. The zero value grants nothing.
type Policy struct {
	// Allow has words of display.allow: "inhibit", "idle", "game-input", "shortcuts", "screencopy",
	// "layer-shell", "data-control", "panel"; "tray" and "ime", which mean nothing here; and "gpu".
	Allow []string
	// Clipboard is "off", as is "", or "focused" or "full".
	Clipboard string
	// App and Instance are told to the compositor, if they are not "" and it has wp_security_context_v1.
	App, Instance string
}

// longestID is how many bytes an App or Instance may have: a message of the protocol has 4096 for libwayland.
const longestID = 1024

// Check tells what in the policy makes no sense.
func (p Policy) Check() error {
	for _, word := range p.Allow {
		if _, ok := grantOf(word); !ok {
			return fmt.Errorf("allow: %q is not known", word)
		}
	}
	switch p.Clipboard {
	case "", "off", "focused", "full":
	default:
		return fmt.Errorf("clipboard: %q is not off, focused or full", p.Clipboard)
	}
	for _, id := range []string{p.App, p.Instance} {
		if len(id) > longestID || strings.ContainsRune(id, 0) {
			return fmt.Errorf("%.80q is not an id", id)
		}
	}
	return nil
}

// grantOf gives what a word of Allow opens. always stands for words that open nothing.
func grantOf(word string) (g grant, ok bool) {
	if word == "tray" || word == "ime" {
		return always, true
	}
	for g := always + 1; g < grants; g++ {
		if word != "" && g.text().word == word {
			return g, true
		}
	}
	return 0, false
}

// granted says which grants a policy has.
func (p Policy) granted() (has [grants]bool) {
	has[always] = true
	for _, word := range p.Allow {
		if g, ok := grantOf(word); ok {
			has[g] = true
		}
	}
	has[selection] = p.focused()
	has[dataControl] = has[dataControl] || p.Clipboard == "full"
	return has
}

// privileged reports whether a policy grants what compositors hide from all in a security context.
func (v *view) privileged() bool {
	return v.has[screencopy] || v.has[layerShell] || v.has[dataControl] || v.has[panel]
}

func (p Policy) focused() bool { return p.Clipboard == "focused" || p.Clipboard == "full" }

// Describe says in words what the policy lets through beyond plain windows, and in the last line what
// it hides.
func (p Policy) Describe() (lines []string) {
	has := p.granted()
	for g := always + 1; g < grants; g++ {
		if has[g] {
			lines = append(lines, g.text().means)
		}
	}
	if !p.focused() {
		lines = append(lines, "copies and pastes only by drag and drop")
	}
	hidden := []string{"typing and pointing for others", "locking and configuring the session"}
	for _, h := range []struct {
		grant grant
		what  string
	}{{screencopy, "the screen's picture"}, {panel, "other programs' windows"}, {dataControl, "the clipboard without focus"}, {layerShell, "overlays"}} {
		if !has[h.grant] {
			hidden = append(hidden, h.what)
		}
	}
	return append(lines, "hides "+strings.Join(hidden, ", ")+", and all that is not known to be harmless")
}

// view is a policy made ready: what becomes of a global. All connections of a display share it.
type view struct {
	rules map[string]rule // by interface
	has   [grants]bool
	// clipboard reports whether selections go as they are.
	clipboard bool
	followed  int // objects, on all connections
}

func compile(p Policy) (*view, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	v := &view{rules: map[string]rule{}, has: p.granted(), clipboard: p.focused()}
	for _, r := range rules() {
		v.rules[r.name] = r
	}
	return v, nil
}

// shows gives the version in which a global is shown, or 0 and the grant that would show it, if there is one.
func (v *view) shows(name []byte, version uint32) (shown uint32, would string) {
	r, known := v.rules[string(name)]
	switch {
	case !known:
		return 0, ""
	case !v.has[r.grant]:
		return 0, r.grant.text().key
	}
	return min(version, r.most), ""
}
