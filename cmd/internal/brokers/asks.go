package brokers

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"snug/portals"
)

// channel is a socket of packets by which the broker asks whoever started it. A nil one is none.
type channel struct {
	ours, theirs *os.File
	ended        chan struct{} // closed when nobody reads ours any more
}

// open makes one that serve reads until its end.
func open(name string, serve func(*os.File)) (*channel, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	c := &channel{os.NewFile(uintptr(pair[0]), name), os.NewFile(uintptr(pair[1]), name), make(chan struct{})}
	go func() {
		defer close(c.ended)
		serve(c.ours)
	}()
	return c, nil
}

// stop ends it, and waits.
func (c *channel) stop() {
	if c != nil {
		c.ours.Close()
		<-c.ended
	}
}

// given is the broker's end, or nil.
func (c *channel) given() *os.File {
	if c == nil {
		return nil
	}
	return c.theirs
}

// openChannels makes those that the plan has answers for.
func (b *Brokers) openChannels() (err error) {
	if b.plan.Autostart != nil {
		if b.autostart, err = open("requests for autostart", b.answerAutostart); err != nil {
			return err
		}
	}
	if b.plan.Ask != nil {
		b.questions, err = open("questions", b.answerQuestions)
	}
	return err
}

func (b *Brokers) stopChannels() {
	b.autostart.stop()
	b.questions.stop()
}

// answerAutostart answers one request after the other: the broker waits.
func (b *Brokers) answerAutostart(ours *os.File) {
	packet := make([]byte, 16<<10)
	for {
		n, err := ours.Read(packet)
		if n == 0 || err != nil {
			return
		}
		done := []byte{'0'}
		if a, err := portals.ParseAutostart(packet[:n]); err == nil && !a.Late() && b.plan.Autostart(a) == nil {
			done[0] = '1'
		}
		if _, err := ours.Write(done); err != nil {
			return
		}
	}
}

// maxQuestions bounds those that are open: a person is asked each thing once.
const maxQuestions = 4

// answerQuestions answers each when the person has; at the end of the broker they are taken back.
func (b *Brokers) answerQuestions(ours *os.File) {
	ctx, cancel := context.WithCancel(context.Background())
	var asked sync.WaitGroup
	defer asked.Wait()
	defer cancel()
	room := make(chan struct{}, maxQuestions)
	packet := make([]byte, 64)
	for {
		n, err := ours.Read(packet)
		if n == 0 || err != nil {
			return
		}
		q, err := portals.ParseAsk(packet[:n])
		if err != nil {
			return
		}
		select {
		case room <- struct{}{}:
		default:
			ours.Write(portals.AskAnswer(q, false))
			continue
		}
		asked.Go(func() {
			ours.Write(portals.AskAnswer(q, b.plan.Ask(ctx, q)))
			<-room
		})
	}
}
