package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
)

// commit makes an image of a system that has powered off: its own image with one more layer, of what it has
// changed. The changes stay as they are, and so does an image of that name until the new one is whole. Signals end
// it, and it takes away what it has made by then; what is left by one that was killed, the next boot does.
func (b *booting) commit() error {
	name, _ := b.flags.GetString("commit")
	if name == "" {
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if !isTerminal(b.c.err) { // else it shows how far it is
		b.c.say("image "+quote(name)+" is being made of what "+quote(b.machine.Name)+" has changed", "")
	}
	aside := b.changes.Aside()
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	for _, words := range [][]string{
		{"export", "--storage=" + b.c.storage, "--changes=" + b.changes.Upper(), b.image, "oci:" + aside + "/layout"},
		{"import", "--storage=" + b.c.storage, "--replace", "oci:" + aside + "/layout", name},
	} {
		err := imageTool(ctx, words)
		if err == nil {
			continue
		}
		what := "the image " + quote(name) + " was not made"
		switch {
		case ctx.Err() != nil:
			what = "interrupted: " + what
		default:
			if _, is := err.(*exec.ExitError); !is { // else it has said why
				what += ": " + err.Error()
			}
		}
		return &hinted{what, "what the system has changed is kept: snug image export --changes " + shellWord(b.changes.Upper()) + " " + b.image + " FILE.tar; or boot it again with --commit, and power it off"}
	}
	return nil
}

// imageTool runs snug-image until it has ended, also if it is to end early: it takes away what it has begun.
func imageTool(ctx context.Context, words []string) error {
	program, err := brokers.Program("snug-image")
	if err != nil {
		return &hinted{"snug-image is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer program.Close()
	runtime.LockOSThread() // whose death Pdeathsig is about
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program.Name(), words...)
	cmd.Args[0] = "snug-image"
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd.Run()
}
