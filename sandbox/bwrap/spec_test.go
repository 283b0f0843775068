package bwrap_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/caps"
	"snug/sandbox"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares what a command line grants with testdata/NAME.txt: the line, a rule, the Spec.
func TestGolden(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":        "--ro-bind / / true",
		"flatpak":        "--args 3 --unshare-pid --unshare-net --dir /tmp --perms 0700 --dir /run/user/1000 --setenv A b --symlink usr/lib /lib --ro-bind /usr /usr --ro-bind-data 3 /.flatpak-info --file 5 /etc/x --seccomp 4 --info-fd 7 --dev /dev --tmpfs /dev/shm --remount-ro / --sync-fd 8 --lock-file /usr/.ref --proc /proc -- app arg",
		"everything-new": "--unshare-all --share-net --new-session --die-with-parent --hostname box --uid 0 --gid 0 --cap-add ALL --cap-drop CAP_KILL --tmpfs / --chdir /x true",
		"as-pid-1":       "--unshare-pid --as-pid-1 --sync-fd 7 --block-fd 8 --argv0 -sh --dir x /bin/sh",
		"sealed":         "--unshare-user --disable-userns --bind / / true",
		"joined":         "--userns 7 --userns2 8 --pidns 9 --bind / / true",
		"joined-below":   "--userns 7 --pidns 9 --unshare-pid --uid 5 --bind / / true",
		"mapped":         "--unshare-user --userns-block-fd 7 --info-fd 8 --bind / / true",
		"files":          "--bind a b --bind-try /none /n --dev-bind ./c/../d //d --ro-bind-fd 7 /e --perms 0 --dir /f --chmod 0 /f --size 4096 --perms 01777 --tmpfs /g --mqueue /h --perms 0640 --bind-data 3 /i/j/k true",
		"overlays":       "--overlay-src /a --overlay-src b --overlay up /home/ada/w /o --overlay-src /c --tmp-overlay /t --overlay-src /d --overlay-src /e --ro-overlay /r true",
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, line, printed(spec(t, strings.Fields(line)...)))
		})
	}
	t.Run("root", func(t *testing.T) {
		const line = "--unshare-pid --unshare-net --bind / / --proc /proc --cap-drop CAP_KILL true"
		l, err := parse(strings.Fields(line)...)
		if err != nil {
			t.Fatal(err)
		}
		h, c := machine(), caller()
		h.UID, h.GID = 0, 0
		c.Caps = func() (caps.Set, error) { return caps.UpTo(40), nil }
		c.Terminal = func() string { return "/dev/pts/3" }
		s, err := l.Spec(h, c)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "root", line, printed(s))
	})
}

func golden(t *testing.T, name, line, got string) {
	t.Helper()
	got = line + "\n---\n" + got
	file := filepath.Join("testdata", name+".txt")
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test ./sandbox/bwrap -update writes it), -want +got:\n%s", file, diff)
	}
}

// printed gives all fields of a Spec that are not zero, one a line.
func printed(s *sandbox.Spec) string {
	var b strings.Builder
	show(&b, "", reflect.ValueOf(s).Elem())
	return b.String()
}

func show(b *strings.Builder, name string, v reflect.Value) {
	switch value := v.Interface().(type) {
	case *os.File:
		if value != nil {
			fmt.Fprintf(b, "%s: %s\n", name, value.Name())
		}
		return
	case caps.Set:
		if value != 0 {
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
		return
	case []byte:
		fmt.Fprintf(b, "%s: %q\n", name, value)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			if v.Kind() == reflect.Interface {
				name += " " + strings.TrimPrefix(v.Elem().Type().String(), "*sandbox.")
			}
			show(b, name, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			show(b, strings.TrimPrefix(name+"."+v.Type().Field(i).Name, "."), v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			show(b, fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	case reflect.Func:
		if !v.IsNil() {
			fmt.Fprintf(b, "%s: a function\n", name)
		}
	default:
		if strings.HasSuffix(name, "Mode") || strings.HasSuffix(name, "Umask") {
			fmt.Fprintf(b, "%s: 0%o\n", name, v.Interface())
		} else if !v.IsZero() {
			fmt.Fprintf(b, "%s: %#v\n", name, v.Interface())
		}
	}
}
