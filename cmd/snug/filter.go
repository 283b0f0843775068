package main

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// maxProfile bounds a seccomp profile; Docker's has 15 KiB.
const maxProfile = 1 << 20

// compileFilter makes a filter of a profile in the form of linux.seccomp of the runtime-spec.
func compileFilter(path string) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case !st.Mode().IsRegular() || st.Size() > maxProfile:
		return nil, errors.New("not a file of at most 1 MiB")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(text, &profile); err != nil {
		return nil, err
	}
	arch := seccomp.AMD64
	if runtime.GOARCH == "arm64" {
		arch = seccomp.ARM64
	}
	filter, report, err := seccomp.Compile(&profile, arch)
	if err != nil {
		return nil, err
	}
	return filter.Bytes(), report.Err()
}
