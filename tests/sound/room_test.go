// Package sound_test holds what an app does with sound against real servers: PulseAudio, and PipeWire with
// its stand-in for it. Every test runs against both.
package sound_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// room is a session with a sound server, a device "nsink" that nobody hears, and a microphone "vmic", which
// hears what is played to the device "booth". What a test does inside goes the upper way, its control
// the lower one.
//
//	app ──► snug-broker ──► server ──► nsink ──► nsink.monitor, where the test listens
//	same program, outside ────▲   └─◄─ vmic ◄── booth.monitor ◄── booth, where the test plays
type room struct {
	*bed.Bed
	server string // the socket
	pipes  bool   // it is PipeWire's
}

// rooms runs a test against each server.
func rooms(t *testing.T, do func(t *testing.T, r *room)) {
	t.Helper()
	need.Time(t)
	for _, kind := range []struct {
		name  string
		start func(r *room)
	}{{"pulseaudio", (*room).pulseaudio}, {"pipewire", (*room).pipewire}} {
		t.Run(kind.name, func(t *testing.T) {
			do(t, newRoom(t, kind.start))
		})
	}
}

// newRoom has the server that is started, and the devices.
func newRoom(t *testing.T, start func(*room)) *room {
	t.Helper()
	r := &room{Bed: bed.New(t)}
	r.Env = append(r.Env, "DBUS_SESSION_BUS_ADDRESS=disabled:", "PULSE_LATENCY_MSEC=50", "SDL_AUDIODRIVER=pulseaudio")
	start(r)
	r.Poll("the server answers", func() bool { return strings.Contains(r.outside("pactl", "info"), "Server Name") })
	for _, words := range [][]string{{"module-null-sink", "sink_name=nsink", "rate=48000"}, {"module-null-sink", "sink_name=booth", "rate=48000"},
		{"module-remap-source", "master=booth.monitor", "source_name=vmic"}} {
		r.must(append([]string{"pactl", "load-module"}, words...)...)
	}
	r.Poll("the devices are there", func() bool {
		return strings.Contains(r.outside("pactl", "list", "short", "sources"), "vmic") && strings.Contains(r.outside("pactl", "list", "short", "sinks"), "booth")
	})
	r.Poll("there are defaults", func() bool {
		r.outside("pactl", "set-default-sink", "nsink")
		r.outside("pactl", "set-default-source", "vmic")
		return r.outside("pactl", "get-default-sink")+r.outside("pactl", "get-default-source") == "nsink\nvmic\n"
	})
	return r
}

// newDesktop is a room with a screen and a message bus, and PulseAudio.
func newDesktop(t *testing.T) *room {
	t.Helper()
	need.Time(t)
	r := newRoom(t, (*room).pulseaudio)
	r.Bus()
	r.Sway()
	return r.at(r.server)
}

func (r *room) pulseaudio() {
	r.server = r.Runtime + "/native"
	r.Start("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=no", "-L", "module-native-protocol-unix socket="+r.server)
}

// pipewire starts three programs, of which wireplumber alone wants a message bus: the others would wait there for
// who gives threads a priority.
func (r *room) pipewire() {
	r.server, r.pipes = r.Runtime+"/pulse/native", true
	r.Start("pipewire")
	r.Poll("pipewire listens", func() bool { return bed.Exists(r.Runtime + "/pipewire-0") })
	// Bluetooth asks systemd who sits at the machine, and without that the whole program ends.
	bed.Write(r, r.Home+"/.config/wireplumber/bluetooth.lua.d/80-none.lua", "bluez_monitor.enabled = false\n")
	session := &bed.Bed{TB: r.TB, Dir: r.Dir, Home: r.Home, Runtime: r.Runtime, Env: r.Env[:len(r.Env):len(r.Env)]}
	session.Bus()
	session.Start("wireplumber")
	r.Start("pipewire-pulse")
}

// at is the room for programs that find the server at a socket.
func (r *room) at(socket string) *room {
	part := *r.Bed
	part.Env = append(part.Env[:len(part.Env):len(part.Env)], "PULSE_SERVER=unix:"+socket)
	return &room{&part, socket, r.pipes}
}

// outside runs a program as any of the person's.
func (r *room) outside(words ...string) string { return r.at(r.server).Outside(words...) }

func (r *room) must(words ...string) string { return r.at(r.server).Must(words...) }

// inside gives the room of an app that has a policy, in the words of snug-broker.
func (r *room) inside(policy ...string) *room {
	r.Helper()
	return r.asked(nil, policy...)
}

// asked is inside for a broker that asks its questions at the other end of a socket.
func (r *room) asked(ask *os.File, policy ...string) *room {
	r.Helper()
	dir := bed.Folder(r)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/pulse", Net: "unix"})
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	words, files := []string{bed.Built(r, "snug-broker"), "--app=org.example.App", "--log=4"}, []*os.File{f, log}
	if ask != nil {
		words, files = append(words, "--ask=5"), append(files, ask)
	}
	words = append(words, "--sound=sound", "--listen=3", "--socket="+r.server)
	broker := r.Command(append(words, policy...)...)
	broker.ExtraFiles = files
	r.Launch(broker)
	return r.at(dir + "/pulse")
}

// log is what the broker of this room has decided.
func (r *room) log() string { return bed.Read(r, filepath.Join(filepath.Dir(r.server), "log")) }

// listen records what a source gives while something happens, in the left channel.
func (r *room) listen(source string, meanwhile func()) []float64 {
	r.Helper()
	return r.at(r.server).recorded(source, nil, func() {}, meanwhile)
}

// recorded is what a program of this room records, which may need words in front of its own, and an answer
// before it gets anything.
func (r *room) recorded(source string, by []string, answer, meanwhile func()) []float64 {
	r.Helper()
	file := filepath.Join(r.Dir, "heard-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	out, err := os.Create(file)
	if err != nil {
		r.Fatal(err)
	}
	defer out.Close()
	cmd := r.Command(append(slices.Clip(by), "parec", "--raw", "--format=s16le", "--rate=48000", "--channels=2", "--latency-msec=50", "--device="+source)...)
	cmd.Stdout = out
	p := r.Launch(cmd)
	answer()
	r.Poll("it records", func() bool {
		info, err := out.Stat()
		return err == nil && info.Size() > 0 || !bed.Alive(p.Process.Pid)
	})
	meanwhile()
	p.Stop()
	text := bed.Read(r, file)
	heard := make([]float64, len(text)/4)
	for i := range heard {
		heard[i] = float64(int16(uint16(text[4*i])|uint16(text[4*i+1])<<8)) / 32768
	}
	return heard
}
