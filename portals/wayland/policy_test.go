package wayland

import (
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	const always, never = "xdg_wm_base", "zwp_virtual_keyboard_manager_v1"
	all := []string{always, never, "wl_data_device_manager", "zwp_idle_inhibit_manager_v1", "ext_idle_notifier_v1", "zwp_pointer_constraints_v1",
		"zwp_keyboard_shortcuts_inhibit_manager_v1", capture, "zwlr_layer_shell_v1", "ext_data_control_manager_v1", "zwlr_data_control_manager_v1",
		"zwlr_foreign_toplevel_manager_v1", "zwp_linux_dmabuf_v1", "zwp_primary_selection_device_manager_v1"}
	for _, tt := range []struct{ allow, clipboard, want string }{
		{"", "", ""},
		{"tray ime", "off", ""},
		{"inhibit", "", "zwp_idle_inhibit_manager_v1"},
		{"idle game-input", "", "ext_idle_notifier_v1 zwp_pointer_constraints_v1"},
		{"shortcuts", "", "zwp_keyboard_shortcuts_inhibit_manager_v1"},
		{"screencopy layer-shell", "", capture + " zwlr_layer_shell_v1"},
		{"data-control", "", "ext_data_control_manager_v1 zwlr_data_control_manager_v1"},
		{"panel gpu", "", "zwlr_foreign_toplevel_manager_v1 zwp_linux_dmabuf_v1"},
		{"", "focused", "zwp_primary_selection_device_manager_v1"},
		{"", "full", "ext_data_control_manager_v1 zwlr_data_control_manager_v1 zwp_primary_selection_device_manager_v1"},
	} {
		v, err := compile(Policy{Allow: strings.Fields(tt.allow), Clipboard: tt.clipboard})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range all {
			shown, would := v.shows([]byte(name), 99)
			switch {
			case shown == 99:
				t.Errorf("%s is not capped", name)
			case shown == 0 && (would == "") != (name == never):
				t.Errorf("%s is hidden, and %q shows it", name, would)
			case shown > 0 && name != always && name != "wl_data_device_manager":
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q, %q: want %s, got %s", tt.allow, tt.clipboard, tt.want, got)
		}
		if shown, _ := v.shows([]byte(always), 2); shown != 2 {
			t.Errorf("a version became %d", shown)
		}
	}
}

func TestCheck(t *testing.T) {
	for want, p := range map[string]Policy{
		`"keys" is not known`: {Allow: []string{"inhibit", "keys"}},
		`"" is not known`:     {Allow: []string{""}},
		`"on" is not off`:     {Clipboard: "on"},
		"is not an id":        {App: "a\x00b"},
		"not an id":           {Instance: strings.Repeat("1", 2000)},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	for want, p := range map[string]Policy{
		"copies and pastes only by drag and drop; hides typing and pointing for others, locking and configuring the session, " +
			"the screen's picture, other programs' windows, the clipboard without focus, overlays, and all that is not known to be harmless": {},
		"records the screen, with all that others show there; copies and pastes while focused; hides typing and pointing for others, " +
			"locking and configuring the session, other programs' windows, the clipboard without focus, overlays, and all that is not known " +
			"to be harmless": {Allow: []string{"screencopy", "tray"}, Clipboard: "focused"},
	} {
		if got := strings.Join(p.Describe(), "; "); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}
