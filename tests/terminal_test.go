package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
)

// What a person sees who uses snug from an interactive shell: a real one, on a terminal that the
// test types into. Every story ends with the terminal's settings as they were.

// person sits at a terminal.
type person struct {
	*bed.Bed
	master *os.File
	work   string // the folder
	shell  *exec.Cmd

	mu   sync.Mutex
	seen bytes.Buffer
	mark int // what was looked for and found lies before
}

// sit starts a shell on a terminal of its own, of 40 lines and 100 columns.
func sit(t *testing.T) *person {
	t.Helper()
	p := &person{Bed: bed.New(t)}
	p.work = p.Dir + "/work"
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	p.resize(40, 100)
	if err := os.Mkdir(p.work, 0o700); err != nil {
		t.Fatal(err)
	}
	p.shell = p.Command("bash", "--norc", "--noprofile", "-i")
	p.shell.Dir = p.work
	p.shell.Env = append(p.shell.Env, "TERM=dumb", "PS1=ready> ", "INPUTRC=/dev/null", "HISTFILE=")
	p.shell.Stdin, p.shell.Stdout, p.shell.Stderr = tty, tty, tty
	p.shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.shell.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch()
	t.Cleanup(p.leave)
	p.sees("ready> ")
	return p
}

func (p *person) watch() {
	buf := make([]byte, 1<<16)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.seen.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// leave closes the terminal, as a person closes a window.
func (p *person) leave() {
	p.Outside("snug", "kill", "--all")
	p.master.Close()
	p.shell.Process.Kill()
	p.shell.Wait()
	if p.Failed() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.Logf("the screen:\n%q", p.seen.String()[max(0, p.seen.Len()-3000):])
	}
}

func (p *person) types(keys string) {
	p.Helper()
	p.master.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := p.master.WriteString(keys); err != nil {
		p.Fatal(err)
	}
}

// sees waits for texts that come one after the other, and gives what came before the last.
func (p *person) sees(texts ...string) (before string) {
	p.Helper()
	for _, text := range texts {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			p.mu.Lock()
			rest := p.seen.Bytes()[p.mark:]
			at := bytes.Index(rest, []byte(text))
			if at >= 0 {
				before = string(rest[:at])
				p.mark += at + len(text)
			}
			p.mu.Unlock()
			if at >= 0 {
				break
			}
			if time.Now().After(end) {
				p.Fatalf("want to see %q, got %q", text, rest[max(0, len(rest)-2000):])
			}
		}
	}
	return before
}

func (p *person) resize(rows, cols uint16) {
	p.Helper()
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		p.Fatal(err)
	}
}

func (p *person) settings() unix.Termios {
	p.Helper()
	mode, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		p.Fatal(err)
	}
	return *mode
}

// raw waits until the terminal is raw, or no longer.
func (p *person) raw(want bool) {
	p.Helper()
	bed.Poll(p, fmt.Sprintf("raw %v", want), 10*time.Second, func() bool {
		return (p.settings().Lflag&(unix.ICANON|unix.ISIG|unix.ECHO) == 0) == want
	})
}

// has waits until the app has written the text into the file.
func (p *person) has(name, text string) {
	p.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, _ := os.ReadFile(filepath.Join(p.work, name))
		if strings.Contains(string(got), text) {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("want %q in %s, got %q", text, name, got)
		}
	}
}

// same runs a command, with keys typed meanwhile, and checks that the terminal is then as before.
func (p *person) same(command string, during func()) {
	p.Helper()
	p.types("stty -a >before; " + command + "; stty -a >after; cmp before after && echo un''changed\n")
	p.sees("\n")
	if during != nil {
		during()
	}
	p.sees("unchanged", "ready> ")
}

// drawing is an app that takes the screen as vim does: single keys, and it says when it is told to
// draw again, and of which size.
const drawing = `#!/bin/bash
trap 'new=yes' WINCH
trap 'stty "$mode"' EXIT
mode=$(stty -g)
stty -icanon -echo
echo "it ""runs"
while :; do
	IFS= read -r -n 1 -t 0.05 key
	case $? in 0) echo "key <$key>" | tee -a log ;; esac
	[ -z "$new" ] || { new= && echo "drawn $(stty size)" >>log; }
	[ "$key" = q ] && break
done
`

func TestSuspend(t *testing.T) {
	for _, how := range []string{"run --here --", "exec box"} {
		t.Run(strings.Fields(how)[0], func(t *testing.T) {
			p := sit(t)
			bed.Write(p, p.work+"/app", drawing)
			p.types("snug run --here --detach --name box -- sleep 1000\n")
			p.sees("box", "ready> ")
			p.types("stty -a >before; snug " + how + " ./app\n")
			p.sees("it runs")
			p.raw(true)
			p.types("a")
			p.has("log", "key <a>")
			for range 3 {
				p.types("\x1a")
				p.sees("Stopped", "ready> ")
				p.resize(30, 90)
				p.types("stty size; cat log; echo un''touched\n")
				p.sees("30 90", "untouched", "ready> ")
				p.types(": >log; fg\n")
				p.has("log", "drawn 30 90")
				p.raw(true)
				p.types("b")
				p.has("log", "key <b>")
				p.resize(40, 100)
				p.has("log", "drawn 40 100")
			}
			p.types("q")
			p.sees("ready> ")
			p.types("stty -a >after; cmp before after && echo un''changed; snug kill box\n")
			p.sees("unchanged", "ready> ")
		})
	}
}

// An app that takes the screen in the background is stopped by the kernel, and so is snug.
func TestBackgroundStops(t *testing.T) {
	for _, command := range []string{"./app", "snug run --here -- ./app"} { // the first is the control
		p := sit(t)
		bed.Write(p, p.work+"/app", drawing)
		p.same(command+" & sleep 0.5; jobs; bg; sleep 0.5; jobs; fg", func() {
			p.sees("Stopped", "Stopped", "\n")
			bed.Poll(t, "single keys", 10*time.Second, func() bool { return p.settings().Lflag&unix.ICANON == 0 })
			p.types("a")
			p.has("log", "key <a>")
			p.types("q")
		})
	}
}

func TestBackground(t *testing.T) {
	p := sit(t)
	// It asks for single keys when it is in the foreground, not before.
	bed.Write(p, p.work+"/app", strings.Replace(drawing, "mode=", "echo 'it ''runs'\nuntil [ -e on ]; do sleep 0.1; done\nmode=", 1))
	p.types("snug run --here -- ./app &\n")
	p.sees("it runs")
	p.types("jobs; echo mi''ne\n")
	if got := p.sees("mine", "ready> "); strings.Contains(got, "key") {
		t.Errorf("the app has got keys in the background: %q", got)
	}
	p.types("jobs\n")
	p.sees("Running")
	p.types("fg\n") // bash sends no SIGCONT to what runs
	p.sees("snug run")
	time.Sleep(300 * time.Millisecond) // more than a glance
	bed.Write(p, p.work+"/on", "")
	p.raw(true)
	p.has("log", "drawn 40 100")
	p.types("a")
	p.has("log", "key <a>")
	p.types("\x1a")
	p.sees("Stopped", "ready> ")
	p.types("bg\n")
	p.sees("ready> ")
	time.Sleep(300 * time.Millisecond) // more than a glance
	p.types("jobs; echo mi''ne\n")
	p.sees("Running", "mine", "ready> ")
	p.types("kill %1; wait; jobs; echo do''ne\n")
	p.sees("143", "done", "ready> ")
}

func TestBackgroundOutput(t *testing.T) {
	p := sit(t)
	p.same("snug run -- seq 3 & wait $!", func() { p.sees("1\r", "2\r", "3\r") })
	p.same("stty tostop; snug run -- echo he''re & sleep 0.5; jobs; stty -tostop; fg", func() { p.sees("Stopped", "here") })
	p.same("snug run -- cat & sleep 0.5; jobs; kill %1; wait", func() { p.sees("Running", "143") })
}

// TestSharedTerminal is about pipelines: who writes gets lines that begin at the left, who asks for
// keys gets them, and the terminal is afterwards what it was, whoever ends first.
func TestSharedTerminal(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/pager", "#!/bin/bash\nexec 3</dev/tty\nmode=$(stty -g <&3)\nstty -icanon -echo <&3\necho \"pager is\"\" up\"\nIFS= read -r -n 1 key <&3\nstty $mode <&3\necho \"<$key>\"\n")
	lines := func() {
		p.Helper()
		if got := p.sees("4\r\n"); got != "1\r\n2\r\n3\r\n" {
			t.Errorf("want lines, got %q", got)
		}
	}
	p.same("snug run -- seq 4", lines)
	p.same("snug run -- seq 4 | cat", lines)
	p.same("snug run -- seq 4 | snug run -- cat", lines)
	p.same("seq 4 | snug run -- cat", lines)
	p.same("snug run -- seq 4 2>/dev/null", lines)
	p.same("snug run -- sh -c 'seq 4 >&2' >/dev/null", lines)
	p.same("snug run -- seq 4 </dev/null", lines)
	p.same("snug run -- sh -c 'seq 4 >/dev/tty' | cat", lines)

	typed := func() {
		p.Helper()
		time.Sleep(300 * time.Millisecond)
		p.types("b\na\n\x04")
		if got := p.sees("unchanged"); !strings.HasSuffix(got, "b\r\na\r\nb\r\na\r\n") && !strings.HasSuffix(got, "b\r\na\r\na\r\nb\r\n") {
			t.Errorf("want each line once as typed and once as printed, got %q", got)
		}
		p.types("echo un''changed\n")
	}
	p.same("snug run -- cat | sort", typed)
	p.same("snug run -- cat | snug run -- sort", typed)
	p.same("snug run -- sort | cat", typed)

	key := func() {
		p.Helper()
		p.sees("pager is up")
		time.Sleep(300 * time.Millisecond)
		p.types("q")
		p.sees("<q>")
	}
	p.same("seq 4 | snug run --here -- ./pager", key)
	p.same("snug run -- sleep 1 | ./pager", key)
	p.same("snug run -- sleep 1 | snug run --here -- ./pager", key)
	p.same("snug run --here -- ./pager | cat", key)
	p.same("snug run --here -- ./pager >out; cat out", func() {
		p.has("out", "pager is up")
		p.types("q")
		p.sees("<q>")
	})
}

// TestOthersLines: a line that another program of the pipeline waits for is that one's, whatever the
// app does.
func TestOthersLines(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/ask", `#!/bin/bash
exec 3<>/dev/tty
sleep 0.3
for i in 1 2 3 4; do
	stty $1 <&3
	echo "ans""wer:"
	echo "<$(head -n 1 <&3)>"
	stty echo <&3
done
`)
	for _, app := range []string{"sleep 3", "sh -c 'while read l; do echo stolen $l >&2; done'"} {
		for _, mode := range []string{"-echo", "echo"} {
			p.same("snug run -- "+app+" | ./ask "+mode, func() {
				for i := range 4 {
					p.sees("answer:")
					time.Sleep(100 * time.Millisecond)
					p.types(fmt.Sprintf("secret%d\n", i))
					if got := p.sees(">"); strings.Contains(got, "stolen") || !strings.Contains(got, fmt.Sprintf("<secret%d", i)) {
						t.Errorf("%s, stty %s: want answer %d, got %q", app, mode, i, got)
					}
				}
				p.types("\x04\x04")
			})
		}
	}
	p.types("snug run -- sleep 1 | cat\n")
	time.Sleep(300 * time.Millisecond)
	p.types("for the app\necho ke''pt\n")
	p.sees("kept\r\n", "ready> ")
	p.same("snug run -- cat | sort | uniq -c", func() {
		time.Sleep(300 * time.Millisecond)
		p.types(strings.Repeat("many lines\n", 100) + "\x04")
		p.sees("100 many lines")
	})
}

// TestOthersTerminal: from a session of its own, snug uses the terminal only while who waits for it
// there is in the foreground.
func TestOthersTerminal(t *testing.T) {
	reads := "sh -c 'while read l; do echo stolen $l; done'"
	keys := "sh -c 'stty raw -echo; while :; do echo stolen $(head -c 1); done'"
	for _, how := range []string{"setsid snug run -- " + reads, "setsid snug run -- " + keys, "setsid -w snug run -- " + keys} {
		p := sit(t)
		p.types("stty -a >before; " + how + " &\n")
		p.sees("ready> ")
		time.Sleep(500 * time.Millisecond)
		for range 5 {
			p.types("echo mi''ne; head -n 1\n")
			p.sees("mine\r\n")
			time.Sleep(50 * time.Millisecond)
			p.types("for he''ad\n")
			p.sees("for he''ad\r\n", "for he''ad\r\n", "ready> ")
		}
		p.types("stty -a >after; cmp before after && echo un''changed\n")
		if got := p.sees("unchanged", "ready> "); strings.Contains(got, "stolen") {
			t.Errorf("%s: got what is the shell's: %q", how, got)
		}
	}
	p := sit(t)
	p.same("setsid -w snug run -- cat", func() {
		time.Sleep(300 * time.Millisecond)
		p.types("li''ne\n\x04")
		p.sees("li''ne\r\nli''ne\r\n")
	})
}

// TestDrips: who enters a sandbox gets the terminal back when his command ends, though others inside
// print to it for ever; and what the command printed last is not lost behind a slow terminal.
func TestDrips(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/drip", `#!/usr/bin/python3
import os, time, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
held = {}
while True:
    for n in os.listdir("/dev/pts"):
        if n != "ptmx" and n not in held:
            held[n] = os.open("/dev/pts/" + n, os.O_RDWR | os.O_NOCTTY)
            open("held", "w").write(n)
    for f in held.values():
        try: os.write(f, b".")
        except OSError: pass
    time.sleep(0.05)
`)
	p.types("snug run --here --detach --name box -- ./drip\n")
	p.sees("box", "ready> ")
	p.same("snug exec box sh -c 'until test -e held; do sleep 0.01; done; sleep 0.2; exit 3'; echo status $?", func() { p.sees("status 3\r\n") })
	p.types("snug kill box\n")
	p.sees("ready> ")
	for n := 12000; n <= 36000; n += 4000 { // of most the kernel keeps the end while nobody reads
		p.types(fmt.Sprintf("snug run -- sh -c 'sleep 0.1; head -c %d /dev/zero | tr \"\\0\" x; echo la\"\"st' </dev/null\n", n))
		p.sees("\n")
		p.mu.Lock()
		time.Sleep(time.Second)
		p.mu.Unlock()
		if got := p.sees("last", "ready> "); strings.Count(got, "x") != 0 {
			t.Errorf("want the prompt behind the last word, got %q", got)
		}
	}
}

// TestInterrupt: what a shell and make do when Ctrl-C has ended what they run. It is one process: dash
// would lose a Ctrl-C that comes between its vfork and exec, and wait on.
func TestInterrupt(t *testing.T) {
	for _, command := range []string{
		"snug run -- sh -c 'echo u\"\"p; exec sleep 100'",
		"snug run -- sh -c 'echo u\"\"p >&2; exec sleep 100' </dev/null",
		"snug run -- sh -c 'echo u\"\"p >&2; exec sleep 100' | cat",
		"snug run --here -- sh -c 'echo u\"\"p >/tmp/x; cp /tmp/x up; exec sleep 100' </dev/null >/dev/null 2>&1",
	} {
		p := sit(t)
		up := func() {
			if strings.Contains(command, "cp ") {
				p.has("up", "up")
				os.Remove(filepath.Join(p.work, "up"))
			} else {
				p.sees("up\r\n")
			}
		}
		p.types("stty -a >before; for i in 1 2; do " + command + "; echo go''es on; done\n")
		up()
		p.types("\x03")
		if got := p.sees("ready> "); !strings.HasSuffix(got, "^C\r\n") || strings.Contains(got, "goes on") {
			t.Errorf("%s: want an end of the loop and a new line, got %q", command, got)
		}
		p.types("echo $?; stty -a >after; cmp before after && echo un''changed\n")
		p.sees("130\r\n", "unchanged", "ready> ")
		bed.Write(p, p.work+"/script", "for i in 1 2; do "+command+"; echo go''es on; done\n")
		p.types("sh ./script\n")
		up()
		p.types("\x03")
		if got := p.sees("ready> "); strings.Contains(got, "goes on") {
			t.Errorf("%s: want an end of the script, got %q", command, got)
		}
	}
	p := sit(t)
	p.types("ulimit -c unlimited; snug run -- sh -c 'echo u\"\"p; exec sleep 100'\n")
	p.sees("up\r\n")
	p.types("\x1c")
	if got := p.sees("ready> "); !strings.Contains(got, "Quit") || strings.Contains(got, "core dumped") || strings.Contains(got, "goroutine") {
		t.Errorf("want an end by SIGQUIT without a core file, got %q", got)
	}
	p.types("echo $?\n")
	p.sees("131\r\n")
	p.types("snug run -- sh -c 'kill -TERM $$'; echo $?\n")
	if got := p.sees("143\r\n"); strings.Contains(got, "Terminated") {
		t.Errorf("want a plain status, got %q", got)
	}
}

// TestSignalsItself: what else is in the job learns of a signal that a key has made, and of none that
// the app sends itself.
func TestSignalsItself(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/other", "#!/bin/bash\nfor s in INT QUIT TSTP; do trap \"echo hit SIG$s\" $s; done\necho up\nfor i in {1..20}; do sleep 0.05; done\n")
	for _, sig := range []string{"INT", "QUIT", "TSTP"} {
		p.types("./other </dev/null >hits | snug run -- sh -c 'sleep 0.3; kill -" + sig + " 0; cat'\n")
		p.sees("ready> ")
		p.types("fg; cat hits; echo e''nd\n")
		if got := p.sees("end\r\n"); !strings.Contains(got, "up") || strings.Contains(got, "hit SIG") {
			t.Errorf("want no SIG%s for the others, got %q", sig, got)
		}
	}
	bed.Write(p, p.work+"/script", "[ $1 = TSTP ] || trap \"echo hit SIG$1\" $1\nsnug run -- sh -c 'echo u\"\"p; sleep 100'\n")
	for key, sig := range map[string]string{"\x03": "INT", "\x1c": "QUIT"} {
		p.types("bash ./script " + sig + "\n")
		p.sees("up\r\n")
		p.raw(true)
		p.types(key)
		p.sees("hit SIG"+sig, "ready> ")
	}
	p.types("bash ./script TSTP\n")
	p.sees("up\r\n")
	p.raw(true)
	p.types("\x1a")
	p.sees("Stopped", "ready> ")
}

// TestSlowStart: a start that waits for a file system can be ended. A lease makes the file wait here.
func TestSlowStart(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/slow", "#!/bin/sh\necho sta''rted\n")
	f, err := os.OpenFile(p.work+"/slow", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	for how, status := range map[string]string{"TERM": "143", "HUP": "129"} {
		p.same("(sleep 0.5; pkill -"+how+" -x snug -P $$) & snug run --here -- ./slow; (echo status $?)", func() {
			if got := p.sees("status " + status + "\r\n"); strings.Contains(got, "started") {
				t.Errorf("want no app, got %q", got)
			}
		})
	}
	p.types("snug run --here -- ./slow\n")
	time.Sleep(500 * time.Millisecond)
	p.types("\x03")
	p.sees("^C", "ready> ")
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
		t.Fatal(err)
	}
	f.Close()
	p.types("echo $?; snug run --here -- ./slow\n")
	p.sees("130\r\n", "started\r\n", "ready> ")
}

// TestSignalsOnce: what is sent to snug's process group arrives once.
func TestSignalsOnce(t *testing.T) {
	p := sit(t)
	bed.Write(p, p.work+"/count", "#!/bin/bash\ntrap 'echo got INT' INT\ntrap 'echo got TERM' TERM\nfor i in {1..60}; do sleep 0.05; done\n")
	for _, redirected := range []string{"", " </dev/null", " </dev/null >out 2>&1; cat out"} {
		for _, sig := range []string{"INT", "TERM"} {
			p.types("timeout -s " + sig + " 1 snug run --here -- ./count" + redirected + "; echo e''nd\n")
			if got := p.sees("end"); strings.Count(got, "got "+sig) != 1 {
				t.Errorf("%s%s: want it once, got %q", sig, redirected, got)
			}
		}
	}
}

// TestRedirectedSuspend: Ctrl-Z where the app has no terminal at all, or only its output.
func TestRedirectedSuspend(t *testing.T) {
	for _, redirected := range []string{" </dev/null >/dev/null 2>&1", " </dev/null", " | cat"} {
		p := sit(t)
		// Not dash: who waits for its child in vfork(2) cannot be stopped if the child is.
		bed.Write(p, p.work+"/ticks", "#!/bin/bash\nwhile :; do echo tick >>log; sleep 0.02; done\n")
		p.types("snug run --here -- ./ticks" + redirected + "\n")
		p.has("log", "tick")
		p.types("\x1a")
		p.sees("Stopped", "ready> ")
		p.types("a=$(wc -c <log); sleep 0.3; b=$(wc -c <log); [ $a = $b ] && echo st''ill; : >log; fg\n")
		p.sees("still")
		p.has("log", "tick")
		p.types("\x03")
		p.sees("ready> ")
	}
}

// TestStopsItself: an app that stops itself gives the terminal back, however early it does, and ends
// when the terminal does.
func TestStopsItself(t *testing.T) {
	p := sit(t)
	for range 20 {
		p.types("stty -a >before; snug run -- sh -c 'kill -STOP $$; echo go\"\"es on'\n")
		p.sees("Stopped", "ready> ")
		p.types("stty -a >after; cmp before after && echo un''changed; fg\n")
		p.sees("unchanged", "goes on", "ready> ")
	}
	p.types("(sleep 0.3; pkill -HUP -x snug -P $$) & snug run -- sh -c 'kill -STOP $$; sleep 100'; wait; fg; echo $?\n")
	p.sees("Stopped", "129\r\n", "ready> ")
	p.types("snug run --here -- sh -c 'trap \"echo gone >end; exit\" HUP TERM; kill -STOP $$; while sleep 0.1; do :; done'\n") // bash may send either
	p.sees("Stopped", "ready> ")
	p.master.Close()
	p.has("end", "gone")
}

// TestTerminalEnds: whatever ends the app or snug, the terminal is as before; and when the terminal
// is closed, the app ends.
func TestTerminalEnds(t *testing.T) {
	p := sit(t)
	for _, how := range []string{"kill -KILL $$", "kill -SEGV $$", "exit 3"} {
		p.same("snug run -- sh -c '"+how+"'", nil)
	}
	for _, sig := range []string{"TERM", "HUP", "USR1"} {
		p.same("(sleep 0.3; pkill -"+sig+" -x snug -P $$) & snug run -- sleep 100", nil)
	}
	p.types("snug run --here -- sh -c 'echo $$; trap \"echo gone >end; exit\" HUP; echo u\"\"p; cat >/dev/null; while sleep 0.1; do :; done'\n")
	p.sees("up")
	p.master.Close()
	p.has("end", "gone")
}

// TestSettings: the terminal inside starts with the person's keys.
func TestSettings(t *testing.T) {
	p := sit(t)
	p.types("stty intr ^X erase ^H iutf8; stty -a >before; snug run -- stty -a >inside 2>&1; diff before inside && echo al''ike\n")
	p.sees("alike", "ready> ")
	p.same("snug run -- cat", func() {
		p.types("a\u00e4\x08b\n\x04") // one key erases one letter, of two bytes
		p.sees("ab\r\n")
	})
	p.same("snug run -- cat", func() {
		p.raw(true)
		p.types("late\n\x04")
		p.sees("late\r\nlate\r\n")
	})
	p.types("stty -echo; snug run -- cat\n")
	p.raw(true)
	p.types("un''seen\n\x04")
	p.sees("un''seen\r\n")
}

func TestManyBytes(t *testing.T) {
	p := sit(t)
	p.same("snug run -- sh -c 'head -c 20000000 /dev/zero | tr \"\\0\" x; echo; echo la\"\"st'", func() {
		got := p.sees("last")
		if n := strings.Count(got, "x"); n != 20000000 {
			t.Errorf("want 20000000 bytes of output, got %d", n)
		}
	})
	paste := strings.Repeat("0123456789abcdef", 4096)
	p.same("snug run -- sh -c 'stty raw -echo; echo rea\"\"dy; head -c 65536 | sha256sum; stty sane'", func() {
		p.sees("ready\n")
		p.master.SetWriteDeadline(time.Now().Add(20 * time.Second))
		typed := make(chan error)
		go func() {
			_, err := p.master.WriteString(paste)
			typed <- err
		}()
		p.sees("d8b2af1c85cdb458")
		if err := <-typed; err != nil {
			t.Error(err)
		}
	})
	p.same("snug run -- sh -c 'echo rea\"\"dy; wc -c'", func() {
		p.sees("ready")
		p.types("12345\n\x04")
		p.sees("6\r\n")
	})
}
