package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/instances"
	"snug/manifests/compose"
	"snug/sandbox"
)

// The journal of a system, in prose.
//
// What lies in the folder of its changes is read outside, by the machine's journalctl in a sandbox, be the
// system up or not. Else the system's own journalctl reads it inside, for as long as the system runs. In
// either case what comes out is the system's word: at a terminal it loses its control characters. With both a
// time and a number of lines, journalctl of systemd 252 gives the first of them, and that of 257 the last.

func logsFlags(f *pflag.FlagSet) {
	f.BoolP("follow", "f", false, "go on with what is logged from now on")
	f.StringP("unit", "u", "", "of one unit of the system alone, `UNIT`")
	f.IntP("lines", "n", -1, "no more than `N` lines, the last ones")
	f.String("since", "", "from `TIME` on, such as \"10 min ago\" (systemd.time(7))")
	storageFlag(f)
	f.Bool("json", false, "print JSON, one object a line (journalctl --output=json)")
}

func runLogs(c *console, args []string) error {
	f := c.newFlags()
	logsFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return &hinted{"the journal of which system?", "snug ps lists those that run; snug logs NAME"}
	}
	c.storage, _ = f.GetString("storage")
	r, upper, err := findSystem(words[0], c.storage)
	if err != nil {
		return err
	}
	if lines, _ := f.GetInt("lines"); lines < 0 && f.Changed("lines") {
		return &hinted{"--lines " + strconv.Itoa(lines) + ": not a number of lines", "such as 20"}
	}
	follow, _ := f.GetBool("follow")
	if follow && r == nil {
		c.say("system "+quote(words[0])+" has ended, and this is all of its journal", "")
		follow = false
	}
	spec, done, err := journal(words[0], r, upper, journalWords(f, follow))
	if err != nil {
		return err
	}
	defer done()
	if follow {
		return c.follow(spec, r, f)
	}
	printed, err := c.show(spec, nil)
	if unit, _ := f.GetString("unit"); unit != "" && printed == 0 && c.lost == nil {
		return noLines(words[0], unit, r != nil, f)
	}
	return err
}

// follow goes on with a journal. A unit that is not there yet may come.
func (c *console) follow(spec *sandbox.Spec, r *instances.Record, f *pflag.FlagSet) error {
	if unit, _ := f.GetString("unit"); unit != "" && !strings.ContainsAny(unit, "*?[") && boot.Notifies(r.State.Pid) {
		state, err := boot.Output(&r.State, []string{"systemctl", "show", "--property=LoadState", "--value", "--", unit}, time.Second)
		if err == nil && state == "not-found\n" {
			c.say("system "+quote(r.Name)+" has no unit "+quote(unit)+" now; what one of that name logs comes here", "snug exec "+shellWord(r.Name)+" -- systemctl list-units")
		}
	}
	_, err := c.show(spec, r)
	return err
}

// noLines says that a unit has logged nothing: of a name that is none the journal knows no more than that.
func noLines(system, unit string, runs bool, f *pflag.FlagSet) error {
	what := "the journal of " + quote(system) + " has no lines of a unit " + quote(unit)
	if since, _ := f.GetString("since"); since != "" {
		what += " since " + quote(since)
	}
	hint := "snug logs " + shellWord(system) + " prints all of it"
	if runs {
		hint = "its units: snug exec " + shellWord(system) + " -- systemctl list-units --all"
	}
	return &failure{status: exitNo, err: &hinted{what, hint}}
}

// journalWords are the arguments of journalctl.
func journalWords(f *pflag.FlagSet, follow bool) []string {
	words := []string{"--no-pager", "--quiet"}
	if follow {
		words = append(words, "--follow")
	}
	if unit, _ := f.GetString("unit"); unit != "" {
		words = append(words, "--unit="+unit)
	}
	if lines, _ := f.GetInt("lines"); lines >= 0 {
		words = append(words, "--lines="+strconv.Itoa(lines))
	}
	if since, _ := f.GetString("since"); since != "" {
		words = append(words, "--since="+since)
	}
	if on, _ := f.GetBool("json"); on {
		words = append(words, "--output=json")
	}
	return words
}

// findSystem finds a system that runs, or the changes of one that has. Either may be none.
func findSystem(word, storage string) (r *instances.Record, upper string, err error) {
	dir, err := openInstances()
	if err != nil {
		return nil, "", err
	}
	r, err = dir.Find(word)
	if err == nil && r.Machine == nil {
		return nil, "", &failure{status: exitNo, err: &hinted{quote(word) + " is an app, and keeps no journal", "what it says comes out where it was started"}}
	}
	if err == nil {
		return r, r.Machine.Changes, nil
	}
	w, err := compose.Session()
	if err != nil {
		return nil, "", err
	}
	upper = filepath.Join(machines(w, storage), word, "upper")
	if _, err := os.Stat(upper); checkName(word) == nil && err == nil {
		return nil, upper, nil
	}
	hint := "none has run yet; snug boot starts one"
	if kept := keptSystems(w, storage); len(kept) > 0 {
		hint = "changes are kept of: " + strings.Join(kept, ", ")
	}
	return nil, "", &failure{status: exitNo, err: &hinted{"no system " + quote(word) + " runs, and nothing is kept of one", hint}}
}

// keptSystems are the names of systems of which changes are kept.
func keptSystems(w *compose.World, storage string) (names []string) {
	list, _ := boot.List(machines(w, storage))
	for _, k := range list {
		names = append(names, k.Name)
	}
	return names
}

// journal chooses who reads it.
func journal(name string, r *instances.Record, upper string, words []string) (spec *sandbox.Spec, done func(), err error) {
	kept, err := (*boot.Journal)(nil), boot.ErrNoJournal
	if upper != "" {
		kept, err = boot.FindJournal(upper)
	}
	program, _ := filepath.EvalSymlinks(helperPath("journalctl")) // on NixOS a link outside of its store
	switch {
	case err == nil && program != "":
		return kept.Reader(program, words), func() {}, nil
	case r != nil && !boot.Notifies(r.State.Pid):
		return nil, nil, &failure{status: exitNo, err: &hinted{quote(name) + " has another init than systemd, and no journal", "what its services log is in files: snug exec " + shellWord(name) + " -- ls /var/log"}}
	case r != nil:
		if err := reachGroup(r.State.Pid); err != nil {
			return nil, nil, err
		}
		return boot.JournalInside(&r.State, words)
	case errors.Is(err, boot.ErrNoJournal):
		return nil, nil, &failure{status: exitNo, err: &hinted{"nothing is kept of the journal of " + quote(name), "with systemd: mkdir /var/log/journal in it (journald.conf(5), Storage=); what others log is in files: " + filepath.Join(upper, "var/log")}}
	case err != nil:
		return nil, nil, err
	}
	return nil, nil, &hinted{"this machine has no journalctl to read the journal of " + quote(name) + " with", "boot the system, and its own reads it: snug boot --name " + shellWord(name) + " ..."}
}

// show prints what a program prints until it ends, or until a system does that it follows. printed is how much
// that was.
func (c *console) show(spec *sandbox.Spec, followed *instances.Record) (printed int64, err error) {
	out, said, in, err := piped(spec)
	if err != nil {
		return 0, startFailure(err)
	}
	defer in.Close()
	defer out.Close()
	defer said.Close()
	if followed != nil {
		defer endWith(in, followed)()
	}
	complaint := make(chan string, 1)
	go func() {
		from := &lastWords{from: said, done: in.Done(), left: lastBytes}
		text, _ := io.ReadAll(io.LimitReader(from, 4096))
		io.Copy(io.Discard, from)
		complaint <- string(text)
	}()
	waited := make(chan struct{})
	go func() { // until show returns: it waits for the end
		defer close(waited)
		<-in.Done()
		out.SetReadDeadline(time.Now())
		said.SetReadDeadline(time.Now())
	}()
	printed, c.lost = c.copyLines(&lastWords{from: out, done: in.Done(), left: lastBytes})
	if c.lost != nil {
		in.Kill() // nobody reads on
	}
	ws := in.Wait()
	<-waited
	if text := <-complaint; c.lost == nil && (ws.ExitStatus() > 0 || ws.Signaled() && followed == nil) {
		return printed, &hinted{"journalctl: " + reason(text), ""}
	}
	return printed, nil
}

// lastBytes is more than a pipe holds.
const lastBytes = 1 << 20

// lastWords is what a program prints until its end, and not what others do to whom it has left its files: a
// system's journalctl may be anything.
type lastWords struct {
	from *os.File
	done <-chan struct{} // when it is closed, a read that waits is woken by its deadline
	left int             // to read after that
}

func (l *lastWords) Read(p []byte) (n int, err error) {
	for {
		select {
		case <-l.done:
			l.from.SetReadDeadline(time.Time{})
			if p = p[:min(len(p), l.left, waiting(l.from))]; len(p) == 0 {
				return 0, io.EOF
			}
		default:
			l.left = lastBytes + len(p)
		}
		if n, err = l.from.Read(p); !os.IsTimeout(err) {
			l.left -= n
			return n, err
		}
	}
}

// waiting is how many bytes are in a pipe.
func waiting(pipe *os.File) (n int) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	conn.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}

// endWith ends a reader soon after the system that it follows. wait returns when either has ended.
func endWith(in *sandbox.Instance, r *instances.Record) (wait func()) {
	init, err := r.State.Open()
	if err != nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer init.Close()
		for !gone(int(init.Fd()), time.Second/4) {
			select {
			case <-in.Done():
				return
			default:
			}
		}
		time.Sleep(time.Second / 4) // its last words are read meanwhile
		in.Kill()
	}()
	return func() { <-done }
}

// piped starts a program with pipes for what it prints and complains of.
func piped(spec *sandbox.Spec) (out, said *os.File, in *sandbox.Instance, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, nil, err
	}
	defer null.Close()
	out, w, err := boot.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer w.Close()
	said, v, err := boot.Pipe()
	if err != nil {
		out.Close()
		return nil, nil, nil, err
	}
	defer v.Close()
	spec.Process.Files = []sandbox.File{{Number: 0, Source: null}, {Number: 1, Source: w}, {Number: 2, Source: v}}
	if in, err = sandbox.Run(spec); err != nil {
		out.Close()
		said.Close()
	}
	return out, said, in, err
}

// copyLines prints lines of others, at a terminal without what a terminal would obey, and counts their bytes.
func (c *console) copyLines(from io.Reader) (printed int64, err error) {
	if !isTerminal(c.out) {
		return io.Copy(c.out, from)
	}
	const longest = 64 << 10
	lines := bufio.NewReaderSize(from, longest)
	for {
		part, err := lines.ReadSlice('\n') // one that is longer comes in parts
		n, e := io.WriteString(c.out, clean(string(part)))
		if printed += int64(n); e != nil {
			return printed, e
		}
		if err != nil && err != bufio.ErrBufferFull {
			return printed, nil
		}
	}
}
