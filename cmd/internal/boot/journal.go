package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Journal is what a system has logged, as it lies in the folder of its changes: it can be read while the
// system runs and when it does not.
//
// The system has written it, so whoever reads it does that in a sandbox, in which there is nothing to be had
// for a file that takes its reader over: no network, no sockets, no home, and nothing to write to.
type Journal struct {
	path string
	id   sandbox.FileID
}

// ErrNoJournal says that there is none outside: the system keeps it in memory, or has not run yet.
var ErrNoJournal = errors.New("no journal is kept")

// FindJournal finds the journal below Changes.Upper. Links on the way are the system's own, and none is
// followed.
func FindJournal(upper string) (*Journal, error) {
	upper, err := filepath.EvalSymlinks(upper)
	if err != nil {
		return nil, err
	}
	dir, err := unix.Open(upper, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: upper, Err: err}
	}
	defer unix.Close(dir)
	const below = "var/log/journal"
	fd, err := unix.Openat2(dir, below, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, ErrNoJournal
	}
	journal := os.NewFile(uintptr(fd), below)
	defer journal.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	if !holdsJournal(journal) {
		return nil, ErrNoJournal
	}
	return &Journal{upper + "/" + below, sandbox.FileID{Dev: st.Dev, Ino: st.Ino}}, nil
}

// holdsJournal reports whether a folder has one with files of journald: a folder for each machine-id
// (systemd-journald.service(8)).
func holdsJournal(dir *os.File) bool {
	machines, _ := dir.Readdirnames(64)
	for _, name := range machines {
		fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		machine := os.NewFile(uintptr(fd), name)
		files, _ := machine.Readdirnames(64)
		machine.Close()
		for _, file := range files {
			if strings.HasSuffix(file, ".journal") {
				return true
			}
		}
	}
	return false
}

// Reader makes a sandbox in which the machine's own journalctl, of the given path, reads the journal.
func (j *Journal) Reader(program string, words []string) *sandbox.Spec {
	const origin, at = "snug logs", "/journal"
	all := []sandbox.Step{&sandbox.Proc{Dest: "/proc", Origin: origin}, &sandbox.Dev{Dest: "/dev", Origin: origin}}
	for _, path := range programFiles() {
		if _, err := os.Stat(path); err == nil {
			all = append(all, &sandbox.Bind{Source: path, Dest: path, Origin: origin})
		}
	}
	all = append(all, &sandbox.Bind{Source: j.path, Dest: at, NoSymlinks: true, Same: &j.id, Origin: origin})
	s := &sandbox.Spec{Root: all}
	s.Process.Argv = append([]string{"journalctl", "--directory=" + at}, words...)
	s.Process.Programs = []string{program}
	s.Process.Env = readerEnv()
	s.Process.Umask, s.Process.Origin = 0o077, origin
	return s
}

// programFiles are what a program of the machine needs to run and to tell the time.
func programFiles() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/etc/localtime"}
}

// JournalInside makes the Spec of a system's own journalctl in it. The caller calls done when it has started.
func JournalInside(st *sandbox.State, words []string) (spec *sandbox.Spec, done func(), err error) {
	return Enter(st, sandbox.Process{
		Argv:     append([]string{"journalctl"}, words...),
		Programs: []string{"/usr/bin/journalctl", "/bin/journalctl"},
		Env:      append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, readerEnv()...),
	})
}

// readerEnv has journalctl print plain lines, of the caller's language and hour.
func readerEnv() []string {
	env := []string{"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"}
	for _, name := range []string{"LANG", "LC_ALL", "LC_TIME", "TZ"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
