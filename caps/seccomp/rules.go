package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// relation is how a condition compares an argument.
type relation uint8

const (
	equal   relation = iota // argument & mask == value
	least                   // argument >= value
	greater                 // argument > value
)

// condition compares one argument. The other four operators of the
// runtime-spec are these three negated.
type condition struct {
	arg   uint8
	is    relation
	not   bool
	mask  uint64
	value uint64
}

// clause is an action and the conditions that all must hold for it.
type clause struct {
	when   []condition
	action Action
}

// key is a text that two lists of conditions share only if they are the same.
func key(when []condition) string {
	sorted := slices.SortedFunc(slices.Values(when), func(a, b condition) int { return int(a.arg) - int(b.arg) })
	return fmt.Sprint(sorted)
}

// parseCondition turns the runtime-spec's argument into a condition.
// SCMP_CMP_MASKED_EQ compares argument & value == valueTwo, where bits of
// valueTwo outside the mask count for nothing, as in libseccomp.
func parseCondition(arg specs.LinuxSeccompArg) (condition, error) {
	if arg.Index > 5 {
		return condition{}, fmt.Errorf("argument %d: a system call has arguments 0 to 5", arg.Index)
	}
	c := condition{arg: uint8(arg.Index), mask: ^uint64(0), value: arg.Value}
	switch arg.Op {
	case specs.OpEqualTo:
		c.is = equal
	case specs.OpNotEqual:
		c.is, c.not = equal, true
	case specs.OpGreaterEqual:
		c.is = least
	case specs.OpLessThan:
		c.is, c.not = least, true
	case specs.OpGreaterThan:
		c.is = greater
	case specs.OpLessEqual:
		c.is, c.not = greater, true
	case specs.OpMaskedEqual:
		c.is, c.mask, c.value = equal, arg.Value, arg.ValueTwo&arg.Value
	default:
		return condition{}, fmt.Errorf("operator %q: unknown", arg.Op)
	}
	return c, nil
}

// parseEntry turns an entry's action and arguments into clauses. Conditions on
// different arguments must all hold. When one argument appears twice, each
// condition is a clause of its own, which is how runc and crun read it.
func parseEntry(entry specs.LinuxSyscall) ([]clause, error) {
	action, err := parseAction(entry.Action, entry.ErrnoRet)
	if err != nil {
		return nil, err
	}
	var when []condition
	var seen [6]bool
	apart := false
	for _, arg := range entry.Args {
		c, err := parseCondition(arg)
		if err != nil {
			return nil, err
		}
		apart = apart || seen[c.arg]
		seen[c.arg] = true
		when = append(when, c)
	}
	if !apart {
		return []clause{{when, action}}, nil
	}
	var clauses []clause
	for _, c := range when {
		clauses = append(clauses, clause{[]condition{c}, action})
	}
	return clauses, nil
}

// rules collects the clauses of one ABI by number, in the profile's order.
type rules struct {
	abi    abi
	byNr   map[uint32][]clause
	action map[uint32]map[string]Action // what each list of conditions leads to
}

func newRules(a abi) *rules {
	return &rules{abi: a, byNr: map[uint32][]clause{}, action: map[uint32]map[string]Action{}}
}

// outcome says what became of an entry under one ABI.
type outcome uint8

const (
	unknown  outcome = iota // the ABI has no such call
	added                   // in use, or said before
	shadowed                // an earlier entry without conditions has decided otherwise
)

// add appends the clauses of an entry to the call's. Two actions for the same
// conditions are an error.
func (r *rules) add(name string, clauses []clause) (outcome, error) {
	result := unknown
	for _, nr := range r.abi.numbers(name) {
		for _, c := range clauses {
			hidden, err := r.append(nr, c)
			if err != nil {
				return unknown, fmt.Errorf("system call %q: %w", name, err)
			}
			if hidden {
				result = shadowed
			} else if result == unknown {
				result = added
			}
		}
	}
	if r.abi.name == specs.ArchX86 && r.addMultiplexed(name, clauses) && result == unknown {
		result = added
	}
	return result, nil
}

// append adds one clause to a number and reports whether it can never match.
func (r *rules) append(nr uint32, c clause) (bool, error) {
	seen := r.action[nr]
	if seen == nil {
		seen = map[string]Action{}
		r.action[nr] = seen
	}
	if always, ok := seen[key(nil)]; ok {
		return always != c.action, nil
	}
	k := key(c.when)
	if before, ok := seen[k]; ok {
		if before != c.action {
			return false, fmt.Errorf("the same conditions lead to %v and to %v", before, c.action)
		}
		return false, nil
	}
	seen[k] = c.action
	r.byNr[nr] = append(r.byNr[nr], c)
	return false, nil
}

// addMultiplexed repeats clauses for socketcall or ipc and reports whether the
// name has such a way in. The arguments lie in memory there, out of a filter's
// sight. So a condition that lets a call through is no reason to let the
// multiplexed call through, and one that stops it stops every such call.
func (r *rules) addMultiplexed(name string, clauses []clause) bool {
	mux, ok := multiplexer(name)
	if !ok {
		return false
	}
	nr, ok := lookup(r.abi.table, mux.through)
	if !ok {
		return false
	}
	sub := condition{is: equal, mask: mux.mask, value: mux.call}
	for _, c := range clauses {
		if c.action.passes() && len(c.when) > 0 {
			continue
		}
		// A contradiction to an earlier clause is no error: nobody wrote it.
		_, _ = r.append(nr, clause{[]condition{sub}, c.action})
	}
	return true
}
