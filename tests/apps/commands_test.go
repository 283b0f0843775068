package apps_test

import (
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// Programs for a terminal.

func TestCurl(t *testing.T) {
	need.Program(t, "curl")
	s := newSession(t)
	url, asked := s.server()
	if out := s.Outside("snug", "run", "curl", "-sS", url); out != greenPage || asked.Load() != 1 {
		t.Errorf("want the page, got %q", out)
	}
	file := s.Home + "/Downloads/page"
	if out := s.Outside("snug", "run", "curl", "-sS", "-o", file, url); out != "" || bed.Read(t, file) != greenPage {
		t.Errorf("want the page among the downloads, got %q %q", out, bed.Read(t, file))
	}
	secret := "file://" + s.Home + "/.ssh/id_ed25519"
	if out := s.Outside("curl", "-sS", secret); out != bed.Key {
		t.Errorf("control: want the key outside, got %q", out)
	}
	if out := s.Outside("snug", "run", "curl", "-sS", secret); strings.Contains(out, bed.Key) || !strings.Contains(out, "(exit status 37)") {
		t.Errorf("want no key, got %q", out)
	}
}

func TestJq(t *testing.T) {
	need.Program(t, "jq")
	s := newSession(t)
	file := s.Home + "/letters/a.json"
	bed.Write(t, file, `{"a": [1, 2]}`)
	if out := s.Outside("snug", "run", "jq", "-c", ".a", file); out != "[1,2]\n" {
		t.Errorf("want a part of the file, got %q", out)
	}
}

// TestJava runs a program from its source, which needs the settings in /etc and a random number.
func TestJava(t *testing.T) {
	more(t)
	need.Program(t, "javac")
	s := newSession(t)
	file := s.Home + "/letters/Hello.java"
	bed.Write(t, file, `class Hello { public static void main(String[] a) throws Exception {
		System.out.println("hello " + new java.security.SecureRandom().nextInt(1));
		System.out.print(new String(new java.io.FileInputStream("`+s.Home+`/.ssh/id_ed25519").readAllBytes()));
	} }`)
	if out := s.Outside("java", file); !strings.Contains(out, "hello 0\n"+bed.Key) {
		t.Errorf("control: want the key outside, got %s", out)
	}
	if out := s.Outside("snug", "run", "java", file); !strings.Contains(out, "hello 0\n") || strings.Contains(out, bed.Key) {
		t.Errorf("want a greeting and no key, got %s", out)
	}
}
