package wrap

import (
	"errors"
	"io/fs"
	"strings"

	"snug/manifests/desktop"
)

// AtLogin returns what has to change so that the session starts an app at login, in its sandbox, with
// words behind its command; of those none is a file that the start would grant. The title and icon are
// for programs that list what starts. Nothing: it is so already. A launcher that is there and that
// AtLogin has not written is a Refusal, but for a wrapped one, which starts the app as it is.
func (f *Folders) AtLogin(app App, title, icon string, words []string) ([]Change, error) {
	p, err := f.loginPlace(app)
	if err != nil {
		return nil, err
	}
	if p.state == ours && !p.forLogin() {
		return nil, nil
	}
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, &Refusal{"a word of its command holds a control character", ""}
		}
	}
	if title == "" {
		title = app.ID
	}
	text := "[Desktop Entry]\nType=Application\nName=" + escape(title) + "\n"
	if icon != "" {
		text += "Icon=" + escape(icon) + "\n"
	}
	start := append([]string{f.Snug, "run", "--autostart", "--files-arguments=off", app.Word}, words...)
	file, err := desktop.Parse([]byte(text + "Exec=" + desktop.FormatExec(start) + "\n" +
		"# The app asked for this by the portal Background, which its manifest allows.\n"))
	if err != nil {
		return nil, err
	}
	return p.change(sealed(file.With(desktop.Entry, append(notes(app.ID, nil), keyAutostart+"=true")...), desktop.Entry), 0o644)
}

// NotAtLogin returns what has to change so that what AtLogin wrote is gone.
func (f *Folders) NotAtLogin(app App) ([]Change, error) {
	p, err := f.loginPlace(app)
	switch {
	case err != nil || p.state == empty:
		return nil, err
	case !p.forLogin():
		return nil, &Refusal{p.path + " is a wrapped launcher, and is not the app's to remove", "snug unwrap " + app.ID + " takes away what is wrapped"}
	}
	change, err := f.Unwrap(Written{Path: p.path, App: app.ID, Edited: p.state == edited})
	if err != nil {
		return nil, err
	}
	return []Change{change}, nil
}

// loginPlace is where the launcher goes that starts an app at login.
func (f *Folders) loginPlace(app App) (*place, error) {
	p, err := plainPlace(f.Config, "autostart", app.ID+".desktop")
	if err != nil && (p == nil || !errors.Is(err, fs.ErrNotExist)) { // no launcher need stand behind it
		return nil, err
	}
	if p.state == persons {
		return nil, &Refusal{p.path + " is there already, and snug did not write it", "remove it, and the app can be started at login in its sandbox"}
	}
	return p, nil
}

// forLogin reports whether AtLogin wrote what is at a place of ours.
func (p *place) forLogin() bool {
	if p.counts == nil {
		return false
	}
	_, found := p.counts.Get(desktop.Entry, keyAutostart)
	return found
}
