package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/homes"
)

func runDataExport(c *console, args []string) error {
	words, err := c.words(c.newFlags(), args, 2, 2, "which app, and into which file?")
	if err != nil {
		return err
	}
	k, h, err := c.openHome(words[0])
	if err != nil {
		return err
	}
	defer k.homes.Close()
	if !h.Folder {
		return &hinted{shown(h.ID) + " is not a folder, and no app's home", "snug data rm removes it"}
	}
	to, done, err := c.exportFile(words[1])
	if err != nil {
		return err
	}
	p := c.progress()
	left, err := k.homes.Export(h.ID, to, func(n int64) { p.show(bytesText(n) + " exported") })
	p.clear()
	if err = done(err); err != nil {
		return &hinted{"export of " + quote(h.ID) + ": " + err.Error(), ""}
	}
	c.noteLeft(left)
	return nil
}

// exportFile opens what an archive is written to. done closes it, and removes half an archive.
func (c *console) exportFile(name string) (to io.Writer, done func(error) error, err error) {
	if name == "-" {
		if isTerminal(c.out) {
			return nil, nil, &hinted{"an archive is not for a terminal", "name a file, or send it into a pipe"}
		}
		return c.out, func(err error) error { return err }, nil
	}
	if _, err := os.Lstat(name); err == nil {
		return nil, nil, &hinted{quote(name) + " is there already", "name another file, or remove it"}
	}
	part := name + ".part" // what was interrupted is no archive
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return file, func(err error) error {
		if e := file.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.Rename(part, name)
		}
		if err != nil {
			os.Remove(part)
		}
		return err
	}, nil
}

// noteLeft says what an archive or a copy lacks.
func (c *console) noteLeft(left homes.Left) {
	for _, l := range [...]struct {
		n    int
		what string
	}{
		{left.Special, "left out, being sockets, FIFOs or devices"},
		{left.Closed, "left out, being folders that cannot be entered or other file systems"},
		{left.Deep, "left out with what is in them, being nested too deep to be unpacked"},
		{left.Changed, "changed or could not be read meanwhile"},
	} {
		if l.n > 0 {
			c.say(strconv.Itoa(l.n)+" files: "+l.what, "")
		}
	}
}
