package wayland

// rule is a global that may be let through.
type rule struct {
	name  string
	most  uint32 // the latest version that was judged
	grant grant
}

// grant is what opens a global.
type grant byte

const (
	always grant = iota
	inhibit
	idle
	gameInput
	shortcuts
	screencopy
	layerShell
	dataControl
	panel
	gpu
	selection // a clipboard by focus
	grants    // how many there are
)

// grantText has the word of Policy.Allow for a grant, the key of a manifest that gives it, and what it means.
type grantText struct{ word, key, means string }

func (g grant) text() grantText {
	const allow = "display.allow="
	return [grants]grantText{
		inhibit:     {"inhibit", allow + "inhibit", "keeps the screen on"},
		idle:        {"idle", allow + "idle", "is told when nobody is at the desk"},
		gameInput:   {"game-input", allow + "game-input", "holds the pointer in its window while focused"},
		shortcuts:   {"shortcuts", allow + "shortcuts", "takes the desktop's own shortcuts while focused"},
		screencopy:  {"screencopy", allow + "screencopy", "records the screen, with all that others show there"},
		layerShell:  {"layer-shell", allow + "layer-shell", "draws above, below and beside all windows, and may take the keyboard there"},
		dataControl: {"data-control", allow + "data-control", "reads and sets the clipboard at any time, unseen"},
		panel:       {"panel", allow + "panel", "lists all windows and workspaces, and switches or closes them"},
		gpu:         {"gpu", "devices.gpu=true", "shows what a graphics card has drawn"},
		selection:   {"", "display.clipboard=focused", "copies and pastes while focused"},
	}[g]
}

// rules is the table. Versions and names are those of wayland 1.24, wayland-protocols 1.45, wlr-protocols and
// plasma-wayland-protocols 1.16; a later version is shown as the one here.
//
// Not in it, for everybody: what types or points (virtual_keyboard, virtual_pointer, fake_input,
// input_method), locks or configures the session (session_lock, output_management, gamma_control,
// drm_lease), speaks for other clients (security_context, xwayland_shell, wl_fixes, whose one request
// ends registries behind the filter's back), embeds the windows of others (zxdg_importer), or is the
// compositor's own (weston_*, hyprland_*, cosmic_*, treeland_*).
func rules() []rule {
	return []rule{
		{"wl_compositor", 6, always},
		{"wl_subcompositor", 1, always},
		{"wl_shm", 2, always},
		{"wl_output", 4, always},
		{"wl_seat", 9, always},
		{"wl_data_device_manager", 3, always},
		{"wp_viewporter", 1, always},
		{"wp_presentation", 2, always},
		{"wp_single_pixel_buffer_manager_v1", 1, always},
		{"wp_fractional_scale_manager_v1", 1, always},
		{"wp_content_type_manager_v1", 1, always},
		{"wp_alpha_modifier_v1", 1, always},
		{"wp_tearing_control_manager_v1", 1, always},
		{"wp_fifo_manager_v1", 1, always},
		{"wp_commit_timing_manager_v1", 1, always},
		{"wp_color_manager_v1", 1, always},
		{"wp_color_representation_manager_v1", 1, always},
		{"wp_cursor_shape_manager_v1", 2, always},
		{"xdg_wm_base", 7, always},
		{"xdg_wm_dialog_v1", 1, always},
		{"xdg_activation_v1", 1, always},
		{"xdg_system_bell_v1", 1, always},
		{"xdg_toplevel_icon_manager_v1", 1, always},
		{"xdg_toplevel_tag_manager_v1", 1, always},
		{"xdg_toplevel_drag_manager_v1", 1, always},
		{"zxdg_decoration_manager_v1", 1, always},
		{"zxdg_output_manager_v1", 3, always},
		{"zxdg_exporter_v1", 1, always},
		{"zxdg_exporter_v2", 1, always},
		{"zwp_relative_pointer_manager_v1", 1, always},
		{"zwp_pointer_gestures_v1", 3, always},
		{"zwp_tablet_manager_v2", 2, always},
		{"zwp_input_timestamps_manager_v1", 1, always},
		{"zwp_text_input_manager_v3", 1, always},
		{"gtk_shell1", 6, always},
		{"org_kde_kwin_server_decoration_manager", 1, always},
		{"org_kde_kwin_server_decoration_palette_manager", 1, always},
		{"org_kde_kwin_blur_manager", 1, always},
		{"org_kde_kwin_contrast_manager", 2, always},
		{"org_kde_kwin_slide_manager", 1, always},
		{"org_kde_kwin_shadow_manager", 2, always},
		{"kde_output_order_v1", 1, always},

		{"zwp_idle_inhibit_manager_v1", 1, inhibit},
		{"ext_idle_notifier_v1", 2, idle},
		{"org_kde_kwin_idle", 1, idle},
		{"zwp_pointer_constraints_v1", 1, gameInput},
		{"wp_pointer_warp_v1", 1, gameInput},
		{"zwp_keyboard_shortcuts_inhibit_manager_v1", 1, shortcuts},

		{"zwp_linux_dmabuf_v1", 5, gpu},
		{"zwp_linux_explicit_synchronization_v1", 2, gpu},
		{"wp_linux_drm_syncobj_manager_v1", 1, gpu},
		{"wl_drm", 2, gpu},
		{"wl_eglstream_display", 1, gpu},

		{"zwp_primary_selection_device_manager_v1", 1, selection},
		{"zwlr_data_control_manager_v1", 2, dataControl},
		{"ext_data_control_manager_v1", 1, dataControl},

		{"zwlr_screencopy_manager_v1", 3, screencopy},
		{"zwlr_export_dmabuf_manager_v1", 1, screencopy},
		{"ext_image_copy_capture_manager_v1", 1, screencopy},
		{"ext_output_image_capture_source_manager_v1", 1, screencopy},
		{"ext_foreign_toplevel_image_capture_source_manager_v1", 1, screencopy},
		{"zkde_screencast_unstable_v1", 5, screencopy},

		{"zwlr_layer_shell_v1", 5, layerShell},
		{"org_kde_plasma_shell", 8, layerShell},
		{"kde_screen_edge_manager_v1", 1, layerShell},

		{"zwlr_foreign_toplevel_manager_v1", 3, panel},
		{"ext_foreign_toplevel_list_v1", 1, panel},
		{"ext_workspace_manager_v1", 1, panel},
		{"org_kde_plasma_window_management", 16, panel},
		{"org_kde_plasma_virtual_desktop_management", 2, panel},
	}
}
