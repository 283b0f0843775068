package compose_test

import (
	"strings"
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
)

// TestComposeRefuses is the table of what no manifest gets, with the sentence that it gets instead.
func TestComposeRefuses(t *testing.T) {
	const engine = `: a container engine's socket gives away the whole account, often the machine; it is never granted`
	const session = `: this socket of your session leads out of the sandbox; it is never granted`
	const sockets = `: this folder is nothing but ways out of the sandbox; it is never granted` + "\n  hint: name what the app needs below it"
	const starts = `: what is there runs outside the sandbox; it is never writable` + "\n  hint: files.read shows it"
	const home = ` is dangerous: the app can read your keys and passwords, or change what you run` + "\n" + `  hint: if you mean it, write accept = ["files:HOME"]`
	const git = `, so nothing would keep the app from git's config and hooks` + "\n  hint: see to its permissions; or grant the folder to be read: --here=read or --read"
	tests := []struct {
		name, manifest, tree, want string
	}{
		{"root", `files.read = ["/"]`, "", `files.read = "/": the root of the host is everything; it is never granted` + "\n  hint: name what the app needs below it"},
		{"run", `files.read = ["/run"]`, "", `files.read = "/run"` + sockets},
		{"run by a link", `files.read = ["/var/run"]`, "l /var/run /run", `files.read = "/var/run"` + sockets},
		{"runtime folder", `files.read = ["/run/user/1000"]`, "", `files.read = "/run/user/1000"` + sockets},
		{"another session", `files.read = ["/run/user/7/x"]`, "f /run/user/7/x", `files.read = "/run/user/7/x": it belongs to another session; it is never granted`},
		{"docker", `files.write = ["/var/run/docker.sock"]`, "l /var/run /run\ns /run/docker.sock", `files.write = "/var/run/docker.sock"` + engine},
		{"podman", `files.write = ["xdg-run/podman/podman.sock"]`, "s /run/user/1000/podman/podman.sock", `files.write = "xdg-run/podman/podman.sock"` + engine},
		{"docker of the home by a link", `files.read = ["~/d"]`, "l /home/ann/d .docker/run\nd /home/ann/.docker/run", `files.read = "~/d"` + engine},
		{"pipewire", `files.read = ["xdg-run/pipewire-0"]`, "s /run/user/1000/pipewire-0", `files.read = "xdg-run/pipewire-0": PipeWire's own socket gives away camera, microphone and screen; it is never granted` + "\n  hint: write [sound] or devices.camera"},
		{"authority", `files.read = ["~/.Xauthority"]`, "f /home/ann/.Xauthority", `files.read = "~/.Xauthority": your X authority opens the display to everything; it is never granted` + "\n  hint: write display.wayland or display.x11"},
		{"bus", `files.read = ["xdg-run/bus"]`, "s /run/user/1000/bus", `files.read = "xdg-run/bus": an unfiltered message bus leads out of the sandbox; it is never granted` + "\n  hint: write [bus.session] or [bus.system]"},
		{"system bus", `files.read = ["/run/dbus"]`, "s /run/dbus/system_bus_socket", `files.read = "/run/dbus": an unfiltered message bus leads out of the sandbox; it is never granted` + "\n  hint: write [bus.session] or [bus.system]"},
		{"keyring", `files.read = ["xdg-run/keyring"]`, "d /run/user/1000/keyring", `files.read = "xdg-run/keyring"` + session},
		{"compositor's commands", `files.read = ["xdg-run/sway-ipc.1000.5.sock"]`, "s /run/user/1000/sway-ipc.1000.5.sock", `files.read = "xdg-run/sway-ipc.1000.5.sock"` + session},
		{"wayland as a file", `files.read = ["xdg-run/wayland-0"]`, "s /run/user/1000/wayland-0", `files.read = "xdg-run/wayland-0": this is a display's socket; it is never granted` + "\n  hint: write display.wayland or display.x11"},
		{"tmp", `files.write = ["/tmp"]`, "", `files.write = "/tmp": other programs keep their sockets here; it is never granted` + "\n  hint: name what the app needs below it"},
		{"etc", `files.read = ["/etc"]`, "", `files.read = "/etc": every sandbox has its own; it is never granted` + "\n  hint: name what the app needs below it"},
		{"proc", `files.read = ["/proc/sys"]`, "", `files.read = "/proc/sys": it shows the processes of the host; it is never granted`},
		{"device as a file", `files.write = ["/dev/sda"]`, "c /dev/sda 8:0", `files.write = "/dev/sda": devices are granted by name; it is never granted` + "\n  hint: write [devices]"},

		{"bin", `files.write = ["~/bin"]`, "d /home/ann/bin", `files.write = "~/bin"` + starts},
		{"bin that is not there", `files.create = ["~/bin/x"]`, "", `files.create = "~/bin/x"` + starts},
		{"shell", `files.write = ["~/.bashrc"]`, "f /home/ann/.bashrc", `files.write = "~/.bashrc"` + starts},
		{"where a shell's file leads", `files.write = ["~/dot/rc"]`, "f /home/ann/dot/rc\nl /home/ann/.bashrc dot/rc", `files.write = "~/dot/rc"` + starts},
		{"autostart", `files.create = ["xdg-config/autostart"]`, "", `files.create = "xdg-config/autostart"` + starts},
		{"units", `files.write = ["~/.config/systemd/user"]`, "d /home/ann/.config/systemd/user", `files.write = "~/.config/systemd/user"` + starts},
		{"snug's own", `files.create = ["xdg-data/snug/home/other.app"]`, "", `files.create = "xdg-data/snug/home/other.app"` + starts},
		{"nix's daemon", `files.read = ["/nix/var/nix/daemon-socket/socket"]`, "s /nix/var/nix/daemon-socket/socket", `files.read = "/nix/var/nix/daemon-socket/socket": Nix's daemon fetches and runs what it is told to, outside the sandbox; it is never granted`},
		{"account of instances", `files.write = ["/tmp/snug-1000"]`, "d /tmp/snug-1000", `files.write = "/tmp/snug-1000"` + starts},
		{"compositor's start", `files.write = ["~/.config/sway"]`, "d /home/ann/.config/sway", `files.write = "~/.config/sway"` + starts},
		{"aliases", `files.write = ["~/.bash_aliases"]`, "f /home/ann/.bash_aliases", `files.write = "~/.bash_aliases"` + starts},
		{"shell extensions", `files.create = ["xdg-data/gnome-shell/extensions/x"]`, "", `files.create = "xdg-data/gnome-shell/extensions/x"` + starts},
		{"python's own", `files.create = ["~/.local/lib/python3.11/site-packages"]`, "", `files.create = "~/.local/lib/python3.11/site-packages"` + starts},
		{"launchers", `files.create = ["xdg-data/applications"]`, "", `files.create = "xdg-data/applications"` + starts},

		{"home", `files.read = ["/home/ann"]`, "", `files.read = "/home/ann"` + home},
		{"parent of the home", `files.read = ["/home"]`, "", `files.read = "/home"` + home},
		{"keys", `files.read = ["~/.ssh/id_ed25519"]`, "", `files.read = "~/.ssh/id_ed25519"` + home},
		{"keys by a link", `files.read = ["~/k"]`, "l /home/ann/k .ssh", `files.read = "~/k"` + home},
		{"keys kept elsewhere", `files.read = ["~/dot"]`, "l /home/ann/.gnupg dot/gnupg\nd /home/ann/dot/gnupg", `files.read = "~/dot"` + home},

		{"missing", `files.read = ["~/none"]`, "", `files.read = "~/none": there is no such file or folder` + "\n  hint: put ? in front if it may be missing, or use files.create"},
		{"missing hole", `files.except = ["~/none"]`, "", `files.except = "~/none": there is no such file or folder, so nothing can cover it` + "\n  hint: put ? in front if it may be missing"},
		{"loop", `files.read = ["~/loop"]`, "l /home/ann/loop loop", `files.read = "~/loop": cannot be looked at: too many levels of symbolic links`},
		{"planted link", "files.write = [\"~/in\"]\nfiles.read = [\"~/in/x\"]", "d /home/ann/private\nl /home/ann/in/x ../private", `files.read = "~/in/x": follows the link "/home/ann/in/x", which the app may change` + "\n  hint: name where it leads: /home/ann/private"},
		{"link to nowhere", `files.create = ["~/l"]`, "l /home/ann/l ../../etc/../none/../../x", `files.create = "~/l": cannot be made: a link on the way leads nowhere`},
		{"xdg not set", `files.write = ["xdg-download"]`, "", `files.write = "xdg-download": xdg-download is not set on this machine, and would be your whole home` + "\n  hint: set it: xdg-user-dirs-update --set DOWNLOAD ~/FOLDER"},
		{"xdg is the home", `files.read = ["xdg-public-share"]`, `f /home/ann/.config/user-dirs.dirs XDG_PUBLICSHARE_DIR="$HOME/"`, `files.read = "xdg-public-share": xdg-public-share is not set on this machine, and would be your whole home` + "\n  hint: set it: xdg-user-dirs-update --set PUBLICSHARE ~/FOLDER"},
		{"xdg is a link to the home", `files.read = ["xdg-music/x"]`, "f /home/ann/.config/user-dirs.dirs XDG_MUSIC_DIR=\"$HOME/m\"\nl /home/ann/m .\nd /home/ann/x", `files.read = "xdg-music/x": xdg-music is not set on this machine, and would be your whole home` + "\n  hint: set it: xdg-user-dirs-update --set MUSIC ~/FOLDER"},

		{"closed repository", `files.write = ["~/src"]`, "x /home/ann/src/.git", `files.write = "~/src": "/home/ann/src/.git" cannot be looked at (permission denied)` + git},
		{"closed modules", `files.write = ["~/src"]`, "f /home/ann/src/.git/config\nx /home/ann/src/.git/modules", `files.write = "~/src": "/home/ann/src/.git/modules" cannot be looked at (permission denied)` + git},
		{"kept home without an id", `home.mode = "private"`, "", `home.mode = "private": only an app with an id has a kept home` + "\n" + `  hint: write an id, or home.mode = "ephemeral"`},
		{"kept home through a planted link", "id = \"x\"\nhome.mode = \"private\"", "f /home/ann/.local/share", `home.mode = "private": "/home/ann/.local/share" is no folder`},
		{"import into a home that is gone", `home.import = ["~/x"]`, "", `home.import = "~/x": only a home that is kept takes copies` + "\n" + `  hint: write home.mode = "private"`},
		{"import of the system's", "id = \"x\"\nhome.mode = \"private\"\nhome.import = [\"/usr\"]", "", `home.import = "/usr": has no place in the app's home: it is not below yours` + "\n  hint: files.read or files.write grants it where it is"},
		{"import of keys", "id = \"x\"\nhome.mode = \"private\"\nhome.import = [\"~/.ssh\"]", "d /home/ann/.ssh", `home.import = "~/.ssh"` + home},
		{"import of another app's home", "id = \"x\"\nhome.mode = \"private\"\nhome.import = [\"xdg-data/snug/home/y\"]", "d /home/ann/.local/share/snug/home/y", `home.import = "xdg-data/snug/home/y": is snug's own, or another app's home` + "\n  hint: snug data export makes a copy of a home"},
		{"import by a planted link", "id = \"x\"\nhome.mode = \"private\"\nhome.import = [\"~/in/x\"]\nfiles.write = [\"~/in\"]", "d /home/ann/private\nl /home/ann/in/x ../private", `home.import = "~/in/x": follows the link "/home/ann/in/x", which the app may change` + "\n  hint: name where it leads: /home/ann/private"},
		{"no root", `system.root = "/none"`, "", `system.root = "/none": there is no such folder`},
		{"host as a root", `system.root = "/r"`, "l /r /", `system.root = "/r": is the host itself` + "\n" + `  hint: write "host"`},
		{"capabilities", "process.capabilities = [\"net_admin\"]\naccept = [\"capabilities\"]", "", `process.capabilities = "net_admin": an app gets no capabilities; only booted images have them` + "\n  hint: leave it out"},
		{"new privileges", "process.new-privileges = true\naccept = [\"new-privileges\"]", "", `process.new-privileges = "true": setuid programs work only in booted images` + "\n  hint: leave it out"},
		{"not in this version", `display.x11 = "nested"`, "", `display.x11 = "nested": not in this version` + "\n  hint: in this version: off, raw"},
		{"node that is a file", "devices.nodes = [\"/dev/x\"]\naccept = [\"nodes\"]", "l /dev/x /etc/shadow", `devices.nodes = "/dev/x": leads to "/etc/shadow", which is no device`},
		{"unused code", `accept = ["files:HOME"]`, "", `accept: nothing asks for "files:HOME"` + "\n  hint: leave it out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := merge(t, manifests.Facts{}, nil, tt.manifest)
			if err != nil {
				t.Fatal(err)
			}
			_, err = compose.Compose(m, fakeWorld(t, "", tt.tree), compose.Command{Argv: []string{"app"}})
			if err == nil {
				t.Fatal("composed")
			}
			if _, got, _ := strings.Cut(err.Error(), ": "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestTypedLinks checks that who types a path is taken to mean what its words say: the keys if it
// names them, but not where a link leads that an app may have planted at its last run.
func TestTypedLinks(t *testing.T) {
	const tree = "d /home/ann/p\nl /home/ann/p/data ../.ssh\nl /home/ann/p/up /home/ann\nd /home/ann/plain\nl /home/ann/p/plain ../plain"
	const why = `", your home or your keys` + "\n  hint: if you mean it, name that"
	tests := []struct{ flag, here, refused string }{
		{"read=/home/ann/p/data", "", `"/home/ann/p/data": leads by a link to "/home/ann/.ssh` + why},
		{"write=/home/ann/p/data/id_ed25519", "", `"/home/ann/p/data/id_ed25519": leads by a link to "/home/ann/.ssh/id_ed25519` + why},
		{"write=/home/ann/p/up", "", `"/home/ann/p/up": leads by a link to "/home/ann` + why},
		{"", "/home/ann/p/data", `"/home/ann/p/data": leads by a link to "/home/ann/.ssh` + why},
		{"read=/home/ann/.ssh", "", ""},
		{"write=/home/ann", "", ""},
		{"", "/home/ann", ""},
		{"read=/home/ann/p/plain", "", ""},
	}
	for _, tt := range tests {
		var typed []string
		if tt.flag != "" {
			typed = append(typed, tt.flag)
		}
		m, err := merge(t, manifests.Facts{}, flags(t, typed...))
		if err != nil {
			t.Fatal(err)
		}
		w, cmd := fakeWorld(t, "", tree), compose.Command{Argv: []string{"app"}}
		if tt.here != "" {
			w.Cwd, cmd.Here = tt.here, "read"
		}
		_, err = compose.Compose(m, w, cmd)
		switch {
		case tt.refused == "" && err != nil:
			t.Errorf("%s%s: %v", tt.flag, tt.here, err)
		case tt.refused != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.refused)):
			t.Errorf("%s%s: got %v\nwant %s", tt.flag, tt.here, err, tt.refused)
		}
	}
}
