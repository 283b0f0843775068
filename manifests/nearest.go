package manifests

// maxWord bounds the words that are compared: an edit distance costs their product.
const maxWord = 64

// Nearest returns the candidate that word was most likely meant to be, or "" if none is near:
// at most a third of its letters, and never all of them, may be wrong.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", min(len(word), 1+max(1, len(word)/3))
	for _, candidate := range candidates {
		if d := editDistance(word, candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// editDistance counts the inserted, deleted, changed and swapped bytes between two words.
// A swap counts once, because swapping two letters is the commonest slip.
func editDistance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return maxWord
	}
	var rows [3][maxWord + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
