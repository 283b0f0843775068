package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"snug/caps"
	"snug/cmd/internal/boot"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/systemdimg"
)

// bootFlags are those of boot.
func bootFlags(f *pflag.FlagSet) {
	f.String("name", "", "call the system `NAME`; its changes are kept by it")
	f.Bool("ephemeral", false, "throw away what it changes")
	f.String("commit", "", "when it has powered off, make it an image, `IMAGE`")
	f.Bool("replace", false, "let --commit take the name away from another image")
	f.Bool("detach", false, "return when it is up, and print its name")
	f.Float64("wait", 0, "give up if it is not up in `SEC` s, or up with failures")
	f.String("network", "off", "off, user (pasta or slirp4netns) or host (`MODE`)")
	f.StringArray("publish", nil, "with --network user: `PORTS`, [IP:]HERE:THERE")
	f.StringArray("bind", nil, "show a file or folder of yours, to change: `SRC[:DST]`")
	f.StringArray("ro-bind", nil, "show one to read: `SRC[:DST]`")
	f.String("hostname", "", "its host name; if not given, what its image says")
	f.StringArray("credential", nil, "for its services: `N=VALUE`, or N=@FILE")
	f.StringArray("cap-add", nil, "keep one more capability, `CAP`")
	f.StringArray("cap-drop", nil, "keep one less, `CAP`")
	f.String("memory", "", "at most so much memory, such as 2G (`SIZE`)")
	f.Float64("cpus", 0, "at most so many processors, `N`")
	f.Uint64("tasks", 0, "at most so many processes and threads, `N`")
	f.String("map", "auto", "auto, or single: no ids but yours, degraded (`MODE`)")
	f.String("storage", "", "images and changes are in `FOLDER`, not in the home")
	f.Int("ready-fd", -1, "")
	f.MarkHidden("ready-fd")
}

// booting is one call of boot.
type booting struct {
	c       *console
	flags   *pflag.FlagSet
	world   *compose.World
	machine boot.Machine
	image   string
	exact   bool // the name is no other, even if the system's changes are thrown away
	changes *boot.Changes
	up      bool // it has come up, at least once
	ready   int
}

func runBoot(c *console, args []string) error {
	f := c.newFlags()
	bootFlags(f)
	words, err := c.parse(f, args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return &hinted{"which system?", "snug boot / boots a throw-away copy of this machine's; else IMAGE or FOLDER"}
	}
	init := words[1:]
	if len(init) > 0 {
		if strings.HasPrefix(init[0], "-") && init[0] != "--" {
			return c.misplaced(f, words)
		}
		if init[0] != "--" {
			return &hinted{"what is " + quote(init[0]) + "?", "words for the init stand behind --: snug boot " + shellWord(words[0]) + " -- " + shellWord(init[0])}
		}
		init = init[1:]
	}
	if os.Getuid() == 0 {
		return &hinted{"snug boot is for ordinary users: root's own ids would be those of the system's root", "as another user; or as root, systemd-nspawn"}
	}
	b := &booting{c: c, flags: f}
	c.storage, _ = f.GetString("storage")
	b.ready, _ = f.GetInt("ready-fd")
	if b.world, err = compose.Session(); err != nil {
		return err
	}
	if detach, _ := f.GetBool("detach"); detach {
		_, err := c.detach(args)
		return err
	}
	if err := b.plan(words[0], init); err != nil {
		return err
	}
	defer b.close()
	err = b.run()
	if err != nil && b.changes != nil && !b.up {
		if e := b.changes.Discard(systemUsers()); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// plan makes a system of what the words name.
func (b *booting) plan(word string, init []string) error {
	s := &b.machine.System
	if len(init) > 0 {
		s.Init = append([]string{systemdimg.DefaultInit}, init...)
	}
	for _, part := range []func() error{b.ids, b.network, b.limits, b.capabilities, b.credentials, b.binds, b.hostname} {
		if err := part(); err != nil {
			return err
		}
	}
	if err := b.root(word); err != nil {
		return err
	}
	if s.Single() {
		b.c.say("warning: with --map single all users of the system are one, and changes of owners and users are pretended", "")
	}
	return nil
}

// ids maps users.
func (b *booting) ids() error {
	mode, _ := b.flags.GetString("map")
	ids, err := idMaps(mode)
	b.machine.System.Users.UIDs, b.machine.System.Users.GIDs = ids.UIDs, ids.GIDs
	return err
}

func (b *booting) network() error {
	mode, _ := b.flags.GetString("network")
	publish, _ := b.flags.GetStringArray("publish")
	if len(publish) > 0 && mode != "user" {
		return &hinted{"--publish without --network user: there is no port that could be reached", ""}
	}
	s := &b.machine.System
	switch mode {
	case "off":
	case "host":
		s.Network = systemdimg.Host
	case "user":
		ports, err := parsePorts(publish)
		if err != nil {
			return err
		}
		s.Network, s.Resolver = systemdimg.User, networkDNS
		b.machine.Connect = func(pid int) (func(), error) {
			helper := &userNetwork{publish: ports}
			return helper.stop, helper.start(pid)
		}
	default:
		return &hinted{"--network " + line(mode) + ": not a network for a system", "off, user or host"}
	}
	return nil
}

func (b *booting) limits() error {
	l := &b.machine.Limits
	l.Tasks, _ = b.flags.GetUint64("tasks")
	l.CPUs, _ = b.flags.GetFloat64("cpus")
	text, _ := b.flags.GetString("memory")
	if text != "" {
		n, ok := parseSize(text)
		if !ok {
			return &hinted{"--memory " + line(text) + ": not a size", "a number with K, M, G or T, such as 2G"}
		}
		l.Memory = n
	}
	if b.flags.Changed("cpus") && !(l.CPUs > 0.001 && l.CPUs < 1e6) {
		return &hinted{"--cpus: not a number of processors", "such as 1.5"}
	}
	return nil
}

func (b *booting) capabilities() error {
	set := caps.Union(caps.Profile("system"))
	for _, change := range []struct {
		flag string
		do   func(caps.Set)
	}{{"cap-add", func(s caps.Set) { set |= s }}, {"cap-drop", func(s caps.Set) { set &^= s }}} {
		words, _ := b.flags.GetStringArray(change.flag)
		for _, word := range words {
			s, err := caps.Parse(word)
			if err != nil {
				return &hinted{"--" + change.flag + ": " + err.Error(), ""}
			}
			change.do(s)
		}
	}
	b.machine.System.Capabilities = set & caps.UpTo(b.world.Host.LastCapability)
	return nil
}

// hostname refuses what is no name of a host (hostname(7)): systemd takes it for a damaged one, and says "localhost".
func (b *booting) hostname() error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	name, _ := b.flags.GetString("hostname")
	if len(name) > 64 || strings.Trim(name, letters) != "" || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") {
		return &hinted{"--hostname " + quote(name) + ": not the name of a host", "at most 64 letters, digits, hyphens and dots"}
	}
	return nil
}

// maxCredential is systemd's own bound (systemd.exec(5)).
const maxCredential = 1 << 20

func (b *booting) credentials() error {
	words, _ := b.flags.GetStringArray("credential")
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return &hinted{"--credential " + quote(word) + ": not NAME=VALUE", "such as ssh.authorized_keys.root=@KEY.pub (systemd.system-credentials(7))"}
		}
		if strings.HasPrefix(name, "passwd.") {
			b.c.say("--credential "+line(name)+": systemd gives that to users that it makes, and the root of most images is there already", "when it is up: snug exec NAME -- passwd; or without a password: snug shell --login root NAME")
		}
		content := []byte(value)
		if path, is := strings.CutPrefix(value, "@"); is {
			var err error
			if content, err = os.ReadFile(path); err != nil {
				return &hinted{"--credential " + line(name) + ": " + err.Error(), ""}
			}
		}
		if len(content) > maxCredential {
			return &hinted{"--credential " + line(name) + ": more than a mebibyte, which systemd does not take", ""}
		}
		b.machine.System.Credentials = append(b.machine.System.Credentials, systemdimg.Credential{Name: name, Value: content})
	}
	return nil
}

func (b *booting) binds() error {
	for _, flag := range []string{"bind", "ro-bind"} {
		words, _ := b.flags.GetStringArray(flag)
		for _, word := range words {
			source, dest, _ := strings.Cut(word, ":")
			if source == "" {
				return &hinted{"--" + flag + " " + quote(word) + ": not SRC or SRC:DST", "such as ~/src:/src"}
			}
			source = from(b.world.Cwd, source)
			if dest == "" {
				dest = source
			}
			if !strings.HasPrefix(dest, "/") {
				return &hinted{"--" + flag + " " + quote(word) + ": " + quote(dest) + " is no path inside", "an absolute one"}
			}
			if _, err := os.Stat(source); err != nil {
				return &hinted{"--" + flag + ": " + err.Error(), ""}
			}
			b.machine.System.Binds = append(b.machine.System.Binds, sandbox.Bind{Source: source, Dest: filepath.Clean(dest), Writable: flag == "bind", Origin: sandbox.Origin("--" + flag)})
		}
	}
	return nil
}

func (b *booting) close() {
	if b.changes != nil {
		b.changes.Close()
	}
}

// parseSize reads a number of bytes with a letter.
func parseSize(text string) (uint64, bool) {
	unit := uint64(1)
	if i := strings.IndexByte("KMGT", text[len(text)-1]&^0x20); i >= 0 {
		unit, text = 1<<(10*(i+1)), text[:len(text)-1]
	}
	n := uint64(0)
	for _, c := range []byte(text) {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n * unit, text != "" && n > 0 && n <= 1<<62/unit
}

// escapes finds three times Ctrl-] within a second, as systemd-nspawn has it.
type escapes struct{ last []time.Time }

func (e *escapes) found(keys []byte, now time.Time) bool {
	for _, key := range keys {
		if key != 0x1d {
			e.last = e.last[:0]
			continue
		}
		if e.last = append(e.last, now); len(e.last) >= 3 {
			recent := now.Sub(e.last[len(e.last)-3]) < time.Second
			if e.last = slices.Delete(e.last, 0, len(e.last)-2); recent {
				e.last = e.last[:0]
				return true
			}
		}
	}
	return false
}
