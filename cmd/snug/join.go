package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/sandbox"
)

// A second start of an app whose manifest says instances = "join", in prose.
//
//	lock the app ── is there an instance? ── no ──► start one; unlock when it is in the account
//	      ▲                  │ yes
//	      │      grant the file arguments (snug grant), enter (snug exec)
//	      │                  │
//	      └── it has ended ──┴── the app's command runs in it: unlock
//
// The lock makes one sandbox of starts that come at the same time. What joins belongs to the sandbox: it
// ends with the app that came first. That the running one ends is noticed until the command runs; from
// then on it may have done anything, and is not run again.
//
// An app can stop what enters its sandbox before the command runs. So that takes only so long, and so does
// waiting for the lock.
//
// The running sandbox keeps the rights that it was started with. Flags that ask for others are refused.

// patience is how long a start waits for others of the app, or for what fills or removes its home.
const patience = 30 * time.Second

// lockApp waits for the right to start an app, see instances.Dir.Lock.
func lockApp(dir *instances.Dir, id string, exclusive bool) (unlock func(), err error) {
	unlock, err = dir.Lock(id, exclusive, patience)
	if errors.Is(err, instances.ErrHeld) {
		return nil, &hinted{"for " + patience.String() + " another snug has been starting " + quote(id) + ", or has its home", "if the app does not answer: snug stop " + shellWord(id) + "; else wait for the other one"}
	}
	if err != nil {
		return nil, unaccounted(err)
	}
	return unlock, nil
}

// moment is how long the end of a sandbox may take, once it has begun.
const moment = time.Second

// runOrJoin starts what was planned, or has the instance that runs already take it over.
func (c *console) runOrJoin(p *plan) error {
	switch p.merged.Instances.Value {
	case "one":
		return c.runAlone(p)
	case "many":
		return c.launch(p)
	}
	if p.app.ID == "" {
		return &hinted{"only an app can be joined, and this is a command", "--instances many"}
	}
	dir, err := openInstances()
	if err != nil {
		return err
	}
	for {
		release, err := lockApp(dir, p.app.ID, true)
		if err != nil {
			return err
		}
		unlock := sync.OnceFunc(release)
		r, err := p.running(dir, p.own.name)
		if err != nil {
			unlock()
			return err
		}
		if r == nil {
			p.unlock = unlock
			defer unlock()
			return c.launch(p)
		}
		joined, err := c.join(p, r, unlock)
		unlock()
		wait := moment / 20
		if errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrProcessDone) {
			wait = moment
		}
		if joined || err == nil || !hasGone(r, wait) {
			return err
		}
	}
}

// runAlone starts an app of which one instance may run, under whatever name.
func (c *console) runAlone(p *plan) error {
	if p.app.ID == "" {
		return c.launch(p) // a command is known by its name alone
	}
	dir, err := openInstances()
	if err != nil {
		return err
	}
	release, err := lockApp(dir, p.app.ID, true)
	if err != nil {
		return err
	}
	p.unlock = sync.OnceFunc(release)
	defer p.unlock()
	switch r, err := p.running(dir, ""); {
	case err != nil:
		return err
	case r != nil:
		return &hinted{p.app.ID + " runs already, as " + quote(r.Name) + ", and may run once", "end it: snug stop " + r.Name}
	}
	return c.launch(p)
}

// running is the instance of the app that a start joins, of a name if that is not empty, or nil. One that
// has ended is given a moment to leave the account, and its name.
func (p *plan) running(dir *instances.Dir, name string) (*instances.Record, error) {
	for end := time.Now().Add(moment); ; time.Sleep(5 * time.Millisecond) {
		list, err := dir.List()
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(r *instances.Record) bool {
			return r.App == p.app.ID && (name == "" || name == r.Name)
		})
		if i < 0 {
			return nil, nil
		}
		if !hasGone(list[i], 0) {
			return list[i], nil
		}
		if time.Now().After(end) {
			return nil, nil
		}
	}
}

// hasGone reports whether the sandbox of an instance ends within some time. Its first process is there
// until all others are, this snug's own among them.
func hasGone(r *instances.Record, wait time.Duration) bool {
	init, err := r.State.Open()
	if err != nil {
		return errors.Is(err, os.ErrProcessDone)
	}
	defer init.Close()
	return gone(int(init.Fd()), wait)
}

// join runs the app's command in a running instance, with the files among its words. It calls unlock when
// the command runs, and reports whether it has.
func (c *console) join(p *plan, r *instances.Record, unlock func()) (joined bool, err error) {
	if err := p.checkJoin(r); err != nil {
		return false, err
	}
	argv := slices.Clone(p.command)
	for _, a := range p.sandbox.Arguments {
		if err := p.checkExcept(a.Path); err != nil {
			return false, err
		}
		if a.Document != "" && p.handOver(r, a.Document) {
			argv[a.Word] = a.DocumentText
			continue
		}
		argv[a.Word] = a.Text
		if err := c.grantLive(p.world, r, a.Path, a.Write, true); err != nil {
			return false, err
		}
	}
	own := &p.sandbox.Spec.Process
	j, done, err := entering(r, sandbox.Process{Argv: argv, Env: joinEnv(r.Env, own.Env), Dirs: own.Dirs})
	if err != nil {
		return false, err
	}
	defer done()
	null, err := p.silence(j)
	if err != nil {
		return false, err
	}
	defer null()
	err = notEntered(r, j.serve(func(*sandbox.Instance) error {
		joined = true
		unlock()
		if p.own.ready >= 0 {
			sayReady(p.own.ready, r.Name)
		}
		return nil
	}))
	var f *failure
	if errors.As(err, &f) && f.status == 128+int(unix.SIGKILL) && hasGone(r, moment) {
		c.say(quote(r.Name)+" has ended, and what had joined it with it", "")
	}
	return joined, err
}

// handOver leaves a document to a running instance, until that ends, and reports whether it sees it.
func (p *plan) handOver(r *instances.Record, path string) bool {
	l, live, err := openLive(r)
	if err != nil {
		return false
	}
	defer l.Close()
	defer live.Close()
	id := filepath.Base(filepath.Dir(path))
	sight, err := live.Look(path, false)
	if err != nil || sight.Type != sandbox.NotFolder || l.Document(id) != nil {
		return false
	}
	p.sandbox.Documents = slices.DeleteFunc(p.sandbox.Documents, func(own string) bool { return own == id })
	return true
}

// checkExcept refuses to show in a running sandbox what the manifest hides: there nothing would cover it.
func (p *plan) checkExcept(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil // it is not there
	}
	for _, hidden := range p.sandbox.Except {
		if strings.HasPrefix(hidden+"/", real+"/") || strings.HasPrefix(real+"/", hidden+"/") {
			return &hinted{"files.except hides " + quote(hidden) + ", so a start that joins cannot open " + quote(path), "end the app first: snug stop " + p.app.ID}
		}
	}
	return nil
}

// manifestFile is the path of the manifest, if it was named by that.
func (p *plan) manifestFile() string {
	if p.app.File == "" {
		return ""
	}
	return from(p.world.Cwd, p.app.File)
}

// checkJoin refuses an app that another manifest of the same id has started, and flags that ask for another sandbox than the one that runs.
func (p *plan) checkJoin(r *instances.Record) error {
	if r.File != p.manifestFile() {
		by := "the one that is installed"
		if r.File != "" {
			by = quote(r.File)
		}
		return &hinted{quote(r.Name) + " was started by another manifest of the id " + p.app.ID + ", " + by + ", and is not joined", "end it first: snug stop " + r.Name}
	}
	for _, flag := range p.typed {
		switch flag {
		case "instances", "files-arguments", "files-live", "name", "detach", "autostart", "launcher", "ready-fd":
		default:
			return &hinted{quote(r.Name) + " runs, and this start would join it: --" + flag + " has no effect on it", "end it first: snug stop " + r.Name + "; or for a sandbox of its own: --instances many"}
		}
	}
	return nil
}

// joinEnv is the environment of what joins: the running app's, but for what belongs to this start, the
// terminal and the token by which a launcher hands over the focus.
func joinEnv(running, own []string) (env []string) {
	isOwn := func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID", "TERM", "COLORTERM"}, name)
	}
	for _, entry := range running {
		if !isOwn(entry) {
			env = append(env, entry)
		}
	}
	for _, entry := range own {
		if isOwn(entry) {
			env = append(env, entry)
		}
	}
	return env
}
