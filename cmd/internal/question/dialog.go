package question

import (
	"context"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// access is the dialog of a desktop's portals (org.freedesktop.impl.portal.Access, version 1).
const access = "org.freedesktop.impl.portal.Access"

// choice is one that a dialog offers beside its buttons.
type choice struct {
	ID, Label string
	Options   []struct{ ID, Label string }
	Initial   string
}

// dialog asks by the first desktop that has one.
func dialog(ctx context.Context, bus *dbus.Conn, desktops []string, q Question) (Answer, error) {
	options := map[string]dbus.Variant{
		"modal": dbus.MakeVariant(false), "icon": dbus.MakeVariant(q.App),
		"grant_label": dbus.MakeVariant("Allow"), "deny_label": dbus.MakeVariant("Don't allow"),
	}
	if q.Keep {
		options["choices"] = dbus.MakeVariant([]choice{{ID: "keep", Label: "Do not ask again", Initial: "false"}})
	}
	for _, name := range append(desktops, "gtk", "gnome", "kde") {
		if !isElement(name) {
			continue // the bus would end the connection
		}
		object := bus.Object("org.freedesktop.impl.portal.desktop."+strings.ToLower(name), "/org/freedesktop/portal/desktop")
		handle := dbus.ObjectPath("/org/freedesktop/portal/desktop/request/snug/" + strings.NewReplacer(":", "", ".", "_").Replace(bus.Names()[0]))
		var response uint32
		var results map[string]dbus.Variant
		err := object.CallWithContext(ctx, access+".AccessDialog", 0, handle, q.App, "", q.Title, "", q.Text, options).Store(&response, &results)
		switch {
		case ctx.Err() != nil:
			bus.Object(object.Destination(), handle).Call("org.freedesktop.impl.portal.Request.Close", dbus.FlagNoReplyExpected)
			return Later, nil
		case err != nil:
			continue // not this desktop's, or it has no such dialog
		}
		return chosen(response, results), nil
	}
	return Later, ErrNobody
}

// chosen reads what a dialog gives.
func chosen(response uint32, results map[string]dbus.Variant) Answer {
	keep := keeps(results["choices"])
	switch {
	case response == 0 && keep:
		return Always
	case response == 0:
		return Once
	case response == 1 && keep:
		return Never
	case response == 1:
		return No
	}
	return Later
}

// keeps reports whether the answer is to be kept. Portals are specified to give pairs of words, and the one of gtk
// gives a dictionary, and that only of what was allowed: who does not allow is asked again there.
func keeps(choices dbus.Variant) bool {
	switch list := choices.Value().(type) {
	case [][]any:
		return slices.ContainsFunc(list, func(pair []any) bool { return slices.Equal(pair, []any{"keep", "true"}) })
	case map[string]dbus.Variant:
		return list["keep"].Value() == "true"
	}
	return false
}

// isElement reports whether a word can be an element of a name on the bus.
func isElement(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool {
		return r != '_' && r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
