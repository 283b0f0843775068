package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
)

// Things that go wrong, and every word that a person then reads: what, where it came from,
// what to do. HOME stands for the person's home.
var failures = []struct {
	name   string
	words  string // blanks separate
	status int
	want   string
}{
	{"no verb", "firefox", 2, `snug: unknown verb "firefox"
hint: to run it in a sandbox: snug run -- firefox
`},
	{"nothing to run", "run", 125, `snug: neither an app nor -- and a command
hint: snug run foot, or snug run -- ls
`},
	{"no command behind --", "run --", 125, `snug: -- and no command
hint: snug run -- ls
`},
	{"unknown flag", "run --frobnicate -- true", 125, `snug: unknown flag --frobnicate
hint: snug help run
`},
	{"beginning of a flag", "run --net host -- true", 125, `snug: unknown flag --net
hint: did you mean --network?
`},
	{"beginning of a flag of snug's", "stop --tim 3 x", 2, `snug: unknown flag --tim
hint: did you mean --time?
`},
	{"key of a manifest with a short flag", "run --system-root /x -- true", 125, `snug: unknown flag --system-root
hint: did you mean --root?
`},
	{"another's flag", "run -v /a:/b -- true", 125, `snug: unknown flag -v
hint: --read PATH grants a file or folder, --write PATH also to change it
`},
	{"another's flags", "run -ti -- true", 125, `snug: unknown flag -ti
hint: leave it out: the command has a terminal if you sit at one
`},
	{"one hyphen", "run -detach -- true", 125, `snug: unknown flag -detach
hint: did you mean --detach?
`},
	{"flag at the end", "run --read", 125, `snug: --read wants a value
hint: snug help run
`},
	{"image", "run --root image:x -- true", 125, `snug: system.root = "image:x": not in this version (--root, argument 1)
hint: leave it out
`},
	{"unknown program", "run -- frobnicate", 127, `snug: execute "frobnicate": no such file or directory
hint: no folder of your PATH has it: is it installed?
`},
	{"program that is not granted", "run -- tools/prog", 127, `snug: execute "tools/prog": no such file or directory
hint: it lies in HOME/tools, which is not granted: --here, or --read "HOME/tools"
`},
	{"program that is nowhere", "run -- tools/none", 127, `snug: execute "tools/none": no such file or directory
hint: there is no such program outside the sandbox either
`},
	{"program without its interpreter", "run --read tools -- tools/odd", 127, `snug: execute "tools/odd": no such file or directory
hint: it is there, but not the interpreter that its first line or its header names
`},
	{"program in another folder of PATH", "run --read tools -- prog", 127, `snug: execute "prog": no such file or directory
hint: it is in HOME/tools, and the sandbox has a PATH of its own: --pass PATH hands yours on
`},
	{"program of an ungranted folder of PATH", "run -- prog", 127, `snug: execute "prog": no such file or directory
hint: it lies in HOME/tools, which is not granted: --here, or --read "HOME/tools", with --pass PATH
`},
	{"command without --", "run --here make test", 125, `snug: there is no app "make"
hint: to run a command: snug run --here -- make test
`},
	{"flag without its path", "run --read -- ls", 125, `snug: --read wants a path, not "--"
hint: a path that begins with a hyphen is written ./--
`},
	{"flag without its value", "run --network -- ls", 125, `snug: --network wants a value before --
hint: such as --network=VALUE
`},
	{"device by a flag", "run --write /dev/null -- true", 125, `snug: files.write = "/dev/null": devices are granted by name; it is never granted (--write, argument 1)
hint: --devices-nodes grants one by its path, --gpu the graphics card
`},
	{"kept home of nobody", "run --home private -- true", 125, `snug: home.mode = "private": only an app with an id has a kept home (--home, argument 1)
hint: --id NAME says whose home it is, such as --id org.example.App
`},
	{"empty manifest", "run org.example.Empty", 125, `snug: command is missing (~/.config/snug/apps/org.example.Empty.toml)
hint: write command = ["PROGRAM"], or desktop = ["FILE.desktop"] for what that starts
`},
	{"manifest without a command", "run org.example.None", 125, `snug: command is missing (~/.config/snug/apps/org.example.None.toml:2)
hint: write command = ["PROGRAM"], or desktop = ["FILE.desktop"] for what that starts
`},
	{"empty name", "run --name= -- true", 125, `snug: --name "": not a name for an instance
hint: letters, digits, - and _, not a number alone
`},
	{"odd name", "run --name ?q -- true", 125, `snug: --name "?q": not a name for an instance
hint: letters, digits, - and _, not a number alone
`},
	{"no time", "stop --time abc x", 2, `snug: --time "abc": not a number
hint: snug help stop
`},
	{"another's word for a verb", "list", 2, `snug: unknown verb "list"
hint: did you mean snug ps?
`},
	{"runtime folder of others", "run -- true", 125, `snug: running sandboxes: use /tmp: not a folder of yours with mode 0700
hint: XDG_RUNTIME_DIR must be a folder of yours that nobody else can enter, and that you can write to
`},
	{"runtime folder that cannot be written to", "run -- true", 125, `snug: running sandboxes: mkdir HOME/closed/snug: permission denied
hint: XDG_RUNTIME_DIR must be a folder of yours that nobody else can enter, and that you can write to
`},
	{"account that cannot be written to", "run -- true", 125, `snug: running sandboxes: make a file in HOME/sealed/snug: permission denied
hint: a sandbox that is not in the account is not run; make room in that folder, or set XDG_RUNTIME_DIR to another of yours with mode 0700
`},
	{"not executable", "run -- /etc/hostname", 126, `snug: execute "/etc/hostname": permission denied
hint: the file is not executable, or lies on a mount without exec
`},
	{"unknown app", "run org.example.Edito", 125, `snug: there is no app "org.example.Edito"
hint: did you mean org.example.Bad, org.example.Editor, org.example.Empty, org.example.Newer, org.example.None?
hint: to run a command: snug run -- org.example.Edito
`},
	{"misspelt mode", "run --network hots -- true", 125, `snug: --network: "hots" is not allowed (--network, argument 1)
hint: one of off, user, host
`},
	{"missing grant", "run --read HOME/nowhere -- true", 125, `snug: files.read = "HOME/nowhere": there is no such file or folder (--read, argument 1)
hint: put ? in front if it may be missing, or use --create to make it
`},
	{"grant of everything", "run --write / -- true", 125, `snug: files.write = "/": the root of the host is everything; it is never granted (--write, argument 1)
hint: name what the app needs below it
`},
	{"grant of the processes", "run --write /proc -- true", 125, `snug: files.write = "/proc": it shows the processes of the host; it is never granted (--write, argument 1)
`},
	{"grant of all of run", "run --read /run -- true", 125, `snug: files.read = "/run": this folder is nothing but ways out of the sandbox; it is never granted (--read, argument 1)
hint: name what the app needs below it
`},
	{"not yet", "run --limits-tasks 5 -- true", 125, `snug: limits.tasks = "5": not in this version (--limits-tasks, argument 1)
hint: leave it out
`},
	{"bad manifest", "run org.example.Bad", 125, `snug: unknown key files.raed (~/.config/snug/apps/org.example.Bad.toml:5:1)
hint: did you mean files.read?
snug: network.mode takes text, not true or false (~/.config/snug/apps/org.example.Bad.toml:7:8)
hint: one of off, user, host
`},
	{"danger that nobody took on", "run org.example.Danger", 125, `snug: network.mode = "host" is dangerous: the app can reach every service of this machine and of the local network (~/.config/snug/apps/org.example.Danger.toml:5)
hint: if you mean it, write accept = ["network-host"]
`},
	{"newer manifest", "run org.example.Newer", 125, `snug: schema 99 needs a newer snug: this one reads schema 1 (~/.config/snug/apps/org.example.Newer.toml:1)
`},
	{"name like a number", "run --name 12 -- true", 125, `snug: --name "12": not a name for an instance
hint: letters, digits, - and _, not a number alone
`},
	{"unknown instance", "exec nobody true", 125, `snug: no instance "nobody" runs
hint: nothing runs; snug run starts something
`},
	{"unknown signal", "stop --signal NOISE x", 2, `snug: --signal "NOISE": no such signal
hint: a name or number as in kill -l, such as TERM or 15
`},
	{"bad seccomp profile", "run --process-seccomp HOME/profile.json -- true", 125, `snug: process.seccomp = "HOME/profile.json": seccomp default: action "SCMP_ACT_ERNO": unknown (--process-seccomp, argument 1)
hint: a profile is linux.seccomp of the OCI runtime-spec, as a JSON file
`},
	{"empty path, as of an unset variable", "run --write= -- true", 125, `snug: --write: "" is no path (--write, argument 1)
hint: begin with /, ~/ or an xdg name such as xdg-download
`},
	{"no way to grant the folder", "run --here=false -- true", 125, `snug: --here=false: not a way to grant the current folder
hint: --here, or --here=read
`},
	{"program in place of an app", "run /usr/bin/true", 125, `snug: "/usr/bin/true" is neither a manifest nor a desktop file
hint: their names end in .toml and .desktop
hint: to run a command: snug run -- /usr/bin/true
`},
	{"folder that cannot be made", "run --create /etc/no/folder -- true", 125, `snug: "/etc/no" cannot be made: permission denied
`},
	{"bad variable", "run --env NOVALUE -- true", 125, `snug: --env: "NOVALUE" has no value (--env, argument 1)
hint: NAME=VALUE; --pass NAME hands on the host's
`},
	{"unreadable runtime folder", "ps", 2, `snug: running sandboxes: use HOME/open: not a folder of yours with mode 0700
hint: XDG_RUNTIME_DIR must be a folder of yours that nobody else can enter, and that you can write to
`},
}

var failureFiles = map[string]string{
	".config/snug/apps/org.example.Editor.toml": "schema = 1\nid = \"org.example.Editor\"\ncommand = [\"true\"]\n",
	".config/snug/apps/org.example.Bad.toml":    "schema = 1\nid = \"org.example.Bad\"\ncommand = [\"true\"]\n[files]\nraed = [\"~/x\"]\n[network]\nmode = true\n",
	".config/snug/apps/org.example.Danger.toml": "schema = 1\nid = \"org.example.Danger\"\ncommand = [\"true\"]\n[network]\nmode = \"host\"\n",
	".config/snug/apps/org.example.Newer.toml":  "schema = 99\nid = \"org.example.Newer\"\ncommand = [\"true\"]\n",
	".config/snug/apps/org.example.Empty.toml":  "",
	".config/snug/apps/org.example.None.toml":   "\ufeffschema = 1\nid = \"org.example.None\"\n",
	"tools/prog":   "#!/bin/sh\n",
	"tools/odd":    "#!/no/interpreter\n",
	"profile.json": "{\"defaultAction\": \"SCMP_ACT_ERNO\"}",
}

// runtimeFolder makes the folder that XDG_RUNTIME_DIR names for one of the failures.
func runtimeFolder(t *testing.T, home, failure string) string {
	make := func(name string, mode, account os.FileMode) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Join(path, "snug"), 0o700); err != nil {
			t.Fatal(err)
		}
		if account == 0 {
			os.Remove(filepath.Join(path, "snug"))
		} else if err := os.Chmod(filepath.Join(path, "snug"), account); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch failure {
	case "unreadable runtime folder":
		return make("open", 0o755, 0o755)
	case "runtime folder of others":
		return "/tmp"
	case "runtime folder that cannot be written to":
		return make("closed", 0o500, 0)
	case "account that cannot be written to":
		return make("sealed", 0o700, 0o500)
	}
	return make("run", 0o700, 0o700)
}

func TestFailures(t *testing.T) {
	home := bed.Folder(t)
	for name, text := range failureFiles {
		bed.Write(t, filepath.Join(home, name), text)
	}
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			runtime := runtimeFolder(t, home, f.name)
			cmd := exec.Command(bed.Built(t, "snug"), strings.Fields(strings.ReplaceAll(f.words, "HOME", home))...)
			cmd.Env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + runtime, "PATH=/usr/bin:/bin:" + home + "/tools"}
			cmd.Dir = home
			out, _ := cmd.CombinedOutput()
			got := strings.ReplaceAll(string(out), home, "HOME")
			if status := cmd.ProcessState.ExitCode(); status != f.status {
				t.Errorf("status: want %d, got %d", f.status, status)
			}
			if diff := cmp.Diff(f.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
