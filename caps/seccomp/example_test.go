package seccomp_test

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// A profile as it stands in an OCI config.json: one call unknown here is
// reported, not fatal, and a strict caller asks for Err.
func ExampleCompile() {
	text := `{
		"defaultAction": "SCMP_ACT_ALLOW",
		"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
		"syscalls": [
			{"names": ["mkdir", "s390_pci_mmio_read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30},
			{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",
			 "args": [{"index": 1, "value": 4294967295, "valueTwo": 21522, "op": "SCMP_CMP_MASKED_EQ"}]}
		]
	}`
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal([]byte(text), &profile); err != nil {
		fmt.Println(err)
		return
	}
	filter, report, err := seccomp.Compile(&profile, seccomp.AMD64)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Err())
	for _, call := range []seccomp.Data{
		{Nr: 83, Arch: 0xc000003e}, // mkdir
		{Nr: 39, Arch: 0x40000003}, // mkdir of i386
		{Nr: 39, Arch: 0xc000003e}, // getpid
		{Nr: 16, Arch: 0xc000003e, Args: [6]uint64{0, 0xffffffff_00005412}}, // ioctl TIOCSTI
		{Nr: 0x40000000 | 83, Arch: 0xc000003e},                             // mkdir of x32, not listed
	} {
		action, err := filter.Run(call)
		fmt.Println(action, err)
	}
	// Output:
	// system calls "s390_pci_mmio_read": unknown on this machine
	// errno(30) <nil>
	// errno(30) <nil>
	// allow <nil>
	// errno(1) <nil>
	// kill-process <nil>
}
