package sandbox_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"snug/sandbox"
	"snug/tests/need"
)

// BenchmarkStart starts and waits for a sandbox that runs true, with more and more binds, beside
// bubblewrap with the same grants. A process of our own start costs what an empty Go program
// does on top, which "make bench" counts.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{0, 200, 1000} {
		b.Run("snug/binds="+strconv.Itoa(n), func(b *testing.B) {
			s := plain("/bin/true")
			for i := range n {
				s.Root = append(s.Root, &sandbox.Bind{Source: "/usr", Dest: "/tmp/" + strconv.Itoa(i)})
			}
			for b.Loop() {
				in, err := sandbox.Run(s)
				if err != nil {
					b.Fatal(err)
				}
				in.Wait()
				in.Close()
			}
		})
		b.Run("bwrap/binds="+strconv.Itoa(n), func(b *testing.B) {
			bwrap, err := exec.LookPath("bwrap")
			if err != nil {
				need.Missing(b, "wanted bubblewrap to compare with, got none")
			}
			args := []string{"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "--tmpfs", "/tmp"}
			for i := range n {
				args = append(args, "--ro-bind", "/usr", "/tmp/"+strconv.Itoa(i))
			}
			for b.Loop() {
				cmd := exec.Command(bwrap, append(args, "/bin/true")...)
				cmd.Stderr = os.Stderr
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
