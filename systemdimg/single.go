package systemdimg

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// maxNames bounds a file of users or groups.
const maxNames = 1 << 20

// SingleUser is what a system with one id needs beside: users and groups that all have the id 0, as systemd
// compares owners with the ids of names. They cannot be changed inside. Layers are those of Stack.
func SingleUser(layers []string) (steps []sandbox.Step) {
	for _, file := range []struct {
		path string
		ids  []int // which fields of a line are ids
	}{{"/etc/passwd", []int{2, 3}}, {"/etc/group", []int{2}}} {
		if text, ok := readTop(layers, file.path); ok {
			steps = append(steps, &sandbox.Data{Dest: file.path, Content: withoutIDs(text, file.ids), Mode: 0o644, Bound: true, Origin: origin})
		}
	}
	return steps
}

// withoutIDs makes ids of a file such as passwd(5) 0.
func withoutIDs(text string, ids []int) []byte {
	var out []byte
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		for _, i := range ids {
			if i < len(fields) {
				fields[i] = "0"
			}
		}
		out = append(append(out, strings.Join(fields, ":")...), '\n')
	}
	return out
}

// readTop reads a file of the topmost layer that has it. Links in it are followed as the system would; a
// whiteout is nothing.
func readTop(layers []string, path string) (string, bool) {
	for _, layer := range layers {
		dir, err := unix.Open(layer, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		fd, err := unix.Openat2(dir, strings.TrimPrefix(path, "/"), &unix.OpenHow{
			Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
		unix.Close(dir)
		if err != nil {
			continue
		}
		return readPlain(os.NewFile(uintptr(fd), path))
	}
	return "", false
}

// readPlain reads a plain file, and closes it.
func readPlain(f *os.File) (text string, ok bool) {
	defer f.Close()
	stat, err := f.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return "", false
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxNames))
	return string(raw), err == nil
}
