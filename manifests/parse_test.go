package manifests_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snug/manifests"
)

// whole is a manifest in every spelling of TOML that the schema takes.
const whole = `schema = 1
id = "org.example.App" # a comment
command = [
	"app",
	'--raw', # another
]
files.read = ["xdg-pictures", "?~/a b"]
display = { wayland = "off", both = true }

[process]
env = { A = "1", "B" = "two" }
[process.env.]
`

func TestParseSpellings(t *testing.T) {
	text := strings.TrimSuffix(whole, "[process.env.]\n") + `
[bus.session]
talk = ["org.example.Other"]

[limits]
files = 65_536
cpus = 2

[[if]]
when = "nvidia"
devices.compute = true
[if.process.env]
C = "3"
[[if]]
when = "!x11"
files.read = ["/srv"]
`
	m, err := manifests.Merge([]*manifests.Layer{parse(t, "f.toml", text)}, nil, manifests.Facts{Has: has("nvidia")})
	if err != nil {
		t.Fatal(err)
	}
	want := `schema=1 f.toml:1
id=org.example.App f.toml:2
command=app f.toml:4
command=--raw f.toml:5
files.read=xdg-pictures f.toml:7
files.read=?~/a b f.toml:7
files.read=/srv f.toml:27
display.wayland=off f.toml:8
display.both=true f.toml:8
devices.compute=true f.toml:22
bus.session.talk=org.example.Other f.toml:14
process.env=A=1 f.toml:11
process.env=B=two f.toml:11
process.env=C=3 f.toml:24
limits.cpus=2 f.toml:18
limits.files=65536 f.toml:17
`
	if diff := cmp.Diff(want, dump(m)); diff != "" {
		t.Error(diff)
	}
}

// TestParseBad seeds one mistake at a time and wants the whole message.
func TestParseBad(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "[display]\nwaylnad = \"raw\"", "f.toml:2:1: unknown key display.waylnad\n  hint: did you mean display.wayland?"},
		{"key without its table", `wayland = "raw"`, "f.toml:1:1: unknown key wayland\n  hint: did you mean display.wayland?"},
		{"unknown table", "[netwrok]\nmode = \"off\"\nmore = 1", "f.toml:1:2: unknown table netwrok\n  hint: did you mean network?"},
		{"quoted dots are no table", `"files.read" = ["/srv"]`, `f.toml:1:1: unknown key "files.read"` + "\n  hint: did you mean files.read?"},
		{"enum", "[network]\n  mode = \"on\"", "f.toml:2:10: network.mode: \"on\" is not allowed\n  hint: one of off, user, host"},
		{"list entry", "[display]\nallow = [\"ime\",\n \"trey\"]", "f.toml:3:2: display.allow: \"trey\" is not allowed\n  hint: one of tray, ime, inhibit, idle, game-input, shortcuts, panel, screencopy, layer-shell, data-control"},
		{"text for flag", `sound.play = "yes"`, "f.toml:1:14: sound.play takes true or false, not text\n  hint: write true or false, without quotes"},
		{"text for list", `files.read = "/srv"`, "f.toml:1:14: files.read takes a list of text, not text\n  hint: write a list: [\"…\"]"},
		{"number in list", `files.read = [1]`, "f.toml:1:15: the entries of files.read are text, not a number"},
		{"list for text", `id = ["a"]`, "f.toml:1:1: id takes text, not a list\n  hint: write it in quotes: \"…\""},
		{"fraction", `limits.files = 1.5`, "f.toml:1:16: limits.files takes a whole number, not a number\n  hint: write a number above 0, without quotes"},
		{"negative", `limits.tasks = -1`, "f.toml:1:1: limits.tasks: -1 is out of range\n  hint: write a number above 0, without quotes"},
		{"value for table", `files = 3`, "f.toml:1:1: files is a table, not a number\n  hint: write [files] and its keys below it"},
		{"key twice", "[files]\nread = []\nread = []", "f.toml:3:1: files.read is given twice, first in line 2\n  hint: keep one of them"},
		{"table twice", "[files]\n[display]\n[files]", "f.toml:3:2: the table [files] is given twice, first in line 1\n  hint: write one table"},
		{"variable twice", "[process]\nenv.A = \"1\"\nenv.A = \"2\"", "f.toml:3:1: process.env.A is given twice, first at f.toml:2\n  hint: keep one of them"},
		{"variable's name", `process.env = { 1A = "x" }`, "f.toml:1:17: process.env: 1A is no name of a variable\n  hint: letters, digits and _, not beginning with a digit"},
		{"newer schema", "schema = 2\nfuture = 1", "f.toml:1: schema 2 needs a newer snug: this one reads schema 1"},
		{"syntax", "[files\nread = []", "f.toml:1:7: expected ']' to close table name"},
		{"no closing quote", "[files]\nread = [\"~/a, \"~/b\"]", "f.toml:2:16: a quote is missing in this line\n  hint: text stands between two of them: \"…\""},
		{"no closing quote in the line", "id = \"org.example.App # \\\"x\n[files]", "f.toml:1:28: a quote is missing in this line\n  hint: text stands between two of them: \"…\""},
		{"no closing single quote", "id = 'a\\'b'", "f.toml:1:10: a quote is missing in this line\n  hint: text stands between two of them: \"…\""},
		{"no opening quote", "files.read = [~/b\"]", "f.toml:1:15: a quote is missing in this line\n  hint: text stands between two of them: \"…\""},
		{"no quotes", "id = org.example.App # \"", "f.toml:1:6: unexpected character U+006F 'o' at start of value\n  hint: text stands between quotes: \"…\""},
		{"all quotes", "files.read = [\"~/a'\" \"\\\"\"]", "f.toml:1:22: expected ',' or ']' after array value"},
		{"end of file", "id = ", "f.toml:1:5: expected value, not end of input"},
		{"invalid UTF-8", "# \xff", "f.toml:1:3: the file is not valid UTF-8\n  hint: save the file as UTF-8"},
		{"column counts characters", "[files]\nread = [\"/ä\", \"ö\"]", "f.toml:2:15: files.read: \"ö\" is no path\n  hint: begin with /, ~/ or an xdg name such as xdg-download"},
		{"newline", `files.read = ["/srv\nx"]`, `f.toml:1:15: files.read: "/srv\nx" holds a line break` + "\n  hint: write it without"},
		{"NUL", `command = ["a\u0000b"]`, `f.toml:1:12: command: "a\x00b" holds a NUL byte` + "\n  hint: write it without"},
		{"escape", `process.env = { A = "\u001b[2J" }`, `f.toml:1:21: process.env.A: "\x1b[2J" holds a control character` + "\n  hint: write it without"},
		{"bidi", `id = "a\u202eb"`, `f.toml:1:6: id: "a\u202eb" holds a character that changes the direction of text` + "\n  hint: write it without"},
		{"parent", `files.read = ["~/../x"]`, "f.toml:1:15: files.read: \"~/../x\" holds \"..\"\n  hint: name the folder itself"},
		{"glob", `files.read = ["~/*.txt"]`, "f.toml:1:15: files.read: \"~/*.txt\" holds the glob character \"*\"\n  hint: no globs: name the folder"},
		{"relative", `files.read = ["src"]`, "f.toml:1:15: files.read: \"src\" is no path\n  hint: begin with /, ~/ or an xdg name such as xdg-download"},
		{"other home", `files.read = ["~bob/x"]`, "f.toml:1:15: files.read: \"~bob/x\" names another user's home\n  hint: begin with ~/ or /"},
		{"xdg name", `files.read = ["xdg-downloads"]`, "f.toml:1:15: files.read: \"xdg-downloads\" begins with an unknown xdg name\n  hint: did you mean xdg-download?"},
		{"all of xdg-run", `files.read = ["xdg-run"]`, "f.toml:1:15: files.read: \"xdg-run\" is the folder of every socket of the session\n  hint: name what lies below it: xdg-run/NAME"},
		{"id", `id = "../x"`, "f.toml:1:6: id: \"../x\" is no id\n  hint: letters, digits and . _ -, as in org.example.App"},
		{"code", `accept = ["x11raw"]`, "f.toml:1:11: accept: \"x11raw\" is no danger\n  hint: did you mean x11-raw?"},
		{"without", `without = ["file.read"]`, "f.toml:1:12: without: \"file.read\" names no key\n  hint: did you mean files.read?"},
		{"every portal", `portals.allow = ["*"]`, "f.toml:1:18: portals.allow: \"*\" would allow every portal there will ever be\n  hint: name the portals: FileChooser, OpenURI, Settings"},
		{"if without when", "[[if]]\ndevices.gpu = true", "f.toml:1:3: [[if]] has no `when`\n  hint: one of wayland, x11, nvidia, portal, desktop=NAME, host=GLOB, or ! before one"},
		{"unknown fact", "[[if]]\nwhen = \"amd\"", "f.toml:2:8: when: \"amd\" is no fact\n  hint: one of wayland, x11, nvidia, portal, desktop=NAME, host=GLOB, or ! before one"},
		{"if takes nothing away", "[[if]]\nwhen = \"x11\"\nwithout = [\"files\"]", "f.toml:3:1: without does not belong below [[if]], which only adds"},
		{"one if", "[if]\nwhen = \"x11\"", "f.toml:1:2: [if] stands below no [[if]]\n  hint: begin a condition with [[if]] and when = \"nvidia\""},
		{"key twice around an if", "files.read = []\n[[if]]\nwhen = \"x11\"\n[files]\nread = []", "f.toml:5:1: files.read is given twice, first in line 1\n  hint: keep one of them"},
		{"list of tables", "[[files]]\nread = []", "f.toml:1:3: files is one table\n  hint: write [files]"},
		{"two at once", "idd = 1\nsound.play = 1", "f.toml:1:1: unknown key idd\n  hint: did you mean id?\nf.toml:2:14: sound.play takes true or false, not a number\n  hint: write true or false, without quotes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layer, err := manifests.Parse("f.toml", []byte(test.text))
			if err == nil {
				t.Fatalf("parsed: %q", dumpKeys(layer))
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestParseValues is good and bad values of each syntax, side by side.
func TestParseValues(t *testing.T) {
	tests := []struct{ key, good, bad string }{
		{"id", "curl|firefox|org.mozilla.firefox|a-b_c|_x", "|.a|a..b|a.|a/b|-a|ü|a b"},
		{"desktop", "a.desktop|org.kde.kate.desktop", "a|x/a.desktop|-a.desktop|.a.desktop"},
		{"system.root", "host|/srv/x|image:debian|image:debian/12@sha256:" + strings.Repeat("a", 64),
			"|/|/srv/../x|image:|image:../x|image:a@sha256:../../x|image:a@md5:x|x"},
		{"system.hostname", "box|a.b-c", "|-a|a b|" + strings.Repeat("a", 65)},
		{"files.read", `/|/a b|/it's|/a,b|/say "x"|~|~/.x|?~/x|xdg-run/app|xdg-config/x`,
			"|?|x|./x|/a/../b|/a/./b|/a//b|/a/|~/|/a[1]|/a?|??/a|xdg-foo|~x|xdg-run|/" + strings.Repeat("a", 4096)},
		{"devices.usb", "1050:0407|ABCD:ef01", "1050|1050:407|105g:0407|1050:0407:1"},
		{"devices.nodes", "/dev/ttyUSB0|/dev/bus/usb", "/etc/passwd|/dev/../etc/passwd|ttyUSB0|/dev/tty*"},
		{"network.allow", "a.example:443|*.a.example:1|10.0.0.0/8:22|[2001:db8::/32]:443|localhost:65535",
			"a|a:0|a:65536|a:x|:80|a b:80|10.0.0.0/x:22|a..b:80|[::1:80|*:80"},
		{"network.listen", "127.0.0.1:8080|[::1]:80", "localhost:80|127.0.0.1|[::/0]:80|:80"},
		{"bus.session.talk", "a.b|org.example.*|org.example.App-1|org.example.App-*", "a|*|org.*|:1.5|a..b|a.*.b|a.1b|a b.c|.*"},
		{"bus.session.call", "a.b=|a.b=*|a.b=c.d.E@/x/*|a.b=@/", "a.b|a=x|a.b=c d|a.b=c@x|a.b=c.d"},
		{"portals.allow", "FileChooser|Usb|SomethingNew", "*|File*|File.Chooser|"},
		{"process.pass", "EDITOR|_X1", "|1X|A=B|A B|LC_*"},
		{"process.capabilities", "CAP_NET_ADMIN|net_admin|all", "|net-admin|all,x"},
		{"process.seccomp", "default|off|/etc/x.json|~/x.json", "|x.json|/etc/x|on|~/../x.json"},
		{"limits.memory", "4G|100M|512|1T", "|4GB|-1|4.5G|G|4g|99999999999999G"},
		{"accept", "files:HOME|x11-raw|talk:org.gnome.Shell|own:org.example.X|display:panel|bus-session",
			"|x11|talk:NAME|talk:|own:FOREIGN|files:ROOT|display:|display:NAME|bus-*"},
		{"without", "files|files.read|bus.session.talk:org.a11y.*|process.env:A|instances|accept:x11-raw",
			"|file|files:x|files.read:|id|extends|schema|without|command"},
	}
	for _, test := range tests {
		t.Run(test.key, func(t *testing.T) {
			for value := range strings.SplitSeq(test.good, "|") {
				if err := new(manifests.Layer).Set(flagOf(t, test.key), value, "--x"); err != nil {
					t.Errorf("good: %v", err)
				}
			}
			for value := range strings.SplitSeq(test.bad, "|") {
				if err := new(manifests.Layer).Set(flagOf(t, test.key), value, "--x"); err == nil {
					t.Errorf("%q was let through", value)
				}
			}
		})
	}
}

// TestParseText puts every character that deceives into a string, and some beside them that do not.
func TestParseText(t *testing.T) {
	for _, char := range "\x00\t\n\r\x1b\x7f\u0080\u009b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069" {
		for _, flag := range []string{"read", "env", "command", "id"} {
			value := map[string]string{"read": "/a", "env": "A=", "command": "a", "id": "a"}[flag] + string(char)
			if err := new(manifests.Layer).Set(flag, value, "--x"); err == nil {
				t.Errorf("--%s let %+q through", flag, char)
			}
		}
	}
	for _, char := range " ~\u00a0\u061b\u200d\u2030\u206a\U0001f600" {
		if err := new(manifests.Layer).Set("read", "/a"+string(char), "--x"); err != nil {
			t.Errorf("%+q: %v", char, err)
		}
	}
}

func TestParseBounds(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"size", strings.Repeat("# comment\n", 30000), "larger than 256 KiB"},
		{"list", "files.read = [" + strings.Repeat(`"/a",`, 2000) + "]", "more than 1024 entries"},
		{"nesting", "id = " + strings.Repeat("[", 100000), "nested"},
		{"tables", "id = " + strings.Repeat("{a=", 30000), "nested"},
		{"dots", strings.Repeat("a.", 100000) + "a = 1", "unknown key"},
		{"numbers", "id = [" + strings.Repeat("1,", 120000) + "]", "takes text"},
		{"value", `id = "` + strings.Repeat("a", 200000) + `"`, "longer than 4096"},
		{"conditions", strings.Repeat("[[if]]\nwhen=\"x11\"\n", 1000), "more than 64"},
		{"variables", "[process.env]\n" + manyVariables(2000), "more than 1024"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, err := manifests.Parse("f.toml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				message := "no error"
				if err != nil {
					message = err.Error()[:min(200, len(err.Error()))]
				}
				t.Errorf("got %s, want %q", message, test.want)
			}
			if err != nil && len(err.Error()) > 64<<10 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	_, err := manifests.Parse("f.toml", []byte(strings.Repeat("x = 1\n", 1000)))
	var problems manifests.Problems
	if !errors.As(err, &problems) || len(problems) != 20 {
		t.Errorf("%d problems, want 20", len(problems))
	}
}

func manyVariables(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString("V" + strings.Repeat("A", i%50) + string(rune('A'+i%26)) + strings.Repeat("B", i/50) + " = \"\"\n")
	}
	return out.String()
}

// TestParsePrintedName checks that a file's name cannot deceive whoever reads an Origin, nor pass
// for a flag, whose dangers need no code.
func TestParsePrintedName(t *testing.T) {
	for name, want := range map[string]manifests.Origin{
		"a\x1b[2J\nb.toml":    `a\x1b[2J\nb.toml:1`,
		"--read, argument 1/": "./--read, argument 1/:1",
	} {
		layer := parse(t, name, `id = "x"`)
		if layer.ID.Origin != want {
			t.Errorf("%q: origin %q, want %q", name, layer.ID.Origin, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(strings.TrimSuffix(whole, "[process.env.]\n"))
	f.Add(whole)
	f.Add("[[if]]\nwhen = \"!host=a*\"\n[if.files]\nread = [\"?~/x\"]\n[files]\nwrite = ['/srv']\n")
	f.Add("files.read = [\"\"\"\n/x\"\"\"]\nschema = 0x1\nid = {a.b = [[{}]]}")
	if text, err := os.ReadFile("builtin/org.xfce.mousepad.toml"); err == nil {
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		layer, err := manifests.Parse("f.toml", []byte(text))
		if (layer == nil) == (err == nil) {
			t.Fatalf("layer %v, error %v", layer, err)
		}
		if err != nil {
			var problems manifests.Problems
			if !errors.As(err, &problems) || len(problems) == 0 || len(problems) > 20 {
				t.Fatalf("problems: %v", err)
			}
			for _, problem := range problems {
				if problem.Where == "" || problem.What == "" {
					t.Fatalf("a problem without place or sentence: %#v", problem)
				}
			}
			return
		}
		for grant := range layer.Grants() {
			if grant.Origin == "" || strings.ContainsAny(grant.Value, "\x00\n\r\x1b") {
				t.Fatalf("grant %q at %q", grant.Value, grant.Origin)
			}
		}
		manifest, err := manifests.Merge([]*manifests.Layer{layer, layer}, layer, manifests.Facts{Has: has("x11")})
		if err == nil {
			manifest.NotYet()
			manifest.UnusedCodes()
		}
	})
}

// sixty is a manifest of 60 lines, as people write them.
func sixty(t testing.TB) []byte {
	text, err := os.ReadFile("testdata/sixty.toml")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != 60 {
		t.Fatalf("%d lines", lines)
	}
	return text
}

func BenchmarkParse(b *testing.B) {
	text := sixty(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifests.Parse("sixty.toml", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	layer, base := parse(b, "sixty.toml", string(sixty(b))), parse(b, "gtk.toml", "files.write = [\"?xdg-download\"]\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifests.Merge([]*manifests.Layer{base, layer}, nil, manifests.Facts{}); err != nil {
			b.Fatal(err)
		}
	}
}
