package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What snug-broker adds between a program and a sound server. For latency the server is one of ours that
// answers at once: a packet by its answer, and sound by the request for more. For the cost of a stream it
// is PulseAudio, and pacat plays.

// soundBed is a server, a broker before it, and the programs that run.
type soundBed struct {
	paths   map[string]string // sockets: direct, ours
	broker  *exec.Cmd
	running []*exec.Cmd
}

// sounds measures both.
func (b *bench) sounds() error {
	direct := filepath.Join(b.dir, "sound")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: direct, Net: "unix"})
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			go answerSound(c)
		}
	}()
	bed := &soundBed{paths: map[string]string{"direct": direct}}
	defer bed.close()
	if err := bed.stand(b, direct); err != nil {
		return err
	}
	if err := b.soundLatency(bed); err != nil {
		return err
	}
	for _, latency := range []string{"50", "200"} {
		if err := b.soundStream(latency); err != nil {
			return err
		}
	}
	return nil
}

func (bed *soundBed) close() {
	for _, c := range bed.running {
		c.Process.Kill()
		c.Wait()
	}
}

// stand puts a broker before a server.
func (bed *soundBed) stand(b *bench, server string) error {
	path := server + ".ours"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		return err
	}
	defer f.Close()
	program, err := filepath.Abs("bin/snug-broker")
	if err != nil {
		return err
	}
	bed.paths["ours"] = path
	bed.broker = b.command([]string{program, "--sound=sound", "--listen=3", "--socket=" + server, "--play=yes"})
	bed.broker.ExtraFiles = []*os.File{f}
	if err := bed.broker.Start(); err != nil {
		return err
	}
	bed.running = append(bed.running, bed.broker)
	return nil
}

// soundFrame is a packet of a command and values that are numbers.
func soundFrame(command uint32, values ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(5*(2+len(values))))
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, v := range append([]uint32{command, 7}, values...) {
		b = binary.BigEndian.AppendUint32(append(b, 'L'), v)
	}
	return b
}

// readSound reads one frame into room.
func readSound(fd int, room []byte) ([]byte, error) {
	have, size := 0, 20
	for have < size {
		n, err := unix.Read(fd, room[have:size])
		if n <= 0 {
			return nil, fmt.Errorf("read: %d bytes, %w", n, err)
		}
		if have += n; have == 20 {
			size += int(binary.BigEndian.Uint32(room))
		}
	}
	return room[:size], nil
}

// blocking gives a descriptor whose calls wait in a thread, without Go's poller.
func blocking(c *net.UnixConn) (int, error) {
	f, err := c.File()
	c.Close()
	if err != nil {
		return -1, err
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return -1, err
	}
	return fd, unix.SetNonblock(fd, false)
}

// answerSound is the server that answers at once.
func answerSound(c *net.UnixConn) {
	fd, err := blocking(c)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	room, more := make([]byte, 1<<17), soundFrame(61, 0, 4096)
	for {
		frame, err := readSound(fd, room)
		if err != nil {
			return
		}
		reply := more
		if binary.BigEndian.Uint32(frame[4:]) == 0xffffffff {
			values := []uint32{1, 2, 3, 4, 5}
			switch binary.BigEndian.Uint32(frame[21:]) {
			case 8:
				values = []uint32{35}
			case 3:
				values = []uint32{0, 100, 4096}
			}
			reply = soundFrame(2, values...)
			copy(reply[26:30], frame[26:30]) // the tag
		}
		if writeAll(fd, reply) != nil {
			return
		}
	}
}

// dialSound gives a socket that has greeted and has a stream.
func dialSound(path string) (int, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return -1, err
	}
	fd, err := blocking(c)
	if err != nil {
		return -1, err
	}
	greeting := append(soundFrame(8, 13), 'x', 0, 0, 1, 0)
	greeting = append(greeting, make([]byte, 256)...)
	stream := append(soundFrame(3), 'a', 3, 2, 0, 0, 0xbb, 0x80, 'm', 2, 1, 2, 'L', 255, 255, 255, 255, 'N', 'L', 0, 0, 64, 0, '0')
	for range 4 {
		stream = append(stream, 'L', 0, 0, 16, 0)
	}
	stream = append(stream, 'v', 2, 0, 1, 0, 0, 0, 1, 0, 0)
	stream = append(stream, "000000000PN"...)
	room := make([]byte, 1<<10)
	for _, frame := range [][]byte{greeting, stream} {
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-20))
		if err := writeAll(fd, frame); err != nil {
			return -1, err
		}
		if answer, err := readSound(fd, room); err != nil || answer[24] != 2 {
			return -1, fmt.Errorf("greeting: %q, %w", answer, err)
		}
	}
	return fd, nil
}

// soundLatency compares single round trips, direct and through the broker in turns.
func (b *bench) soundLatency(bed *soundBed) error {
	block := make([]byte, 20+4096)
	binary.BigEndian.PutUint32(block, 4096)
	fds := map[string]int{}
	for name, path := range bed.paths {
		fd, err := dialSound(path)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer unix.Close(fd)
		fds[name] = fd
	}
	room := make([]byte, 1<<17)
	for _, load := range []struct {
		name  string
		frame []byte
	}{{"sound: STAT and its answer", soundFrame(13)}, {"sound: 4 KiB and REQUEST", block}} {
		got := map[string]sample{}
		for i := range b.pairs * 20 {
			for n := range 2 {
				name := []string{"direct", "ours"}[(i+n)%2]
				start := time.Now()
				if err := writeAll(fds[name], load.frame); err != nil {
					return err
				}
				if _, err := readSound(fds[name], room); err != nil {
					return err
				}
				if i >= 100 {
					got[name] = append(got[name], time.Since(start))
				}
			}
		}
		us := func(d time.Duration) float64 { return float64(d) / 1e3 }
		ours, direct := got["ours"], got["direct"]
		added := us(ours.quantile(0.99) - direct.quantile(0.5))
		fmt.Printf("%-34s ours %.1f %.1f %.1f us, direct %.1f %.1f %.1f us (median, p90, p99); ours p99 above direct's median %.1f us", load.name,
			us(ours.quantile(0.5)), us(ours.quantile(0.9)), us(ours.quantile(0.99)),
			us(direct.quantile(0.5)), us(direct.quantile(0.9)), us(direct.quantile(0.99)), added)
		b.verdict(added <= 50, "want <= 50")
		fmt.Println()
	}
	return nil
}

// soundStream measures what a stream of some latency, in milliseconds, costs the broker, of one core.
func (b *bench) soundStream(latency string) error {
	server := filepath.Join(b.dir, "native"+latency)
	bed := &soundBed{paths: map[string]string{}}
	defer bed.close()
	pulse := b.command([]string{"pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-native-protocol-unix socket=" + server, "-L", "module-null-sink sink_name=sink"})
	if err := pulse.Start(); err != nil {
		return err
	}
	bed.running = append(bed.running, pulse)
	for range 200 {
		if _, err := os.Stat(server); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := bed.stand(b, server); err != nil {
		return err
	}
	player := b.command([]string{"pacat", "--raw", "--format=s16le", "--rate=48000", "--channels=2", "--latency-msec=" + latency, "/dev/zero"})
	player.Env = append(player.Env, "PULSE_SERVER=unix:"+bed.paths["ours"])
	if err := player.Start(); err != nil {
		return err
	}
	bed.running = append(bed.running, player)
	time.Sleep(time.Second)
	var shares sample
	for range 5 {
		before, start := cpuTime(bed.broker.Process.Pid), time.Now()
		time.Sleep(4 * time.Second)
		shares = append(shares, (cpuTime(bed.broker.Process.Pid)-before)*time.Second/time.Since(start))
	}
	percent := func(q float64) float64 { return float64(shares.quantile(q)) / float64(time.Second) * 100 }
	fmt.Printf("%-34s %.2f %% of a core, %.2f to %.2f", "sound: a stream with "+latency+" ms", percent(0.5), percent(0), percent(1))
	b.verdict(percent(0.5) <= 1, "want <= 1")
	fmt.Println()
	return nil
}

// cpuTime is what a process has used, of all its threads, in nanoseconds (proc(5), schedstat).
func cpuTime(pid int) (sum time.Duration) {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		first, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}
