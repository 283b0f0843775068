package brokers

import (
	"os"

	"golang.org/x/sys/unix"

	"snug/portals"
)

// listenForAsks makes the socket by which the broker asks for what the portal Background grants.
func (b *Brokers) listenForAsks() error {
	if b.plan.Autostart == nil {
		return nil
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	for i, fd := range pair {
		b.asks[i] = os.NewFile(uintptr(fd), "the broker's requests")
	}
	b.answered = make(chan struct{})
	go b.answerAsks()
	return nil
}

// stopAsks ends answerAsks, if it has begun.
func (b *Brokers) stopAsks() {
	if b.asks[0] != nil {
		b.asks[0].Close()
		<-b.answered
	}
}

// answerAsks answers until the broker ends.
func (b *Brokers) answerAsks() {
	defer close(b.answered)
	packet := make([]byte, 16<<10)
	for {
		n, err := b.asks[0].Read(packet)
		if n == 0 || err != nil {
			return
		}
		done := []byte{'0'}
		if a, err := portals.ParseAutostart(packet[:n]); err == nil && !a.Late() && b.plan.Autostart(a) == nil {
			done[0] = '1'
		}
		if _, err := b.asks[0].Write(done); err != nil {
			return
		}
	}
}
