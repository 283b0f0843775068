package bwrap

import (
	"strconv"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
)

// reports writes what --info-fd and --json-status-fd promise.
//
//	clone ── child-pid and namespaces to both; then --userns-block-fd is read ──► set-up ──► exec
//	                                              exit-code, to the second, if it came to an exec
type reports struct {
	info, status int // -1: nobody wants them
}

func (l *Line) reports(s *sandbox.Spec) *reports {
	r := &reports{info: l.info.or(-1), status: l.status.or(-1)}
	if r.info < 0 && r.status < 0 && !l.usersBlock.given {
		return r
	}
	for _, fd := range []int{r.info, r.status, l.usersBlock.or(-1)} {
		if f, err := borrow(fd); fd >= 0 && err == nil { // the sandbox does not get them
			s.Process.Withheld = append(s.Process.Withheld, f)
		}
	}
	s.Handover.Made = func(pid int) error {
		if err := r.start(s, pid); err != nil {
			return err
		}
		if l.usersBlock.given {
			waitFor(l.usersBlock.number)
		}
		return nil
	}
	return r
}

func (f fd) or(none int) int {
	if f.given {
		return f.number
	}
	return none
}

// waitFor reads one byte, or the end.
func waitFor(fd int) {
	for {
		if _, err := unix.Read(fd, make([]byte, 1)); err != unix.EINTR {
			break
		}
	}
	unix.Close(fd)
}

// start tells of the first process and of the namespaces that are not the caller's.
func (r *reports) start(s *sandbox.Spec, pid int) error {
	ids := ""
	pretty := "{\n    \"child-pid\": " + strconv.Itoa(pid)
	for _, n := range []struct {
		name string
		is   bool
	}{
		{"cgroup", s.Cgroup.New()}, {"ipc", s.IPC.New()}, {"mnt", true}, {"net", s.Net.New()}, {"pid", s.PID.New()}, {"uts", s.UTS.New()},
	} {
		var st unix.Stat_t
		if !n.is || unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/"+n.name, &st) != nil {
			continue
		}
		id := "\"" + n.name + "-namespace\": " + strconv.FormatUint(st.Ino, 10)
		pretty += ",\n    " + id
		ids += ", " + id
	}
	if r.info >= 0 {
		if err := writeAll(r.info, pretty+"\n}\n"); err != nil {
			return dieWith("Write to info_fd", err)
		}
		unix.Close(r.info)
	}
	if r.status >= 0 {
		if err := writeAll(r.status, "{ \"child-pid\": "+strconv.Itoa(pid)+ids+" }\n"); err != nil {
			return dieWith("Write to info_fd", err)
		}
	}
	return nil
}

// exit tells of the end of a command that was executed.
func (r *reports) exit(status int) {
	if r.status >= 0 {
		writeAll(r.status, "{ \"exit-code\": "+strconv.Itoa(status)+" }\n")
		unix.Close(r.status)
	}
}

func writeAll(fd int, text string) error {
	for len(text) > 0 {
		n, err := unix.Write(fd, []byte(text))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		default:
			text = text[n:]
		}
	}
	return nil
}

// effective gives the capabilities of this process.
func effective() (caps.Set, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, dieWith("capget failed", err)
	}
	return caps.Set(data[1].Effective)<<32 | caps.Set(data[0].Effective), nil
}
