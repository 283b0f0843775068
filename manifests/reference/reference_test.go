package reference_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
	"snug/manifests/reference"
	"snug/tests/need"
)

var update = flag.Bool("update", false, "write what is made of the schema into docs")

// TestFresh compares what is committed with what is made of the schema.
func TestFresh(t *testing.T) {
	for path, got := range map[string][]byte{
		"../../docs/manifest.schema.json": reference.JSON(),
		"../../docs/man/snug-manifest.5":  reference.ManPage(),
	} {
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale; go test ./manifests/reference -update writes it anew, -committed +made:\n%s", path, diff)
		}
	}
}

// TestComplete looks for every key in both.
func TestComplete(t *testing.T) {
	man := string(reference.ManPage())
	for _, key := range manifests.Schema() {
		name := key.Name[strings.LastIndexByte(key.Name, '.')+1:]
		if !strings.Contains(man, ".BR "+strings.ReplaceAll(name, "-", `\-`)+" ") {
			t.Errorf("snug-manifest(5) has no %s", key.Name)
		}
		if !strings.Contains(string(reference.JSON()), "\""+name+"\": {") {
			t.Errorf("the JSON Schema has no %s", key.Name)
		}
	}
}

func TestManPage(t *testing.T) {
	mandoc := need.Program(t, "mandoc")
	out, err := exec.Command(mandoc, "-Tlint", "-W", "style", "../../docs/man/snug-manifest.5").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // on purpose, as of all our pages: they are made, not dated
			t.Errorf("mandoc: %s", line)
		}
	}
	if text, e := exec.Command(mandoc, "-Tascii", "-Owidth=200", "../../docs/man/snug-manifest.5").Output(); e != nil || !strings.Contains(string(text), "xdg-download") {
		t.Errorf("mandoc shows nothing: %v, lint %v", e, err)
	}
}

// samples are texts, and whether a manifest may be so. Where the parser says no and the schema cannot
// know, the text stands in beyond.
var good = []string{
	"",
	"schema = 1\nid = \"org.example.App\"\ndesktop = [\"a.desktop\"]\ncommand = [\"sh\", \"-c\", \"x y\", \"\"]\n",
	"extends = [\"gtk\", \"x-2\"]\nwithout = [\"files.read:~/a\", \"display\"]\naccept = [\"files:HOME\", \"talk:org.gnome.Shell\"]\ninstances = \"one\"\n",
	"[system]\nroot = \"image:debian@sha256:" + strings64 + "\"\nhostname = \"a.b-c\"\n",
	"[files]\nread = [\"/\", \"~/a b/ü\", \"?xdg-run/x\", \"xdg-music\"]\nlive = true\narguments = \"off\"\n",
	"[display]\nwayland = \"filtered\"\nallow = [\"tray\", \"ime\"]\n[sound]\nrecord = \"ask\"\n",
	"[devices]\nusb = [\"1050:0407\"]\nnodes = [\"/dev/ttyUSB0\"]\ncamera = \"portal\"\n",
	"[network]\nmode = \"filtered\"\nallow = [\"*.example.org:443\", \"[2001:db8::/32]:1\"]\nlisten = [\"127.0.0.1:8080\"]\n",
	"[bus.session]\ntalk = [\"org.example.*\", \"org.example.App-*\"]\ncall = [\"org.example.B=org.example.I.*@/\"]\nbroadcast = [\"org.example.B=\"]\n[bus.a11y]\nenable = true\n",
	"[portals]\nallow = [\"FileChooser\"]\ndocuments = true\nflatpak-info = true\n",
	"[process]\npass = [\"EDITOR\"]\nenv = { A = \"1\", _b = \"\" }\ncapabilities = [\"net_admin\"]\nseccomp = \"~/f.json\"\n[limits]\nmemory = \"4G\"\ntasks = 7\ncpus = 1.5\ncore = \"unlimited\"\n",
	"[[if]]\nwhen = \"!nvidia\"\ndevices.compute = true\n[[if]]\nwhen = \"host=login*\"\nfiles.read = [\"~/a\"]\n",
}

const strings64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var bad = []string{
	"schema = 2\n",
	"nonsense = 1\n",
	"id = 1\n",
	"id = \"a b\"\n",
	"id = \"\"\n",
	"desktop = \"a.desktop\"\n",
	"desktop = [\"a\"]\n",
	"desktop = [\"x/a.desktop\"]\n",
	"command = [1]\n",
	"command = [\"a\\u001bb\"]\n",
	"instances = \"twice\"\n",
	"[files]\nwrote = [\"~/a\"]\n",
	"[files]\nread = [\"a\"]\n",
	"[files]\nread = [\"~/*\"]\n",
	"[files]\nread = [\"\"]\n",
	"[files]\nread = \"~/a\"\n",
	"[files]\nlive = \"true\"\n",
	"[display]\nwayland = \"yes\"\n",
	"[display]\nwayland = true\n",
	"[display]\nallow = [\"everything\"]\n",
	"[devices]\nusb = [\"1050\"]\n",
	"[devices]\nnodes = [\"/etc/passwd\"]\n",
	"[network]\nallow = [\"example.org\"]\n",
	"[bus.session]\ncall = [\"org.example.B\"]\n",
	"[bus]\ntalk = [\"org.example.B\"]\n",
	"[portals]\nallow = [\"*\"]\n",
	"[process]\npass = [\"1A\"]\n",
	"[process]\nenv = { \"a b\" = \"1\" }\n",
	"[process]\nenv = { A = 1 }\n",
	"[process]\nseccomp = \"f.json\"\n",
	"[limits]\nmemory = \"4X\"\n",
	"[limits]\ntasks = 0\n",
	"[limits]\ntasks = 1.5\n",
	"[limits]\ncpus = 0.0\n",
	"[[if]]\ndevices.compute = true\n",
	"[[if]]\nwhen = \"sunny\"\n",
	"[[if]]\nwhen = \"x11\"\nid = \"a\"\n",
	"if = 1\n",
}

// TestValidator asks a validator of JSON Schema about good and bad manifests, and compares with the
// parser: what the schema refuses the parser refuses, and all samples are judged alike.
func TestValidator(t *testing.T) {
	python := "/usr/bin/python3" // Debian's, which finds python3-jsonschema
	if err := exec.Command(python, "-c", "import jsonschema, tomllib; jsonschema.Draft202012Validator").Run(); err != nil {
		need.Missingf(t, "wanted %s with jsonschema for draft 2020-12 and tomllib, got %v", python, err)
	}
	dir := t.TempDir()
	texts := map[string]string{}
	add := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		texts[path] = text
	}
	for i, text := range good {
		add("good-"+strconv.Itoa(i)+".toml", text)
	}
	for i, text := range bad {
		add("bad-"+strconv.Itoa(i)+".toml", text)
	}
	builtIn, _ := filepath.Glob("../builtin/*.toml")
	bases, _ := filepath.Glob("../builtin/bases/*.toml")
	if len(builtIn) < 4 || len(bases) < 2 {
		t.Fatal("want the built-in manifests")
	}
	for i, path := range append(append(builtIn, bases...), "../testdata/sixty.toml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		add("good-builtin-"+strconv.Itoa(i)+".toml", string(text))
	}
	var names []string
	for path := range texts {
		names = append(names, path)
	}
	schema := filepath.Join(dir, "schema.json")
	if err := os.WriteFile(schema, reference.JSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/validate.py", schema)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		path, verdict, _ := strings.Cut(strings.TrimSpace(line), "\t")
		seen++
		want := strings.HasPrefix(filepath.Base(path), "good")
		if got := verdict == "good"; got != want {
			t.Errorf("the schema says %s of\n%s", verdict, texts[path])
		}
		if _, err := manifests.Parse("x.toml", []byte(texts[path])); (err == nil) != want {
			t.Errorf("the parser says %v of\n%s", err, texts[path])
		}
	}
	if seen != len(names) {
		t.Errorf("want %d verdicts, got %d", len(names), seen)
	}
}
