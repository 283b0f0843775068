package main

import (
	"encoding/json"
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// maxProfile bounds a seccomp profile; Docker's has 15 KiB.
const maxProfile = 1 << 20

// compileFilter makes a filter of a profile in the form of the runtime-spec.
func compileFilter(path string) ([]byte, error) {
	bad := func(err error) error {
		return &hinted{"seccomp profile " + quote(path) + ": " + err.Error(), "a profile is linux.seccomp of the OCI runtime-spec"}
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, bad(err)
	}
	if !st.Mode().IsRegular() || st.Size() > maxProfile {
		return nil, &hinted{"seccomp profile " + quote(path) + ": not a file of at most 1 MiB", ""}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, bad(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(text, &profile); err != nil {
		return nil, bad(err)
	}
	arch := seccomp.AMD64
	if runtime.GOARCH == "arm64" {
		arch = seccomp.ARM64
	}
	filter, report, err := seccomp.Compile(&profile, arch)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, bad(err)
	}
	return filter.Bytes(), nil
}
