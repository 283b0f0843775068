package portals

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
)

// The portal Background, in prose. An app asks it to live on without a window, and to be started at
// login. Here an app lives on as long as it likes. But the portal's launcher would start flatpak, which
// knows nothing of the app: so the call never reaches the portal. The broker asks whoever started it, by
// one packet on a descriptor, and has a fifth of a second to be answered, as all its buses wait.

// Autostart is what an app asks of the portal Background.
type Autostart struct {
	On      bool          // to be started at login, or no more
	Command []string      // what to start, in the app's own words; empty: as it was started
	Asked   time.Duration // when, by CLOCK_MONOTONIC
}

// Late reports whether the app has been told by now that nobody has answered.
func (a Autostart) Late() bool { return now()-a.Asked >= patience }

// now is the time by a clock that all processes of a machine share.
func now() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return time.Duration(t.Nano())
}

const stamp = 8 // bytes

const (
	maxAutostart = 8 << 10
	maxWords     = 100
	patience     = 200 * time.Millisecond
)

var errAutostart = errors.New("malformed request for autostart")

// encode spells the request as a packet: the time, "0" or "1", and each word behind a zero byte.
func (a Autostart) encode() ([]byte, error) {
	b := append(binary.NativeEndian.AppendUint64(nil, uint64(a.Asked)), '0')
	if a.On {
		b[stamp] = '1'
	}
	for _, word := range a.Command {
		if bytes.IndexByte([]byte(word), 0) >= 0 {
			return nil, errAutostart
		}
		b = append(append(b, 0), word...)
	}
	if len(b) > maxAutostart || len(a.Command) > maxWords {
		return nil, errAutostart
	}
	return b, nil
}

// ParseAutostart reads a packet of a broker, of which nothing is believed but that it speaks for its app.
func ParseAutostart(packet []byte) (a Autostart, err error) {
	if len(packet) <= stamp || len(packet) > maxAutostart {
		return a, errAutostart
	}
	a.Asked = time.Duration(binary.NativeEndian.Uint64(packet))
	packet = packet[stamp:]
	if packet[0] != '0' && packet[0] != '1' || bytes.Count(packet, []byte{0}) > maxWords {
		return a, errAutostart
	}
	a.On = packet[0] == '1'
	rest := packet[1:]
	if len(rest) == 0 {
		return a, nil
	}
	if rest[0] != 0 {
		return a, errAutostart
	}
	for word := range bytes.SplitSeq(rest[1:], []byte{0}) {
		a.Command = append(a.Command, string(word))
	}
	return a, nil
}

// background stands in for the portal; fd is a socket of packets to who starts brokers.
func background(fd int) dbus.Stand {
	return dbus.Stand{Name: Desktop, Interface: "org.freedesktop.portal.Background", Member: "RequestBackground",
		Answer: func(options map[string]any) (uint32, map[string]bool) {
			a := Autostart{Asked: now()}
			a.On, _ = options["autostart"].(bool)
			a.Command, _ = options["commandline"].([]string)
			done := askStarter(fd, a)
			results := map[string]bool{"background": true, "autostart": a.On && done}
			if a.On && !done {
				return 2, results
			}
			return 0, results
		}}
}

// askStarter sends a request, and reports whether it was done.
func askStarter(fd int, a Autostart) bool {
	packet, err := a.encode()
	if err != nil {
		return false
	}
	var late [16]byte
	for { // what came too late for those who asked
		if _, err := unix.Read(fd, late[:]); err != nil {
			break
		}
	}
	if _, err := unix.Write(fd, packet); err != nil {
		return false
	}
	wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	timeout := unix.NsecToTimespec(int64(patience))
	if n, err := unix.Ppoll(wait, &timeout, nil); n != 1 || err != nil {
		return false
	}
	n, err := unix.Read(fd, late[:])
	return err == nil && n == 1 && late[0] == '1'
}
