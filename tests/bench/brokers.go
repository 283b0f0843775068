package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What a broker with a bus, a display and sound costs an app: its start, beside the same app in a sandbox with the
// sockets themselves, and the memory of the broker.

// asksAll is an app that uses all three and ends.
const asksAll = "wayland-info >/dev/null && pactl info >/dev/null && gdbus call --session -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.GetId >/dev/null"

func (b *bench) brokers() error {
	display, err := b.newDisplayBed()
	if err != nil {
		return err
	}
	defer display.close()
	bus, sound := b.dir+"/run/bus", b.dir+"/run/sound"
	for _, words := range [][]string{
		{"dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path=" + bus},
		{"pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", "module-native-protocol-unix socket=" + sound, "-L", "module-null-sink"},
	} {
		cmd := b.command(words)
		if err := cmd.Start(); err != nil {
			return err
		}
		defer end(cmd)
	}
	if err := waitForBus(bus); err != nil {
		return err
	}
	before := b.env
	defer func() { b.env = before }()
	b.env = append(b.env[:len(b.env):len(b.env)], "DBUS_SESSION_BUS_ADDRESS=unix:path="+bus, "PULSE_SERVER=unix:"+sound,
		"WAYLAND_DISPLAY="+filepath.Base(display.sockets["direct"]))
	for range 500 {
		if b.command([]string{"sh", "-c", asksAll}).Run() == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	const grants = "[display]\nwayland = \"filtered\"\n[sound]\nplay = true\n[bus.session]\ntalk = [\"org.freedesktop.Notifications\"]\n"
	direct := b.dir + "/bus" // its own name is never granted
	if err := os.Link(bus, direct); err != nil {
		return err
	}
	raw := fmt.Sprintf("accept = [\"wayland-raw\", \"sound-raw\"]\n[display]\nwayland = \"raw\"\n[sound]\nraw = true\n[files]\nread = [%q]\n[process.env]\nDBUS_SESSION_BUS_ADDRESS = %q\n", direct, "unix:path="+direct)
	for id, m := range map[string]struct{ script, grants string }{
		"org.example.All": {asksAll, grants}, "org.example.Raw": {asksAll, raw}, "org.example.Waits": {asksAll + "; exec sleep 1000", grants},
	} {
		if err := os.WriteFile(b.writeManifest(id), []byte(fmt.Sprintf("id = %q\ncommand = [\"sh\", \"-c\", %q]\n", id, m.script)+m.grants), 0o600); err != nil {
			return err
		}
	}
	for _, id := range []string{"org.example.All", "org.example.Raw"} {
		if out, err := b.command([]string{b.snug, "run", id}).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", id, err, out)
		}
	}
	a, z, err := b.compare(b.pairs/4+1, []string{b.snug, "run", "org.example.All"}, []string{b.snug, "run", "org.example.Raw"})
	if err != nil {
		return err
	}
	b.ratio("app start, all brokers, raw sockets", a, z, 1.5)
	return b.brokerMemory()
}

// brokerMemory is that of the broker of an app that has used all three.
func (b *bench) brokerMemory() error {
	app := b.command([]string{b.snug, "run", "org.example.Waits"})
	if err := app.Start(); err != nil {
		return err
	}
	defer end(app)
	time.Sleep(10 * time.Second)
	for _, pid := range waiters(app.Process.Pid) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if string(name) != "snug-broker\n" {
			continue
		}
		if kib, err := memory(pid, "Rss"); err == nil {
			fmt.Printf("%-34s %8d kB resident", "broker with bus, display, sound", kib)
			b.verdict(kib <= 12<<10, "want <= 12 MB")
			fmt.Println()
			return nil
		}
	}
	return fmt.Errorf("no broker beside the app")
}
