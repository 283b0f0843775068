package systemdimg

import (
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Listener receives what an init says of itself (sd_notify(3)). It is a socket in the file system, which
// the system has at /run/host/notify.
type Listener struct {
	conn *net.UnixConn
	path string
}

// maxNotice bounds one message; systemd's own are some hundred bytes.
const maxNotice = 4096

// Listen makes the socket. The caller closes the Listener, which removes it.
func Listen(path string) (*Listener, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	l := &Listener{conn, path}
	if err := os.Chmod(path, 0o666); err != nil { // the folder keeps others out; inside all may speak, and only PID 1 is heard
		l.Close()
		return nil, err
	}
	err = l.set(unix.SO_PASSCRED, 1)
	if err == nil { // who sends descriptors gets an error then (Linux 6.16)
		err = l.set(unix.SO_PASSRIGHTS, 0)
	}
	if err != nil && err != unix.ENOPROTOOPT {
		l.Close()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return l, nil
}

func (l *Listener) set(option, value int) (err error) {
	raw, err := l.conn.SyscallConn()
	if err != nil {
		return err
	}
	e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, value) })
	if e != nil {
		return e
	}
	return err
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.path }

// Close ends the socket and removes it. On a kernel before 6.16 it may wait: files that were sent and not
// heard are closed with it, be they sockets that linger (socket(7), SO_LINGER).
func (l *Listener) Close() error {
	os.Remove(l.path)
	return l.conn.Close()
}

// Notice is what an init has said at once.
type Notice struct {
	Ready    bool   // READY=1: the system is up
	Stopping bool   // STOPPING=1
	Status   string // STATUS=…, for a person
	Reboot   bool   // X_SYSTEMD_SHUTDOWN=reboot (systemd 255)
}

// Next waits for what the process with the host's id pid says; others are not heard. A zero time waits for
// ever, os.ErrDeadlineExceeded says that it is over, net.ErrClosed that the Listener is closed.
func (l *Listener) Next(pid int, until time.Time) (Notice, error) {
	if err := l.conn.SetReadDeadline(until); err != nil {
		return Notice{}, err
	}
	// There is no room for descriptors, so the kernel gives none (unix(7)).
	buf, oob := make([]byte, maxNotice), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, m, flags, _, err := l.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return Notice{}, err
		}
		if flags&unix.MSG_TRUNC == 0 && sender(oob[:m]) == pid {
			return parseNotice(string(buf[:n])), nil
		}
	}
}

// sender is who sent a message, or 0.
func sender(oob []byte) (pid int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range messages {
		if c, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			pid = int(c.Pid)
		}
	}
	return pid
}

func parseNotice(text string) (n Notice) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "READY":
			n.Ready = value == "1"
		case "STOPPING":
			n.Stopping = value == "1"
		case "STATUS":
			n.Status = value
		case "X_SYSTEMD_SHUTDOWN":
			n.Reboot = value == "reboot"
		}
	}
	return n
}
