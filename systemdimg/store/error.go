package store

import (
	"io/fs"
	"strconv"
	"strings"
)

// Error says what could not be done, and what to do about it.
type Error struct {
	What string // in lower case, what came from outside in quotes
	Hint string // "" if there is nothing to say
	Err  error  // the cause, or nil; fs.ErrNotExist, as it is, says no more than What
}

func (e *Error) Error() string {
	if e.Err != nil && e.Err != fs.ErrNotExist {
		return e.What + ": " + e.Err.Error()
	}
	return e.What
}

func (e *Error) Unwrap() error { return e.Err }

// InUse says that an image or a layer is not removed, as others use it.
type InUse struct {
	What    string // "image debian:12"
	Holders []Holder
}

// Holder is a process that uses an image.
type Holder struct {
	Pid     int
	Command string // as the kernel has it, at most 15 bytes; "" if the process has handed the lock on and ended
}

func (e *InUse) Error() string {
	var by []string
	for _, h := range e.Holders {
		s := "process " + strconv.Itoa(h.Pid)
		if h.Command != "" {
			s += " (" + h.Command + ")"
		}
		by = append(by, s)
	}
	if len(by) == 0 {
		return e.What + " is in use"
	}
	return e.What + " is in use by " + strings.Join(by, ", ")
}

func quote(s string) string { return strconv.QuoteToASCII(s) }
