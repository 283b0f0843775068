package compose_test

import (
	"strings"
	"testing"

	"snug/manifests"
	"snug/manifests/compose"
)

// TestLive is the table of what is added to a running sandbox, and of what is not, with the sentence.
func TestLive(t *testing.T) {
	const work = "d /home/ann/src\nf /home/ann/src/x\n"
	const git = work + "f /home/ann/src/.git/HEAD\nf /home/ann/src/.git/config\nd /home/ann/src/.git/hooks\nd /home/ann/src/.git/objects\nd /home/ann/src/.git/refs\n"
	for _, tt := range []struct {
		name, path string
		write      bool
		tree, want string
	}{
		{"file", "/home/ann/src/x", false, work, "bind /home/ann/src/x"},
		{"file to write", "/home/ann/src/x", true, work, "bind writable /home/ann/src/x"},
		{"folder", "~/src", true, work, "bind writable /home/ann/src"},
		{"by a link", "/home/ann/l/x", false, work + "l /home/ann/l src", "bind /home/ann/src/x on /home/ann/l/x"},
		{"repository", "/home/ann/src", true, git, "bind writable /home/ann/src\nbind writable /home/ann/src/.git\n" +
			"bind /home/ann/src/.git/config\nbind /home/ann/src/.git/hooks\n" +
			"bind writable /home/ann/src/.git/objects\nbind writable /home/ann/src/.git/refs"},
		{"folder that could hold programs", "/home/ann/.local", true, "f /home/ann/.local/share/x\nd /home/ann/.local/bin", "tmpfs /home/ann/.local 0000\nbind /home/ann/.local/bin\nfolder /home/ann/.local/share 0000\nbind writable /home/ann/.local/share/x\nread-only /home/ann/.local"},
		{"home, typed", "/home/ann", false, "f /home/ann/.Xauthority", "bind /home/ann\nmask /home/ann/.Xauthority"},

		{"planted link", "/home/ann/kept/l", false, "l /home/ann/kept/l ../src\n" + work, `files.read = "/home/ann/kept/l": follows the link "/home/ann/kept/l", which the app may change` + "\n  hint: name where it leads: /home/ann/src"},
		{"missing", "/home/ann/none", false, "", `files.read = "/home/ann/none": there is no such file or folder`},
		{"root", "/", false, "", `files.read = "/": the root of the host is everything; it is never granted` + "\n  hint: name what the app needs below it"},
		{"docker", "/var/run/docker.sock", true, "l /var/run /run\ns /run/docker.sock", `files.write = "/var/run/docker.sock": a container engine's socket gives away the whole account, often the machine; it is never granted`},
		{"socket", "/srv/s", true, "s /srv/s", `files.write = "/srv/s": is a socket; only files and folders can be granted while the app runs`},
		{"FIFO", "/srv/p", true, "p /srv/p", `files.write = "/srv/p": is a FIFO; only files and folders can be granted while the app runs`},
		{"device", "/srv/d", true, "c /srv/d 1:3", `files.write = "/srv/d": is a device` + "\n  hint: --devices-nodes grants it"},
		{"shell's file", "/home/ann/.bashrc", true, "f /home/ann/.bashrc", `files.write = "/home/ann/.bashrc": what is there runs outside the sandbox; it is never writable` + "\n  hint: without --write it can be read"},
		{"keys by a link", "/home/ann/k", false, "l /home/ann/k .ssh", `files.read = "/home/ann/k": leads by a link to "/home/ann/.ssh", your home or your keys` + "\n  hint: if you mean it, name that"},
		{"repository that cannot be looked at", "/home/ann/src", true, work + "x /home/ann/src/.git", `files.write = "/home/ann/src": "/home/ann/src/.git" cannot be looked at (permission denied), so nothing would keep the app from git's config and hooks` + "\n  hint: see to its permissions; or grant the folder to be read, without --write"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asks := manifests.Text{Value: tt.path, Origin: "--grant"}
			a, err := compose.Live(&manifests.Manifest{}, fakeWorld(t, "", tt.tree), tt.write, asks, []string{"/home/ann/kept"})
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), "--grant: ", "")
			} else {
				for _, step := range a.Steps {
					text, _ := stepText(step)
					got += text + "\n"
				}
				got = strings.TrimSuffix(got, "\n")
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestLiveKept judges what a file asks for: there a danger needs its code.
func TestLiveKept(t *testing.T) {
	asks := manifests.Text{Value: "~/.ssh", Origin: "x.d/50-local.toml"}
	_, err := compose.Live(&manifests.Manifest{}, fakeWorld(t, "", ""), false, asks, nil)
	if want := `if you mean it, write accept = ["files:HOME"]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("want %q, got %v", want, err)
	}
	m := &manifests.Manifest{Accept: []manifests.Text{{Value: "files:HOME", Origin: "x.toml:3"}}}
	if _, err := compose.Live(m, fakeWorld(t, "", ""), false, asks, nil); err != nil {
		t.Errorf("control: %v", err)
	}
}
