// Command bench compares snug with bubblewrap and with programs that do nothing, side by side and
// interleaved in one run, and prints where it loses as well as where it wins.
//
// It runs from the root of the tree with bin/snug built: make bench. With the argument "bus" it
// compares the filters of buses alone, with "wayland" or "sound" those of that, with "brokers" what all cost an app. BENCHRUNS is the number of pairs of the cheapest comparison,
// 200 by default; the others take their share of it.
//
// Exit status: 0 measured, whatever came out; 2 could not measure.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	b, err := newBench()
	if err == nil {
		err = b.run()
		os.RemoveAll(b.dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if b.missed > 0 {
		fmt.Printf("\n%d targets missed\n", b.missed)
	}
}

// bench is one run and the programs that it measures.
type bench struct {
	dir                               string // a folder of its own in the home, also HOME and XDG_RUNTIME_DIR below it
	snug, bwrap, launch, empty, cTrue string
	snugBwrap                         string
	pairs, missed                     int
	files                             func() ([]*os.File, error) // what a command has from descriptor 3 on
	env                               []string
}

func newBench() (*bench, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	b := &bench{pairs: 200}
	if n, err := strconv.Atoi(os.Getenv("BENCHRUNS")); err == nil && n > 0 {
		b.pairs = n
	}
	if b.dir, err = os.MkdirTemp(home, "snug-bench-"); err != nil {
		return nil, err
	}
	for _, dir := range []string{"home", "run"} {
		if err := os.Mkdir(filepath.Join(b.dir, dir), 0o700); err != nil {
			return nil, err
		}
	}
	b.env = []string{"HOME=" + b.dir + "/home", "XDG_RUNTIME_DIR=" + b.dir + "/run", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	if b.snug, err = filepath.Abs("bin/snug"); err != nil {
		return nil, err
	}
	if b.snugBwrap, err = filepath.Abs("bin/snug-bwrap"); err != nil {
		return nil, err
	}
	if b.bwrap, err = exec.LookPath("bwrap"); err != nil {
		return nil, err
	}
	b.launch, b.empty, b.cTrue = b.dir+"/launch", b.dir+"/empty", b.dir+"/true"
	source := b.dir + "/true.c"
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		return nil, err
	}
	for _, words := range [][]string{
		{"go", "build", "-trimpath", "-ldflags", "-s -w -E snug_entry", "-o", b.launch, "./tests/bench/launch"},
		{"go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.empty, "./tests/bench/empty"},
		{"gcc", "-static", "-O2", "-o", b.cTrue, source},
	} {
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
		}
	}
	return b, nil
}

func (b *bench) run() error {
	b.machine()
	if len(os.Args) > 1 && os.Args[1] == "bus" {
		return b.buses()
	}
	if len(os.Args) > 1 && os.Args[1] == "wayland" {
		return b.wayland()
	}
	if len(os.Args) > 1 && os.Args[1] == "brokers" {
		return b.brokers()
	}
	if len(os.Args) > 1 && os.Args[1] == "sound" {
		return b.sounds()
	}
	if len(os.Args) > 1 && os.Args[1] == "session" {
		if err := b.flatpak(); err != nil {
			return err
		}
		return b.session()
	}
	for _, part := range []func() error{b.plain, b.binds, b.dialect, b.flatpak, b.manifest, b.start, b.enter, b.memory, b.session, b.buses, b.wayland, b.sounds, b.brokers} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// machine prints what the numbers hold for.
func (b *bench) machine() {
	var u unix.Utsname
	unix.Uname(&u)
	model := "unknown"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for l := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%s, %d cores, Linux %s, load %s", model, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), load)
	fmt.Printf("%s, %s, %s, user id %d\n\n", runtime.Version(), b.said(b.bwrap, "--version"), b.said(b.snug, "version"), os.Getuid())
	fmt.Printf("%-34s %27s %27s %22s\n", "", "snug: median p90 min", "other: median p90 min", "ratio, p10 to p90")
}

func (b *bench) said(words ...string) string {
	out, err := b.command(words).Output()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}

func (b *bench) command(words []string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir = b.env, "/"
	return cmd
}

// time runs a command once, with the null device as all its descriptors.
func (b *bench) time(words []string) (time.Duration, error) {
	cmd := b.command(words)
	if b.files != nil {
		var err error
		if cmd.ExtraFiles, err = b.files(); err != nil {
			return 0, err
		}
		defer closeAll(cmd.ExtraFiles)
	}
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		again := b.command(words)
		again.ExtraFiles = cmd.ExtraFiles
		out, _ := again.CombinedOutput()
		return 0, fmt.Errorf("%.200q: %w\n%s", strings.Join(words, " "), err, out)
	}
	return took, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// compare runs two commands in turns, the first of each pair alternating.
func (b *bench) compare(pairs int, ours, theirs []string) (a, z sample, err error) {
	for i := range pairs + 3 {
		order := [2][]string{ours, theirs}
		if i%2 == 1 {
			order = [2][]string{theirs, ours}
		}
		var took [2]time.Duration
		for n, words := range order {
			if took[n], err = b.time(words); err != nil {
				return nil, nil, err
			}
		}
		if i%2 == 1 {
			took[0], took[1] = took[1], took[0]
		}
		if i >= 3 { // the first warm the caches
			a, z = append(a, took[0]), append(z, took[1])
		}
	}
	return a, z, nil
}
