package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
)

// A name of a file with ends of lines and other control characters in it adds no line to what is printed,
// wherever it stands: each line begins as snug began it.
func TestForgedLines(t *testing.T) {
	const odd = "odd\nsnug: forged\nhint: forged\n\x1b[31mforged"
	home := bed.Folder(t)
	cwd := filepath.Join(home, odd)
	bed.Write(t, cwd+"/prog", "#!/bin/sh\n")
	bed.Write(t, cwd+"/bad.toml", "schema = 1\ncommand = [\"true\"]\n[files]\nraed = [\"~/x\"]\n")
	bed.Write(t, cwd+"/"+odd+".toml", "schema = 1\ncommand = [\"true\"]\n")
	bed.Write(t, home+"/.local/share/applications/"+odd+".desktop", "[Desktop Entry]\nType=Application\nName=x\nExec=/no/where\n")
	bed.Write(t, home+"/.config/snug/apps/org.example.Bad.toml", "schema = 1\ncommand = [\"true\"]\n[files]\nread = [\"~/none\\nsnug: forged\"]\n")
	bed.Write(t, home+"/.local/share/snug/home/a/file", "kept")
	if err := os.Chmod(cwd, 0o755); err != nil { // no runtime folder, that is
		t.Fatal(err)
	}
	runtime := runtimeFolder(t, home, "forged")
	said := 0
	for _, words := range [][]string{
		{"ODD"}, {"ODD", "x"}, {"run", "ODD"}, {"run", "od"}, {"run", "./ODD.toml"}, {"run", "./bad.toml"}, {"run", "/no/ODD.toml"},
		{"run", "--", "ODD"}, {"run", "--", "./prog"}, {"run", "--", "prog"}, {"run", "--here", "--", "/no/ODD"},
		{"run", "--read", "/no/ODD", "--", "true"}, {"run", "--ODD", "--", "true"}, {"run", "--name", "ODD", "--", "true"},
		{"run", "--home", "private", "--id", "ODD", "--", "true"}, {"run", "org.example.Bad"}, {"run", "ODD.desktop"},
		{"run", "foot", "ODD"}, {"run", "--network", "ODD", "--", "true"}, {"explain", "ODD"}, {"explain", "./bad.toml"},
		{"manifest", "check", "ODD"}, {"manifest", "check", "./ODD.toml"}, {"manifest", "check", "./bad.toml"}, {"manifest", "new", "ODD"},
		{"manifest", "show", "ODD"}, {"manifest", "edit", "./ODD.toml"}, {"manifest", "import", "ODD"}, {"manifest", "diff", "ODD"},
		{"wrap", "ODD"}, {"wrap", "--manifest", "ODD", "x"}, {"unwrap", "ODD"}, {"unwrap", "--purge", "ODD"}, {"apps", "ODD"},
		{"data", "path", "ODD"}, {"data", "rm", "ODD"}, {"data", "import", "ODD"}, {"data", "ls", "ODD"}, {"data", "ODD"},
		{"exec", "ODD", "ls"}, {"exec", "ODD"}, {"shell", "ODD"}, {"stop", "ODD"}, {"stop", "--signal", "ODD", "x"}, {"kill", "ODD"},
		{"grant", "ODD", "/x"}, {"grant", "x", "/no/ODD"}, {"grant", "--keep", "x", "/no/ODD"}, {"revoke", "ODD", "/x"},
		{"help", "ODD"}, {"help", "run", "ODD"}, {"completion", "ODD"}, {"data", "export", "a", "/no/ODD"},
		{"XDG_DATA_HOME=./prog", "data", "ls"}, {"XDG_RUNTIME_DIR=.", "ps"}, {"XDG_RUNTIME_DIR=.", "run", "--", "true"},
	} {
		env := []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + runtime, "PATH=/usr/bin:/bin:" + cwd}
		if name, path, isSet := strings.Cut(words[0], "=."); isSet {
			env, words = append(env, name+"="+cwd+path), words[1:]
		}
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "ODD", odd)
		}
		cmd := exec.Command(bed.Built(t, "snug"), words...)
		cmd.Env = env
		cmd.Dir = cwd
		out, _ := cmd.CombinedOutput()
		for text := range strings.Lines(string(out)) {
			said++
			if start := strings.TrimSpace(text); strings.HasPrefix(start, "snug: forged") || strings.HasPrefix(start, "hint: forged") || strings.Contains(text, "\x1b") {
				t.Errorf("snug %q:\n%s", words, out)
				break
			}
		}
	}
	if said < 50 {
		t.Errorf("only %d lines were printed: the test shows nothing", said)
	}
}
