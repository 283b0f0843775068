// Command gendefault compiles the policies of desktop apps, brokers and booted systems for each
// machine and writes the programs as constants, so that a launch neither
// compiles nor links a policy. It runs by go generate in the folder of package seccomp, after
// gennumbers. With -print-size it tells the number of instructions instead.
package main

import (
	"flag"
	"fmt"
	"os"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/broker"
	"snug/caps/seccomp/internal/desktop"
	"snug/caps/seccomp/internal/system"
)

func main() {
	size := flag.Bool("print-size", false, "print the sizes and write nothing")
	flag.Parse()
	if err := run(*size); err != nil {
		fmt.Fprintln(os.Stderr, "gendefault:", err)
		os.Exit(1)
	}
}

func run(size bool) error {
	for _, arch := range []seccomp.Arch{seccomp.AMD64, seccomp.ARM64} {
		if size {
			for n := range seccomp.Variants {
				f, err := desktop.Compile(arch, seccomp.Variant(n))
				if err != nil {
					return err
				}
				fmt.Printf("%s %+v %d\n", desktop.File(arch), seccomp.Variant(n), len(f))
			}
			continue
		}
		for _, policy := range []struct {
			file   string
			source func(seccomp.Arch) ([]byte, error)
		}{{desktop.File(arch), desktop.Source}, {broker.File(arch), broker.Source}, {system.File(arch), system.Source}} {
			source, err := policy.source(arch)
			if err != nil {
				return err
			}
			if err := os.WriteFile(policy.file, source, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
