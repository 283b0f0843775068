package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
)

// measure times a load through each way in turns.
func (bed *busBed) measure(rounds int, load func(name string) (time.Duration, error)) (map[string]sample, error) {
	got := map[string]sample{}
	order := []string{"direct", "ours", "theirs"}
	for i := range rounds + 2 {
		for n := range order {
			name := order[(i+n)%len(order)]
			took, err := load(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if i >= 2 {
				got[name] = append(got[name], took)
			}
		}
	}
	return got, nil
}

// through times a load on one connection each.
func (bed *busBed) through(rounds int, load func(fd int) error) (map[string]sample, error) {
	fds := map[string]int{}
	for name := range bed.paths {
		fd, err := bed.dial(name)
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		fds[name] = fd
	}
	return bed.measure(rounds, func(name string) (time.Duration, error) {
		start := time.Now()
		err := load(fds[name])
		return time.Since(start), err
	})
}

// smallCalls compares what a filter adds to one call that waits for its answer.
func (b *bench) smallCalls(bed *busBed) error {
	room, serial := make([]byte, 64<<10), uint32(1)
	call := request(2, 0, 0)
	const calls = 20
	got, err := bed.through(b.pairs*2, func(fd int) error {
		for range calls {
			serial++
			binary.LittleEndian.PutUint32(call[8:], serial)
			if err := writeAll(fd, call); err != nil {
				return err
			}
			if err := readMessages(fd, 1, room); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range got {
		for i := range s {
			s[i] /= calls
		}
	}
	b.ratio("bus: a call, direct and ours", got["ours"], got["direct"], 0)
	b.ratio("bus: a call", got["ours"], got["theirs"], 0)
	direct := got["direct"].quantile(0.5)
	added := func(name string) time.Duration { return got[name].quantile(0.5) - direct }
	ratio := float64(added("ours")) / float64(added("theirs"))
	fmt.Printf("%-34s %8.3f %26.3f %28.3f %12s", "bus: added to a call", float64(added("ours"))/1e6, float64(added("theirs"))/1e6, ratio, "")
	b.verdict(ratio <= 0.7, "want <= 0.70")
	fmt.Println()
	return nil
}

// batch compares a load of one connection; the others' rate is to be that much lower, or ours at
// least that of no filter, nearly.
func (b *bench) batch(bed *busBed, name string, rounds int, rate float64, load func(fd int) error) error {
	got, err := bed.through(rounds, load)
	if err != nil {
		return err
	}
	b.rates(name, got, rate)
	return nil
}

func (b *bench) rates(name string, got map[string]sample, rate float64) {
	b.ratio(name+", direct and ours", got["ours"], got["direct"], 0)
	target := 1 / rate
	if direct := got["direct"].quantile(0.5); float64(got["ours"].quantile(0.5)) <= float64(direct)/0.95 {
		target = 1e9 // nothing could be faster
	}
	b.ratio(name, got["ours"], got["theirs"], 0)
	ratio := float64(got["theirs"].quantile(0.5)) / float64(got["ours"].quantile(0.5))
	fmt.Printf("%-34s %62.3f %13s", name+": rate", ratio, "")
	b.verdict(1/ratio <= target, fmt.Sprintf("want >= %.2f, or >= 0.95 of direct", rate))
	fmt.Println()
}

// pipelined sends many calls before it reads their answers.
func (b *bench) pipelined(bed *busBed) error {
	const calls = 200
	room, serial := make([]byte, 256<<10), uint32(1<<20)
	one := request(2, 0, 0)
	all := make([]byte, 0, calls*len(one))
	for range calls {
		all = append(all, one...)
	}
	return b.batch(bed, "bus: 200 calls at a time", max(b.pairs/2, 5), 1.2, func(fd int) error {
		for i := range calls {
			serial++
			binary.LittleEndian.PutUint32(all[i*len(one)+8:], serial)
		}
		if err := writeAll(fd, all); err != nil {
			return err
		}
		return readMessages(fd, calls, room)
	})
}

// megabytes sends large messages and one call behind them that is answered.
func (b *bench) megabytes(bed *busBed) error {
	room, serial := make([]byte, 64<<10), uint32(1<<21)
	large, last := request(2, 1<<20, 1), request(3, 0, 0)
	return b.batch(bed, "bus: 32 messages of 1 MiB", max(b.pairs/5, 5), 1.0, func(fd int) error {
		for range 32 {
			serial++
			binary.LittleEndian.PutUint32(large[8:], serial)
			if err := writeAll(fd, large); err != nil {
				return err
			}
		}
		serial++
		binary.LittleEndian.PutUint32(last[8:], serial)
		if err := writeAll(fd, last); err != nil {
			return err
		}
		return readMessages(fd, 1, room)
	})
}

// manyClients lets fifty call at once, each waiting for its answer before the next.
func (b *bench) manyClients(bed *busBed) error {
	const many, calls = 50, 10
	fds := map[string][]int{}
	for name := range bed.paths {
		for range many {
			fd, err := bed.dial(name)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			fds[name] = append(fds[name], fd)
		}
	}
	room, serial, call := make([]byte, 64<<10), uint32(2), request(2, 0, 0)
	got, err := bed.measure(max(b.pairs/4, 5), func(name string) (time.Duration, error) {
		start := time.Now()
		for range calls {
			serial++
			binary.LittleEndian.PutUint32(call[8:], serial)
			for _, fd := range fds[name] {
				if err := writeAll(fd, call); err != nil {
					return 0, err
				}
			}
			for _, fd := range fds[name] {
				if err := readMessages(fd, 1, room); err != nil {
					return 0, err
				}
			}
		}
		return time.Since(start), nil
	})
	if err != nil {
		return err
	}
	b.rates("bus: 50 clients, 10 calls each", got, 1.2)
	return nil
}

// connecting is a connection, Hello and its end.
func (b *bench) connecting(bed *busBed) error {
	got, err := bed.measure(b.pairs, func(name string) (time.Duration, error) {
		start := time.Now()
		c, err := bus.Dial(bed.paths[name])
		if err != nil {
			return 0, err
		}
		took := time.Since(start)
		return took, c.Close()
	})
	if err != nil {
		return err
	}
	b.ratio("bus: connect and Hello", got["ours"], got["theirs"], 0)
	return nil
}

// resident compares the memory of the filters after all that.
func (b *bench) resident(bed *busBed) error {
	var kib [2]int
	for i, c := range bed.running[1:] {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/status")
		if err != nil {
			return err
		}
		for l := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
				kib[i], _ = strconv.Atoi(strings.Fields(rest)[0])
			}
		}
	}
	fmt.Printf("%-34s %8d KiB %22d KiB %24.3f\n", "bus: resident after all that", kib[0], kib[1], float64(kib[0])/float64(kib[1]))
	return nil
}
