package sandbox_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"snug/tests/need"
)

// TestSealedMemory: memory of the caller cannot be unmapped by the child (mseal(2), Linux 6.10); kernels may
// seal their own parts of every process. The sandbox starts all the same.
func TestSealedMemory(t *testing.T) {
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	if err := seal(page); err != nil {
		need.Missingf(t, "wanted mseal(2), got %v", err)
	}
	if err := unix.Munmap(page); err != unix.EPERM {
		t.Fatalf("control: the page can be unmapped: %v", err)
	}
	if out, status := output(t, shell("echo started")); out != "started\n" || status != 0 {
		t.Errorf("got %q, exit status %d", out, status)
	}
}
