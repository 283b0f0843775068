package instances

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Record is what is kept of a running instance: enough to show it, and to enter it with no more
// rights than its app has.
type Record struct {
	Name       string
	App        string // the manifest's id, empty for a plain command
	Supervisor int    // process id of the snug that waits for it
	Pid        int    // process id of the sandbox's first process, as the host counts
	Start      uint64 // its start time in clock ticks since boot (proc_pid_stat(5))
	Since      int64  // seconds since 1970

	Command []string // of the app
	Env     []string // of the app
	Dirs    []string // working directories to try

	Namespaces uint64   // CLONE_NEW* of those that differ from the host's
	Ranges     bool     // more than one id is mapped
	UID, GID   uint32   // inside
	Filters    []string // seccomp filters, as the kernel took them
	Landlock   string   // attribute of the ruleset without paths, if there is one
}

const (
	magic   = "snug instance 1\n"
	maxFile = 4 << 20
)

// The file is a line a value, "Field quoted-text", in the order of the struct; a list is a line an
// element. It is written on the launch path and so by hand, not by encoding/json.
func (r *Record) encode() []byte {
	b := append(make([]byte, 0, 4096), magic...)
	text := func(key, value string) {
		b = append(append(b, key...), ' ')
		b = append(strconv.AppendQuoteToASCII(b, value), '\n')
	}
	number := func(key string, n uint64) { text(key, strconv.FormatUint(n, 10)) }
	list := func(key string, values []string) {
		for _, v := range values {
			text(key, v)
		}
	}
	text("Name", r.Name)
	text("App", r.App)
	number("Supervisor", uint64(r.Supervisor))
	number("Pid", uint64(r.Pid))
	number("Start", r.Start)
	number("Since", uint64(r.Since))
	list("Command", r.Command)
	list("Env", r.Env)
	list("Dirs", r.Dirs)
	number("Namespaces", r.Namespaces)
	if r.Ranges {
		number("Ranges", 1)
	}
	number("UID", uint64(r.UID))
	number("GID", uint64(r.GID))
	list("Filters", r.Filters)
	text("Landlock", r.Landlock)
	return b
}

// decode reads what encode wrote. Nobody waits for it, so it may use reflection.
func decode(text []byte) (*Record, error) {
	rest, ok := bytes.CutPrefix(text, []byte(magic))
	if !ok {
		return nil, errors.New("not the record of an instance")
	}
	r := new(Record)
	fields := reflect.ValueOf(r).Elem()
	for line := range strings.Lines(string(rest)) {
		key, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		value, err := strconv.Unquote(quoted)
		field := fields.FieldByName(key)
		if err != nil || !field.IsValid() {
			return nil, errors.New("a damaged line in the record of an instance")
		}
		switch field.Kind() {
		case reflect.String:
			field.SetString(value)
		case reflect.Slice:
			field.Set(reflect.Append(field, reflect.ValueOf(value)))
		case reflect.Bool:
			field.SetBool(value == "1")
		case reflect.Int, reflect.Int64:
			n, _ := strconv.ParseInt(value, 10, 64)
			field.SetInt(n)
		case reflect.Uint32, reflect.Uint64:
			n, _ := strconv.ParseUint(value, 10, 64)
			field.SetUint(n)
		}
	}
	return r, nil
}

// StartTime is when a process was started, in clock ticks since boot: field 22 of its stat file.
// Together with the process id it names a process for good (proc_pid_stat(5)).
func StartTime(pid int) (uint64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold anything, spaces and ) included.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, errors.New("unexpected form of /proc/PID/stat")
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

// ErrGone says that an instance has ended.
var ErrGone = errors.New("the instance has ended")

// Open gives a pidfd of the sandbox's first process, which the caller closes. It is the process
// that the record speaks of, not one that got its number later.
func (r *Record) Open() (*os.File, error) {
	fd, err := unix.PidfdOpen(r.Pid, 0)
	if err == unix.ESRCH {
		return nil, ErrGone
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	if start, err := StartTime(r.Pid); err != nil || start != r.Start {
		unix.Close(fd)
		return nil, ErrGone
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}
