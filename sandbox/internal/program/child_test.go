package program_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"snug/tests/need"
	"strconv"
	"strings"
	"testing"
)

// The contract of child_unsafe.go, checked in the machine code of every kind of build.

const childPackage = "snug/sandbox/internal/program."

// build links a test program with the package for a machine and gives the code of its functions
// by name.
func build(t *testing.T, arch string, cgo bool, flags ...string) map[string][]string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		need.Missing(t, "wanted the go tool to disassemble with, got none in PATH")
	}
	out := filepath.Join(t.TempDir(), "child.test")
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED="+map[bool]string{true: "1", false: "0"}[cgo])
		text, err := cmd.CombinedOutput()
		if err != nil {
			if strings.Contains(string(text), "permission denied") || strings.Contains(string(text), "no required module") {
				need.Missingf(t, "wanted to build the package, got: %s", firstLine(string(text)))
			}
			t.Fatalf("%s %v: %v\n%s", name, args, err, text)
		}
		return string(text)
	}
	run("go", append(append([]string{"test", "-c", "-o", out}, flags...), ".")...)
	code, name := map[string][]string{}, ""
	for line := range strings.Lines(run("go", "tool", "objdump", "-s", "^"+regexp.QuoteMeta(childPackage)+"(walk|syscall6|spawn)(\\.abi0)?$", out)) {
		if rest, ok := strings.CutPrefix(line, "TEXT "); ok {
			name, _, _ = strings.Cut(rest, "(SB)")
			continue
		}
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) > 1 {
			code[name] = append(code[name], f[len(f)-1])
		}
	}
	return code
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

var (
	toWalk  = regexp.MustCompile(`^CALL (R15|\(R22\))$`)
	callTo  = regexp.MustCompile(`^(?:CALL|BL|JMP|B)\s+(\S+\(SB\))`)
	outside = regexp.MustCompile(`^(?:CALL|BL)\s|\(IP\)|\(SB\)|ADRP|runtime\.|panicIndex|morestack|gcWriteBarrier`)
	frame   = regexp.MustCompile(`^(?:SUBQ|ADDQ|SUB) \$(-?0x[0-9a-f]+|-?\d+), (?:SP|RSP)|^(?:MOVD\.W R30, -(\d+)\(RSP\))`)
)

func TestChildCode(t *testing.T) {
	type config struct {
		name  string
		arch  string
		cgo   bool
		flags []string
	}
	configs := []config{
		{"amd64", "amd64", false, nil}, {"amd64 -N -l", "amd64", false, []string{"-gcflags=snug/...=-N -l"}},
		{"arm64", "arm64", false, nil}, {"arm64 -N -l", "arm64", false, []string{"-gcflags=snug/...=-N -l"}},
	}
	if _, err := exec.LookPath("gcc"); err == nil && runtime.GOARCH == "amd64" {
		configs = append(configs, config{"amd64 -race", "amd64", true, []string{"-race"}},
			config{"amd64 -race -N -l", "amd64", true, []string{"-race", "-gcflags=snug/...=-N -l"}})
	}
	if testing.Short() {
		configs = configs[:1]
	}
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) {
			code := build(t, c.arch, c.cgo, c.flags...)
			if len(code[childPackage+"walk"]) < 20 || len(code[childPackage+"syscall6.abi0"])+len(code[childPackage+"syscall6"]) < 5 {
				t.Fatalf("the code of the child was not found: %d functions", len(code))
			}
			stack := 0
			for name, lines := range code {
				stack += checkCode(t, name, lines)
			}
			if stack > 2048 {
				t.Errorf("got %d bytes of stack, want at most half of the 4 KiB that there are", stack)
			}
			t.Logf("%d bytes of stack", stack)
		})
	}
}

// checkCode reports what a function must not do and gives the size of its frame.
func checkCode(t *testing.T, name string, lines []string) (size int) {
	for _, line := range lines {
		if toWalk.MatchString(line) && strings.Contains(name, "spawn") {
			continue
		}
		if m := callTo.FindStringSubmatch(line); m != nil && (strings.HasPrefix(m[1], childPackage+"syscall6") || strings.HasPrefix(m[1], childPackage+"spawn")) {
			continue
		}
		if outside.MatchString(line) {
			t.Errorf("%s leaves the child: %s", name, line)
		}
		if m := frame.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseInt(m[1]+m[2], 0, 64)
			size = max(size, int(max(n, -n)))
		}
	}
	return size
}
