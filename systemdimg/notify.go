package systemdimg

import (
	"errors"
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
	raw, err := conn.SyscallConn()
	if err == nil {
		e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		err = errors.Join(err, e)
	}
	if err != nil {
		l.Close()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return l, nil
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.path }

// Close ends the socket and removes it.
func (l *Listener) Close() error {
	err := l.conn.Close()
	os.Remove(l.path)
	return err
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
	buf, oob := make([]byte, maxNotice), make([]byte, 256)
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

// sender is who sent a message, or 0. Descriptors that came with it are closed.
func sender(oob []byte) (pid int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}
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
