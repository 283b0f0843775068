package main

import (
	"fmt"
	"slices"
	"time"
)

// sample is the times of one side of a comparison, in the order of the pairs.
type sample []time.Duration

func (s sample) quantile(q float64) time.Duration {
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func (s sample) String() string {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	return fmt.Sprintf("%8.3f %8.3f %8.3f", ms(s.quantile(0.5)), ms(s.quantile(0.9)), ms(s.quantile(0)))
}

// ratios are those of the pairs, so that a slow moment of the machine counts on both sides.
func ratios(a, z sample) (median, low, high float64) {
	var list []float64
	for i := range a {
		list = append(list, float64(a[i])/float64(z[i]))
	}
	slices.Sort(list)
	at := func(q float64) float64 { return list[int(q*float64(len(list)-1)+0.5)] }
	return at(0.5), at(0.1), at(0.9)
}

// ratio prints a comparison whose target is a share of the other's median; 0 means none.
func (b *bench) ratio(name string, a, z sample, target float64) {
	_, low, high := ratios(a, z)
	got := float64(a.quantile(0.5)) / float64(z.quantile(0.5))
	fmt.Printf("%-34s %s %s   %6.3f %6.3f-%.3f", name, a, z, got, low, high)
	if target > 0 {
		b.verdict(got <= target, fmt.Sprintf("want <= %.2f", target))
	}
	fmt.Println()
}

// above prints a comparison whose target is a time on top of the other's median.
func (b *bench) above(name string, a, z sample, target time.Duration) {
	got := a.quantile(0.5) - z.quantile(0.5)
	fmt.Printf("%-34s %s %s   %+8.3f ms       ", name, a, z, float64(got)/1e6)
	if target > 0 {
		b.verdict(got <= target, fmt.Sprintf("want <= %+.3f ms", float64(target)/1e6))
	}
	fmt.Println()
}

func (b *bench) verdict(pass bool, target string) {
	word := "pass"
	if !pass {
		word = "MISS"
		b.missed++
	}
	fmt.Printf("   %s, %s", word, target)
}
