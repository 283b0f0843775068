package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"snug/manifests"
	"snug/tests/bed"
	"snug/tests/need"
)

// look prints what a process can observe of itself, in sections. What depends on the packages of
// the machine, such as the mounts below /etc, is left out.
const look = `
section() { echo "== $1"; }
section status; grep -E '^(Uid|Gid|Groups|NSpid|Threads|SigPnd|SigBlk|Cap...|NoNewPrivs|Seccomp.*|CoreDumping):' /proc/self/status
section ids; cat /proc/self/setgroups; tr -s ' ' </proc/self/uid_map; tr -s ' ' </proc/self/gid_map
section environment; env | sort
section mounts; awk '{ for (i = 7; $i != "-"; i++); print $5, $6, $(i+1) }' /proc/self/mountinfo | grep -vE '^/(etc|var/lib|var/cache|nix|opt)' | sort
section root; ls -A / | grep -vE '^(nix|opt|lib.*)$'
section dev; ls -A /dev; ls -A /dev/pts
section run; find /run | sort
section home; find "$HOME" | sort
section network; sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev | sed '/^lo$/!s/.*/another/'; cat /proc/net/unix | wc -l
section processes; set -- /proc/[0-9]*; echo $#; cat /proc/1/comm; readlink /proc/1/exe; cat /proc/1/environ 2>&1
section limits; ulimit -c; ulimit -a | grep -c .
section names; cat /proc/sys/kernel/hostname; cat /proc/sys/kernel/domainname; cat /etc/hostname; cat /etc/passwd
section sysctl; cat /proc/sys/user/max_user_namespaces; (echo 1 >/proc/sys/kernel/panic) 2>/dev/null && echo written
section other; cat /proc/self/oom_score_adj; cat /proc/self/loginuid; umask; ls -A /sys 2>/dev/null; ls -A /proc/self/fd | wc -l
`

// TestPosture compares everything that a process can observe in the sandbox of each built-in
// manifest, and in the default one, with what is written down.
func TestPosture(t *testing.T) {
	if os.Getuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user, whose ids and folders are written down; got root")
	}
	home := filepath.Join(bed.Folder(t), "home")
	runtime := filepath.Join(filepath.Dir(home), "run")
	for _, dir := range []string{home, runtime} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sandboxes := map[string][]string{"default": {"run", "--", "sh", "-c", look}}
	for _, id := range (&manifests.Catalogue{}).IDs() {
		sandboxes[id] = []string{"shell", "--fresh", "--command", look, id}
	}
	for name, words := range sandboxes {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(bed.Built(t, "snug"), words...)
			cmd.Env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + runtime, "USER=" + os.Getenv("USER"), "LOGNAME=" + os.Getenv("USER"),
				"SHELL=/bin/bash", "LANG=C.UTF-8", "SECRET=token", "PATH=/usr/local/bin:/usr/bin:/bin"}
			cmd.Dir = "/"
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			if strings.Contains(said.String(), "neither pasta nor slirp4netns") {
				need.Missing(t, "wanted a user-mode network, got: "+said.String())
			}
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, said.String())
			}
			got := strings.NewReplacer(home, "HOME", strconv.Itoa(os.Getuid()), "UID", strconv.Itoa(os.Getgid()), "UID",
				os.Getenv("USER"), "USER").Replace(string(out))
			got = regexp.MustCompile(`(?m)[ \t]+`).ReplaceAllString(got, " ")
			golden(t, "golden/posture-"+name+".txt", got)
		})
	}
}
