package store

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lock opens a folder and locks it. It does not wait: EWOULDBLOCK says that another has it. The folder
// that it gives has its name still: it may have been renamed between the two (ENOENT).
func lock(path string, how int) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	for err = unix.Flock(fd, how|unix.LOCK_NB); err == unix.EINTR; err = unix.Flock(fd, how|unix.LOCK_NB) {
	}
	var held, named unix.Stat_t
	if err == nil {
		err = unix.Fstat(fd, &held)
	}
	if err == nil {
		err = unix.Lstat(path, &named)
	}
	if err == nil && (named.Ino != held.Ino || named.Dev != held.Dev) {
		err = unix.ENOENT
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// holders are the processes that have locked a folder, as far as the kernel tells: it names who called
// flock, though the lock may have been handed on since.
func holders(path string) (list []Holder) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return nil
	}
	ino := ":" + strconv.FormatUint(st.Ino, 10)
	file := fmt.Sprintf("%02x:%02x", unix.Major(st.Dev), unix.Minor(st.Dev)) + ino
	text, _ := os.ReadFile("/proc/locks")
	if !strings.Contains(string(text), " "+file+" ") {
		file = ino // btrfs shows its files under another device than its locks
	}
	for l := range strings.Lines(string(text)) {
		f := strings.Fields(l) // 1: FLOCK ADVISORY READ 1234 fe:00:5678 0 EOF (proc_locks(5))
		if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], file) {
			continue
		}
		pid, err := strconv.Atoi(f[4])
		if err != nil || pid <= 0 {
			continue // of another PID namespace
		}
		h := Holder{Pid: pid}
		if name, err := os.ReadFile("/proc/" + f[4] + "/comm"); err == nil {
			h.Command = strings.TrimSuffix(string(name), "\n")
		}
		list = append(list, h)
	}
	return list
}

// closeAll gives locks back.
func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
