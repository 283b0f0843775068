package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"snug/tests/bus"
)

// begin says BEGIN in all the ways that a filter and a bus might read differently. What follows
// must be a message to both or to neither: the call after it would reach com.example.Hidden.
func begin([]string) error {
	id := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	auth := "\x00AUTH EXTERNAL " + id + "\r\n"
	messages := string(bus.ToBus("Hello", 1).Bytes())
	secret := call("com.example.Hidden", "Secret")
	secret.Serial = 2
	messages += string(secret.Bytes())
	all := [][]string{
		{auth, "BEGIN \r\n" + messages}, {auth, "BEGIN\t\r\n" + messages}, {auth, " BEGIN\r\n" + messages}, {auth, "begin\r\n" + messages},
		{auth, "BEGIN\n" + messages}, {auth, "BEGIN\r" + messages}, {auth, "BEGIN x\r\n" + messages}, {auth, "BEG", "IN \r", "\n" + messages},
		{auth + "BEGIN \r\nBEGIN\r\n" + messages}, {auth, "BEGIN\x00\r\n" + messages}, {auth, "BEGIN\r\n" + messages},
	}
	for i, parts := range all {
		patience := 100 * time.Millisecond // for what is not answered
		if i == len(all)-1 {
			patience = 10 * time.Second
		}
		if err := say(parts, patience); err != nil {
			return err
		}
	}
	return nil
}

// smuggle hides lines and messages in the body of a call that every policy lets through: dbus-broker
// takes BEGIN and a word for an error, and goes on reading lines.
func smuggle(words []string) error {
	id := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	secret := call("com.example.Hidden", "Secret")
	secret.Serial = 2
	hidden := bus.ToBus("RemoveMatch", 9)
	hidden.Signature, hidden.Body = "s", "\r\nBEGIN\r\n"+string(bus.ToBus("Hello", 1).Bytes())+string(secret.Bytes())
	return say([]string{"\x00AUTH EXTERNAL " + id + "\r\nBEGIN" + words[0] + "\r\n" + string(hidden.Bytes())}, time.Second)
}

// say writes parts and prints how the other side takes them.
func say(parts []string, patience time.Duration) error {
	c, err := net.Dial("unix", address())
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for _, p := range parts {
		if _, err := c.Write([]byte(p)); err != nil {
			break
		}
		time.Sleep(time.Millisecond) // so that they are not read as one; nothing waits for it
	}
	answer, b := "", make([]byte, 4096)
	for !strings.Contains(answer, "Error") && !strings.Contains(answer, "did Secret") {
		n, err := c.Read(b)
		if answer += string(b[:n]); err != nil {
			break
		}
	}
	switch {
	case strings.Contains(answer, "did Secret"):
		fmt.Println("did Secret")
	case strings.Contains(answer, "Error"):
		fmt.Println("refused")
	default:
		fmt.Println("nothing")
	}
	return nil
}

// reply calls what is hidden, dressed as an answer.
func reply([]string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	m := call("com.example.Hidden", "Secret")
	for _, m.ReplySerial = range []uint32{1, 2, c.Serial + 1, 1 << 31} {
		if err := ask(c, m); err != nil {
			return err
		}
	}
	return ask(c, call("com.example.Talk", "Flush"))
}

// path calls at a path whose length does not fit a byte; 259 would be read as 3, "/x/".
func path([]string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	m := call("com.example.Rules", "Secret")
	m.Path = "/x/" + strings.Repeat("y", 256)
	if err := ask(c, m); err != nil {
		return err
	}
	m.Path, m.Member = "/x", "Allowed"
	return ask(c, m)
}

// spy asks for others' messages, by rules of all spellings, and prints what it then gets.
func spy(rules []string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if err := ask(c, bus.ToBus("AddMatch", 0, rule)); err != nil {
			return err
		}
	}
	return flush(c)
}

func monitor([]string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	m := bus.ToBus("BecomeMonitor", 0)
	m.Interface, m.Signature, m.Body = "org.freedesktop.DBus.Monitoring", "asu", "\x00\x00\x00\x00\x00\x00\x00\x00"
	answer, err := c.Ask(m)
	if err != nil {
		return err
	}
	if answer.Type == bus.Error {
		fmt.Println("BecomeMonitor:", answer.Error)
		return flush(c)
	}
	other, err := bus.Dial(address()) // a monitor may not call
	if err != nil {
		return err
	}
	if _, err := other.Ask(call("com.example.Talk", "Flush")); err != nil {
		return err
	}
	return listen(c, func(m bus.Message) bool { return m.Type == bus.Return && strings.Contains(m.Body, "did Flush") })
}

// flush calls it and prints what comes before the answer.
func flush(c *bus.Conn) error {
	m := call("com.example.Talk", "Flush")
	m.Serial = 9999
	if err := c.Send(m); err != nil {
		return err
	}
	return listen(c, func(m bus.Message) bool { return m.ReplySerial == 9999 })
}

func listen(c *bus.Conn, last func(bus.Message) bool) error {
	for {
		m, err := c.Next()
		if err != nil {
			return err
		}
		fmt.Println("got", m.Member, m.Strings())
		if last(m) {
			return nil
		}
	}
}

func shout([]string) error {
	c, err := bus.Dial(address())
	if err != nil {
		return err
	}
	if err := c.Send(bus.Message{Type: bus.Signal, Serial: 5, Path: "/x", Interface: "com.example.Host", Member: "Shout"}); err != nil {
		return err
	}
	return ask(c, call("com.example.Talk", "Flush"))
}
