package seccomp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Report is what a compilation found besides the program.
type Report struct {
	// Flags holds the profile's SECCOMP_FILTER_FLAG_ bits for seccomp(2).
	Flags uint32
	// Notify says that some call asks the listener, so that the filter must be
	// installed with SECCOMP_FILTER_FLAG_NEW_LISTENER.
	Notify bool
	// Unknown lists names that none of the filter's ABIs has, in the profile's
	// order. Such rules have no effect: profiles are written for many machines
	// and kernels.
	Unknown []string
	// Shadowed lists names that a later entry gives another action, although an
	// earlier entry without conditions has decided already.
	Shadowed []string
}

// Err is for strict callers: it reports rules of the profile without effect.
func (r Report) Err() error {
	if len(r.Unknown) > 0 {
		return fmt.Errorf("system calls %q: unknown on this machine", strings.Join(r.Unknown, ","))
	}
	if len(r.Shadowed) > 0 {
		return fmt.Errorf("system calls %q: an earlier rule has decided already", strings.Join(r.Shadowed, ","))
	}
	return nil
}

// Compile turns a runtime-spec profile into a program for a machine. What the
// profile means in corners is written in the package comment. The profile is
// not changed.
func Compile(profile *specs.LinuxSeccomp, arch Arch) (Filter, Report, error) {
	var report Report
	all := arch.abis()
	if all == nil {
		return nil, report, fmt.Errorf("architecture %d: not supported", arch)
	}
	if profile == nil {
		return nil, report, errors.New("seccomp profile: none given")
	}
	otherwise, err := defaultAction(profile)
	if err != nil {
		return nil, report, err
	}
	if report.Flags, err = parseFlags(profile.Flags); err != nil {
		return nil, report, err
	}
	abis, err := choose(all, profile.Architectures)
	if err != nil {
		return nil, report, err
	}
	for i, entry := range profile.Syscalls {
		if err := report.addEntry(abis, entry); err != nil {
			return nil, report, fmt.Errorf("seccomp entry %d: %w", i, err)
		}
	}
	f, err := link(all, abis, otherwise)
	return f, report, err
}

// defaultAction reads the profile's default. Notify is refused there and for
// write, because the launcher itself makes calls between installing the filter
// and handing the listener over, and would wait for an answer for ever.
func defaultAction(profile *specs.LinuxSeccomp) (Action, error) {
	action, err := parseAction(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return 0, fmt.Errorf("seccomp default: %w", err)
	}
	if action == Notify {
		return 0, fmt.Errorf("seccomp default: action %q would stop the launcher itself", profile.DefaultAction)
	}
	return action, nil
}

// addEntry adds an entry to the rules of each ABI.
func (r *Report) addEntry(abis []*rules, entry specs.LinuxSyscall) error {
	clauses, err := parseEntry(entry)
	if err != nil {
		return err
	}
	if len(entry.Names) == 0 {
		return errors.New("no names")
	}
	for _, name := range entry.Names {
		if entry.Action == specs.ActNotify && name == "write" {
			return fmt.Errorf("system call %q: action %q would stop the launcher itself", name, entry.Action)
		}
		best := unknown
		for _, a := range abis {
			result, err := a.add(name, clauses)
			if err != nil {
				return err
			}
			best = max(best, result)
		}
		switch best {
		case unknown:
			r.Unknown = appendNew(r.Unknown, name)
		case shadowed:
			r.Shadowed = appendNew(r.Shadowed, name)
		case added:
			r.Notify = r.Notify || entry.Action == specs.ActNotify
		}
	}
	return nil
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// choose returns empty rules for the native ABI and each listed one. ABIs of
// other machines are left out, since no call can come in by them.
func choose(all []abi, listed []specs.Arch) ([]*rules, error) {
	for _, name := range listed {
		if !knownArch(name) {
			return nil, fmt.Errorf("architecture %q: unknown", name)
		}
	}
	var chosen []*rules
	for i, a := range all {
		if i == 0 || slices.Contains(listed, a.name) {
			chosen = append(chosen, newRules(a))
		}
	}
	return chosen, nil
}

// knownArch reports whether the runtime-spec has this architecture.
func knownArch(name specs.Arch) bool {
	switch name {
	case specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64,
		specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32,
		specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X,
		specs.ArchPARISC, specs.ArchPARISC64, specs.ArchRISCV64, specs.ArchLOONGARCH64,
		specs.ArchM68K, specs.ArchSH, specs.ArchSHEB:
		return true
	}
	return false
}

// parseFlags adds up SECCOMP_FILTER_FLAG_ values (linux/seccomp.h).
func parseFlags(flags []specs.LinuxSeccompFlag) (uint32, error) {
	var bits uint32
	for _, flag := range flags {
		switch flag {
		case specs.LinuxSeccompFlagLog:
			bits |= 1 << 1
		case specs.LinuxSeccompFlagSpecAllow:
			bits |= 1 << 2
		case specs.LinuxSeccompFlagWaitKillableRecv:
			bits |= 1 << 5
		case "SECCOMP_FILTER_FLAG_TSYNC":
			// The launcher has one thread: nothing to synchronise, as in runc.
		default:
			return 0, fmt.Errorf("seccomp flag %q: unknown", flag)
		}
	}
	return bits, nil
}
