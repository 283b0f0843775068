package image

import (
	"strings"

	"snug/cmd/internal/plain"
)

// InStorage is a hint for who has said --storage: the commands in it that look for images, or for what systems have
// changed, would find nothing without.
func InStorage(hint, storage string) string {
	if storage == "" || strings.Contains(hint, "--storage") {
		return hint
	}
	commands := []string{"snug boot", "snug logs", "snug data ls", "snug data rm", "snug data path"}
	for _, v := range Verbs() {
		commands = append(commands, "snug image "+v.Name)
	}
	for _, command := range commands {
		hint = strings.ReplaceAll(hint, command+" ", command+" --storage "+plain.Word(storage)+" ")
	}
	return hint
}
