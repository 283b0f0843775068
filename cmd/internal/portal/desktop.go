package portal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// Desktop is where requests go to.
type Desktop struct {
	Address         string // of the session bus, as in DBUS_SESSION_BUS_ADDRESS
	ActivationToken string // lets what opens take the focus: XDG_ACTIVATION_TOKEN
}

// OpenURI asks to open a URI, which is not one of a file. The wait for the person ends with ctx, and
// so does the request.
func (d Desktop) OpenURI(ctx context.Context, uri string) error {
	if err := carried("the URI", uri); err != nil {
		return err
	}
	s, err := dial(ctx, d.Address, "OpenURI")
	if err != nil {
		return err
	}
	defer s.Close()
	return s.ask(ctx, "OpenURI", uri, d.options())
}

// OpenFile asks to open a file or a folder.
func (d Desktop) OpenFile(ctx context.Context, path string) error {
	f, writable, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := dial(ctx, d.Address, "OpenURI")
	if err != nil {
		return err
	}
	defer s.Close()
	with := d.options()
	with["writable"] = dbus.MakeVariant(writable)
	return s.ask(ctx, "OpenFile", dbus.UnixFD(f.Fd()), with)
}

// options are those that every request has.
func (d Desktop) options() options {
	with := options{}
	if d.ActivationToken != "" && carried("", d.ActivationToken) == nil {
		with["activation_token"] = dbus.MakeVariant(d.ActivationToken)
	}
	return with
}

// open opens what can be handed on: a file, for writing too if that may be, or a folder. Who calls it
// closes it. A FIFO or a device is not opened at all, since that alone can have an effect; what
// takes the place of a file in between is opened without waiting, and refused.
func open(path string) (f *os.File, writable bool, err error) {
	if err := plain(os.Stat(path)); err != nil {
		return nil, false, err
	}
	const flags = syscall.O_NONBLOCK | syscall.O_NOCTTY
	f, err = os.OpenFile(path, os.O_RDWR|flags, 0)
	if writable = err == nil; !writable {
		f, err = os.OpenFile(path, os.O_RDONLY|flags, 0)
	}
	if err != nil {
		return nil, false, cause(err)
	}
	if err := plain(f.Stat()); err != nil {
		f.Close()
		return nil, false, err
	}
	return f, writable, nil
}

func plain(info os.FileInfo, err error) error {
	if err != nil {
		return cause(err)
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return errors.New("neither a file nor a folder")
	}
	return nil
}

// cause leaves out what callers say themselves: which file it is.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// version asks for the version of the session's portal.
func (s *session) version(ctx context.Context) (uint32, error) {
	const get = busName + ".Properties.Get"
	var value dbus.Variant
	call := s.Object(desktopName, desktopPath).CallWithContext(ctx, get, 0, prefix+s.portal, "version")
	if err := call.Store(&value); err != nil {
		e := wrong(ctx, s.portal, err)
		if e.Reason == Refused { // so GDBus says that there is no such interface: InvalidArgs
			e.Reason = NoBackend
		}
		return 0, e
	}
	n, ok := value.Value().(uint32)
	if !ok {
		return 0, &Error{Refused, s.portal, fmt.Errorf("the portal %s: its version is no number", s.portal)}
	}
	return n, nil
}
