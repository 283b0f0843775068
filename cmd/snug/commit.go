package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/brokers"
	"snug/systemdimg/store"
)

// committable refuses a --commit that would come to nothing when the system has ended.
func (b *booting) committable(layers []string, ephemeral bool) error {
	name, _ := b.flags.GetString("commit")
	replace, _ := b.flags.GetBool("replace")
	switch {
	case name == "" && replace:
		return &hinted{"--replace without --commit: there is no image to be made", ""}
	case name == "":
		return nil
	case ephemeral || len(b.machine.Held) == 0:
		return &hinted{"--commit needs an image whose changes are kept", "snug image import FOLDER makes an image of a folder; leave out --ephemeral"}
	case len(layers) >= store.MaxLayers:
		return &hinted{"--commit: the image has as many layers as an image may have", "one of a single layer: snug image export IMAGE - | snug image import - NAME"}
	}
	name, err := store.ParseName(name)
	if err != nil {
		return stored(err)
	}
	images, err := store.Open(b.c.storage)
	if err != nil {
		return stored(err)
	}
	return stored(images.Free(name, "", replace))
}

// commit makes an image of a system that has powered off: its own image with one more layer, of what it has
// changed. The changes stay as they are, and so does an image of that name until the new one is whole. Signals end
// it, and it takes away what it has made by then; what is left by one that was killed, the next import does.
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
	words := []string{"commit", "--storage=" + b.c.storage}
	if replace, _ := b.flags.GetBool("replace"); replace {
		words = append(words, "--replace")
	}
	said, err := imageTool(ctx, append(words, b.image, b.changes.Upper(), name), !isTerminal(b.c.err) || b.ready >= 0)
	if err == nil {
		io.WriteString(b.c.err, said)
		return b.changes.Pend("")
	}
	why, _, _ := strings.Cut(strings.TrimPrefix(said, "snug: "), "\n")
	if _, is := err.(*exec.ExitError); !is { // it could not say why
		why = err.Error()
	}
	if ctx.Err() != nil {
		why = "interrupted"
	}
	b.changes.NotMade(line(why))
	return notMade(&boot.Pending{Image: name, Why: why}, b.changes.Upper(), b.image)
}

// notMade says of an image that was to be made how it can be made still.
func notMade(p *boot.Pending, upper, image string) *hinted {
	what := "the image " + quote(p.Image) + " was not made"
	if p.Why != "" {
		what += ": " + line(p.Why)
	}
	return &hinted{what, "what the system has changed is kept: boot it again with --commit, and power it off; or snug image export --changes " + shellWord(upper) + " " + image + " FILE.tar"}
}

// imageTool runs snug-image until it has ended, also if it is to end early: it takes away what it has begun. What it
// says is said, or given if that is wanted.
func imageTool(ctx context.Context, words []string, wanted bool) (said string, err error) {
	program, err := brokers.Program("snug-image")
	if err != nil {
		return "", &hinted{"snug-image is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer program.Close()
	runtime.LockOSThread() // whose death Pdeathsig is about
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program.Name(), words...)
	cmd.Args[0] = "snug-image"
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if wanted {
		cmd.Stderr = &text
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	return text.String(), err
}
