package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"snug/cmd/internal/brokers"
)

// commit makes an image of a system that has powered off: its own image with one more layer, of what it has
// changed. The changes stay as they are.
func (b *booting) commit() error {
	name, _ := b.flags.GetString("commit")
	if name == "" {
		return nil
	}
	program, err := brokers.Program("snug-image")
	if err != nil {
		return &hinted{"snug-image is missing: " + err.Error(), "it belongs into the folder of snug: make install puts it there"}
	}
	defer program.Close()
	layout := b.changes.Aside()
	defer os.RemoveAll(layout)
	runtime.LockOSThread() // whose death Pdeathsig is about
	defer runtime.UnlockOSThread()
	storage, _ := b.flags.GetString("storage")
	for _, words := range [][]string{
		{"export", "--storage=" + storage, "--changes=" + b.changes.Upper(), b.image, "oci:" + layout},
		{"import", "--storage=" + storage, "--replace", "oci:" + layout, name},
	} {
		cmd := exec.Command(program.Name(), words...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Run(); err != nil {
			return &hinted{"the image " + quote(name) + " was not made", "what the system has changed is still there: snug image export --changes " + shellWord(b.changes.Upper()) + " " + b.image + " FILE.tar"}
		}
	}
	return nil
}
