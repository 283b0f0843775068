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
	"snug/systemdimg/store"
	"snug/systemdimg/subid"
)

// bootFlags are those of boot.
func bootFlags(f *pflag.FlagSet) {
	f.String("name", "", "call the system `NAME`; its changes are kept by it")
	f.Bool("ephemeral", false, "throw away what it changes")
	f.String("commit", "", "when it has powered off, make it an image, `IMAGE`")
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
	for _, part := range []func() error{b.ids, b.network, b.limits, b.capabilities, b.credentials, b.binds} {
		if err := part(); err != nil {
			return err
		}
	}
	return b.root(word)
}

// ids maps users.
func (b *booting) ids() error {
	mode, _ := b.flags.GetString("map")
	if mode == "single" {
		b.c.say("warning: with --map single all users of the system are one, and changes of owners and users are pretended", "")
	}
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

// root finds the system.
func (b *booting) root(word string) error {
	name, _ := b.flags.GetString("name")
	b.exact = name != ""
	ephemeral, _ := b.flags.GetBool("ephemeral")
	s := &b.machine.System
	var layers []string
	switch {
	case word == "/":
		steps, err := systemdimg.Own("/")
		if err != nil {
			return &hinted{err.Error(), "boot an image: snug image pull debian"}
		}
		s.Root, b.image, ephemeral = steps, "/", true
	case isFolder(word):
		folder, err := b.findFolder(word)
		if err != nil {
			return err
		}
		layers, b.image = []string{folder}, folder
	default:
		var err error
		if layers, err = b.findImage(word); err != nil {
			return err
		}
	}
	if name == "" {
		name = systemName(word)
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := b.committable(ephemeral); err != nil {
		return err
	}
	b.machine.Name = name
	if s.Hostname, _ = b.flags.GetString("hostname"); s.Hostname == "" {
		s.Hostname = name
	}
	s.UUID = boot.NewID()
	if word == "/" {
		return nil
	}
	if err := looksBootable(layers); err != nil {
		return err
	}
	if ephemeral {
		s.Root = systemdimg.Stack(layers, "", "")
	} else if err := b.keep(layers); err != nil {
		return err
	}
	if s.Single() {
		s.Root = append(s.Root, systemdimg.SingleUser(layers)...)
	}
	if b.flags.Changed("hostname") {
		s.Root = append(s.Root, systemdimg.NamedHost(s.Hostname)...)
	}
	return nil
}

// committable refuses a --commit that would come to nothing when the system has ended.
func (b *booting) committable(ephemeral bool) error {
	name, _ := b.flags.GetString("commit")
	if name == "" {
		return nil
	}
	if ephemeral || len(b.machine.Held) == 0 {
		return &hinted{"--commit needs an image whose changes are kept", "snug image import FOLDER makes an image of a folder; leave out --ephemeral"}
	}
	_, err := store.ParseName(name)
	return stored(err)
}

// findFolder finds a system by its folder.
func (b *booting) findFolder(word string) (string, error) {
	folder, err := filepath.EvalSymlinks(from(b.world.Cwd, word))
	if err != nil {
		return "", &hinted{err.Error(), ""}
	}
	if stat, err := os.Stat(folder); err == nil && !stat.IsDir() {
		return "", &hinted{quote(folder) + " is no folder", "an archive of a system becomes an image: snug image import " + shellWord(word) + " NAME"}
	}
	return folder, nil
}

// findImage finds an image and keeps it from being removed while this snug runs.
func (b *booting) findImage(word string) (layers []string, err error) {
	images, err := store.Open(b.c.storage)
	if err != nil {
		return nil, stored(err)
	}
	img, err := images.Find(word)
	if err != nil {
		if stat, e := os.Stat(from(b.world.Cwd, word)); e == nil && stat.IsDir() {
			return nil, &hinted{"there is no image " + quote(word) + ", but a folder", "snug boot ./" + shellWord(word)}
		}
		return nil, stored(err)
	}
	if u := &b.machine.System.Users; !images.IDs().Equal(subid.IDs{UIDs: u.UIDs, GIDs: u.GIDs}) {
		return nil, &hinted{"the files of image " + quote(word) + " belong to other ids than this system would have", "leave out --map single; or give back in /etc/subuid and /etc/subgid what was granted when it was imported"}
	}
	held, err := images.Hold(img)
	if err != nil {
		return nil, stored(err)
	}
	b.machine.Held = held[:1]
	for _, layer := range held[1:] { // an image of a hundred layers has more than a process should be handed
		layer.Close()
	}
	b.image = string(img.ID)
	return images.Folders(img), nil
}

// stored gives an error of the store the voice of the command line.
func stored(err error) error {
	var e *store.Error
	if errors.As(err, &e) {
		return &hinted{e.Error(), e.Hint}
	}
	return err
}

// isFolder reports whether a word names a system by its folder.
func isFolder(word string) bool {
	return strings.HasPrefix(word, "/") || strings.HasPrefix(word, "./") || strings.HasPrefix(word, "../")
}

// systemName is what a system is called if nobody says: as its folder, or as its image, without what tells
// versions apart.
func systemName(word string) string {
	switch {
	case word == "/":
		return "own"
	case isFolder(word):
		if path, err := filepath.EvalSymlinks(word); err == nil { // as of ./
			word, _ = filepath.Abs(path)
		}
		return strings.ToLower(filepath.Base(word))
	}
	word, _, _ = strings.Cut(word, "@")
	word, _, _ = strings.Cut(word[strings.LastIndexByte(word, '/')+1:], ":")
	return word
}

// looksBootable refuses what has no init, before anything is made for it.
func looksBootable(layers []string) error {
	for _, layer := range layers {
		for _, path := range []string{"/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd"} {
			if _, err := os.Lstat(layer + path); err == nil || errors.Is(err, os.ErrPermission) {
				return nil
			}
		}
	}
	return &hinted{quote(layers[0]) + " has no /sbin/init", "it is not a system that boots: install systemd-sysv in it, or run a command of it"}
}

// keep takes the folder of the system's changes.
func (b *booting) keep(layers []string) error {
	changes, err := boot.OpenChanges(machines(b.world, b.c.storage), b.machine.Name, b.image)
	var other *boot.OtherImage
	switch {
	case errors.Is(err, boot.ErrRunning):
		return &hinted{"system " + quote(b.machine.Name) + " is running", "another of the image: --name NAME, or --ephemeral; or end it: snug stop " + b.machine.Name}
	case errors.As(err, &other):
		was := imageWord(other.Image, imageNames(b.c.storage)[other.Image])
		return &hinted{"system " + quote(b.machine.Name) + " has changed another image, " + quote(was), "choose another --name; or throw away what it has changed: snug data rm " + shellWord(b.machine.Name)}
	case err != nil:
		return err
	}
	b.changes, b.machine.Changes, b.machine.Held = changes, changes, append(b.machine.Held, changes.Lock())
	if err := store.Fits(machines(b.world, b.c.storage)); err != nil {
		return errors.Join(stored(err), changes.Discard(systemUsers()), changes.Close())
	}
	s := &b.machine.System
	s.UUID, s.Root = changes.UUID, systemdimg.Stack(layers, changes.Upper(), changes.Work())
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
