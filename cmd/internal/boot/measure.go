package boot

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
)

// MeasureVerb is the verb by which this program is started to measure a folder.
const MeasureVerb = "__measure"

// Size is how many bytes a folder takes on the disk, looked at as root of the ids to which what is in it belongs.
func Size(users sandbox.Users, path string) (int64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	r, w, err := Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	shared := sandbox.Namespace{Shared: true}
	in, err := sandbox.Run(&sandbox.Spec{
		Users: users, Mount: shared, PID: shared, IPC: shared, UTS: shared, Net: shared, Cgroup: shared,
		Process: sandbox.Process{
			Argv: []string{"snug", MeasureVerb, path}, Programs: []string{self}, Env: []string{"GOMAXPROCS=1"},
			Files:        []sandbox.File{{Number: 0, Source: null}, {Number: 1, Source: w}, {Number: 2, Source: null}},
			Capabilities: caps.Sets{Bounding: caps.DACReadSearch, Permitted: caps.DACReadSearch, Effective: caps.DACReadSearch, Inheritable: caps.DACReadSearch, Ambient: caps.DACReadSearch},
			Rlimits:      []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}},
		},
	})
	w.Close()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(r, 32))
	if err != nil {
		return 0, err
	}
	if ws := in.Wait(); !ws.Exited() || ws.ExitStatus() != 0 {
		return 0, errors.New("it could not be measured")
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// Measure is that program: it prints the size, and gives an exit status. It follows no link; what goes away
// meanwhile counts nothing.
func Measure(args []string) int {
	if len(args) != 1 {
		return 2
	}
	type file struct{ dev, ino uint64 }
	seen, sum := map[file]bool{}, int64(0)
	err := filepath.WalkDir(args[0], func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		stat, err := d.Info()
		if err != nil {
			return nil
		}
		st := stat.Sys().(*syscall.Stat_t)
		if id := (file{st.Dev, st.Ino}); st.Nlink > 1 && !d.IsDir() {
			if seen[id] {
				return nil
			}
			seen[id] = true
		}
		sum += st.Blocks * 512
		return nil
	})
	if err != nil {
		return 1
	}
	io.WriteString(os.Stdout, strconv.FormatInt(sum, 10))
	return 0
}
