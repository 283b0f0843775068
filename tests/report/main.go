// Command report reads the output of go test -json and prints what a person wants to know: a line
// a package, the output of what failed, and every skip with its reason. With REQUIRE set a skip is
// a failure, but for tests that belong to another run (need.Elsewhere) and for what go test -short
// leaves out.
//
// Exit status: 0 all passed; 1 something failed, or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"snug/tests/need"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type result struct {
	output  map[string]*strings.Builder
	ended   map[string]string
	pkgTime map[string]float64
}

func main() {
	r := result{map[string]*strings.Builder{}, map[string]string{}, map[string]float64{}}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // what go prints before a test binary exists
			continue
		}
		r.add(e)
	}
	if !r.print() {
		os.Exit(1)
	}
}

func (r *result) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if r.output[key] == nil {
			r.output[key] = new(strings.Builder)
		}
		r.output[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		r.ended[key] = e.Action
		if e.Test == "" {
			r.pkgTime[e.Package] = e.Elapsed
		}
	}
}

// print reports whether all passed and something ran.
func (r *result) print() bool {
	count := map[string]int{}
	var failed, skipped []string
	for key, action := range r.ended {
		if strings.HasSuffix(key, " ") {
			continue
		}
		count[action]++
		switch action {
		case "fail":
			failed = append(failed, key)
		case "skip":
			skipped = append(skipped, key)
		}
	}
	packages := make([]string, 0, len(r.pkgTime))
	for p := range r.pkgTime {
		packages = append(packages, p)
	}
	slices.Sort(packages)
	broken := false
	for _, p := range packages {
		action := r.ended[p+" "]
		if action == "skip" {
			continue // no tests
		}
		fmt.Printf("%-4s %-40s %6.1fs\n", action, p, r.pkgTime[p])
		if action == "fail" {
			broken = true
			if o := r.output[p+" "]; o != nil {
				fmt.Print(o.String())
			}
		}
	}
	slices.Sort(failed)
	slices.Sort(skipped)
	for _, key := range failed {
		fmt.Printf("\nFAIL %s\n%s", key, r.output[key])
	}
	if len(skipped) > 0 {
		fmt.Printf("\nskipped:\n")
	}
	for _, key := range skipped {
		why := reason(r.output[key].String())
		fmt.Printf("  %s: %s\n", key, why)
		if os.Getenv("REQUIRE") != "" && !strings.Contains(why, need.AnotherRun) && !strings.Contains(why, "-short") && !strings.Contains(why, "short mode") {
			fmt.Println("    FAIL: REQUIRE is set")
			broken = true
		}
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", count["pass"], count["fail"], count["skip"])
	return !broken && count["fail"] == 0 && count["pass"] > 0
}

// reason is the sentence that a test gave for its skip.
func reason(output string) string {
	for l := range strings.Lines(output) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "===") && !strings.HasPrefix(l, "---") {
			return l
		}
	}
	return "no reason given"
}
