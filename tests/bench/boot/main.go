// Command boot times how long a system takes from exec to READY=1, by snug as an ordinary user and by
// systemd-nspawn as root, one after the other in turns. tests/run.sh runs it as root: make bench-boot.
//
//	boot USER SNUG ROUNDS TREE-OF-ROOT TREE-OF-USER
//
// With images it times how they come in, beside tar and umoci, and how they boot again: make bench-image.
//
//	boot images USER SNUG ROUNDS FOLDER
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "boot:", err)
		os.Exit(2)
	}
}

func run(words []string) error {
	if len(words) == 5 && words[0] == "images" {
		return images(words[1], words[2], words[3], words[4])
	}
	if len(words) != 5 {
		return errors.New("usage: boot USER SNUG ROUNDS TREE-OF-ROOT TREE-OF-USER")
	}
	user, snug, tree, own := words[0], words[1], words[3], words[4]
	rounds, err := strconv.Atoi(words[2])
	if err != nil || rounds < 1 {
		return errors.New("rounds: a number above 0")
	}
	dir, err := os.MkdirTemp("/var/tmp", "bench-boot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	as := []string{"runuser", "-u", user, "--", "env", "-i", "HOME=/home/" + user, "USER=" + user, "PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR")}
	ways := []way{
		{name: "systemd-nspawn, root, --volatile=overlay", words: []string{"env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "systemd-nspawn", "--quiet", "--keep-unit", "--register=no",
			"--private-network", "--volatile=overlay", "--notify-ready=yes", "--console=pipe", "--link-journal=no", "-D", tree, "-b"}},
		{name: "snug boot --ephemeral FOLDER, ordinary user", words: append(slices.Clone(as), "NOTIFY_SOCKET="+dir+"/notify", snug, "boot", "--ephemeral", "--name", "bench", own)},
		{name: "snug boot /, ordinary user", words: append(slices.Clone(as), "NOTIFY_SOCKET="+dir+"/notify", snug, "boot", "--name", "bench", "/")},
	}
	for range rounds {
		for i := range ways {
			took, err := ways[i].boot(dir)
			if err != nil {
				return fmt.Errorf("%s: %w", ways[i].name, err)
			}
			ways[i].took = append(ways[i].took, took)
		}
	}
	for i := range ways {
		fmt.Println(ways[i].line(&ways[0]))
	}
	return nil
}

// way is one way to boot.
type way struct {
	name  string
	words []string
	took  []time.Duration
}

// boot boots a system, waits until it is up, and ends it.
func (w *way) boot(dir string) (time.Duration, error) {
	socket := filepath.Join(dir, "notify")
	os.Remove(socket)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := os.Chmod(socket, 0o666); err != nil {
		return 0, err
	}
	cmd := exec.Command(w.words[0], w.words[1:]...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	took, err := ready(conn, began)
	syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	cmd.Wait()
	late.Stop()
	return took, err
}

// ready waits for READY=1.
func ready(conn *net.UnixConn, began time.Time) (time.Duration, error) {
	conn.SetReadDeadline(began.Add(time.Minute))
	buf := make([]byte, 4096)
	for {
		n, _, err := conn.ReadFromUnix(buf)
		if err != nil {
			return 0, err
		}
		if slices.Contains(strings.Split(string(buf[:n]), "\n"), "READY=1") {
			return time.Since(began), nil
		}
	}
}

// line says what came out, with the ratio of pairs to another way.
func (w *way) line(other *way) string {
	var ratios []float64
	for i := range w.took {
		ratios = append(ratios, float64(w.took[i])/float64(other.took[i]))
	}
	slices.Sort(ratios)
	sorted := slices.Sorted(slices.Values(w.took))
	return fmt.Sprintf("%-46s %4d ms (%d-%d)   ratio %.2f (%.2f-%.2f)", w.name, median(sorted).Milliseconds(), sorted[0].Milliseconds(), sorted[len(sorted)-1].Milliseconds(),
		median(ratios), ratios[0], ratios[len(ratios)-1])
}

func median[T any](sorted []T) T { return sorted[len(sorted)/2] }
