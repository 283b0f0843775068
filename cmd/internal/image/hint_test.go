package image

import "testing"

func TestInStorage(t *testing.T) {
	for _, tt := range []struct{ hint, storage, want string }{
		{"snug image ls lists those that there are", "", "snug image ls lists those that there are"},
		{"snug image ls lists those that there are", "/big", "snug image ls --storage /big lists those that there are"},
		{"snug stop sys; snug data rm sys", "/my disk", "snug stop sys; snug data rm --storage '/my disk' sys"},
		{"choose a folder of a local disk: --storage DIR", "/big", "choose a folder of a local disk: --storage DIR"},
		{"snug boot --name sys ...", "big", "snug boot --storage big --name sys ..."},
	} {
		if got := InStorage(tt.hint, tt.storage); got != tt.want {
			t.Errorf("want %q, got %q", tt.want, got)
		}
	}
}
