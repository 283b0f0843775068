package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"snug/tests/bus"
)

// session compares what it costs an app to have a filtered session bus: the start, against "flatpak
// run" of the same program, and the memory of everything that waits beside it.
func (b *bench) session() error {
	path := b.dir + "/run/bus"
	daemon := b.command([]string{"dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path=" + path})
	if err := daemon.Start(); err != nil {
		return err
	}
	defer func() {
		daemon.Process.Kill()
		daemon.Wait()
	}()
	if err := waitForBus(path); err != nil {
		return err
	}
	b.env = append(b.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+path)
	defer func() { b.env = b.env[:len(b.env)-1] }()
	if err := b.startWithBus(); err != nil {
		return err
	}
	return b.idle(path)
}

func waitForBus(path string) error {
	for range 200 {
		if c, err := bus.Connect(path); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("no bus at %s", path)
}

// startWithBus starts a program that says Hello to the bus, by flatpak and by a manifest.
func (b *bench) startWithBus() error {
	if _, err := exec.LookPath("flatpak"); err != nil {
		fmt.Println("app start with bus: not measured:", err)
		return nil
	}
	hello := b.dir + "/hello"
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", hello, "./tests/bench/hello").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	const id = "org.example.Hello"
	manifest := fmt.Sprintf("id = %q\ncommand = [%q]\n[home]\nmode = \"private\"\n[files]\nread = [%q]\n[bus.session]\ntalk = [\"org.freedesktop.Notifications\"]\n", id, hello, hello)
	if err := os.WriteFile(b.writeManifest(id), []byte(manifest), 0o600); err != nil {
		return err
	}
	theirs := []string{"flatpak", "run", "--user", "--filesystem=" + hello, "--talk-name=org.freedesktop.Notifications", "--command=" + hello, "org.example.App"}
	a, z, err := b.compare(b.pairs/2+1, []string{b.snug, "run", id}, theirs)
	if err != nil {
		return err
	}
	b.ratio("app start with bus, flatpak run", a, z, 0.4)
	return nil
}

// idle compares the memory of what waits beside an app with a bus.
func (b *bench) idle(path string) error {
	proxy := b.dir + "/proxy"
	name := "org.freedesktop.Notifications"
	filter := b.command([]string{"xdg-dbus-proxy", "unix:path=" + path, proxy, "--filter", "--talk=" + name})
	theirs := b.command(append(b.bare(0)[:len(b.bare(0))-1], "--ro-bind", proxy, proxy, "sleep", "1000"))
	ours := b.command([]string{b.snug, "run", "--bus-session-talk", name, "--", "sleep", "1000"})
	if err := filter.Start(); err != nil {
		return err
	}
	defer end(filter)
	if err := waitForBus(proxy); err != nil {
		return err
	}
	for _, cmd := range []*exec.Cmd{theirs, ours} {
		if err := cmd.Start(); err != nil {
			return err
		}
		defer end(cmd)
	}
	time.Sleep(10 * time.Second) // what is measured: the memory ten seconds on
	here, there := waiters(ours.Process.Pid), append(waiters(theirs.Process.Pid), filter.Process.Pid)
	var kib [2]int
	for i, pids := range [][]int{here, there} {
		for _, pid := range pids {
			rss, err := memory(pid, "Rss")
			if err != nil {
				return err
			}
			kib[i] += rss
		}
	}
	ratio := float64(kib[0]) / float64(kib[1])
	fmt.Printf("%-34s %8d kB, %d processes %10d kB, %d processes %6.3f", "idle with a bus, bwrap and filter", kib[0], len(here), kib[1], len(there), ratio)
	b.verdict(ratio <= 2, "want <= 2.00")
	fmt.Println()
	return nil
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// waiters are a process and all below it but those called sleep, the app.
func waiters(pid int) (list []int) {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil || string(name) == "sleep\n" {
		return nil
	}
	list = []int{pid}
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(word)
			list = append(list, waiters(n)...)
		}
	}
	return list
}
