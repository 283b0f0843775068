package relay

import (
	"context"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Buffer is the size of the one read buffer, and so the most that a judge is ever shown. A kernel's socket buffer holds some 200 KiB, and this
// much fits into a processor's own cache: smaller ones cost system calls, larger ones memory speed.
const Buffer = 128 << 10

// Loop serves links in one goroutine. The zero value is not usable: see [NewLoop].
type Loop struct {
	epoll, wake int
	sources     []source // by descriptor
	links       map[*Link]struct{}
	porches     []*porch
	doors       []*door
	timers      []*timer // the next one first
	closing     []func()
	socket      socket
	scratch     []byte // what has arrived, while a judge looks at it
	arena       []byte // what judges write of their own, until it is sent or kept

	greeting, draining time.Duration // the limits, which tests shorten
}

// source is what waits for a descriptor.
type source interface{ ready(events uint32) }

// NewLoop makes a loop that serves nothing yet. Who calls it calls [Loop.Close] after the last [Loop.Run].
func NewLoop() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	l := &Loop{epoll: epoll, wake: wake, links: map[*Link]struct{}{}, scratch: make([]byte, Buffer), greeting: greeting, draining: draining}
	if err := l.watch(wake, nil, unix.EPOLLIN); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Run serves until ctx ends, and then gives nil. Links live on from one Run to the next.
func (l *Loop) Run(ctx context.Context) error {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken
		}
	}()
	events := make([]unix.EpollEvent, 64)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(l.epoll, events, l.patience())
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			// An earlier event of this batch may have closed the descriptor, and even have opened
			// another of its number: that one then reads, and finds nothing.
			if s := l.sources[e.Fd]; s != nil {
				s.ready(e.Events)
			}
		}
		l.expire()
	}
	return nil
}

// Closing lets do be called by [Loop.Close], for what serves the loop's links and is nobody's link.
func (l *Loop) Closing(do func()) { l.closing = append(l.closing, do) }

// Close ends all links and closes everything that the loop owns.
func (l *Loop) Close() {
	for _, do := range l.closing {
		do()
	}
	for k := range l.links {
		k.Close()
	}
	for _, p := range l.porches {
		p.close()
	}
	for _, d := range l.doors {
		l.forget(d.fd)
		unix.Close(d.fd)
	}
	unix.Close(l.epoll)
	unix.Close(l.wake)
}

// Links gives the number of links that are alive.
func (l *Loop) Links() int { return len(l.links) }

// watch adds a descriptor, or changes what is waited for.
func (l *Loop) watch(fd int, s source, events uint32) error {
	for fd >= len(l.sources) {
		l.sources = append(l.sources, make([]source, max(64, fd+1-len(l.sources)))...)
	}
	op := unix.EPOLL_CTL_MOD
	if l.sources[fd] == nil {
		op = unix.EPOLL_CTL_ADD
	}
	if err := unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	l.sources[fd] = s
	return nil
}

// forget takes a descriptor out.
func (l *Loop) forget(fd int) {
	if fd < len(l.sources) && l.sources[fd] != nil {
		l.sources[fd] = nil
		unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// reader is a descriptor that is not of a link.
type reader func()

func (r reader) ready(uint32) { r() }

// Watch calls do whenever a descriptor can be read or has hung up, until [Loop.Forget]. It stays the caller's.
func (l *Loop) Watch(fd int, do func()) error { return l.watch(fd, reader(do), unix.EPOLLIN) }

// Forget ends a Watch, before the descriptor is closed.
func (l *Loop) Forget(fd int) { l.forget(fd) }

// After does something once, in the loop's goroutine, unless it is stopped before.
func (l *Loop) After(d time.Duration, do func()) (stop func()) {
	t := l.after(d, do)
	return func() { l.stop(t) }
}

// timer is something to be done later.
type timer struct {
	at time.Time
	do func()
}

// after does something once, unless it is stopped before.
func (l *Loop) after(d time.Duration, do func()) *timer {
	t := &timer{time.Now().Add(d), do}
	i, _ := slices.BinarySearchFunc(l.timers, t, func(a, b *timer) int { return a.at.Compare(b.at) })
	l.timers = slices.Insert(l.timers, i, t)
	return t
}

func (l *Loop) stop(t *timer) {
	if i := slices.Index(l.timers, t); i >= 0 {
		l.timers = slices.Delete(l.timers, i, i+1)
	}
}

// patience is how long to wait for events, in milliseconds; -1 is for ever.
func (l *Loop) patience() int {
	if len(l.timers) == 0 {
		return -1
	}
	return int(max(0, time.Until(l.timers[0].at)+time.Millisecond-1) / time.Millisecond)
}

func (l *Loop) expire() {
	for len(l.timers) > 0 && !time.Now().Before(l.timers[0].at) {
		t := l.timers[0]
		l.timers = slices.Delete(l.timers, 0, 1)
		t.do()
	}
}
