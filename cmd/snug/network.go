package main

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userNetwork is a program that connects a network namespace to the host's network in user space.
// Both are started by absolute path, with a fixed environment, and end with the sandbox.
type userNetwork struct {
	cmd     *exec.Cmd
	publish []port
}

// port is one of this machine's that leads to one inside.
type port struct {
	address string // of this machine; empty: loopback's
	host    uint16
	inside  uint16
}

// The address at which both answer name queries, in the network that both make: slirp4netns(1).
const networkDNS = "10.0.2.3"

// start connects the network of a process that waits, and returns when it is up.
func (h *userNetwork) start(pid int) error {
	if path := helperPath("pasta"); path != "" {
		return h.pasta(path, pid)
	}
	if path := helperPath("slirp4netns"); path != "" && len(h.publish) > 0 {
		return &hinted{"--publish needs pasta, and only slirp4netns is installed", "install the package passt"}
	} else if path != "" {
		return h.slirp(path, pid)
	}
	return &hinted{"a user-mode network: neither pasta nor slirp4netns is installed", "install the package passt or slirp4netns; see snug doctor"}
}

func helperPath(name string) string {
	for _, dir := range []string{"/usr/bin/", "/usr/local/bin/", "/usr/sbin/", "/run/current-system/sw/bin/"} {
		if unix.Access(dir+name, unix.X_OK) == nil {
			return dir + name
		}
	}
	return ""
}

// pasta goes to the background when the network is up (pasta(1)); it is kept in the foreground
// here, so that it dies with snug, and the network is up when its pid file is written.
func (h *userNetwork) pasta(path string, pid int) error {
	return h.run(path, func(ready *os.File) []string {
		return append(pastaPorts(h.publish), "--foreground", "--quiet", "--config-net", "--no-map-gw",
			"-u", "none", "-T", "none", "-U", "none",
			"-a", "10.0.2.100", "-n", "24", "-g", "10.0.2.2",
			"--dns-forward", networkDNS, "--pid", "/proc/self/fd/3", strconv.Itoa(pid))
	})
}

func (h *userNetwork) slirp(path string, pid int) error {
	return h.run(path, func(*os.File) []string {
		return []string{"--configure", "--mtu=65520", "--disable-host-loopback", "--enable-seccomp",
			"--ready-fd=3", strconv.Itoa(pid), "tap0"}
	})
}

// run starts a helper and waits until it writes to descriptor 3.
func (h *userNetwork) run(path string, args func(ready *os.File) []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	var said bytes.Buffer
	h.cmd = exec.Command(path, args(w)...)
	h.cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	h.cmd.ExtraFiles = []*os.File{w}
	h.cmd.Stderr = &said
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	err = h.cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := r.Read(make([]byte, 16)); n > 0 {
		return nil
	} else if os.IsTimeout(err) {
		h.stop()
		return &hinted{path + ": the network is not up after 10 seconds", "try: snug doctor"}
	}
	h.cmd.Wait()
	if len(h.publish) > 0 && strings.Contains(said.String(), "bind") {
		return &hinted{path + ": " + reason(said.String()), "another program has that port, or it is below 1024 and root's: choose another"}
	}
	return &hinted{path + ": " + reason(said.String()), "a user-mode network needs to write /dev/net/tun, and a network outside"}
}

func (h *userNetwork) stop() {
	if h.cmd != nil && h.cmd.Process != nil && h.cmd.ProcessState == nil {
		h.cmd.Process.Kill()
		h.cmd.Wait()
	}
}

// reason is what a helper said last, but for its complaints about a missing system log.
func reason(said string) string {
	last := "it ended at once"
	for l := range strings.Lines(said) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "Failed to send") {
			last = l
		}
	}
	return last
}

// parsePorts reads words of --publish.
func parsePorts(words []string) (ports []port, err error) {
	for _, word := range words {
		fields := strings.Split(word, ":")
		var p port
		if len(fields) == 3 {
			p.address, fields = fields[0], fields[1:]
		}
		host, inside := fields[0], fields[len(fields)-1]
		h, err1 := strconv.ParseUint(host, 10, 16)
		i, err2 := strconv.ParseUint(inside, 10, 16)
		_, bad := netip.ParseAddr(p.address)
		if len(fields) > 2 || err1 != nil || err2 != nil || h == 0 || i == 0 || p.address != "" && bad != nil {
			return nil, &hinted{"--publish " + quote(word) + ": not [IP:]HOST:PORT", "such as 8080:80, which is 127.0.0.1:8080:80"}
		}
		p.host, p.inside = uint16(h), uint16(i)
		ports = append(ports, p)
	}
	return ports, nil
}

// pastaPorts spells ports for pasta(1), which takes TCP by -t.
func pastaPorts(ports []port) []string {
	if len(ports) == 0 {
		return []string{"-t", "none"}
	}
	var args []string
	for _, p := range ports {
		address := p.address
		if address == "" {
			address = "127.0.0.1"
		}
		args = append(args, "-t", address+"/"+strconv.Itoa(int(p.host))+":"+strconv.Itoa(int(p.inside)))
	}
	return args
}
