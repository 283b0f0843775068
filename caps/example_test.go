package caps_test

import (
	"fmt"

	"snug/caps"
)

func ExampleParse() {
	set, err := caps.Parse("all,-sys_admin,-CAP_SYS_RAWIO")
	fmt.Println(set.Has(caps.NetAdmin), set.Has(caps.SysAdmin), err)
	_, err = caps.Parse("net_admn")
	fmt.Println(err)
	// Output:
	// true false <nil>
	// capability "net_admn": unknown name; did you mean "net_admin"?
}

func ExampleSets_Validate() {
	sets := caps.Sets{Bounding: caps.NetAdmin, Permitted: caps.NetAdmin, Ambient: caps.NetAdmin}
	fmt.Println(sets.Validate())
	// Output:
	// ambient capabilities "net_admin": not in the inheritable set, which the kernel demands
}
