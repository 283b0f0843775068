package desktop

import (
	"strings"
	"unicode"
)

// FormatExec spells words as the value of an Exec key, so that a launcher starts exactly them
// (Desktop Entry Specification, "The Exec key"): every word is quoted that is not plain, no word is taken
// for a field code, and backslashes are doubled for the file.
func FormatExec(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = quoteWord(word)
	}
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`) // what Get undoes
	return escape.Replace(strings.Join(words, " "))
}

func quoteWord(word string) string {
	word = strings.ReplaceAll(word, "%", "%%")
	if word != "" && !strings.ContainsFunc(word, isReserved) {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(word) {
		if strings.IndexByte("\"`$\\", c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// isReserved reports whether a word with this character must be quoted.
func isReserved(r rune) bool {
	return r < ' ' || r == 0x7f || unicode.IsSpace(r) || strings.ContainsRune("\"'\\><~|&;$*?#()`=", r)
}
