package main

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
)

// What brokers decide, in prose. A broker tells who connects to the socket of its instance: first what it
// has refused so far, each refusal once, and then each decision as it is made. Its lines are JSON, printed
// as they are with --json. They say what the app has asked for, in the app's own words.

func watchFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON, one object a line")
	f.Bool("refused", false, "only what is refused")
	f.Bool("once", false, "what was refused so far, and no more")
}

func runWatch(c *console, args []string) error {
	f := c.newFlags()
	watchFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return &hinted{"watch which sandbox?", "snug ps lists those that run; snug watch NAME"}
	}
	fd, err := dialWatch(words[0])
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	w := &watching{c: c}
	w.json, _ = f.GetBool("json")
	w.refused, _ = f.GetBool("refused")
	w.once, _ = f.GetBool("once")
	return w.read(fd)
}

// dialWatch connects to the broker of an instance.
func dialWatch(word string) (int, error) {
	r, err := findInstance(word)
	if err != nil {
		return -1, &failure{status: exitNo, err: err}
	}
	dir, err := openInstances()
	if err != nil {
		return -1, err
	}
	fd, err := brokers.DialWatch(dir.Path(), r.Supervisor)
	switch err {
	case nil:
		return fd, nil
	case unix.ENOENT:
		return -1, &hinted{quote(r.Name) + " has no broker, so there is nothing to watch", "snug explain " + r.Name + " tells what it reaches"}
	case unix.ECONNREFUSED:
		return -1, &hinted{"the broker of " + quote(r.Name) + " has ended", "stop and start the app for a new one"}
	}
	return -1, &hinted{"the broker of " + quote(r.Name) + ": " + err.Error(), ""}
}

// decision is a line of a broker.
type decision struct {
	Time       float64 `json:"time"`
	Broker     string  `json:"broker"`
	Connection int     `json:"connection"`
	What       string  `json:"what"`
	Decision   string  `json:"decision"`
	Refused    bool    `json:"refused"`
	Advice     string  `json:"advice"`
	Error      string  `json:"error"`
	Count      int     `json:"count"`
	Missed     int     `json:"missed"`
	Kept       *int    `json:"kept"` // all that was refused before has been told
}

// watching prints what a broker says.
type watching struct {
	c                   *console
	json, refused, once bool
}

// read prints until the broker ends.
func (w *watching) read(fd int) error {
	packet := make([]byte, 64<<10)
	for heard := false; w.c.lost == nil; heard = true {
		n, _, err := unix.Recvfrom(fd, packet, 0)
		for err == unix.EINTR {
			n, _, err = unix.Recvfrom(fd, packet, 0)
		}
		switch {
		case (err == nil && n == 0 || err == unix.ECONNRESET) && !heard:
			return &hinted{"the broker has hung up: it has ended, or eight others watch it", "snug ps lists what runs; end one that watches"}
		case err == nil && n == 0 || err == unix.ECONNRESET:
			return nil
		case err != nil:
			return err
		}
		var d decision
		if json.Unmarshal(packet[:n], &d) != nil {
			return &hinted{"the broker says what this snug does not understand", "they are of two versions: stop and start the app"}
		}
		switch {
		case d.Kept == nil:
			w.print(&d, packet[:n])
		case w.once:
			return nil
		}
	}
	return nil
}

func (w *watching) print(d *decision, packet []byte) {
	switch {
	case w.refused && !d.Refused && d.Missed == 0:
	case w.json:
		w.c.print(string(packet))
	case d.Missed > 0:
		w.c.print("         ", strconv.Itoa(d.Missed), " lines were missed\n")
	default:
		w.c.print(d.line())
	}
}

// line says a decision to a person: when, who, what became of what, and what to do about it.
func (d *decision) line() string {
	at := time.UnixMilli(int64(d.Time * 1000)).Format("15:04:05")
	if d.What == "" {
		d.What = "connection " + strconv.Itoa(d.Connection)
	}
	text := at + " " + pad(line(d.Broker), 8) + pad(line(d.Decision), 7) + line(d.What)
	if d.Count > 1 {
		text += " (" + strconv.Itoa(d.Count) + " times)"
	}
	if d.Error != "" {
		text += ": " + line(d.Error)
	}
	text += "\n"
	if d.Advice != "" {
		text += "         to allow it: " + line(d.Advice) + "\n"
	}
	return text
}

// pad makes a column of at least so many bytes, and a space behind it.
func pad(s string, width int) string {
	for len(s) < width {
		s += " "
	}
	return s + " "
}
