// Command probe is an app that attacks: it sends to its session bus what no library would, and
// prints a line for each answer. It runs inside of a sandbox and, as the control, outside.
//
//	probe hello                connect, print the unique name
//	probe portal               ask the portal Settings, first of all
//	probe connect N            N connections, one after the other; every fourth ends in the middle
//	probe hold N               N connections at a time; print "held N", then wait for a line of input
//	probe flood N              N messages with descriptors to com.example.Talk, answered each
//	probe begin                end the authentication with white space (CVE-2018-6560)
//	probe smuggle WORD         say BEGIN and a word, and then a message whose body is lines and messages
//	probe reply                call com.example.Hidden with the serial of a reply (CVE-2026-94422)
//	probe path                 call com.example.Rules at a path of 259 bytes
//	probe spy RULE...          AddMatch, then everything that com.example.Talk's Flush lets by
//	probe monitor              BecomeMonitor, likewise
//	probe shout                a signal for all, then Flush
//	probe sockets              each socket below /run and the runtime folder that takes a connection
//
// Each call of Flush is answered when everything that went before it has arrived.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
)

func main() {
	verb, words := os.Args[1], os.Args[2:]
	do := map[string]func([]string) error{"hello": hello, "portal": portal, "connect": connect, "hold": hold, "flood": flood, "begin": begin, "smuggle": smuggle,
		"reply": reply, "path": path, "spy": spy, "monitor": monitor, "shout": shout, "sockets": sockets}[verb]
	if err := do(words); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// address is the socket of the session bus.
func address() string {
	path := strings.TrimPrefix(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path=")
	path, _, _ = strings.Cut(path, ",")
	return path
}

// ask prints what a call is answered.
func ask(c *bus.Conn, m bus.Message) error {
	answer, err := c.Ask(m)
	if err != nil {
		return err
	}
	text := answer.Error
	if answer.Type == bus.Return {
		text = "return " + strings.Join(answer.Strings(), " ")
	}
	fmt.Println(m.Member + ": " + text)
	return nil
}

func call(name, member string) bus.Message {
	return bus.Message{Type: bus.Call, Destination: name, Path: "/x", Interface: "com.example.Host", Member: member}
}

func hello([]string) error {
	c, err := bus.Dial(address())
	if err == nil {
		fmt.Println("hello", c.Unique)
	}
	return err
}

func portal([]string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	m := call("org.freedesktop.portal.Desktop", "Read")
	m.Path, m.Interface = "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"
	return ask(c, m)
}

func connect(words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	for i := range n {
		c, err := bus.Dial(address())
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		switch i % 4 {
		case 0: // in the middle of a message, with descriptors
			c.WriteMsgUnix([]byte("l\x01\x00"), unix.UnixRights(2, 2), nil)
		case 1: // with an answer under way
			c.Send(bus.ToBus("ListNames", 5))
		case 2: // with nonsense
			c.Write([]byte("nonsense, and more of it than a header"))
		}
		c.Close()
	}
	fmt.Println("connected", n)
	return nil
}

func hold(words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	var all []*bus.Conn
	for range n {
		c, err := bus.Dial(address())
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	fmt.Println("held", n)
	os.Stdin.Read(make([]byte, 1))
	for _, c := range all {
		if _, err := c.Ask(bus.ToBus("GetId", 0)); err != nil {
			fmt.Println("closed")
		}
	}
	return nil
}

func flood(words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	m := call("com.example.Talk", "Do")
	m.Count, m.FDs = 4, []int{2, 2, 2, 2}
	for i := range n {
		if answer, err := c.Ask(m); err != nil || answer.Type != bus.Return {
			return fmt.Errorf("message %d: %+v, %v", i, answer, err)
		}
	}
	fmt.Println("flooded", n)
	return nil
}

// sockets tries every socket that can be found. A read-only bind does not keep connect(2) away.
func sockets([]string) error {
	for _, dir := range []string{"/run", "/var/run", os.Getenv("XDG_RUNTIME_DIR")} {
		walk(dir, 0)
	}
	return nil
}

func walk(dir string, depth int) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := dir + "/" + e.Name()
		if e.IsDir() && depth < 5 {
			walk(path, depth+1)
		}
		info, err := os.Stat(path) // a directory's entry tells of what is mounted over
		if err != nil || info.Mode()&os.ModeSocket == 0 {
			continue
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
			fmt.Println("connected", path)
		}
		unix.Close(fd)
	}
}
