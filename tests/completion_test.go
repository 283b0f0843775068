package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/tests/bed"
	"snug/tests/need"
)

// Each shell is asked what it would offer, by its own means as far as they work without a terminal:
// bash by the variables that it sets for a completion function, fish by `complete -C`, zsh with the
// functions that end in its line editor replaced by ones that print.

const askBash = `source <(snug completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { :; }
_snug
printf '%s\n' "${COMPREPLY[@]}"`

const askZsh = `compdef() { defined=$1 }
compadd() {
    local name=${@[-1]} # of the list of words
    print -rl -- "${(@)${(P)name}:#^${words[CURRENT]}*}"
}
_files() { print -rl -- "${words[CURRENT]##*=}"*(N) }
_command_names() { print -rl -- ${(k)commands[(I)${words[CURRENT]}*]} }
source <(snug completion zsh)
[ "$defined" = _snug ] || { print not defined; exit 1 }
words=("$@") CURRENT=$# PREFIX=${@[-1]}
compset() { : }
_snug`

const askFish = `source (snug completion fish | psub)
complete -C "$argv" | string replace -r '\t.*' ''
true`

// offers are the words that a shell offers behind some words.
func offers(t *testing.T, shell, dir string, words []string) []string {
	t.Helper()
	path := need.Program(t, shell)
	var args []string
	switch shell {
	case "bash":
		args = append([]string{"--norc", "-c", askBash, "ask"}, apart(words)...)
	case "zsh":
		args = append([]string{"-f", "-c", askZsh, "ask"}, words...)
	case "fish":
		args = []string{"--no-config", "-c", askFish, strings.Join(words, " ")}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_DATA_DIRS=" + dir + "/none",
		"XDG_RUNTIME_DIR=" + dir, "PATH=" + filepath.Dir(bed.Built(t, "snug")) + ":/usr/bin:/bin", "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", shell, err, out)
	}
	list := strings.Fields(string(out))
	slices.Sort(list)
	return slices.Compact(list)
}

// apart takes a line apart as bash does, at equals signs.
func apart(words []string) (list []string) {
	for _, word := range words {
		flag, value, found := strings.Cut(word, "=")
		if list = append(list, flag); found {
			list = append(list, "=")
		}
		if found && value != "" {
			list = append(list, value)
		}
	}
	return list
}

func TestCompletion(t *testing.T) {
	dir := bed.Folder(t)
	for path, text := range map[string]string{
		"config/snug/apps/org.example.Notes.toml":          "schema = 1\ncommand = [\"true\"]\n",
		"data/applications/org.example.Notepad.desktop":    "[Desktop Entry]\nExec=true\n",
		"data/applications/org.example.$(touch x).desktop": "[Desktop Entry]\nExec=true\n",
		"data/applications/org.example.`id`.desktop":       "[Desktop Entry]\nExec=true\n",
		"files/letter":                      "",
		"data/snug/machines/debian/machine": "image x\n",
		"data/snug/machines/debian/work/x":  "",
	} {
		bed.Write(t, filepath.Join(dir, path), text)
	}
	tests := []struct{ line, want string }{
		{"snug exp", "explain"},
		{"snug manifest ", "--help check diff edit import new schema show"},
		{"snug manifest sh", "show"},
		{"snug run --net", "--network --network-allow --network-listen"},
		{"snug run --network ", "host off user"},
		{"snug run --network=u", "--network=user"},
		{"snug run --network=", "--network=host --network=off --network=user"},
		{"snug run --gpu --exten", "--extends"},
		{"snug run --extends ", "browser cli electron game gtk qt"},
		{"snug run org.example.", "org.example.Notepad org.example.Notes"},
		{"snug explain --json org.example.Note", "org.example.Notepad org.example.Notes"},
		{"snug grant org.example.Notes --ke", "--keep"},
		{"snug grant org.example.Notes files/le", "files/letter"},
		{"snug run --read files/le", "files/letter"},
		{"snug run -- basenam", "basename"},
		{"snug run org.example.Notes files/le", "files/letter"},
		{"snug manifest check --js", "--json"},
		{"snug manifest diff foot xter", "xterm"},
		{"snug completion f", "fish"},
		{"snug help manifest sho", "show"},
		{"snug help disp", "display"},
		{"snug stop --al", "--all"},
		{"snug unshare basenam", "basename"},
		{"snug cp files/le", "files/letter"},
		{"snug unit --install org.example.Note", "org.example.Notepad org.example.Notes"},
		{"snug logs ", "debian"},
		{"snug nonsense x", ""},
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			for _, test := range tests {
				want := strings.Fields(test.want)
				if shell == "bash" { // which replaces what is behind the equals sign
					for i := range want {
						if strings.Contains(test.line, "=") {
							want[i] = want[i][strings.IndexByte(want[i], '=')+1:]
						}
					}
				}
				got := offers(t, shell, dir, strings.Split(test.line, " "))
				if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
					t.Errorf("%q -want +offered:\n%s", test.line, diff)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a name was run")
	}
}

// TestInstalledCompletion looks whether the shells find what make install puts into their folders.
func TestInstalledCompletion(t *testing.T) {
	dir := bed.Folder(t)
	for from, to := range map[string]string{"snug.zsh": "_snug", "snug.fish": "snug.fish", "snug.bash": "snug"} {
		bed.Write(t, filepath.Join(dir, to), bed.Read(t, "../cmd/snug/completion/"+from))
	}
	path := "PATH=" + filepath.Dir(bed.Built(t, "snug")) + ":" + os.Getenv("PATH")
	for _, test := range []struct {
		name, want string
		args       []string
	}{
		{"zsh", "_snug", []string{"zsh", "-f", "-c", `fpath=("$1" $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[snug]`, "x", dir}},
		{"fish", "explain", []string{"fish", "--no-config", "-c", `set fish_complete_path $argv[1]; complete -C "snug expl" | string replace -r '\t.*' ''`, dir}},
		{"bash", "complete -F _snug snug", []string{"bash", "--norc", "-c", `. /usr/share/bash-completion/bash_completion; BASH_COMPLETION_USER_DIR=$1
			mkdir -p "$1/completions"; cp "$1/snug" "$1/completions/"; _completion_loader snug; complete -p snug`, "x", dir}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(need.Program(t, test.name), test.args[1:]...)
			cmd.Env = []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, path, "LANG=C.UTF-8"}
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); got != test.want {
				t.Errorf("want %q, got %q, %v", test.want, got, err)
			}
		})
	}
}
