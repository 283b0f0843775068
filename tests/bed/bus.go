package bed

import (
	"fmt"
	"os"
	"path/filepath"

	"snug/tests/bus"
)

// policy is that of an ordinary session bus, which starts only the services of the bed.
const policy = `<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><servicedir>%s</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
<limit name="max_incoming_bytes">1000000000</limit><limit name="max_completed_connections">100000</limit>
<limit name="max_connections_per_user">100000</limit><limit name="max_match_rules_per_connection">50000</limit>
<limit name="service_start_timeout">120000</limit></busconfig>`

// Socket is where the session's bus listens, once there is one.
func (b *Bed) Socket() string { return b.Runtime + "/bus" }

// Bus starts the session's message bus.
func (b *Bed) Bus() {
	b.Helper()
	b.bus("DBUS_SESSION_BUS_ADDRESS", b.Socket())
}

// SystemBus starts a stand-in for the system's message bus, and gives its socket.
func (b *Bed) SystemBus() (socket string) {
	b.Helper()
	socket = b.Dir + "/system"
	b.bus("DBUS_SYSTEM_BUS_ADDRESS", socket)
	return socket
}

func (b *Bed) bus(variable, socket string) {
	b.Helper()
	services := b.Dir + "/services"
	if err := os.MkdirAll(services, 0o700); err != nil {
		b.Fatal(err)
	}
	config := filepath.Join(b.Dir, filepath.Base(socket)+".conf")
	Write(b, config, fmt.Sprintf(policy, socket, services))
	b.Start("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile")
	b.Poll("a bus listens at "+socket, func() bool { return Listens(socket) })
	b.Env = append(b.Env, variable+"=unix:path="+socket)
}

// Service lets the bus start a program when somebody calls its name.
func (b *Bed) Service(name, command string) {
	b.Helper()
	Write(b, filepath.Join(b.Dir, "services", name+".service"), "[D-BUS Service]\nName="+name+"\nExec="+command+"\n")
}

// Listens reports whether a bus listens at a socket: the file is there before anybody does.
func Listens(socket string) bool {
	c, err := bus.Connect(socket)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Owned waits until somebody owns a name on the session's bus.
func (b *Bed) Owned(name string) {
	b.Helper()
	c := b.Dial(b.Socket())
	defer c.Close()
	b.Poll(name+" is there", func() bool {
		m, err := c.Ask(bus.ToBus("GetNameOwner", 0, name))
		return err == nil && m.Type == bus.Return
	})
}

// Dial connects to a bus until the end of the test.
func (b *Bed) Dial(socket string) *bus.Conn {
	b.Helper()
	c, err := bus.Dial(socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}
