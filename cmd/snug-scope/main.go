// Command snug-scope asks the caller's service manager for a control group: a scope, delegated, with some
// processes in it. snug starts it before it boots a system; it is a program of its own since what speaks
// with the manager is linked with more than an app's start can bear.
//
//	snug-scope NAME.scope DESCRIPTION PID...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "snug-scope:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) < 3 {
		return errors.New("usage: snug-scope NAME.scope DESCRIPTION PID")
	}
	var pids []uint32
	for _, word := range words[2:] {
		pid, err := strconv.ParseUint(word, 10, 31)
		if err != nil {
			return err
		}
		pids = append(pids, uint32(pid))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := dbus.NewConnection(dial)
	if err != nil {
		return err
	}
	defer conn.Close()
	done := make(chan string, 1)
	_, err = conn.StartTransientUnitContext(ctx, words[0], "fail", []dbus.Property{
		dbus.PropDescription(words[1]),
		dbus.PropPids(pids...),
		{Name: "Delegate", Value: godbus.MakeVariant(true)},
		{Name: "CollectMode", Value: godbus.MakeVariant("inactive-or-failed")},
	}, done)
	if err != nil {
		return err
	}
	select {
	case result := <-done:
		if result != "done" {
			return errors.New("the service manager says: " + result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dial reaches the user's service manager by its own socket, which is there without a message bus, too.
func dial() (*godbus.Conn, error) {
	conn, err := godbus.Dial("unix:path=" + godbus.EscapeBusAddressValue(os.Getenv("XDG_RUNTIME_DIR")+"/systemd/private"))
	if err != nil {
		return nil, err
	}
	if err := conn.Auth([]godbus.Auth{godbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
