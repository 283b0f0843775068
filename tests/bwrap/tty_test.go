package bwrap_test

import (
	"strings"
	"testing"

	"snug/tests/need"
)

// TestTerminal gives both programs a terminal of their own, by script(1).
func TestTerminal(t *testing.T) {
	need.Program(t, "script")
	on := func(line string) string {
		return "script -qec '" + strings.ReplaceAll(line, "'", `'\''`) + `' /dev/null </dev/null | tr -d '\r' | sed 's/^^@//' | sed -E 's,/dev/pts/[0-9]+,TTY,'`
	}
	const push = `/usr/bin/python3 -c "import fcntl,termios; fcntl.ioctl(0, termios.TIOCSTI, b\"x\")" 2>&1 | tail -n 1`
	for _, c := range []struct{ name, line, want string }{
		{"the caller's", "$BWRAP --dev-bind / / /bin/sh -c 'test -t 0 && tty; : </dev/tty && echo has one'", "TTY\nhas one\n"},
		{"a new session", "$BWRAP --new-session --dev-bind / / /bin/sh -c 'tty; (: </dev/tty) 2>/dev/null || echo has none'", "TTY\nhas none\n"},
		{"a new session with PID 1", "$BWRAP --new-session --unshare-pid --dev-bind / / /bin/sh -c '(: </dev/tty) 2>/dev/null || echo has none'", "has none\n"},
		{"/dev/console", "$BWRAP --ro-bind / / --dev /dev /bin/sh -c 'tty; test -c /dev/console && echo there; echo typed >/dev/console; ls /dev/pts'", "/dev/console\nthere\ntyped\nptmx\n"},
		{"no /dev/console", "$BWRAP --ro-bind / / --dev /dev /bin/sh -c 'test -e /dev/console || echo none' | cat", "none\n"},
		{"a pseudo terminal inside", "$BWRAP --ro-bind / / --dev /dev --tmpfs /tmp script -qc 'tty; stty size' /dev/null", "TTY\n0 0\n"},
		{"pushed characters", "$BWRAP --dev-bind / / " + push + "; $BWRAP --new-session --dev-bind / / " + push, ""},
		{"stopped and continued", `bash -mc '$BWRAP --dev-bind / / /bin/sh -c "kill -TSTP 0; echo again"; echo $?; fg >/dev/null; echo $?'`, "148\nagain\n0\n"},
		{"stopped and continued with PID 1", `bash -mc '$BWRAP --unshare-pid --dev-bind / / /bin/sh -c "kill -TSTP 0; echo again; exit 4"; echo $?; fg >/dev/null; echo $?'`, "148\nagain\n4\n"},
		{"in the background", `bash -mc '$BWRAP --dev-bind / / /bin/sh -c "read x" & wait %1; echo $?'`, ""},
		{"interrupted", `bash -mc '$BWRAP --dev-bind / / /bin/sh -c "kill -INT 0; sleep 5"; echo $?'`, ""},
	} {
		if got := compared(t, on(c.line)); c.want != "" && got != c.want+"0" && !strings.HasSuffix(got, "\n"+c.want+"0") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
