package boot

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Kinds of init, and what makes each power off, or reboot. What is not known gets a command.
//
//	systemd   SIGRTMIN+4, SIGRTMIN+5    systemd(1), "Signals"
//	busybox   SIGUSR2, SIGTERM          init/init.c
//	others    poweroff, reboot          run inside, as sysvinit and OpenRC listen to a FIFO alone
const (
	sigPowerOff = unix.Signal(34 + 4)
	sigReboot   = unix.Signal(34 + 5)
)

// initKind is the name of the program that is PID 1.
func initKind(pid int) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// endSignal gives the signal that makes an init end its system, or 0.
func endSignal(kind string, reboot bool) unix.Signal {
	switch {
	case kind == "systemd" && reboot:
		return sigReboot
	case kind == "systemd":
		return sigPowerOff
	case kind == "busybox" && reboot:
		return unix.SIGTERM
	case kind == "busybox":
		return unix.SIGUSR2
	}
	return 0
}

// endCommand is what is run inside in place of a signal.
func endCommand(reboot bool) []string {
	if reboot {
		return []string{"/sbin/reboot"}
	}
	return []string{"/sbin/poweroff"}
}
