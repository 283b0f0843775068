package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What the filter of Wayland adds to a headless weston: to a round trip, and to frames.

// displayBed is the compositor and a filter before it.
type displayBed struct {
	sockets map[string]string // direct, ours
	running []*exec.Cmd
}

func (b *bench) wayland() error {
	bed, err := b.newDisplayBed()
	if err != nil {
		return err
	}
	defer bed.close()
	if err := b.roundTrips(bed); err != nil {
		return err
	}
	return b.frames(bed)
}

func (b *bench) newDisplayBed() (*displayBed, error) {
	bed := &displayBed{sockets: map[string]string{"direct": b.dir + "/run/wayland-direct", "ours": b.dir + "/run/wayland-ours"}}
	weston := b.command([]string{"weston", "--backend=headless-backend.so", "--use-pixman", "--socket=wayland-direct", "--idle-time=0"})
	if err := bed.start(weston, bed.sockets["direct"]); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: bed.sockets["ours"], Net: "unix"})
	if err != nil {
		bed.close()
		return nil, err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	listener, err := l.File()
	if err != nil {
		bed.close()
		return nil, err
	}
	defer listener.Close()
	broker := b.command([]string{filepath.Join(filepath.Dir(b.snug), "snug-broker"), "--wayland=wayland", "--listen=3", "--socket=" + bed.sockets["direct"]})
	broker.ExtraFiles = []*os.File{listener}
	if err := bed.start(broker, bed.sockets["ours"]); err != nil {
		bed.close()
		return nil, err
	}
	return bed, nil
}

// start runs a program and waits until somebody answers at its socket.
func (bed *displayBed) start(cmd *exec.Cmd, socket string) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	bed.running = append(bed.running, cmd)
	for range 500 {
		if fd, err := dialDisplay(socket); err == nil {
			return unix.Close(fd)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s: nobody answers at %s", cmd.Args[0], socket)
}

func (bed *displayBed) close() {
	for _, c := range bed.running {
		c.Process.Signal(unix.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { c.Process.Kill() })
		c.Wait()
		late.Stop()
	}
}

// dialDisplay gives a blocking socket that has been answered once.
func dialDisplay(socket string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err == nil {
		err = roundTrip(fd, make([]byte, 64))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// roundTrip is wl_display.sync: its answer is done and, as the callback's id is free again, delete_id.
func roundTrip(fd int, room []byte) error {
	var sync [12]byte
	for i, w := range []uint32{1, 12 << 16, 2} {
		binary.NativeEndian.PutUint32(sync[4*i:], w)
	}
	if err := writeAll(fd, sync[:]); err != nil {
		return err
	}
	for have := 0; have < 24; {
		n, err := unix.Read(fd, room[have:24])
		if n <= 0 {
			return fmt.Errorf("read: %d bytes, %w", n, err)
		}
		have += n
	}
	return nil
}

// ways are measured in turns.
var ways = [2]string{"ours", "direct"}

func (b *bench) roundTrips(bed *displayBed) error {
	fds, got := map[string]int{}, map[string]sample{}
	for name, socket := range bed.sockets {
		fd, err := dialDisplay(socket)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		fds[name] = fd
	}
	const trips = 50
	room := make([]byte, 64)
	for i := range b.pairs*2 + 2 {
		for n := range ways {
			name := ways[(i+n)%len(ways)]
			start := time.Now()
			for range trips {
				if err := roundTrip(fds[name], room); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			if i >= 2 {
				got[name] = append(got[name], time.Since(start)/trips)
			}
		}
	}
	b.ratio("wayland: a round trip, ours and raw", got["ours"], got["direct"], 0)
	b.above("wayland: added to a round trip", got["ours"], got["direct"], 15*time.Microsecond)
	return nil
}

// frames lets weston-simple-shm draw for a second, as often as the compositor asks it to.
func (b *bench) frames(bed *displayBed) error {
	got := map[string]sample{}
	for i := range max(b.pairs/20, 3) {
		for n := range ways {
			name := ways[(i+n)%len(ways)]
			took, err := b.frame(bed.sockets[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			got[name] = append(got[name], took)
		}
	}
	b.ratio("wayland: a frame, ours and raw", got["ours"], got["direct"], 1/0.98)
	return nil
}

// frame gives the mean time from one frame to the next, by the client's own account.
func (b *bench) frame(socket string) (time.Duration, error) {
	cmd := b.command([]string{"weston-simple-shm"})
	var said strings.Builder
	cmd.Env, cmd.Stderr = append(cmd.Env, "WAYLAND_DISPLAY="+socket, "WAYLAND_DEBUG=client"), &said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	time.Sleep(1500 * time.Millisecond) // what is measured: how many frames in that time
	cmd.Process.Signal(unix.SIGINT)
	cmd.Wait()
	var first, last float64
	frames := 0
	for line := range strings.Lines(said.String()) {
		if !strings.Contains(line, ".frame(") {
			continue
		}
		if _, err := fmt.Sscanf(line, "[%f]", &last); err != nil {
			return 0, fmt.Errorf("weston-simple-shm says %q: %w", line, err)
		}
		if frames++; frames == 1 {
			first = last
		}
	}
	if frames < 2 {
		return 0, fmt.Errorf("weston-simple-shm drew nothing: %.500s", said.String())
	}
	return time.Duration((last - first) / float64(frames-1) * float64(time.Millisecond)), nil
}
