package boot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What is to become an image is noted beside the changes before the system starts, and the note goes when the image
// is there. So whatever comes in between, a full disk, a kill or a power cut, there is a note of an image that was
// not made, and nothing has to be written to have it.

// Pending is an image that was to be made of what a system has changed.
type Pending struct {
	Image string
	Why   string // it was not made, as far as that is known
}

func pendingFile(folder string) string { return filepath.Join(folder, "pending") }

// ReadPending reads the note in the folder of a system; nil says that there is none.
func ReadPending(folder string) *Pending {
	text, err := os.ReadFile(pendingFile(folder))
	if err != nil {
		return nil
	}
	image, why, _ := strings.Cut(string(text), "\n")
	return &Pending{image, strings.TrimSpace(why)}
}

// Pend notes that an image of a name is to be made; "" removes the note.
func (c *Changes) Pend(image string) error {
	if image == "" {
		err := os.Remove(pendingFile(c.path))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return os.WriteFile(pendingFile(c.path), []byte(image+"\n"), 0o600)
}

// NotMade adds to the note why there is no image. On a full disk it stays without.
func (c *Changes) NotMade(why string) {
	f, err := os.OpenFile(pendingFile(c.path), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(why + "\n")
}

// Pending is the note of an image that was to be made when the system ran last.
func (c *Changes) Pending() *Pending { return ReadPending(c.path) }
