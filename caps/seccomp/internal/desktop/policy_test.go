package desktop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/desktop"
)

func archs() []seccomp.Arch { return []seccomp.Arch{seccomp.AMD64, seccomp.ARM64} }

// TestGenerated fails when the policy or the compiler changed and go generate
// was not run.
func TestGenerated(t *testing.T) {
	for _, arch := range archs() {
		t.Run(desktop.File(arch), func(t *testing.T) {
			want, err := desktop.Source(arch)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join("..", "..", desktop.File(arch)))
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != string(got) {
				t.Error("stale: run go generate in caps/seccomp")
			}
		})
	}
}

// TestDefault: the constants are the compiled policy of the machine we run on.
func TestDefault(t *testing.T) {
	arch := seccomp.AMD64
	if runtime.GOARCH == "arm64" {
		arch = seccomp.ARM64
	}
	for n := range seccomp.Variants {
		want, err := desktop.Compile(arch, seccomp.Variant(n))
		if err != nil {
			t.Fatal(err)
		}
		got, err := seccomp.Parse(seccomp.Default(seccomp.Variant(n)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", seccomp.Variant(n), diff)
		}
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryCallIsDecided fails when golang.org/x/sys brings a system call that
// the policy does not mention: somebody must say what is to become of it.
func TestEveryCallIsDecided(t *testing.T) {
	decided := map[string]bool{}
	for _, entry := range desktop.Policy(seccomp.Options{ABI32: true}).Syscalls {
		for _, name := range entry.Names {
			decided[name] = true
		}
	}
	files, err := filepath.Glob("../../zz_numbers_*.go")
	if err != nil || len(files) != 4 {
		t.Fatalf("tables: %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := regexp.MustCompile(`\{"(\w+)", \d+\}`).FindAllSubmatch(text, -1)
		if len(lines) < 300 {
			t.Fatalf("%s: only %d calls", file, len(lines))
		}
		for _, line := range lines {
			if !decided[string(line[1])] {
				t.Errorf("%s: %q is in no list", file, line[1])
			}
		}
	}
}

// TestEveryNameExists catches typing errors in the lists: each name is known to
// some ABI.
func TestEveryNameExists(t *testing.T) {
	var unknown []string
	for i, arch := range archs() {
		_, report, err := seccomp.Compile(desktop.Policy(seccomp.Options{ABI32: true}), arch)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			unknown = report.Unknown
		}
		unknown = slices.DeleteFunc(unknown, func(name string) bool { return !slices.Contains(report.Unknown, name) })
	}
	if len(unknown) > 0 {
		t.Errorf("no ABI knows %q", unknown)
	}
}

// TestNoRuleIsShadowed catches a call in two lists. modify_ldt is in two on
// purpose: it is absent but for ABI32.
func TestNoRuleIsShadowed(t *testing.T) {
	for n := range seccomp.Variants {
		for _, arch := range archs() {
			_, report, err := seccomp.Compile(desktop.Policy(seccomp.Variant(n)), arch)
			if err != nil {
				t.Fatal(err)
			}
			shadowed := slices.DeleteFunc(report.Shadowed, func(name string) bool { return name == "modify_ldt" })
			if len(shadowed) > 0 {
				t.Errorf("%+v: %q", seccomp.Variant(n), shadowed)
			}
		}
	}
}
