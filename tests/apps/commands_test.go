package apps_test

import (
	"strconv"
	"strings"
	"testing"

	"snug/tests/need"
)

// Programs for a terminal.

func TestCurl(t *testing.T) {
	need.Program(t, "curl")
	b := newBed(t)
	url, asked := b.server()
	if out := b.outside("snug", "run", "curl", "-sS", url); out != greenPage || asked.Load() != 1 {
		t.Errorf("want the page, got %q", out)
	}
	file := b.home + "/Downloads/page"
	if out := b.outside("snug", "run", "curl", "-sS", "-o", file, url); out != "" || read(t, file) != greenPage {
		t.Errorf("want the page among the downloads, got %q %q", out, read(t, file))
	}
	secret := "file://" + b.home + "/.ssh/id_ed25519"
	if out := b.outside("curl", "-sS", secret); out != key {
		t.Errorf("control: want the key outside, got %q", out)
	}
	if out := b.outside("snug", "run", "curl", "-sS", secret); strings.Contains(out, key) || !strings.Contains(out, "(exit status 37)") {
		t.Errorf("want no key, got %q", out)
	}
}

func TestJq(t *testing.T) {
	need.Program(t, "jq")
	b := newBed(t)
	file := b.home + "/letters/a.json"
	write(t, file, `{"a": [1, 2]}`)
	if out := b.outside("snug", "run", "jq", "-c", ".a", file); out != "[1,2]\n" {
		t.Errorf("want a part of the file, got %q", out)
	}
}

// TestJava runs a program from its source, which needs the settings in /etc and a random number.
func TestJava(t *testing.T) {
	more(t)
	need.Program(t, "javac")
	b := newBed(t)
	file := b.home + "/letters/Hello.java"
	write(t, file, `class Hello { public static void main(String[] a) throws Exception {
		System.out.println("hello " + new java.security.SecureRandom().nextInt(1));
		System.out.print(new String(new java.io.FileInputStream("`+b.home+`/.ssh/id_ed25519").readAllBytes()));
	} }`)
	if out := b.outside("java", file); !strings.Contains(out, "hello 0\n"+key) {
		t.Errorf("control: want the key outside, got %s", out)
	}
	if out := b.outside("snug", "run", "java", file); !strings.Contains(out, "hello 0\n") || strings.Contains(out, key) {
		t.Errorf("want a greeting and no key, got %s", out)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
