package caps

import (
	"errors"
	"strconv"
	"strings"
)

// Parse reads a list of capabilities with commas between. An item is a name
// with or without CAP_, in either case ("CAP_NET_ADMIN", "net_admin"); a
// number from 0 to 63 for a capability without a name; "all"; or "none". A "-"
// before an item takes it away from what stands to its left, so "all,-sys_rawio"
// is everything but one. White space around items is allowed, the empty text is
// the empty set.
//
// An unknown name is an error that suggests the nearest known one. A list that
// begins with "-" is an error too: it would silently be the empty set.
func Parse(text string) (Set, error) {
	if strings.TrimSpace(text) == "" {
		return 0, nil
	}
	var set Set
	first := true
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		rest, minus := strings.CutPrefix(item, "-")
		if minus && first {
			return 0, errors.New("capabilities " + strconv.Quote(text) +
				": nothing to take away from; did you mean " + strconv.Quote("all,"+item) + "?")
		}
		first = false
		one, err := parseItem(rest)
		if err != nil {
			return 0, err
		}
		if minus {
			set &^= one
		} else {
			set |= one
		}
	}
	return set, nil
}

// parseItem reads one item without its sign.
func parseItem(item string) (Set, error) {
	word := strings.ToLower(item)
	switch word {
	case "all":
		return All, nil
	case "none":
		return 0, nil
	}
	if n, err := strconv.ParseUint(word, 10, 8); err == nil && n < 64 {
		return 1 << n, nil
	}
	word = strings.TrimPrefix(word, "cap_")
	for n, known := range names {
		if word == known {
			return 1 << n, nil
		}
	}
	message := "capability " + strconv.Quote(item) + ": unknown name"
	if near := nearest(word); near != "" {
		message += "; did you mean " + strconv.Quote(near) + "?"
	}
	return 0, errors.New(message)
}

// nearest returns the known name that is the fewest edits away from word, or
// "" when none is near enough to be a likely typing error.
func nearest(word string) string {
	if len(word) > 32 { // the longest name has 18 letters
		return ""
	}
	best, bestDistance := "", len(word)/3+1
	for _, known := range names {
		if d := distance(word, known); d < bestDistance {
			best, bestDistance = known, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements of bytes that
// turn a into b (Levenshtein), a row of the table at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
