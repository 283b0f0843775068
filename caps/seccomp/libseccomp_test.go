package seccomp_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
	"snug/tests/need"
)

// libseccompProgram reads rules from its input, a line each, and writes the
// program that libseccomp makes of them. The declarations are those of
// seccomp.h, so that only the shared library need be there.
const libseccompProgram = `
#include <stdint.h>
#include <stdio.h>
struct scmp_arg_cmp { unsigned arg; int op; uint64_t a, b; };
void *seccomp_init(uint32_t);
int seccomp_arch_add(void *, uint32_t);
int seccomp_rule_add_array(void *, uint32_t, int, unsigned, const struct scmp_arg_cmp *);
int seccomp_export_bpf(void *, int);
int main(void) {
	unsigned otherwise, action, n, i;
	int nr, err;
	void *ctx;
	if (scanf("%u", &otherwise) != 1) return 1;
	ctx = seccomp_init(otherwise);
	if (!ctx || seccomp_arch_add(ctx, 0x40000003)) return 2;
	while (scanf("%u %d %u", &action, &nr, &n) == 3) {
		struct scmp_arg_cmp c[6];
		for (i = 0; i < n; i++)
			if (scanf("%u %d %lu %lu", &c[i].arg, &c[i].op, &c[i].a, &c[i].b) != 4) return 3;
		err = seccomp_rule_add_array(ctx, action, nr, n, c);
		if (err) { fprintf(stderr, "rule for %d: %d\n", nr, err); return 4; }
	}
	return seccomp_export_bpf(ctx, 1) ? 5 : 0;
}
`

// buildLibseccomp builds the program or skips.
func buildLibseccomp(t *testing.T) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		need.Missingf(t, "wanted amd64, whose numbers the test has, got %s", runtime.GOARCH)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		need.Missingf(t, "wanted gcc to call libseccomp, got: %v", err)
	}
	library, err := exec.Command(gcc, "-print-file-name=libseccomp.so.2").Output()
	path := strings.TrimSpace(string(library))
	if err != nil || !filepath.IsAbs(path) {
		need.Missingf(t, "wanted libseccomp.so.2 to compare with, got: %q, %v", path, err)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "lib.c"), filepath.Join(dir, "lib")
	if err := os.WriteFile(source, []byte(libseccompProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-w", "-o", binary, source, path).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return binary
}

// orderless deals a profile in which the order of entries cannot matter: each
// call has one action, other than the default. It has one entry with conditions
// on several arguments, or several entries with one condition on the same
// argument, because libseccomp 2.5.4 joins other mixtures wrongly: given
// a1 <= 2147483647 && a2 == 4294967295, or a1 >= 1 && a2 != 0, it lets a1 = 0,
// a2 = 7 through. Values fit into 32 bits, since libseccomp cuts them for i386.
func orderless(d *dice) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86}}
	actions := [...]specs.LinuxSeccompAction{specs.ActAllow, specs.ActTrap, specs.ActLog, specs.ActKillProcess}
	operators := [...]specs.LinuxSeccompOperator{specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
		specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual}
	for _, name := range names()[:6] {
		action := actions[d.roll(len(actions))]
		deal := func(index uint) specs.LinuxSeccompArg {
			return specs.LinuxSeccompArg{Index: index, Op: operators[d.roll(len(operators))],
				Value: uint64(uint32(d.value())), ValueTwo: uint64(uint32(d.value()))}
		}
		if d.roll(2) == 0 {
			entry := rule(name, action)
			for index := range uint(6) {
				if d.roll(3) == 0 {
					entry.Args = append(entry.Args, deal(index))
				}
			}
			p.Syscalls = append(p.Syscalls, entry)
			continue
		}
		index := uint(d.roll(6))
		for range d.roll(4) {
			p.Syscalls = append(p.Syscalls, rule(name, action, deal(index)))
		}
	}
	return p
}

// script writes a profile for libseccompProgram, operators by their place in
// enum scmp_compare.
func script(p *specs.LinuxSeccomp, numbers map[string][]uint32) string {
	operators := map[specs.LinuxSeccompOperator]int{specs.OpNotEqual: 1, specs.OpLessThan: 2, specs.OpLessEqual: 3,
		specs.OpEqualTo: 4, specs.OpGreaterEqual: 5, specs.OpGreaterThan: 6, specs.OpMaskedEqual: 7}
	var b strings.Builder
	fmt.Fprintln(&b, uint32(oracleAction(p.DefaultAction, nil)))
	for _, entry := range p.Syscalls {
		fmt.Fprintln(&b, uint32(oracleAction(entry.Action, nil)), numbers[entry.Names[0]][0], len(entry.Args))
		for _, c := range entry.Args {
			fmt.Fprintln(&b, c.Index, operators[c.Op], c.Value, c.ValueTwo)
		}
	}
	return b.String()
}

// TestLibseccomp: where order cannot matter, our programs answer as those of
// libseccomp do, which runc and crun use.
func TestLibseccomp(t *testing.T) {
	binary := buildLibseccomp(t)
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 60 {
		seed := make(dice, 400)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		p := orderless(&seed)
		ours, _, err := seccomp.Compile(p, seccomp.AMD64)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary)
		cmd.Stdin = strings.NewReader(script(p, entryPoints()[0].numbers))
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("round %d: %v: %s", round, err, complaint.Bytes())
		}
		theirs, err := seccomp.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		sameAnswers(t, p, ours, theirs)
	}
}

// sameAnswers asks both programs for every call, natively and by i386.
func sameAnswers(t *testing.T, p *specs.LinuxSeccomp, ours, theirs seccomp.Filter) {
	t.Helper()
	probes := [][6]uint64{{}}
	for _, entry := range p.Syscalls {
		exact := [6]uint64{}
		for i, c := range entry.Args {
			exact[c.Index] = c.Value
			probes = append(probes, probe(c.Value, i), probe(c.Value+1, i), probe(c.Value-1, i), probe(c.ValueTwo, i))
		}
		probes = append(probes, exact)
	}
	for _, e := range []entryPoint{entryPoints()[0], entryPoints()[2]} {
		for _, name := range names()[:7] {
			for _, args := range probes {
				if e.narrow {
					for i := range args {
						args[i] = uint64(uint32(args[i]))
					}
				}
				data := seccomp.Data{Nr: e.numbers[name][0], Arch: e.audit, Args: args}
				got, err := ours.Run(data)
				if err != nil {
					t.Fatal(err)
				}
				want, err := theirs.Run(data)
				if err != nil {
					t.Fatalf("their program: %v", err)
				}
				if got != want {
					t.Fatalf("%s %s(%#x): got %v, libseccomp says %v\n%s", e.name, name, args, got, want, script(only(p, name), entryPoints()[0].numbers))
				}
			}
		}
	}
}

// only returns the entries of one call, for messages.
func only(p *specs.LinuxSeccomp, name string) *specs.LinuxSeccomp {
	q := &specs.LinuxSeccomp{DefaultAction: p.DefaultAction}
	for _, entry := range p.Syscalls {
		if entry.Names[0] == name {
			q.Syscalls = append(q.Syscalls, entry)
		}
	}
	return q
}
