package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Offsets in struct seccomp_data.
const (
	offsetNr   = 0
	offsetArch = 4
)

// interval is a run of numbers that are treated alike, up to the next one.
type interval struct {
	from uint32
	to   label
}

// link writes the program: by audit value to an ABI, there by binary search to
// a run of numbers. Until an argument is looked at, it compares only audit
// value and number with constants; so the kernel (since Linux 5.11) finds out
// which calls are always allowed and lets them pass without running it.
func link(all []abi, chosen []*rules, otherwise Action) (Filter, error) {
	a := &assembler{returns: map[Action]label{}}
	foreign := otherwise
	if foreign.passes() || foreign&^dataMask == Trace {
		foreign = KillProcess
	}
	entry := a.ret(foreign)
	type section struct {
		audit uint32
		at    label
	}
	var sections []section
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].name == specs.ArchX32 {
			continue // part of the section of its audit value
		}
		if runs := a.runs(all[i].audit, chosen, otherwise, foreign); runs != nil {
			sections = append(sections, section{all[i].audit, a.load(offsetNr, a.search(runs))})
		}
	}
	for _, s := range sections {
		entry = a.branch(opJumpEqual, s.audit, s.at, entry)
	}
	a.load(offsetArch, entry)
	if a.overflow {
		return nil, fmt.Errorf("seccomp profile: compiles to more than the %d instructions the kernel takes",
			maxInstructions)
	}
	return a.program(), nil
}

// runs writes the decisions of all chosen ABIs with this audit value and
// returns which number goes where, or nil when none is chosen.
func (a *assembler) runs(audit uint32, chosen []*rules, otherwise, foreign Action) []interval {
	clauses := map[uint32][]clause{}
	var found, narrow, x32 bool
	for _, r := range chosen {
		if r.abi.audit != audit {
			continue
		}
		found, narrow = true, r.abi.narrow
		x32 = x32 || r.abi.name == specs.ArchX32
		for nr, c := range r.byNr {
			clauses[nr] = c
		}
	}
	if !found {
		return nil
	}
	beyond := foreign // what x32 numbers without a rule get
	if audit != auditX8664 || x32 {
		beyond = otherwise
	}
	return a.place(clauses, narrow, otherwise, beyond)
}

// place writes each different decision once and cuts the numbers into runs.
func (a *assembler) place(clauses map[uint32][]clause, narrow bool, otherwise, beyond Action) []interval {
	numbers := make([]uint32, 0, len(clauses))
	for nr := range clauses {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	placed := map[string]label{}
	runs := []interval{{0, a.decided(placed, nil, narrow, otherwise)}}
	add := func(from uint32, to label) {
		last := &runs[len(runs)-1]
		switch {
		case last.from == from && len(runs) > 1 && runs[len(runs)-2].to == to:
			runs = runs[:len(runs)-1]
		case last.from == from:
			last.to = to
		case last.to != to:
			runs = append(runs, interval{from, to})
		}
	}
	rest := otherwise
	for _, nr := range append(numbers, skipped) {
		if rest != beyond && nr >= x32Bit {
			rest = beyond
			add(x32Bit, a.decided(placed, nil, narrow, rest))
		}
		if nr == skipped {
			add(nr, a.decided(placed, nil, narrow, otherwise))
			break
		}
		add(nr, a.decided(placed, clauses[nr], narrow, otherwise))
		add(nr+1, a.decided(placed, nil, narrow, rest))
	}
	return runs
}

// decided writes a decision unless the same one is there already.
func (a *assembler) decided(placed map[string]label, clauses []clause, narrow bool, otherwise Action) label {
	for n := len(clauses); n > 0 && clauses[n-1].action == otherwise; n-- {
		clauses = clauses[:n-1] // says no more than the default
	}
	k := fmt.Sprint(clauses, otherwise)
	at, ok := placed[k]
	if !ok {
		at = a.decide(clauses, narrow, otherwise)
		placed[k] = at
	}
	return at
}

// search writes a balanced binary search and returns where it begins.
func (a *assembler) search(runs []interval) label {
	if len(runs) == 1 {
		return runs[0].to
	}
	middle := len(runs) / 2
	high := a.search(runs[middle:])
	low := a.search(runs[:middle])
	return a.branch(opJumpLeast, runs[middle].from, high, low)
}
