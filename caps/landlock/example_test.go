package landlock_test

import (
	"fmt"

	"snug/caps/landlock"
)

// A caller that refuses rather than weakens starts only when nothing is lost
// but grants and logging.
func ExampleDowngrade() {
	rules := landlock.Ruleset{
		FS:     landlock.WriteFile | landlock.Truncate,
		Scoped: landlock.ScopeAbstractUnix,
		Paths:  []landlock.PathRule{{Path: "/tmp", Allowed: landlock.WriteFile | landlock.Truncate}},
	}
	fitting, lost := landlock.Downgrade(rules, 4) // Linux 6.7
	for _, l := range lost {
		fmt.Println(l.Kind == landlock.Protection, l)
	}
	attr, err := fitting.Attr(4)
	fmt.Printf("%x %v\n", attr, err)
	// Output:
	// true abstract_unix_socket cannot be denied, that takes ABI 6 (Linux 6.12)
	// 02400000000000000000000000000000 <nil>
}
