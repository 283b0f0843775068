package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bare is bubblewrap with as many binds as launch makes.
func (b *bench) bare(binds int) []string {
	words := []string{b.bwrap, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all"}
	if binds > 0 {
		words = append(words, "--tmpfs", "/tmp")
	}
	for i := range binds {
		words = append(words, "--ro-bind", "/usr", "/tmp/"+strconv.Itoa(i))
	}
	return append(words, b.cTrue)
}

func (b *bench) plain() error {
	a, z, err := b.compare(b.pairs, []string{b.launch, "0", b.cTrue}, b.bare(0))
	if err != nil {
		return err
	}
	b.ratio("plain sandbox, bwrap", a, z, 0.80)
	return nil
}

func (b *bench) binds() error {
	var medians []time.Duration
	for _, n := range []int{200, 1000} {
		target, pairs := 0.20, max(b.pairs/8, 5)
		if n == 1000 {
			target, pairs = 0.04, max(b.pairs/40, 3)
		}
		a, z, err := b.compare(pairs, []string{b.launch, strconv.Itoa(n), b.cTrue}, b.bare(n))
		if err != nil {
			return err
		}
		b.ratio(strconv.Itoa(n)+" binds, bwrap", a, z, target)
		medians = append(medians, a.quantile(0.5))
	}
	growth := float64(medians[1]) / float64(medians[0])
	fmt.Printf("  from 200 to 1,000 binds snug takes %.2f times as long", growth)
	b.verdict(growth <= 6, "want <= 6, linear is 5")
	fmt.Println()
	return nil
}

// manifest compares snug run by a manifest of 60 lines with a bubblewrap of the same mounts.
func (b *bench) manifest() error {
	id := "org.example.Bench"
	if err := os.WriteFile(b.writeManifest(id), []byte(b.sixtyLines(id)), 0o600); err != nil {
		return err
	}
	out, err := b.command([]string{b.snug, "run", "--command", "/bin/cat", "--command", "/proc/self/mountinfo", id}).Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			return fmt.Errorf("run by the manifest: %w\n%s", err, e.Stderr)
		}
		return err
	}
	theirs, mounts := b.sameMounts(string(out))
	a, z, err := b.compare(b.pairs, []string{b.snug, "run", id}, theirs)
	if err != nil {
		return err
	}
	b.ratio("manifest, 60 lines, "+strconv.Itoa(mounts)+" mounts", a, z, 1.3)
	a, z, err = b.compare(b.pairs, []string{b.snug, "run", "--read", b.dir, "--", b.cTrue}, b.bare(0))
	if err != nil {
		return err
	}
	b.ratio("  snug run -- true, plain bwrap", a, z, 0)
	return nil
}

func (b *bench) writeManifest(id string) string {
	dir := b.dir + "/home/.config/snug/apps"
	os.MkdirAll(dir, 0o700)
	return filepath.Join(dir, id+".toml")
}

func (b *bench) sixtyLines(id string) string {
	lines := []string{"schema = 1", `id = "` + id + `"`, `command = ["` + b.cTrue + `"]`, "[files]", "read = [", `  "` + b.cTrue + `",`}
	folder := func(n int) string {
		path := fmt.Sprintf("%s/home/folder%d", b.dir, n)
		os.MkdirAll(path, 0o700)
		return `  "` + path + `",`
	}
	for n := range 22 {
		lines = append(lines, folder(n))
	}
	lines = append(lines, "]", "write = [")
	for n := range 14 {
		lines = append(lines, folder(100+n))
	}
	lines = append(lines, "]", "[process.env]")
	for n := len(lines); n < 60; n++ {
		lines = append(lines, fmt.Sprintf("VARIABLE_%d = \"value\"", n))
	}
	return strings.Join(lines, "\n") + "\n"
}

// sameMounts makes bubblewrap's command line of what is mounted in a sandbox of snug's. What snug
// does beside mounts (the filter, files from memory such as /etc/passwd) bubblewrap is spared.
func (b *bench) sameMounts(mountinfo string) (words []string, mounts int) {
	words = []string{b.bwrap, "--unshare-all", "--clearenv", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/sbin", "/sbin"}
	dev := false
	for l := range strings.Lines(mountinfo) {
		fields := strings.Fields(l)
		point, options := fields[4], strings.Split(fields[5], ",")
		kind := fields[slices.Index(fields, "-")+1]
		_, err := os.Stat(point)
		switch {
		case point == "/" || strings.HasPrefix(point, "/dev/") && dev || strings.HasPrefix(point, "/proc/"):
			continue
		case point == "/dev":
			dev = true
			words = append(words, "--dev", "/dev")
		case kind == "proc":
			words = append(words, "--proc", point)
		case kind == "tmpfs" && !strings.HasPrefix(point, "/etc/"):
			words = append(words, "--tmpfs", point)
		case err != nil:
			continue
		case slices.Contains(options, "ro"):
			words = append(words, "--ro-bind", point, point)
		default:
			words = append(words, "--bind", point, point)
		}
		mounts++
	}
	return append(words, b.cTrue), mounts
}

func (b *bench) start() error {
	a, z, err := b.compare(b.pairs*2, []string{b.snug, "version"}, []string{b.empty})
	if err != nil {
		return err
	}
	b.above("snug version, an empty Go program", a, z, 150*time.Microsecond)
	if a, z, err = b.compare(b.pairs, []string{b.snug, "version"}, []string{b.cTrue}); err != nil {
		return err
	}
	b.above("snug version, an empty C program", a, z, 0)
	return nil
}

func (b *bench) enter() error {
	defer b.command([]string{b.snug, "kill", "--all"}).Run()
	if out, err := b.command([]string{b.snug, "run", "--detach", "--name", "box", "--read", b.dir, "--", "sleep", "1000"}).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	a, z, err := b.compare(b.pairs, []string{b.snug, "exec", "box", b.cTrue}, []string{b.empty})
	if err != nil {
		return err
	}
	b.above("snug exec, an empty Go program", a, z, 1500*time.Microsecond)
	return nil
}

// memory looks at a sandbox ten seconds after its start.
func (b *bench) memory() error {
	kinds := []struct {
		name  string
		words []string
	}{
		{"snug run", []string{b.snug, "run", "--", "sleep", "1000"}},
		{"after a collection in the parent", []string{b.launch, "gc", "/bin/sleep", "1000"}},
	}
	for _, k := range kinds {
		cmd := b.command(k.words)
		if err := cmd.Start(); err != nil {
			return err
		}
		time.Sleep(10 * time.Second) // what is measured: the memory ten seconds on
		parent := cmd.Process.Pid
		reaper := firstChild(parent)
		rss, err1 := memory(parent, "Rss")
		private, err2 := memory(reaper, "Private_Clean", "Private_Dirty")
		cmd.Process.Kill()
		cmd.Wait()
		if err1 != nil || err2 != nil {
			return fmt.Errorf("memory of %d: %v; of %d: %v", parent, err1, reaper, err2)
		}
		fmt.Printf("%-34s %6d kB resident", "memory, "+k.name, rss)
		if k.name == "snug run" {
			b.verdict(rss <= 6<<10, "want <= 6144 kB")
		}
		fmt.Printf("; its reaper %d kB private", private)
		b.verdict(private <= 205, "want <= 205 kB")
		fmt.Println()
	}
	return nil
}

func firstChild(pid int) int {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if words := strings.Fields(string(text)); len(words) > 0 {
			n, _ := strconv.Atoi(words[0])
			return n
		}
	}
	return 0
}

// memory adds up values of smaps_rollup, in kB.
func memory(pid int, keys ...string) (int, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, err
	}
	sum := 0
	for l := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(l, ":"); ok && slices.Contains(keys, key) {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}
