package wayland

import (
	"encoding/xml"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"snug/tests/need"
)

// The table and the opcodes, judged by the protocols as they are written down.

// iface is an interface of a protocol.
type iface struct {
	Name     string `xml:"name,attr"`
	Version  uint32 `xml:"version,attr"`
	Requests []call `xml:"request"`
	Events   []call `xml:"event"`
}

// call is a request or an event.
type call struct {
	Name string `xml:"name,attr"`
	Args []struct {
		Type      string `xml:"type,attr"`
		Interface string `xml:"interface,attr"`
	} `xml:"arg"`
}

// protocols reads those of packages libwayland-dev and wayland-protocols.
func protocols(t *testing.T) map[string]iface {
	t.Helper()
	need.Time(t) // of an ordinary run, for which the packages are installed
	all := map[string]iface{}
	for _, dir := range []string{"/usr/share/wayland", "/usr/share/wayland-protocols"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".xml" {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var p struct {
				Interfaces []iface `xml:"interface"`
			}
			if err := xml.Unmarshal(b, &p); err != nil {
				return err
			}
			for _, i := range p.Interfaces {
				if _, there := all[i.Name]; !there { // stable ones come first, and xdg_shell of old had an xdg_surface, too
					all[i.Name] = i
				}
			}
			return nil
		})
		if err != nil {
			need.Missing(t, "wanted the protocols' XML of libwayland-dev and wayland-protocols, got "+err.Error())
		}
	}
	return all
}

// made gives the interfaces of objects that others make, and which event makes them.
func made(all map[string]iface) (by map[string]string, events map[string]bool) {
	by, events = map[string]string{}, map[string]bool{}
	for _, i := range all {
		for n, c := range slices.Concat(i.Requests, i.Events) {
			for _, a := range c.Args {
				if a.Type == "new_id" && a.Interface != "" {
					by[a.Interface] = i.Name
					events[a.Interface] = events[a.Interface] || n >= len(i.Requests)
				}
			}
		}
	}
	return by, events
}

// hiddenOnPurpose are globals that were judged, and are shown to nobody.
var hiddenOnPurpose = strings.Fields(`
	wl_shell xdg_shell zxdg_shell_v6
	zwp_fullscreen_shell_v1 zwp_input_method_v1 zwp_input_panel_v1 zwp_tablet_manager_v1 zwp_text_input_manager_v1
	zwp_xwayland_keyboard_grab_manager_v1 xwayland_shell_v1 zxdg_importer_v1 zxdg_importer_v2
	wp_drm_lease_device_v1 ext_session_lock_manager_v1 wp_security_context_manager_v1 ext_transient_seat_manager_v1
	wl_fixes ext_background_effect_manager_v1 xx_session_manager_v1`)

func TestTable(t *testing.T) {
	all := protocols(t)
	by, _ := made(all)
	table, found := map[string]rule{}, 0
	for _, r := range rules() {
		if table[r.name].most > 0 {
			t.Errorf("%s stands there twice", r.name)
		}
		table[r.name] = r
		i, there := all[r.name]
		switch {
		case !there:
		case by[r.name] != "":
			t.Errorf("%s is made by %s, and is no global", r.name, by[r.name])
		case r.most < i.Version:
			t.Errorf("%s: version %d of %d", r.name, r.most, i.Version)
		}
		if there {
			found++
		}
	}
	if found < 30 {
		t.Errorf("control: want most of the table in the protocols, got %d", found)
	}
	for name := range all {
		if global := by[name] == "" && name != "wl_display"; global && table[name].most == 0 && !slices.Contains(hiddenOnPurpose, name) {
			t.Errorf("%s was not judged", name)
		}
	}
	for _, name := range hiddenOnPurpose {
		if table[name].most > 0 {
			t.Errorf("%s is hidden, and not", name)
		}
	}
}

func TestOpcodes(t *testing.T) {
	all := protocols(t)
	for _, tt := range []struct {
		name   string
		opcode int
		list   []call
	}{
		{"error", displayError, all["wl_display"].Events},
		{"delete_id", deleteID, all["wl_display"].Events},
		{"sync", 0, all["wl_display"].Requests},
		{"get_registry", getRegistry, all["wl_display"].Requests},
		{"bind", bind, all["wl_registry"].Requests},
		{"global", announce, all["wl_registry"].Events},
		{"global_remove", withdraw, all["wl_registry"].Events},
		{"get_data_device", getDataDevice, all["wl_data_device_manager"].Requests},
		{"set_selection", setSelection, all["wl_data_device"].Requests},
		{"release", releaseDevice, all["wl_data_device"].Requests},
		{"data_offer", dataOffer, all["wl_data_device"].Events},
		{"enter", enter, all["wl_data_device"].Events},
		{"selection", selectionEvent, all["wl_data_device"].Events},
		{"receive", receive, all["wl_data_offer"].Requests},
		{"destroy", destroyOffer, all["wl_data_offer"].Requests},
		{"offer", offerType, all["wl_data_offer"].Events},
	} {
		if len(tt.list) <= tt.opcode || tt.list[tt.opcode].Name != tt.name {
			t.Errorf("%s has not the opcode %d", tt.name, tt.opcode)
			continue
		}
		for _, a := range tt.list[tt.opcode].Args {
			if a.Type == "fd" && tt.name != "receive" {
				t.Errorf("%s has a descriptor, and may be left out", tt.name)
			}
		}
	}
}

// What the filter takes for granted of protocols that it does not read.
func TestPremises(t *testing.T) {
	all := protocols(t)
	_, events := made(all)
	for name, i := range all {
		for _, c := range i.Requests {
			for _, a := range c.Args {
				if a.Type == "new_id" && a.Interface == "" && name != "wl_registry" {
					t.Errorf("%s.%s makes objects of any interface", name, c.Name)
				}
			}
		}
		hidden := name == "zwp_input_method_context_v1"
		if events[name] && name != "wl_data_offer" && !hidden && len(i.Requests) > receive && len(i.Requests[receive].Args) > 0 {
			t.Errorf("%s.%s looks like wl_data_offer.receive", name, i.Requests[receive].Name)
		}
	}
}
