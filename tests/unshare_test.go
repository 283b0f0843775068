package tests

import "testing"

// snug unshare makes no terminal: its command is a job of the person's shell as any other is.
func TestUnshareTerminal(t *testing.T) {
	p := sit(t)
	p.types("tty; snug unshare -a tty\r")
	p.sees("/dev/pts/", "/dev/pts/", "ready> ")

	p.types("snug unshare -a sh -c 'echo id $(id -u); cat'\r")
	p.sees("id 0")
	p.types("\x1a")
	p.sees("Stopped", "ready> ")
	p.types("fg\r")
	p.sees("snug unshare")
	p.types("again\r")
	p.sees("again", "again")
	p.types("\x03")
	p.sees("ready> ")
	p.types("echo status=$?\r")
	p.sees("status=130", "ready> ")
}

// A shell in it has jobs of its own, and gives the terminal back, at its end and when it suspends.
func TestUnshareShell(t *testing.T) {
	p := sit(t)
	p.types("snug unshare -P bash --norc --noprofile -i\r")
	p.sees("ready> ")
	p.types("sh -c 'echo as\"\"leep; exec sleep 100'\r")
	p.sees("asleep")
	p.types("\x1a")
	p.sees("Stopped", "ready> ")
	p.types("kill %1; echo at $(id -u)\r")
	p.sees("at 0", "ready> ")
	p.types("suspend\r")
	p.sees("Stopped", "ready> ")
	p.types("echo outside $(id -u); fg\r")
	p.sees("outside ", "snug unshare")
	p.types("echo back $(id -u)\r")
	p.sees("back 0", "ready> ")
	p.types("exit 3\r")
	p.sees("ready> ")
	p.types("echo status=$?\r")
	p.sees("status=3", "ready> ")
}
