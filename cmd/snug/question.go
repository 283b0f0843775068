package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/brokers"
	"snug/manifests"
	"snug/portals"
)

// ask asks the person for what an app may only if they say so, by snug-ask: it speaks to the desktop. What is
// to hold from now on is a line of the app's drop-in, which explain shows and snug revoke takes away.
func (c *console) ask(ctx context.Context, p *plan, q portals.Question) bool {
	if q.Kind != "record" {
		return false
	}
	name := p.app.ID
	if name == "" && len(p.command) > 0 {
		name = p.command[0]
	}
	words := []string{"--app=" + p.app.ID, "--title=Microphone", "--text=" + line(name) + " wants to record from the microphone."}
	if p.app.Known {
		words = append(words, "--keep")
	}
	answer, err := askDesktop(ctx, words)
	if err != nil {
		c.say(line(name)+" wants to record from the microphone, and nobody can be asked: "+err.Error(), p.recordGrant("allow"))
	}
	switch answer {
	case "always":
		c.remember(p, "allow")
		return true
	case "never":
		c.remember(p, "off")
	case "once":
		return true
	}
	return false
}

// recordGrant is what a person does to decide without being asked.
func (p *plan) recordGrant(value string) string {
	if p.app.Known {
		return "snug grant " + shellWord(cmp.Or(p.app.File, p.app.ID)) + " sound.record=" + value + " --keep"
	}
	return "--sound-record " + value
}

// remember keeps an answer in the app's drop-in.
func (c *console) remember(p *plan, value string) {
	err := c.keep(p.world, cmp.Or(p.app.File, p.app.ID), []manifests.Change{{Key: "sound.record", Value: value}})
	if err != nil {
		c.say("the answer is not kept: "+err.Error(), p.recordGrant(value))
	}
}

// askDesktop runs snug-ask, and gives what the person has said, or "" if nobody was there.
func askDesktop(ctx context.Context, words []string) (string, error) {
	program, err := brokers.Program("snug-ask")
	if err != nil {
		return "", err
	}
	defer program.Close()
	runtime.LockOSThread() // whose death Pdeathsig is about
	defer runtime.UnlockOSThread()
	var said strings.Builder
	cmd := exec.CommandContext(ctx, program.Name(), words...)
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) } // it takes the question back
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	cmd.Env = os.Environ()
	out, err := cmd.Output()
	if err != nil && ctx.Err() == nil {
		return "", &hinted{line(strings.TrimPrefix(strings.TrimSpace(said.String()), "snug-ask: ")), ""}
	}
	return strings.TrimSpace(string(out)), nil
}
