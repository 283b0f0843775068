package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// The same command lines through snug-bwrap and bubblewrap.

// dialect compares the two at what callers ask most.
func (b *bench) dialect() error {
	for _, c := range []struct {
		name   string
		words  []string
		pairs  int
		target float64
	}{
		{"snug-bwrap, plain", b.bare(0)[1:], b.pairs, 0.80},
		{"snug-bwrap, /proc and /dev alone", []string{"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", b.cTrue}, b.pairs, 0},
		{"snug-bwrap, --unshare-net alone", []string{"--ro-bind", "/", "/", "--unshare-net", b.cTrue}, b.pairs, 0},
		{"snug-bwrap, a root alone", []string{"--ro-bind", "/", "/", b.cTrue}, b.pairs, 0},
		{"snug-bwrap, 200 binds", b.bare(200)[1:], max(b.pairs/8, 5), 0.20},
		{"snug-bwrap, 1,000 binds", b.bare(1000)[1:], max(b.pairs/40, 3), 0.04},
	} {
		a, z, err := b.compare(c.pairs, append([]string{b.snugBwrap}, c.words...), append([]string{b.bwrap}, c.words...))
		if err != nil {
			return err
		}
		b.ratio(c.name, a, z, c.target)
	}
	return b.crowd()
}

// crowd starts a hundred at once, many times over, and compares how long it takes until all have ended.
func (b *bench) crowd() error {
	const many = 100
	var ours, theirs sample
	for range max(b.pairs/20, 3) {
		for _, side := range []struct {
			program string
			to      *sample
		}{{b.snugBwrap, &ours}, {b.bwrap, &theirs}} {
			took, err := b.atOnce(many, append([]string{side.program}, b.bare(0)[1:]...))
			if err != nil {
				return err
			}
			*side.to = append(*side.to, took)
		}
	}
	b.ratio("snug-bwrap, "+strconv.Itoa(many)+" at once", ours, theirs, 0)
	return nil
}

// atOnce starts a command many times without waiting in between.
func (b *bench) atOnce(many int, words []string) (time.Duration, error) {
	var all sync.WaitGroup
	failed := make(chan error, many)
	start := time.Now()
	for range many {
		all.Go(func() {
			if err := b.command(words).Run(); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	select {
	case err := <-failed:
		if e, ok := err.(*exec.ExitError); ok {
			return 0, fmt.Errorf("%d at once: %w\n%s", many, err, e.Stderr)
		}
		return 0, err
	default:
		return took, nil
	}
}
